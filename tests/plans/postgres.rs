//! PostgreSQL's query plans: the server logs the plan of every statement, with the rows that each
//! plan node read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jobs::ExecutionId;
use jobs_runtime::store::{Caps, Claim, Limit, LimitRule, QueuePause, SessionInfo, Store, open};
use jobs_runtime::time::Timestamp;
use serde_json::Value;
use tests::postgres::Postgres;
use tests::process::is_full_tier;

use super::answers;
use super::inbox;
use super::scaling::{BEFORE_COMPARISONS, FEW, MANY, compare_call_times};
use super::store_calls::{CallTimes, NOW, new};
use super::uniform_rows;

/// Tables that grow with the stored or waiting executions.
const LARGE: [&str; 13] = [
    "executions",
    "inbox",
    "ready",
    "blocked",
    "limited",
    "limits",
    "backlog_entries",
    "unique_keys",
    "scheduled",
    "outcomes",
    "attempts",
    "logs",
    "idempotency_keys",
];

/// Tables that executions pass through: empty at one moment, and large at the next.
const QUEUE_TABLES: [&str; 9] = [
    "ready",
    "blocked",
    "scheduled",
    "leases",
    "unpublished",
    "inbox",
    "expirations",
    "backlog_entries",
    "permit_events",
];

/// The executions of a schema that is nearly empty. Its queue tables have one or two pages each.
const HARDLY_ANY: i64 = 8_000;

/// The rows that one plan node may read. A page of executions examines 2,500 candidates, and a
/// claim the heads of 300 groups; every table of [`LARGE`] has 20,000 rows or more.
const MAX_ROWS_READ: f64 = 15_000.0;

/// The number of uniform executions.
const UNIFORM: i64 = 100_000;

/// Settings of the server: without durability and without automatic maintenance.
pub(crate) const SETTINGS: [&str; 5] = [
    "fsync=off",
    "full_page_writes=off",
    "autovacuum=off",
    "shared_buffers=512MB",
    "max_wal_size=4GB",
];

/// Statistics that claim empty queue tables, as a vacuum leaves them: these tables may be empty at
/// one moment and full at the next.
const STALE_STATISTICS: &str = "
    ANALYZE;
    UPDATE pg_class SET reltuples = 0
    WHERE relnamespace = 'stale'::regnamespace AND relname ~ '^(ready|blocked|leases|scheduled)';";

/// Settings of the store's role that log the plan of every statement.
pub(crate) const LOG_PLANS: &str = "
    ALTER ROLE jobs SET session_preload_libraries = 'auto_explain';
    ALTER ROLE jobs SET auto_explain.log_min_duration = 0;
    ALTER ROLE jobs SET auto_explain.log_analyze = on;
    ALTER ROLE jobs SET auto_explain.log_timing = off;
    ALTER ROLE jobs SET auto_explain.log_buffers = on;
    ALTER ROLE jobs SET auto_explain.log_nested_statements = on;
    ALTER ROLE jobs SET auto_explain.log_format = json;";

/// The folder of the store's statements. Each file begins with a unique line.
const STATEMENTS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../jobs-runtime/src/store/postgres/sql"
);

/// Statements on large tables that the large store does not execute, and the reason.
const NOT_EXECUTED: [(&str, &str); 15] = [
    (
        "telemetry/sizes.sql",
        "reads the catalogue of the database, no table",
    ),
    (
        "claim/resume.sql",
        "follows a long scan only; the test of uniform rows executes it",
    ),
    ("transfer/row_counts.sql", "counts all rows, for a transfer"),
    ("conn/vacuum.sql", "vacuums"),
    ("retention/idle_limits.sql", "reads all limits, once a day"),
    (
        "retention/named_limits.sql",
        "walks through all limits, once a day",
    ),
    ("retention/sweep_limits.sql", "follows that walk"),
    (
        "dispatch/start.sql",
        "creates triggers, whose plans no log shows",
    ),
    (
        "external/leases.sql",
        "pages through the leases of external workers, which this store does not have",
    ),
    (
        "external/lease.sql",
        "reads one lease of an external worker by its key",
    ),
    (
        "session/other_readers.sql",
        "reads live sessions, after a payload that cannot be read",
    ),
    ("transfer/mark_moved.sql", "closes a store that was moved"),
    ("transfer/unmark_moved.sql", "opens it again"),
    (
        "transfer/paused_rates.sql",
        "reads the pauses of rates, for a transfer",
    ),
    ("transfer/pause_rates.sql", "writes them"),
];

/// Fills a new schema with a number of executions by a script, and then updates its statistics.
async fn fill(server: &Postgres, schema: &str, script: &str, executions: i64, statistics: &str) {
    let store = open_schema(server, schema).await;
    store.migrate().await.expect("the layout is written");
    fill_tables(server, schema, script, 0, executions);
    server.sql("postgres", statistics);
}

/// Adds executions to the tables of a schema by a script, behind the `first` ones.
fn fill_tables(server: &Postgres, schema: &str, script: &str, first: i64, executions: i64) {
    let script = script
        .replace("jobs.", &format!("{schema}."))
        .replace(":first", &first.to_string())
        .replace(":executions", &executions.to_string());
    server.sql("postgres", &script);
}

/// Lets the statistics say that the queue tables of a schema are empty, as a vacuum leaves them.
fn forget_sizes(server: &Postgres, schema: &str) {
    let tables = QUEUE_TABLES.map(|table| format!("'{schema}.{table}'::regclass"));
    let statistics = format!(
        "UPDATE pg_class SET reltuples = 0, relpages = 1 WHERE oid IN ({})",
        tables.join(", ")
    );
    server.sql("postgres", &statistics);
}

pub(crate) async fn open_schema(server: &Postgres, schema: &str) -> Arc<dyn Store> {
    let url = format!("{}?schema={schema}", server.url("postgres"));
    let store = open(&url.parse().expect("a URL")).await;
    store.expect("the store opens")
}

/// An executed statement with its plan.
pub(crate) struct Executed {
    pub(crate) text: String,
    pub(crate) plan: Value,
}

/// Parses the logged statements and their plans.
pub(crate) fn executed(log: &str) -> Vec<Executed> {
    let mut lines = log.lines().peekable();
    let mut all = Vec::new();
    while let Some(line) = lines.next() {
        if !line.ends_with("  plan:") {
            continue;
        }
        let mut json = String::new();
        while let Some(line) = lines.next_if(|line| line.starts_with('\t')) {
            json.push_str(line);
        }
        let mut logged: Value =
            serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}\n{line}\n{json}"));
        all.push(Executed {
            text: logged["Query Text"].as_str().unwrap_or_default().to_owned(),
            plan: logged["Plan"].take(),
        });
    }
    all
}

/// The first column of each index of a schema.
struct FirstColumns(BTreeMap<String, String>);

impl FirstColumns {
    fn read(server: &Postgres, schema: &str) -> Self {
        let query = format!(
            "SELECT i.relname, pg_get_indexdef(i.oid, 1, true)
             FROM pg_index AS x JOIN pg_class AS i ON i.oid = x.indexrelid
             WHERE i.relnamespace = '{schema}'::regnamespace"
        );
        let rows = server.sql("postgres", &query);
        let pairs = rows.lines().filter_map(|row| row.split_once('|'));
        // An expression is written `(rank::integer)`: the column stands first.
        let column = |first: &str| {
            let mut words = first.split(|c: char| !c.is_alphanumeric() && c != '_');
            words.find(|word| !word.is_empty()).map(str::to_owned)
        };
        let firsts = pairs.filter_map(|(index, first)| Some((index.to_owned(), column(first)?)));
        Self(firsts.collect())
    }

    /// Tells whether a plan node looks up one row without a condition for the first column of its
    /// index. It then reads all of the index, although it counts no row that it leaves out.
    fn are_left_out(&self, node: &Value) -> bool {
        if node["Actual Rows"].as_f64() > Some(1.0) {
            return false;
        }
        let text = |name: &str| node[name].as_str();
        let Some((index, condition)) = text("Index Name").zip(text("Index Cond")) else {
            return false;
        };
        let first = self.0.get(index);
        first.is_some_and(|first| !condition.contains(first.as_str()))
    }
}

/// Finds scans of large tables, and nodes that read too many rows, in a plan node and its children.
fn find_faults(node: &Value, first_columns: &FirstColumns, found: &mut BTreeSet<String>) {
    let text = |name: &str| node[name].as_str().unwrap_or_default();
    let number = |name: &str| node[name].as_f64().unwrap_or(0.0);
    let name = || format!("{} {}", text("Node Type"), text("Relation Name"));
    if text("Node Type") == "Seq Scan" && LARGE.contains(&text("Relation Name")) {
        found.insert(name());
    }
    let counters = [
        "Actual Rows",
        "Rows Removed by Filter",
        "Rows Removed by Join Filter",
        "Rows Removed by Index Recheck",
    ];
    let read = counters.map(number).iter().sum::<f64>() * number("Actual Loops");
    if read > MAX_ROWS_READ {
        found.insert(format!("{} read {read} rows", name()));
    }
    if first_columns.are_left_out(node) {
        found.insert(format!("{} reads all of {}", name(), text("Index Name")));
    }
    for child in node["Plans"].as_array().into_iter().flatten() {
        find_faults(child, first_columns, found);
    }
}

fn assert_no_faults(executed: &[Executed], first_columns: &FirstColumns) {
    let mut found: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for Executed { text, plan } in executed {
        find_faults(plan, first_columns, found.entry(text).or_default());
    }
    found.retain(|_, faults| !faults.is_empty());
    assert!(found.is_empty(), "{found:#?}");
}

/// Claims for jobs without executions, while executions of other jobs are ready.
async fn claim_nothing(store: &dyn Store) {
    let claim = claim_in_new_session(store).await;
    let claimed = store.claim(claim).await.unwrap();
    assert!(claimed.is_empty(), "{} were claimed", claimed.len());
}

/// Claims while a queue is paused. Such a claim looks at each group of equal priority, job and
/// queue.
async fn claim_beside_a_pause(store: &dyn Store) {
    store
        .pause("paused".to_owned(), QueuePause::at(NOW))
        .await
        .unwrap();
    let mut claim = claim_in_new_session(store).await;
    claim.job_ids = (0..100).map(|n| format!("job-{n}")).collect();
    let limit = claim.limit;
    let claimed = store.claim(claim).await.unwrap();
    assert_eq!(claimed.len(), limit, "claimed");
    store.resume("paused".to_owned()).await.unwrap();
}

/// A claim in a new session, for jobs without executions.
async fn claim_in_new_session(store: &dyn Store) -> Claim {
    let session = SessionInfo {
        worker: "another worker".to_owned(),
        opened_at: NOW,
        job_ids: Vec::new(),
        queues: Vec::new(),
        labels: Vec::new(),
        slot_caps: Vec::new(),
        fingerprints: Vec::new(),
        lease: Duration::from_secs(30),
    };
    Claim {
        session: store.open_session(session).await.unwrap(),
        number: 1,
        job_ids: (0..100).map(|n| format!("another-{n}")).collect(),
        queues: Vec::new(),
        except: Vec::new(),
        only: Vec::new(),
        limit: 20,
        caps: Caps::default(),
        now: NOW,
    }
}

/// Enqueues two executions of a limit of one, and returns the admitted one.
async fn enqueue_two_of_one_limit(store: &dyn Store) -> ExecutionId {
    let limit = Limit {
        key: "rejected".to_owned(),
        job_id: "job-1".to_owned(),
        rule: LimitRule::Concurrent { count: 1 },
    };
    let batch = [1, 3].map(|n| {
        let mut new = new(1_000_000 + n);
        new.rules.limits = vec![limit.clone()];
        new
    });
    let first = batch[0].id;
    store.enqueue(batch.to_vec()).await.unwrap();
    first
}

/// Makes a claim and two promotions while the database rejects every row, so that the statements
/// for poison rows execute.
async fn meet_poison_rows(server: &Postgres, store: &dyn Store) {
    let admitted = enqueue_two_of_one_limit(store).await;
    let reject = |table: &str| {
        format!(
            "CREATE TRIGGER reject BEFORE INSERT ON many.{table}
             FOR EACH ROW EXECUTE FUNCTION many.reject();"
        )
    };
    let script = format!(
        "CREATE FUNCTION many.reject() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN RAISE 'rejected'; END $$; {} {}",
        reject("leases"),
        reject("ready")
    );
    server.sql("postgres", &script);
    let mut claim = claim_in_new_session(store).await;
    claim.job_ids = (0..100).map(|n| format!("job-{n}")).collect();
    let claimed = store.claim(claim).await;
    assert!(claimed.is_err(), "the claim succeeded: {claimed:?}");
    let far_off = NOW.after(Duration::from_secs(1_000_000_000));
    let promoted = store.promote(far_off, 1).await;
    assert!(promoted.is_err(), "the promotion succeeded: {promoted:?}");
    // At this time no scheduled execution is due.
    store.cancel(admitted, NOW).await.unwrap();
    let rejected = store.promote(Timestamp::from_millis(0), 1).await.unwrap();
    assert_eq!(rejected.promoted, 0);
    server.sql("postgres", "DROP FUNCTION many.reject() CASCADE");
}

/// The files with statements on large tables that were not executed.
fn missed(executed: &[Executed]) -> Vec<String> {
    let folders = std::fs::read_dir(STATEMENTS).expect("the folders of statements");
    let mut missed = Vec::new();
    for folder in folders {
        let folder = folder.expect("a folder can be listed");
        let files = std::fs::read_dir(folder.path()).expect("the files of a folder");
        for file in files {
            let file = file.expect("a file can be listed");
            let name = format!(
                "{}/{}",
                folder.file_name().to_string_lossy(),
                file.file_name().to_string_lossy()
            );
            let text = std::fs::read_to_string(file.path()).expect("an SQL file is UTF-8");
            let names_large_table = LARGE
                .iter()
                .any(|table| text.contains(&format!("jobs.{table}")));
            let title = title(&name);
            let seen = executed.iter().any(|one| one.text.contains(&title));
            if names_large_table && !seen && !NOT_EXECUTED.iter().any(|(known, _)| *known == name) {
                missed.push(name);
            }
        }
    }
    missed
}

#[tokio::test]
async fn rare_rows_are_found_by_index_among_uniform_rows() {
    let server = Postgres::start_with(&SETTINGS);
    let script = include_str!("fill_uniform.sql");
    // Without a vacuum, index-only scans must visit the table, which makes index plans expensive.
    fill(&server, "uniform", script, UNIFORM, "ANALYZE").await;
    fill(&server, "stale", script, UNIFORM, STALE_STATISTICS).await;
    server.sql("postgres", LOG_PLANS);
    for schema in ["uniform", "stale"] {
        let store = open_schema(&server, schema).await;
        let rare = uniform_rows::scan_past_all(&*store).await;
        let first_columns = FirstColumns::read(&server, schema);
        let begun = server.log().len();
        uniform_rows::look_for_rare(&*store, rare).await;
        let executed = executed(&server.log().split_off(begun));
        assert_no_faults(&executed, &first_columns);
        let [resumed, by_group] = ["claim/resume.sql", "claim/by_group.sql"].map(title);
        for title in [resumed, by_group] {
            assert!(
                executed.iter().any(|one| one.text.contains(&title)),
                "not executed: {title}"
            );
        }
    }
}

/// The first line of an SQL file, which is unique.
fn title(file: &str) -> String {
    let text = std::fs::read_to_string(format!("{STATEMENTS}/{file}"));
    let text = text.expect("an SQL file is UTF-8");
    text.lines().next().expect("a first line").to_owned()
}

#[tokio::test]
async fn the_interface_answers_in_time() {
    if !is_full_tier() {
        return;
    }
    let server = Postgres::start_with(&SETTINGS);
    let script = include_str!("fill_postgres.sql");
    fill(&server, "many", script, MANY, "VACUUM ANALYZE").await;
    let directory = tempfile::tempdir().unwrap();
    let url = format!("{}?schema=many", server.url("postgres"));
    answers::check(directory.path(), &url);
}

#[tokio::test]
async fn no_statement_reads_most_of_a_large_table() {
    let server = Postgres::start_with(&SETTINGS);
    let script = include_str!("fill_postgres.sql");
    server.sql("postgres", LOG_PLANS);
    fill(&server, "many", script, HARDLY_ANY, "").await;
    forget_sizes(&server, "many");
    // A connection keeps the plans of its first calls until the statistics change. Several
    // connections read, so that one round of calls does not reach all of them.
    let store = open_schema(&server, "many").await;
    for round in 1..4 {
        CallTimes::make_frequent_calls(&*store, BEFORE_COMPARISONS + round).await;
    }
    fill_tables(&server, "many", script, HARDLY_ANY, MANY);
    let begun = server.log().len();
    CallTimes::make_frequent_calls(&*store, BEFORE_COMPARISONS).await;
    let first_columns = FirstColumns::read(&server, "many");
    let calls = executed(&server.log().split_off(begun));
    assert_no_faults(&calls, &first_columns);
    assert!(
        calls.iter().any(|one| one.text.contains("FROM removed AS")),
        "no trigger of dispatch was executed"
    );

    server.sql("postgres", "VACUUM ANALYZE");
    fill(&server, "few", script, FEW, "VACUUM ANALYZE").await;
    let few = open_schema(&server, "few").await;
    let begun = server.log().len();
    let comparison = compare_call_times(&*few, &*store).await;
    let mut log = server.log().split_off(begun);
    let begun = server.log().len();
    claim_nothing(&*store).await;
    claim_beside_a_pause(&*store).await;
    meet_poison_rows(&server, &*store).await;
    inbox::take_in_among_many(&server, &*store).await;
    log.push_str(&server.log().split_off(begun));

    let executed = executed(&log);
    assert_no_faults(&executed, &first_columns);
    let missed = missed(&executed);
    assert!(missed.is_empty(), "not executed: {missed:?}");
    comparison.unwrap_or_else(|slow| panic!("{slow}"));
}
