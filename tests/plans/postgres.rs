//! PostgreSQL's plans: the server writes down how it executed every statement, and how many rows
//! each step of that went through.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jobs::ExecutionId;
use jobs_runtime::store::{Caps, Claim, Limit, LimitRule, SessionInfo, Store, open};
use jobs_runtime::time::Timestamp;
use serde_json::Value;
use tests::postgres::Postgres;

use super::alike;
use super::exercise::{NOW, new};
use super::growth::{FEW, MANY, grows_little};

/// Tables that grow with what is kept or waits.
const LARGE: [&str; 12] = [
    "executions",
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

/// Rows that one step of a plan may go through. A page of the feed examines 2,500 candidates, and a
/// claim the heads of 300 groups; every table of [`LARGE`] has 20,000 rows or more.
const TOUCHED: f64 = 15_000.0;

/// Executions that are alike.
const ALIKE: i64 = 100_000;

/// The server: nothing on it has to survive, and nothing runs on it by itself.
const SETTINGS: [&str; 5] = [
    "fsync=off",
    "full_page_writes=off",
    "autovacuum=off",
    "shared_buffers=512MB",
    "max_wal_size=4GB",
];

/// What a vacuum writes down that finds nothing: tables of queues are empty one moment and full the next.
const BELIEVED_EMPTY: &str = "
    ANALYZE;
    UPDATE pg_class SET reltuples = 0
    WHERE relnamespace = 'surprise'::regnamespace AND relname ~ '^(ready|held|leases|scheduled)';";

/// What the role of the store is told, once the tables are filled.
const WRITTEN_DOWN: &str = "
    ALTER ROLE jobs SET session_preload_libraries = 'auto_explain';
    ALTER ROLE jobs SET auto_explain.log_min_duration = 0;
    ALTER ROLE jobs SET auto_explain.log_analyze = on;
    ALTER ROLE jobs SET auto_explain.log_timing = off;
    ALTER ROLE jobs SET auto_explain.log_nested_statements = on;
    ALTER ROLE jobs SET auto_explain.log_format = json;";

/// Where the statements are; each begins with a line that is its own.
const STATEMENTS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../jobs-runtime/src/store/postgres/sql"
);

/// Statements on large tables that are not looked at, and why.
const NOT_EXECUTED: [(&str, &str); 3] = [
    (
        "claim/from_cursor.sql",
        "only after a long walk: among many that are alike",
    ),
    ("transfer/row_counts.sql", "counts everything, for a move"),
    ("conn/vacuum.sql", "vacuums"),
];

/// A schema with that many executions, as a script says; `afterwards` the statistics are made.
async fn fill(server: &Postgres, schema: &str, script: &str, executions: i64, afterwards: &str) {
    let url = format!("{}?schema={schema}", server.url("postgres"));
    let store = open(&url.parse().expect("a URL")).await;
    let store = store.expect("the server is there");
    store.migrate().await.expect("the layout is written");
    let script = script
        .replace("jobs.", &format!("{schema}."))
        .replace(":executions", &executions.to_string());
    server.sql("postgres", &script);
    server.sql("postgres", afterwards);
}

async fn opened(server: &Postgres, schema: &str) -> Arc<dyn Store> {
    let url = format!("{}?schema={schema}", server.url("postgres"));
    let store = open(&url.parse().expect("a URL")).await;
    store.expect("the server is there")
}

/// A statement as it was executed.
struct Executed {
    text: String,
    plan: Value,
}

/// The statements that the server has written down.
fn executed(log: &str) -> Vec<Executed> {
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
        let mut told: Value =
            serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}\n{line}\n{json}"));
        all.push(Executed {
            text: told["Query Text"].as_str().unwrap_or_default().to_owned(),
            plan: told["Plan"].take(),
        });
    }
    all
}

/// What is wrong with a step of a plan and with those below it.
fn faults(step: &Value, found: &mut BTreeSet<String>) {
    let text = |name: &str| step[name].as_str().unwrap_or_default();
    let number = |name: &str| step[name].as_f64().unwrap_or(0.0);
    let what = || format!("{} {}", text("Node Type"), text("Relation Name"));
    if text("Node Type") == "Seq Scan" && LARGE.contains(&text("Relation Name")) {
        found.insert(what());
    }
    let passed = [
        "Actual Rows",
        "Rows Removed by Filter",
        "Rows Removed by Join Filter",
        "Rows Removed by Index Recheck",
    ];
    let touched = passed.map(number).iter().sum::<f64>() * number("Actual Loops");
    if touched > TOUCHED {
        found.insert(format!("{} went through {touched} rows", what()));
    }
    for below in step["Plans"].as_array().into_iter().flatten() {
        faults(below, found);
    }
}

fn assert_no_faults(executed: &[Executed]) {
    let mut found: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for Executed { text, plan } in executed {
        faults(plan, found.entry(text).or_default());
    }
    found.retain(|_, faults| !faults.is_empty());
    assert!(found.is_empty(), "{found:#?}");
}

/// A claim for jobs that nobody has enqueued, while others wait.
async fn claim_of_nothing(store: &dyn Store) {
    let claim = claim_by(store).await;
    assert!(store.claim(claim).await.unwrap().is_empty());
}

/// A claim in a session of its own, for jobs that nobody has enqueued.
async fn claim_by(store: &dyn Store) -> Claim {
    let session = SessionInfo {
        worker: "elsewhere".to_owned(),
        opened_at: NOW,
        job_ids: Vec::new(),
        queues: Vec::new(),
        labels: Vec::new(),
        slot_caps: Vec::new(),
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

/// Two of a limit that lets in one; says who is let in.
async fn of_one_limit(store: &dyn Store) -> ExecutionId {
    let limit = Limit {
        key: "refused".to_owned(),
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

/// A claim and two promotions that the database refuses, whatever they are about.
async fn refused(server: &Postgres, store: &dyn Store) {
    let admit = of_one_limit(store).await;
    let refuse = |table: &str| {
        format!(
            "CREATE TRIGGER refuse BEFORE INSERT ON many.{table}
             FOR EACH ROW EXECUTE FUNCTION many.refuse();"
        )
    };
    let script = format!(
        "CREATE FUNCTION many.refuse() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN RAISE 'refused'; END $$; {} {}",
        refuse("leases"),
        refuse("ready")
    );
    server.sql("postgres", &script);
    let mut claim = claim_by(store).await;
    claim.job_ids = (0..100).map(|n| format!("job-{n}")).collect();
    assert!(store.claim(claim).await.is_err());
    let far_off = NOW.after(Duration::from_secs(1_000_000_000));
    assert!(store.promote(far_off, 1).await.is_err());
    // Long before anything else is due.
    store.cancel(admit, NOW).await.unwrap();
    let refused = store.promote(Timestamp::from_millis(0), 1).await.unwrap();
    assert_eq!(refused.promoted, 0);
    server.sql("postgres", "DROP FUNCTION many.refuse() CASCADE");
}

/// The files whose statements go to large tables and were not executed.
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
            let text = std::fs::read_to_string(file.path()).expect("it is text");
            let concerns = LARGE
                .iter()
                .any(|table| text.contains(&format!("jobs.{table}")));
            let title = title(&name);
            let seen = executed.iter().any(|one| one.text.contains(&title));
            if concerns && !seen && !NOT_EXECUTED.iter().any(|(known, _)| *known == name) {
                missed.push(name);
            }
        }
    }
    missed
}

#[tokio::test]
async fn what_is_rare_is_found_among_many_that_are_alike() {
    let server = Postgres::start_with(&SETTINGS);
    let script = include_str!("fill_alike.sql");
    // Without a vacuum: whatever an index knows has to be looked up, which makes it dearer than it looks later.
    fill(&server, "alike", script, ALIKE, "ANALYZE").await;
    fill(&server, "surprise", script, ALIKE, BELIEVED_EMPTY).await;
    server.sql("postgres", WRITTEN_DOWN);
    for schema in ["alike", "surprise"] {
        let store = opened(&server, schema).await;
        let few = alike::walk_past_all(&*store).await;
        let begun = server.log().len();
        alike::look_for_few(&*store, few).await;
        let executed = executed(&server.log().split_off(begun));
        assert_no_faults(&executed);
        let [ahead, groups] = ["claim/from_cursor.sql", "claim/by_group.sql"].map(title);
        for title in [ahead, groups] {
            assert!(
                executed.iter().any(|one| one.text.contains(&title)),
                "{title}"
            );
        }
    }
}

/// The first line of a file of statements, which is its own.
fn title(file: &str) -> String {
    let text = std::fs::read_to_string(format!("{STATEMENTS}/{file}"));
    let text = text.expect("it can be read");
    text.lines().next().expect("it has a title").to_owned()
}

#[tokio::test]
async fn no_statement_goes_through_what_grows() {
    let server = Postgres::start_with(&SETTINGS);
    let script = include_str!("fill_postgres.sql");
    fill(&server, "few", script, FEW, "VACUUM ANALYZE").await;
    fill(&server, "many", script, MANY, "VACUUM ANALYZE").await;
    server.sql("postgres", WRITTEN_DOWN);
    let store = opened(&server, "many").await;
    let growth = grows_little(&*opened(&server, "few").await, &*store).await;
    let mut log = server.log();
    // The claim that finds out that it had better look at heads is the one that walks.
    claim_of_nothing(&*store).await;
    let begun = server.log().len();
    claim_of_nothing(&*store).await;
    refused(&server, &*store).await;
    log.push_str(&server.log().split_off(begun));

    let executed = executed(&log);
    assert_no_faults(&executed);
    let missed = missed(&executed);
    assert!(missed.is_empty(), "not executed: {missed:?}");
    growth.unwrap_or_else(|slow| panic!("{slow}"));
}
