//! Short words for tests: stores, executions, what a worker does.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use jobs::{AttemptOutcome, ErrorKind, ExecutionError, ExecutionId, ExecutionStatus};
use jobs_runtime::store::sqlite::SqliteStore;
use jobs_runtime::store::{
    Answer, AttemptEnd, Claim, Claimed, DatabaseUrl, ExecutionPolicy, ExecutionRecord, Fence,
    IdempotencyKey, NewExecution, Next, SessionId, SessionInfo, Settlement, Store, StoreEvent,
};
use jobs_runtime::time::Timestamp;
use tokio::sync::broadcast;

pub(crate) type AnyStore = Arc<dyn Store>;

/// When tests begin.
pub(crate) const T0: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// That many seconds later.
pub(crate) fn t(seconds: u64) -> Timestamp {
    T0.after(Duration::from_secs(seconds))
}

/// A file in a directory of its own, removed at the end.
pub(crate) struct TestFile {
    pub(crate) directory: PathBuf,
}

impl TestFile {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!(
            "jobs-store-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&directory).unwrap();
        Self { directory }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.join("jobs.db")
    }

    pub(crate) fn url(&self) -> DatabaseUrl {
        // The machine does not lose power in these tests.
        format!("sqlite:{}?synchronous=normal", self.path().display())
            .parse()
            .unwrap()
    }

    /// A store on the file with its layout up to date.
    pub(crate) async fn open(&self) -> AnyStore {
        let store = SqliteStore::open(&self.url()).await.unwrap();
        store.migrate().await.unwrap();
        Arc::new(store)
    }
}

impl Drop for TestFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// A store in memory with its layout up to date.
pub(crate) async fn in_memory() -> AnyStore {
    let store = SqliteStore::open(&DatabaseUrl::SqliteMemory).await.unwrap();
    store.migrate().await.unwrap();
    Arc::new(store)
}

/// A fresh id; later ones are greater.
pub(crate) fn id() -> ExecutionId {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    let at = SystemTime::from(T0) + Duration::from_millis(COUNT.fetch_add(1, Ordering::Relaxed));
    let mut random = [0; 10];
    fastrand::fill(&mut random);
    ExecutionId::from_parts(at, random)
}

/// An execution of `job` that can run at once.
pub(crate) fn new(job: &str) -> NewExecution {
    NewExecution {
        id: id(),
        job_id: job.to_owned(),
        queue: "default".to_owned(),
        priority: 50,
        payload: r#"{"n":1}"#.to_owned(),
        policy: ExecutionPolicy {
            timeout_ms: Some(300_000),
            max_attempts: 4,
            retry_delays_ms: vec![30_000, 60_000, 120_000],
            retry_jitter: 0.0,
        },
        created_at: T0,
        run_at: None,
        idempotency_key: None,
        correlation_id: None,
        item_id: None,
        created_by: None,
        tags: Vec::new(),
        parent_id: None,
        triggered_by: "test".to_owned(),
        trace_parent: None,
    }
}

/// The same with changes.
pub(crate) fn new_with(job: &str, change: impl FnOnce(&mut NewExecution)) -> NewExecution {
    let mut execution = new(job);
    change(&mut execution);
    execution
}

pub(crate) fn key(key: &str, digest: &str) -> Option<IdempotencyKey> {
    Some(IdempotencyKey {
        key: key.to_owned(),
        payload_digest: digest.to_owned(),
        expires_at: t(86_400),
    })
}

/// Enqueues `count` executions of `job` and returns their ids.
pub(crate) async fn enqueue(store: &AnyStore, job: &str, count: usize) -> Vec<ExecutionId> {
    let batch: Vec<_> = (0..count).map(|_| new(job)).collect();
    let ids = batch.iter().map(|new| new.id).collect();
    store.enqueue(batch).await.unwrap();
    ids
}

pub(crate) async fn session(store: &AnyStore, worker: &str) -> SessionId {
    let info = SessionInfo {
        worker: worker.to_owned(),
        opened_at: T0,
        job_ids: Vec::new(),
        queues: Vec::new(),
        labels: Vec::new(),
    };
    store.open_session(info).await.unwrap()
}

/// A claim from every queue.
pub(crate) fn claim(session: SessionId, number: i64, jobs: &[&str], limit: usize) -> Claim {
    Claim {
        session,
        number,
        job_ids: jobs.iter().map(|&job| job.to_owned()).collect(),
        queues: Vec::new(),
        only: Vec::new(),
        limit,
        now: T0,
    }
}

/// One execution of `job`, running in a session of its own.
pub(crate) async fn running(store: &AnyStore, job: &str) -> Claimed {
    let session = session(store, "worker").await;
    enqueue(store, job, 1).await;
    let mut claimed = store.claim(claim(session, 1, &[job], 1)).await.unwrap();
    claimed.pop().expect("one is ready")
}

pub(crate) fn ids(claimed: &[Claimed]) -> Vec<ExecutionId> {
    claimed.iter().map(|claimed| claimed.execution_id).collect()
}

pub(crate) fn settlement(claimed: &Claimed, outcome: AttemptOutcome, next: Next) -> Settlement {
    let kind = match outcome {
        AttemptOutcome::Failed => Some(ErrorKind::Failed),
        AttemptOutcome::TimedOut => Some(ErrorKind::TimedOut),
        AttemptOutcome::Panicked => Some(ErrorKind::Panicked),
        AttemptOutcome::Lost => Some(ErrorKind::Lost),
        _ => None,
    };
    Settlement {
        fence: claimed.fence,
        execution_id: claimed.execution_id,
        end: AttemptEnd {
            outcome,
            error: kind.map(|kind| ExecutionError {
                kind,
                message: format!("attempt {}", claimed.fence.attempt),
            }),
            started_at: t(1),
            finished_at: t(3),
            progress: None,
            logs: Vec::new(),
        },
        next,
    }
}

pub(crate) fn success(claimed: &Claimed) -> Settlement {
    let result = r#"{"done":true}"#.to_owned();
    settlement(claimed, AttemptOutcome::Succeeded, Next::Succeed(result))
}

pub(crate) fn failure(claimed: &Claimed) -> Settlement {
    settlement(claimed, AttemptOutcome::Failed, Next::Fail)
}

pub(crate) fn retry_at(claimed: &Claimed, at: Timestamp) -> Settlement {
    settlement(claimed, AttemptOutcome::Failed, Next::RetryAt(at))
}

/// Settles one.
pub(crate) async fn settle(store: &AnyStore, settlement: Settlement) -> Answer {
    store.settle(vec![settlement]).await.unwrap()[0]
}

pub(crate) async fn record(store: &AnyStore, id: ExecutionId) -> ExecutionRecord {
    let record = store.execution(id).await.unwrap();
    record.expect("the execution exists")
}

pub(crate) async fn status(store: &AnyStore, id: ExecutionId) -> ExecutionStatus {
    record(store, id).await.status
}

/// The same fence with a change.
pub(crate) fn fence_with(fence: Fence, change: impl FnOnce(&mut Fence)) -> Fence {
    let mut fence = fence;
    change(&mut fence);
    fence
}

/// Waits for an event that `matches`.
pub(crate) async fn event(
    events: &mut broadcast::Receiver<StoreEvent>,
    matches: impl Fn(&StoreEvent) -> bool,
) -> StoreEvent {
    let waiting = async {
        loop {
            match events.recv().await {
                Ok(event) if matches(&event) => return event,
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => panic!("the store is gone"),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting)
        .await
        .expect("the event comes")
}
