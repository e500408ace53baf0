//! PostgreSQL's polled statements among dead rows that cannot be vacuumed, because a transaction
//! with an older snapshot stays open.

use std::time::Duration;

use jobs::AttemptOutcome;
use jobs_runtime::store::{
    AttemptEnd, Caps, Claim, Claimed, Limit, LimitRule, Next, Permits, Rate, SessionId,
    SessionInfo, Settlement, Store, WriteAnswer,
};
use serde_json::Value;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Executor};
use tests::postgres::Postgres;
use tests::process::is_full_tier;

use super::postgres::{Executed, LOG_PLANS, SETTINGS, executed, open_schema};
use super::store_calls::{NOW, new};

/// The pages that a polled statement may read.
const MAX_PAGES: f64 = 100.0;

/// The number of dead rows of each table.
fn dead_rows() -> u32 {
    if is_full_tier() { 1_000_000 } else { 100_000 }
}

/// Deletes rows while a transaction can still see them. Each insert names rows from 1 on, and `$`
/// stands for their number. Returns that transaction's connection.
async fn leave_dead_rows(
    server: &Postgres,
    schema: &str,
    inserts: &[(&str, String)],
) -> PgConnection {
    let url = server.url("postgres");
    let mut database = PgConnection::connect(&url).await.unwrap();
    let mut reader = PgConnection::connect(&url).await.unwrap();
    for (table, columns) in inserts {
        let insert = format!(
            "INSERT INTO {schema}.{table} {columns} FROM generate_series(1, {}) AS n",
            dead_rows()
        );
        database.execute(AssertSqlSafe(insert)).await.unwrap();
    }
    database.execute("ANALYZE").await.unwrap();
    let snapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT txid_current()";
    reader.execute(snapshot).await.unwrap();
    for (table, _) in inserts {
        let delete = format!("DELETE FROM {schema}.{table}");
        database.execute(AssertSqlSafe(delete)).await.unwrap();
    }
    reader
}

async fn open_session(store: &dyn Store) -> SessionId {
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
    store.open_session(info).await.unwrap()
}

/// The calls that each worker repeats while it waits for work and while attempts run.
async fn poll(store: &dyn Store, session: SessionId) {
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

/// Asserts that each statement has read few pages, in one process of the server.
fn assert_bounded(executed: &[&Executed]) {
    for one in executed {
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

#[tokio::test]
async fn polled_statements_pass_no_dead_leases() {
    let server = Postgres::start_with(&SETTINGS);
    let store = open_schema(&server, "pinned").await;
    store.migrate().await.unwrap();
    let session = open_session(&*store).await;
    let leases = format!(
        "(seq, session, claim, attempt, spent, claimed_at) SELECT n, {}, 1, 1, 0, 0",
        session.0
    );
    let _reader = leave_dead_rows(&server, "pinned", &[("leases", leases)]).await;
    server.sql("postgres", LOG_PLANS);
    let store = open_schema(&server, "pinned").await;
    let begun = server.log().len();
    poll(&*store, session).await;

    let executed = executed(&server.log().split_off(begun));
    for title in ["cancellation was requested", "Lists the open sessions"] {
        let seen = executed.iter().any(|one| one.text.contains(title));
        assert!(seen, "not executed: {title}");
    }
    assert_bounded(&executed.iter().collect::<Vec<_>>());
}

/// A settlement with success that releases the permits.
fn success(claimed: &Claimed) -> Settlement {
    Settlement {
        fence: claimed.fence,
        execution_id: claimed.execution_id,
        end: AttemptEnd {
            outcome: AttemptOutcome::Succeeded,
            error: None,
            started_at: NOW,
            finished_at: NOW,
            progress: None,
            logs: Vec::new(),
        },
        next: Next::Succeed("1".to_owned()),
        permits: claimed.limits.clone().map(Permits::released),
    }
}

/// Executions with limits are claimed and settled while nearly all rows of the tables that such
/// executions pass through are dead.
#[tokio::test]
async fn claims_and_settlements_pass_no_dead_waiters() {
    let server = Postgres::start_with(&SETTINGS);
    let store = open_schema(&server, "pinned").await;
    store.migrate().await.unwrap();
    let session = open_session(&*store).await;
    let limits = [
        LimitRule::Concurrent { count: 5 },
        LimitRule::Rate(Rate {
            count: 1_000,
            period_ms: 1_000,
        }),
    ];
    let batch: Vec<_> = (1..=3)
        .map(|n| {
            let mut new = new(n);
            let limits = limits.iter().enumerate().map(|(place, rule)| Limit {
                key: format!("pinned {place}"),
                job_id: new.job_id.clone(),
                rule: *rule,
            });
            new.rules.limits = limits.collect();
            new
        })
        .collect();
    let job_ids: Vec<_> = batch.iter().map(|new| new.job_id.clone()).collect();
    store.enqueue(batch).await.unwrap();
    store.promote(NOW, 100).await.unwrap();
    let dead = [
        (
            "blocked",
            "(seq, limit_id, rank, attempt, spent, passed) SELECT 1000 + n, 0, 50, 1, 0, 0",
        ),
        ("backlog_entries", "(seq, job_id) SELECT 1000 + n, 'job-1'"),
        ("expirations", "(seq, expires_at) SELECT 1000 + n, 0"),
    ];
    let dead = dead.map(|(table, columns)| (table, columns.to_owned()));
    let _reader = leave_dead_rows(&server, "pinned", &dead).await;
    server.sql("postgres", LOG_PLANS);
    let store = open_schema(&server, "pinned").await;
    let begun = server.log().len();
    let claim = Claim {
        session,
        number: 1,
        job_ids,
        queues: Vec::new(),
        except: Vec::new(),
        only: Vec::new(),
        limit: 20,
        caps: Caps::default(),
        now: NOW,
    };
    let claimed = store.claim(claim).await.unwrap();
    assert_eq!(claimed.len(), 3);
    assert!(claimed.iter().all(|claimed| claimed.limits.is_some()));
    let settled = store.settle(claimed.iter().map(success).collect()).await;
    assert_eq!(settled.unwrap(), [WriteAnswer::Settled; 3]);

    let executed = executed(&server.log().split_off(begun));
    let measured: Vec<_> = ["Second part of every claim", "Last part of a settlement"]
        .iter()
        .map(|title| {
            let mut found = executed.iter().filter(|one| one.text.contains(title));
            found
                .next()
                .unwrap_or_else(|| panic!("not executed: {title}"))
        })
        .collect();
    assert_bounded(&measured);
}
