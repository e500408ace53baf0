//! Fixtures: a runtime on a virtual clock, another worker, claims and executions.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use jobs::{Execution, ExecutionId, ExecutionStatus, Job, ResultError};
use jobs_runtime::store::{
    Caps, Claim, Claimed, ExecutionPolicy, ExecutionRecord, NewExecution, SessionId, SessionInfo,
    Store,
};
use jobs_runtime::testing::VirtualClock;
use jobs_runtime::time::Timestamp;
use jobs_runtime::{EngineConfig, Runtime, RuntimeBuilder};

pub(super) const SECOND: Duration = Duration::from_secs(1);

/// A runtime on a virtual clock. No test on it waits for real time, and
/// [`settle`](VirtualClock::settle) excludes races between a claim and the start of its handler.
pub(super) struct Timed {
    pub(super) clock: Arc<VirtualClock>,
    runtime: Arc<Runtime>,
}

impl Deref for Timed {
    type Target = Runtime;

    fn deref(&self) -> &Runtime {
        &self.runtime
    }
}

impl Timed {
    /// Starts a runtime on a store in memory.
    pub(super) async fn start() -> Self {
        Self::with(EngineConfig::default()).await
    }

    pub(super) async fn with(config: EngineConfig) -> Self {
        Self::build(Runtime::builder().engine(config)).await
    }

    pub(super) async fn build(builder: RuntimeBuilder) -> Self {
        Self::on(VirtualClock::new(), builder.database("sqlite::memory:")).await
    }

    pub(super) async fn on(clock: Arc<VirtualClock>, builder: RuntimeBuilder) -> Self {
        let started = builder.clock(clock.clone()).start().await;
        let runtime = Arc::new(started.expect("the runtime starts"));
        Self { clock, runtime }
    }

    /// The runtime, for a task that needs it for as long as it runs.
    pub(super) fn shared(&self) -> Arc<Runtime> {
        Arc::clone(&self.runtime)
    }

    /// Enqueues. No handler has started when this returns.
    pub(super) async fn enqueue<J: Job>(&self, job: J) -> Execution<J::Output> {
        self.client().enqueue(job).await.expect("accepted")
    }

    /// Enqueues, and waits until the handler has started and waits for time or an event.
    pub(super) async fn begin<J: Job>(&self, job: J) -> Execution<J::Output> {
        let execution = self.enqueue(job).await;
        self.clock.settle().await;
        let status = self.record(execution.id()).await.status;
        assert_eq!(status, ExecutionStatus::Running);
        execution
    }

    /// Lets time pass until the execution is final.
    pub(super) async fn result<T: serde::de::DeserializeOwned>(
        &self,
        execution: &Execution<T>,
    ) -> Result<T, ResultError> {
        let (service, id) = (self.service().clone(), execution.id());
        let finished = async move { service.finished(id).await };
        let _ = self.clock.run_until(finished).await;
        execution.result().await
    }

    /// Requests the cancellation. The handler has reacted to it when this returns.
    pub(super) async fn cancel(&self, id: ExecutionId) {
        let asked = self.service().cancel(id).await;
        asked.expect("the store answers");
        self.clock.settle().await;
    }

    /// Lets time pass until the shutdown is complete.
    pub(super) async fn shutdown(&self) {
        let runtime = Arc::clone(&self.runtime);
        let ended = async move { runtime.shutdown().await };
        self.clock.run_until(ended).await;
    }

    pub(super) async fn shutdown_now(&self) {
        let runtime = Arc::clone(&self.runtime);
        let ended = async move { runtime.shutdown_now().await };
        self.clock.run_until(ended).await;
    }

    pub(super) async fn record(&self, id: ExecutionId) -> ExecutionRecord {
        super::record(&self.runtime, id).await
    }
}

/// The session of another worker.
pub(super) fn another_worker() -> SessionInfo {
    SessionInfo {
        worker: "another".to_owned(),
        opened_at: Timestamp::from_millis(1),
        job_ids: Vec::new(),
        queues: Vec::new(),
        labels: Vec::new(),
        slot_caps: Vec::new(),
        fingerprints: Vec::new(),
        lease: Duration::from_secs(30),
    }
}

/// The first claim of a session.
pub(super) fn first_claim(session: SessionId, job_ids: &[&str]) -> Claim {
    Claim {
        session,
        number: 1,
        job_ids: job_ids.iter().map(|&id| id.to_owned()).collect(),
        queues: Vec::new(),
        except: Vec::new(),
        only: Vec::new(),
        limit: 10,
        caps: Caps::default(),
        now: Timestamp::from_millis(1),
    }
}

/// Takes the leases of the only worker over into a new session.
pub(super) async fn take_over(store: &dyn Store) -> Vec<Claimed> {
    let dead = store.sessions().await.expect("it answers").remove(0);
    let session = store.open_session(another_worker()).await.expect("opened");
    let claim = first_claim(session, &[]);
    store.take_over(dead, claim).await.expect("it answers")
}

/// The start of each execution, in milliseconds after the first one.
pub(super) async fn starts<T>(runtime: &Timed, executions: &[Execution<T>]) -> Vec<u64> {
    let mut starts = Vec::new();
    for execution in executions {
        let record = runtime.record(execution.id()).await;
        starts.push(record.started_at.expect("it began").as_millis());
    }
    starts.sort_unstable();
    let first = starts[0];
    starts
        .into_iter()
        .map(|at| u64::try_from(at - first).unwrap())
        .collect()
}

/// Waits until each execution has succeeded.
pub(super) async fn all_end<T: serde::de::DeserializeOwned>(
    runtime: &Timed,
    executions: &[Execution<T>],
) {
    for execution in executions {
        runtime.result(execution).await.expect("it succeeds");
    }
}

/// A new execution for the store: five attempts, an hour apart.
pub(super) fn stored(id: ExecutionId, job_id: &str) -> NewExecution {
    NewExecution {
        policy: ExecutionPolicy {
            timeout_ms: None,
            max_attempts: 5,
            retry_delays_ms: vec![3_600_000],
            retry_jitter: 0.0,
        },
        ..NewExecution::new(id, job_id, Timestamp::default())
    }
}
