//! Test fixtures: files, executions, events.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use jobs::ExecutionId;
use jobs_runtime::store::sqlite::SqliteStore;
use jobs_runtime::store::{
    DatabaseUrl, ExecutionRecord, NewExecution, SetupStore, Store, StoreEvent,
};
use jobs_runtime::time::Timestamp;
use tokio::sync::broadcast;

pub(crate) type AnyStore = Arc<dyn Store>;

/// The time at which tests begin.
pub(crate) const T0: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// A database file in a directory of its own, which is removed on drop.
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
        // No test loses power, so none needs a synced commit.
        format!("sqlite:{}?synchronous=normal", self.path().display())
            .parse()
            .unwrap()
    }

    /// Opens a store on the file and migrates it.
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

/// A new id. Later ones are greater.
pub(crate) fn id() -> ExecutionId {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    let at = SystemTime::from(T0) + Duration::from_millis(COUNT.fetch_add(1, Ordering::Relaxed));
    let mut random = [0; 10];
    fastrand::fill(&mut random);
    ExecutionId::from_parts(at, random)
}

/// A new execution of `job`, due at once.
pub(crate) fn new(job: &str) -> NewExecution {
    NewExecution {
        payload: r#"{"n":1}"#.to_owned(),
        triggered_by: "test".to_owned(),
        ..NewExecution::new(id(), job, T0)
    }
}

/// Enqueues `count` executions of `job` and returns their ids.
pub(crate) async fn enqueue(store: &AnyStore, job: &str, count: usize) -> Vec<ExecutionId> {
    let batch: Vec<_> = (0..count).map(|_| new(job)).collect();
    let ids = batch.iter().map(|new| new.id).collect();
    store.enqueue(batch).await.unwrap();
    ids
}

/// Reads the record of an execution.
pub(crate) async fn record(store: &AnyStore, id: ExecutionId) -> ExecutionRecord {
    let record = store.execution(id).await.unwrap();
    record.expect("the execution exists")
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
