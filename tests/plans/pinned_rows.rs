//! PostgreSQL's polled statements among dead rows that cannot be vacuumed, because a transaction
//! with an older snapshot stays open.

use std::time::Duration;

use jobs_runtime::store::{SessionInfo, Store};
use serde_json::Value;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Executor};
use tests::postgres::Postgres;
use tests::process::is_full_tier;

use super::postgres::{LOG_PLANS, SETTINGS, executed, open_schema};
use super::store_calls::NOW;

/// The schema of the store.
const SCHEMA: &str = "pinned";

/// The pages that a polled statement may read.
const MAX_PAGES: f64 = 100.0;

/// The number of dead leases.
fn dead_rows() -> u32 {
    if is_full_tier() { 1_000_000 } else { 100_000 }
}

/// Deletes leases while a transaction can still see them. Returns that transaction's connection.
async fn leave_dead_leases(server: &Postgres, session: i64) -> PgConnection {
    let url = server.url("postgres");
    let mut database = PgConnection::connect(&url).await.unwrap();
    let mut reader = PgConnection::connect(&url).await.unwrap();
    let insert = format!(
        "INSERT INTO {SCHEMA}.leases (seq, session, claim, attempt, spent, claimed_at)
         SELECT n, {session}, 1, 1, 0, 0 FROM generate_series(1, {}) AS n;
         ANALYZE {SCHEMA}.leases, {SCHEMA}.sessions, {SCHEMA}.beats",
        dead_rows()
    );
    let snapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT txid_current()";
    database.execute(AssertSqlSafe(insert)).await.unwrap();
    reader.execute(snapshot).await.unwrap();
    let delete = format!("DELETE FROM {SCHEMA}.leases");
    database.execute(AssertSqlSafe(delete)).await.unwrap();
    reader
}

/// The calls that each worker repeats while it waits for work and while attempts run.
async fn poll(store: &dyn Store, session: jobs_runtime::store::SessionId) {
    for _ in 0..2 {
        assert!(store.cancel_requests(session).await.unwrap().is_empty());
        assert_eq!(store.sessions().await.unwrap().len(), 1);
        store.renew(session, NOW).await.unwrap();
        store.ping().await.unwrap();
    }
}

/// True if a node of the plan runs in other processes of the server.
fn is_parallel(node: &Value) -> bool {
    let gathers = node["Node Type"].as_str().unwrap_or_default();
    let children = node["Plans"].as_array();
    gathers.starts_with("Gather") || children.into_iter().flatten().any(is_parallel)
}

#[tokio::test]
async fn polled_statements_pass_no_dead_leases() {
    let server = Postgres::start_with(&SETTINGS);
    let store = open_schema(&server, SCHEMA).await;
    store.migrate().await.unwrap();
    let info = SessionInfo {
        worker: "this worker".to_owned(),
        opened_at: NOW,
        job_ids: Vec::new(),
        queues: Vec::new(),
        labels: Vec::new(),
        slot_caps: Vec::new(),
        fingerprints: Vec::new(),
        lease: Duration::from_secs(30),
    };
    let session = store.open_session(info).await.unwrap();
    let _reader = leave_dead_leases(&server, session.0).await;
    server.sql("postgres", LOG_PLANS);
    let store = open_schema(&server, SCHEMA).await;
    let begun = server.log().len();
    poll(&*store, session).await;

    let executed = executed(&server.log().split_off(begun));
    for title in ["cancellation was requested", "Lists the open sessions"] {
        let seen = executed.iter().any(|one| one.text.contains(title));
        assert!(seen, "not executed: {title}");
    }
    for one in &executed {
        let pages = |name: &str| one.plan[name].as_f64().unwrap_or(0.0);
        let pages = pages("Shared Hit Blocks") + pages("Shared Read Blocks");
        assert!(
            pages < MAX_PAGES,
            "{pages} pages were read by\n{}\n{:#}",
            one.text,
            one.plan
        );
        assert!(!is_parallel(&one.plan), "parallel: {}", one.text);
    }
}
