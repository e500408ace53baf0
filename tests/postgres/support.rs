//! Fixtures and helpers of this suite.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jobs::{AttemptOutcome, ExecutionId, ExecutionStatus, OnConflict};
use jobs_runtime::store::{
    self, AttemptEnd, Caps, Claim, Claimed, DatabaseUrl, ExecutionPolicy, IdempotencyKey, Limit,
    LimitRule, NewExecution, Next, Permits, SessionId, SessionInfo, Settlement, Store, StoreEvent,
    UniqueKey,
};
use jobs_runtime::time::Timestamp;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Executor};
use tests::postgres::Postgres;
use tokio::sync::broadcast;

pub(crate) const T0: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// Time limit of every wait, long enough for a busy machine.
pub(crate) const AT_MOST: Duration = Duration::from_secs(120);

pub(crate) fn parsed(url: &str) -> DatabaseUrl {
    url.parse().unwrap()
}

/// Returns the schema that a URL names.
pub(crate) fn schema_of(url: &str) -> String {
    match parsed(url) {
        DatabaseUrl::Postgres(url) => url.schema().to_owned(),
        _ => panic!("{url} is one of PostgreSQL"),
    }
}

pub(crate) async fn opened(url: &str) -> Arc<dyn Store> {
    store::open(&parsed(url)).await.unwrap()
}

/// Opens a store and migrates its schema.
pub(crate) async fn ready(url: &str) -> Arc<dyn Store> {
    let store = opened(url).await;
    store.migrate().await.unwrap();
    store
}

pub(crate) fn new(job: &str) -> NewExecution {
    let mut random = [0; 10];
    fastrand::fill(&mut random);
    NewExecution {
        policy: ExecutionPolicy {
            timeout_ms: None,
            max_attempts: 3,
            retry_delays_ms: vec![1_000],
            retry_jitter: 0.0,
        },
        ..NewExecution::new(
            ExecutionId::from_parts(SystemTime::from(T0), random),
            job,
            T0,
        )
    }
}

pub(crate) fn keyed(job: &str, key: &str) -> NewExecution {
    let mut new = new(job);
    new.idempotency_key = Some(IdempotencyKey {
        key: key.to_owned(),
        payload_digest: "digest".to_owned(),
        expires_at: T0.after(Duration::from_secs(3_600)),
    });
    new
}

pub(crate) async fn session(store: &dyn Store, worker: &str) -> SessionId {
    let info = SessionInfo {
        worker: worker.to_owned(),
        opened_at: T0,
        job_ids: Vec::new(),
        queues: Vec::new(),
        labels: Vec::new(),
        slot_caps: Vec::new(),
        fingerprints: Vec::new(),
        lease: Duration::from_secs(30),
    };
    store.open_session(info).await.unwrap()
}

pub(crate) fn claim(session: SessionId, number: i64, job: &str, limit: usize) -> Claim {
    Claim {
        session,
        number,
        job_ids: vec![job.to_owned()],
        queues: Vec::new(),
        except: Vec::new(),
        only: Vec::new(),
        limit,
        caps: Caps::default(),
        now: T0,
    }
}

/// A settlement with success.
pub(crate) fn success(claimed: &Claimed) -> Settlement {
    Settlement {
        fence: claimed.fence,
        execution_id: claimed.execution_id,
        end: AttemptEnd {
            outcome: AttemptOutcome::Succeeded,
            error: None,
            started_at: T0,
            finished_at: T0,
            progress: None,
            logs: Vec::new(),
        },
        next: Next::Succeed("1".to_owned()),
        permits: claimed.limits.clone().map(Permits::released),
    }
}

/// Waits for an event that `matches`.
pub(crate) async fn event(
    events: &mut broadcast::Receiver<StoreEvent>,
    matches: impl Fn(&StoreEvent) -> bool,
) {
    let waiting = async {
        loop {
            match events.recv().await {
                Ok(event) if matches(&event) => return,
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => panic!("the store was dropped"),
            }
        }
    };
    let came = tokio::time::timeout(AT_MOST, waiting).await;
    came.expect("the event comes");
}

pub(crate) fn concurrent(key: &str, count: u32) -> Limit {
    Limit {
        key: format!("job/concurrent/{key}"),
        job_id: "job".to_owned(),
        rule: LimitRule::Concurrent { count },
    }
}

pub(crate) fn limited(limits: &[Limit]) -> NewExecution {
    let mut new = new("job");
    new.rules.limits = limits.to_vec();
    new
}

pub(crate) fn unique(key: &str, on_conflict: OnConflict) -> NewExecution {
    let mut new = new("job");
    new.rules.unique = Some(UniqueKey {
        key: key.to_owned(),
        within_ms: None,
        on_conflict,
        live: vec![
            ExecutionStatus::Pending,
            ExecutionStatus::Queued,
            ExecutionStatus::Running,
        ],
    });
    new
}

pub(crate) fn at(seconds: u64) -> Timestamp {
    T0.after(Duration::from_secs(seconds))
}

/// Opens a connection of the application.
pub(crate) async fn application() -> PgConnection {
    connected_to("postgres").await
}

pub(crate) async fn connected_to(database: &str) -> PgConnection {
    let url = Postgres::shared().url(database);
    PgConnection::connect(&url).await.unwrap()
}

pub(crate) async fn execute(connection: &mut PgConnection, statement: String) {
    connection.execute(AssertSqlSafe(statement)).await.unwrap();
}

/// Opens the same schema several times, as several processes do.
pub(crate) async fn fleet(url: &str, size: usize) -> Vec<Arc<dyn Store>> {
    let mut stores = vec![ready(url).await];
    while stores.len() < size {
        stores.push(opened(url).await);
    }
    stores
}

/// Runs all futures concurrently.
pub(crate) async fn all<T: Send + 'static>(
    tasks: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let tasks: Vec<_> = tasks.into_iter().map(tokio::spawn).collect();
    let mut answers = Vec::new();
    for task in tasks {
        let answer = tokio::time::timeout(AT_MOST, task).await;
        answers.push(answer.expect("it ends in time").unwrap());
    }
    answers
}
