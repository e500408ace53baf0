//! SQLite's query plans: no statement of the store scans a large table.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jobs_runtime::store::{DatabaseUrl, Store, open};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, Row};
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use super::answers;
use super::scaling::{FEW, MANY, compare_call_times};
use tests::process::is_full_tier;

/// Tables that grow with the stored or waiting executions.
const LARGE: [&str; 12] = [
    "jobs_executions",
    "jobs_ready",
    "jobs_blocked",
    "jobs_limited",
    "jobs_limits",
    "jobs_backlog_entries",
    "jobs_unique_keys",
    "jobs_scheduled",
    "jobs_outcomes",
    "jobs_attempts",
    "jobs_logs",
    "jobs_idempotency_keys",
];

/// Scans with a bound: the beginning of the statement, and the bound.
const BOUNDED: [(&str, &str); 7] = [
    (
        "SELECT job_id, MIN(COUNT(*), $2)",
        "examines up to its limit of ready executions",
    ),
    (
        "WITH RECURSIVE present (queue, rank)",
        "reads one row for each queue and priority",
    ),
    (
        "SELECT l.job_id, SUM(l.in_use)",
        "reads the newest limits, up to its limit",
    ),
    (
        "WITH candidates (seq) AS MATERIALIZED (SELECT seq FROM jobs_ready WHERE seq < $1 UNION ALL",
        "examines at most 5,000 rows; with more queued executions the list uses another statement",
    ),
    (
        "SELECT\n    (SELECT COUNT(*) FROM (SELECT 1 FROM jobs_ready LIMIT",
        "counts up to its limit",
    ),
    (
        "WITH RECURSIVE\n    present (queue) AS (\n        SELECT MIN(queue) FROM jobs_ready\n        UNION ALL\n        SELECT (SELECT MIN(r.queue) FROM jobs_ready AS r WHERE r.queue > present.queue)\n        FROM present\n        WHERE present.queue IS NOT NULL\n    ),\n    pending (queue",
        "counts pending and blocked executions up to its limit",
    ),
    (
        "SELECT x.id, p.attempt, p.worker, p.stuck",
        "examines at most 10,000 ready executions",
    ),
];

/// Opens a store with a number of executions of every kind, and a connection to its file.
async fn filled(directory: &Path, executions: i64) -> (Arc<dyn Store>, SqliteConnection) {
    let file = directory.join(format!("{executions}.db"));
    let url: DatabaseUrl = format!("sqlite:{}?synchronous=normal", file.display())
        .parse()
        .expect("a URL");
    let store = open(&url).await.expect("the store opens");
    store.migrate().await.expect("the layout is written");
    let options = SqliteConnectOptions::new()
        .filename(&file)
        .pragma("synchronous", "OFF")
        .pragma("cache_size", "-200000")
        .busy_timeout(Duration::from_secs(60))
        .disable_statement_logging();
    let mut connection = options.connect().await.expect("the file opens");
    connection
        .execute("BEGIN IMMEDIATE")
        .await
        .expect("the write lock is free");
    sqlx::query(include_str!("fill_sqlite.sql"))
        .bind(executions)
        .execute(&mut connection)
        .await
        .expect("the rows fit the layout");
    let committed = connection.execute("COMMIT").await;
    committed.expect("the rows are committed");
    (store, connection)
}

/// The schemas of the tests of PostgreSQL, as its statements name them.
const SCHEMAS: [&str; 4] = [r#""few"."#, r#""many"."#, r#""stale"."#, r#""uniform"."#];

/// The statements that `sqlx` logs.
#[derive(Clone, Default)]
struct Statements(Arc<Mutex<BTreeSet<String>>>);

impl<S: tracing::Subscriber> Layer<S> for Statements {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() != "sqlx::query" {
            return;
        }
        let mut fields = QueryFields::default();
        event.record(&mut fields);
        let statement = if fields.statement.is_empty() {
            fields.summary
        } else {
            fields.statement
        };
        // The tests of PostgreSQL run in the same process; their tables are in schemas.
        let is_of_postgres = SCHEMAS.iter().any(|schema| statement.contains(schema));
        if statement.contains("jobs_") && !is_of_postgres {
            self.0.lock().unwrap().insert(statement.trim().to_owned());
        }
    }
}

#[derive(Default)]
struct QueryFields {
    summary: String,
    statement: String,
}

impl Visit for QueryFields {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "summary" => value.clone_into(&mut self.summary),
            "db.statement" => value.clone_into(&mut self.statement),
            _ => {}
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

#[tokio::test]
async fn no_statement_scans_a_large_table() {
    let directory = tempfile::tempdir().unwrap();
    let statements = Statements::default();
    let (few, _) = filled(directory.path(), FEW).await;
    let (many, mut connection) = filled(directory.path(), MANY).await;
    tracing_subscriber::registry()
        .with(statements.clone())
        .init();
    let comparison = compare_call_times(&*few, &*many).await;
    let statements = statements.0.lock().unwrap().clone();
    assert!(
        statements.len() > 30,
        "sqlx logged too few statements: {statements:#?}"
    );

    // The temporary tables of the store's connections.
    let tables = include_str!("../../jobs-runtime/src/store/sqlite/sql/conn/temp_tables.sql");
    connection
        .execute(tables)
        .await
        .expect("the tables are created");
    let mut scans = Vec::new();
    let mut unseen: BTreeSet<_> = BOUNDED.iter().map(|(begin, _)| begin).collect();
    for script in &statements {
        for statement in plain(script) {
            unseen.retain(|begin| !statement.starts_with(**begin));
            scans.extend(scanned(&mut connection, &statement).await);
        }
    }
    assert!(unseen.is_empty(), "not executed: {unseen:#?}");
    assert!(scans.is_empty(), "{}", scans.join("\n"));
    comparison.unwrap_or_else(|slow| panic!("{slow}"));
}

#[tokio::test]
async fn the_interface_answers_in_time() {
    if !is_full_tier() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let (store, connection) = filled(directory.path(), MANY).await;
    drop((store, connection));
    answers::check(directory.path(), &format!("sqlite:{MANY}.db"));
}

/// The statements of a script, without its comments.
fn plain(script: &str) -> Vec<String> {
    let lines: Vec<_> = script
        .lines()
        .map(|line| line.split("--").next().unwrap_or_default())
        .collect();
    let statements = lines.join("\n");
    let statements = statements.split(';').map(str::trim);
    let verbs = ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"];
    statements
        .filter(|one| verbs.iter().any(|verb| one.starts_with(verb)))
        .map(str::to_owned)
        .collect()
}

/// The scans of large tables in the plan of a statement.
async fn scanned(connection: &mut SqliteConnection, statement: &str) -> Vec<String> {
    if BOUNDED
        .iter()
        .any(|(begin, _)| statement.starts_with(begin))
    {
        return Vec::new();
    }
    let explain = format!("EXPLAIN QUERY PLAN {statement}");
    let rows = connection.fetch_all(AssertSqlSafe(explain)).await;
    let rows = rows.unwrap_or_else(|error| panic!("{statement}\n{error}"));
    let mut scans = Vec::new();
    let mut existence_checks = BTreeMap::new();
    for row in rows {
        let detail: &str = row.get("detail");
        let Some(rest) = detail.strip_prefix("SCAN ") else {
            continue;
        };
        let name = rest.split(' ').next().unwrap_or_default();
        // A scan of an existence check ends at the first row.
        let existence_check = format!("EXISTS (SELECT 1 FROM {name})");
        let left = existence_checks
            .entry(name.to_owned())
            .or_insert_with(|| statement.matches(&existence_check).count());
        if *left > 0 {
            *left -= 1;
            continue;
        }
        if LARGE.contains(&table_of(statement, name)) {
            scans.push(format!("{detail}, in\n{statement}\n"));
        }
    }
    scans
}

/// The table of an alias.
fn table_of<'t>(statement: &'t str, alias: &'t str) -> &'t str {
    let words: Vec<_> = statement
        .split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'))
        .filter(|word| !word.is_empty())
        .collect();
    let mut named = words
        .windows(3)
        .filter(|three| three[1] == "AS" && three[2] == alias);
    named.next().map_or(alias, |three| three[0])
}
