//! A store wrapper that simulates the death of its process at a chosen call.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use async_trait::async_trait;
use jobs::{ExecutionId, TransactionRef};
use jobs_runtime::store::{
    BlockingLimit, CancelAnswer, CapScope, Claim, Claimed, DeleteAnswer, DueSchedules, EditAnswer,
    EnqueueAnswer, ExecutionEdit, ExecutionPage, ExecutionQuery, ExecutionRecord, ExecutionState,
    Fence, FireAnswer, Firing, Limit, LogBatch, LogPage, LogQuery, MigrationStatus, NewExecution,
    ProcessRecord, ProgressReport, Promotion, PublishedJob, QueueRecord, Renewal, Reservation,
    RetryAnswer, ScheduleRecord, ScheduleRun, ScheduleStore, SessionBeat, SessionId, SessionInfo,
    Settlement, Store, StoreDescription, StoreError, StoreEvent, WriteAnswer,
};
use jobs_runtime::time::Timestamp;
use tokio::sync::broadcast;

/// The moment of a process's death, relative to its last store call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// The call does not reach the store.
    BeforeCall,
    /// The store executes the call, and its answer is lost.
    AfterCall,
}

/// A real store as one process sees it. After a given number of calls the process counts as dead:
/// no further call reaches the store, and each returns [`StoreError::Unavailable`].
pub struct FaultInjectingStore {
    store: Arc<dyn Store>,
    death: Death,
    calls_left: AtomicI64,
    dead: AtomicBool,
}

impl FaultInjectingStore {
    /// Wraps `store`; the process dies at its `calls`-th call, counted from 1.
    pub fn new(store: Arc<dyn Store>, calls: i64, death: Death) -> Arc<Self> {
        Arc::new(Self {
            store,
            death,
            calls_left: AtomicI64::new(calls),
            dead: AtomicBool::new(false),
        })
    }

    /// True once the process is dead.
    pub fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    /// Kills the process now, between two calls.
    pub fn kill(&self) {
        self.dead.store(true, Ordering::SeqCst);
    }

    /// Decides about one call: whether it reaches the store, and whether its answer is delivered.
    fn decide(&self) -> (bool, bool) {
        if self.is_dead() {
            return (false, false);
        }
        if self.calls_left.fetch_sub(1, Ordering::SeqCst) > 1 {
            return (true, true);
        }
        self.kill();
        (self.death == Death::AfterCall, false)
    }
}

fn unavailable() -> StoreError {
    StoreError::Unavailable {
        location: "the fault-injecting store".to_owned(),
        reason: "the simulated process is dead".to_owned(),
    }
}

impl fmt::Debug for FaultInjectingStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultInjectingStore")
            .field("death", &self.death)
            .field("dead", &self.is_dead())
            .finish_non_exhaustive()
    }
}

/// Implements each asynchronous method by a decision and a call of the wrapped store.
macro_rules! delegate {
    (schedules: $(async fn $name:ident($($arg:ident: $ty:ty),*) -> $answer:ty;)*) => {
        #[async_trait]
        impl ScheduleStore for FaultInjectingStore {
            $(
                async fn $name(&self, $($arg: $ty),*) -> Result<$answer, StoreError> {
                    let (reaches_store, answer_arrives) = self.decide();
                    let answer = if reaches_store {
                        self.store.$name($($arg),*).await
                    } else {
                        Err(unavailable())
                    };
                    if answer_arrives { answer } else { Err(unavailable()) }
                }
            )*
        }
    };
    ($(async fn $name:ident($($arg:ident: $ty:ty),*) -> $answer:ty;)*) => {
        #[async_trait]
        impl Store for FaultInjectingStore {
            $(
                async fn $name(&self, $($arg: $ty),*) -> Result<$answer, StoreError> {
                    let (reaches_store, answer_arrives) = self.decide();
                    let answer = if reaches_store {
                        self.store.$name($($arg),*).await
                    } else {
                        Err(unavailable())
                    };
                    if answer_arrives { answer } else { Err(unavailable()) }
                }
            )*

            fn describe(&self) -> StoreDescription {
                self.store.describe()
            }

            fn committed(&self) {
                self.store.committed();
            }

            fn events(&self) -> broadcast::Receiver<StoreEvent> {
                self.store.events()
            }
        }
    };
}

delegate! {
    async fn migrate() -> Vec<MigrationStatus>;
    async fn migrations() -> Vec<MigrationStatus>;
    async fn ping() -> ();
    async fn server_time() -> Option<Timestamp>;
    async fn publish(jobs: Vec<PublishedJob>) -> ();
    async fn catalogue() -> Vec<PublishedJob>;
    async fn enqueue(batch: Vec<NewExecution>) -> Vec<EnqueueAnswer>;
    async fn enqueue_in(tx: TransactionRef<'_>, batch: Vec<NewExecution>) -> Vec<EnqueueAnswer>;
    async fn settle_in(tx: TransactionRef<'_>, settlement: Settlement) -> WriteAnswer;
    async fn open_session(info: SessionInfo) -> SessionId;
    async fn renew(session: SessionId, now: Timestamp) -> Renewal;
    async fn close_session(session: SessionId) -> ();
    async fn claim(claim: Claim) -> Vec<Claimed>;
    async fn settle(batch: Vec<Settlement>) -> Vec<WriteAnswer>;
    async fn report(batch: Vec<ProgressReport>) -> Vec<WriteAnswer>;
    async fn append_logs(batch: Vec<LogBatch>) -> Vec<WriteAnswer>;
    async fn cancel_requests(session: SessionId) -> Vec<Fence>;
    async fn release_permits(fences: Vec<Fence>) -> ();
    async fn reserve(limit: Limit, cost: u32, now: Timestamp, latest: Timestamp) -> Reservation;
    async fn pause_limit(keys: Vec<String>, until: Timestamp) -> ();
    async fn reset_limit(key: String) -> bool;
    async fn promote(now: Timestamp, limit: usize) -> Promotion;
    async fn sessions() -> Vec<SessionBeat>;
    async fn take_over(dead: SessionBeat, claim: Claim) -> Vec<Claimed>;
    async fn cancel(id: ExecutionId, now: Timestamp) -> CancelAnswer;
    async fn retry(id: ExecutionId, payload: Option<String>, now: Timestamp) -> RetryAnswer;
    async fn processes() -> Vec<ProcessRecord>;
    async fn delete(id: ExecutionId) -> DeleteAnswer;
    async fn edit(id: ExecutionId, change: ExecutionEdit, now: Timestamp) -> EditAnswer;
    async fn queues() -> Vec<QueueRecord>;
    async fn pause(queue: String, now: Timestamp) -> bool;
    async fn resume(queue: String) -> bool;
    async fn blocked_by(id: ExecutionId, now: Timestamp) -> Option<BlockingLimit>;
    async fn waiting_since(queue: String, since: Timestamp, limit: usize) -> Vec<ExecutionId>;
    async fn leases_of(of: CapScope) -> Vec<(SessionId, u64)>;
    async fn ahead(id: ExecutionId, limit: u64) -> Option<u64>;
    async fn execution(id: ExecutionId) -> Option<ExecutionRecord>;
    async fn execution_states(ids: Vec<ExecutionId>) -> Vec<ExecutionState>;
    async fn logs(query: LogQuery) -> Option<LogPage>;
    async fn list_executions(query: ExecutionQuery) -> ExecutionPage;
}

delegate! {
    schedules:
    async fn schedules() -> Vec<ScheduleRecord>;
    async fn schedule(name: String) -> Option<ScheduleRecord>;
    async fn schedule_runs(name: String, limit: usize) -> Vec<ScheduleRun>;
    async fn due_schedules(now: Timestamp, limit: usize) -> DueSchedules;
    async fn add_schedule(schedule: ScheduleRecord, runs: Vec<ScheduleRun>) -> bool;
    async fn update_schedule(schedule: ScheduleRecord) -> bool;
    async fn delete_schedule(name: String, revision: u64) -> bool;
    async fn fire(firing: Firing) -> FireAnswer;
    async fn run_schedule(name: String, execution: NewExecution) -> Option<ScheduleRun>;
}
