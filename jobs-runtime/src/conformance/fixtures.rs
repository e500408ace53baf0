//! Fixtures of the checks: executions, claims, settlements and reads, with short names.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use tokio::sync::broadcast;

pub(super) use jobs::{
    AttemptOutcome, ErrorKind, ExecutionError, ExecutionId, ExecutionStatus, Progress,
};

pub(super) use super::capabilities::{
    Damageable, Handles, Rejecting, Transactional, TwoProcesses, Unmigrated,
};
pub(super) use crate::store::*;
pub(super) use crate::time::Timestamp;

/// A store handle under test.
pub(super) type AnyStore = Arc<dyn Store>;

/// The time at which every check begins.
pub(super) const T0: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// Returns the time that many seconds after [`T0`].
pub(super) fn t(seconds: u64) -> Timestamp {
    T0.after(Duration::from_secs(seconds))
}

/// Returns a new id. Later ids are greater.
pub(super) fn id() -> ExecutionId {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    let at = SystemTime::from(T0) + Duration::from_millis(COUNT.fetch_add(1, Ordering::Relaxed));
    let mut random = [0; 10];
    fastrand::fill(&mut random);
    ExecutionId::from_parts(at, random)
}

/// Returns an execution of `job` that is ready at once.
pub(super) fn new(job: &str) -> NewExecution {
    NewExecution {
        payload: r#"{"n":1}"#.to_owned(),
        triggered_by: "test".to_owned(),
        ..NewExecution::new(id(), job, T0)
    }
}

/// Returns [`new`] with changes.
pub(super) fn new_with(job: &str, change: impl FnOnce(&mut NewExecution)) -> NewExecution {
    let mut execution = new(job);
    change(&mut execution);
    execution
}

/// Returns an idempotency key that expires after a day.
pub(super) fn key(key: &str, digest: &str) -> Option<IdempotencyKey> {
    Some(IdempotencyKey {
        key: key.to_owned(),
        payload_digest: digest.to_owned(),
        expires_at: t(86_400),
    })
}

/// Enqueues `count` executions of `job` and returns their ids.
pub(super) async fn enqueue(store: &AnyStore, job: &str, count: usize) -> Vec<ExecutionId> {
    let batch: Vec<_> = (0..count).map(|_| new(job)).collect();
    let ids = batch.iter().map(|new| new.id).collect();
    store.enqueue(batch).await.unwrap();
    ids
}

pub(super) async fn session(store: &AnyStore, worker: &str) -> SessionId {
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

/// Returns a claim from every queue.
pub(super) fn claim(session: SessionId, number: i64, jobs: &[&str], limit: usize) -> Claim {
    Claim {
        session,
        number,
        job_ids: jobs.iter().map(|&job| job.to_owned()).collect(),
        queues: Vec::new(),
        except: Vec::new(),
        only: Vec::new(),
        limit,
        caps: Caps::default(),
        now: T0,
    }
}

/// Enqueues and claims one execution of `job`, in a session of its own.
pub(super) async fn running(store: &AnyStore, job: &str) -> Claimed {
    let session = session(store, "worker").await;
    enqueue(store, job, 1).await;
    let mut claimed = store.claim(claim(session, 1, &[job], 1)).await.unwrap();
    claimed.pop().expect("one is ready")
}

pub(super) fn ids(claimed: &[Claimed]) -> Vec<ExecutionId> {
    claimed.iter().map(|claimed| claimed.execution_id).collect()
}

pub(super) fn settlement(claimed: &Claimed, outcome: AttemptOutcome, next: Next) -> Settlement {
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
        permits: claimed.limits.clone().map(Permits::released),
    }
}

/// Returns the permits of a settlement whose handler still runs.
pub(super) fn retained_permits(claimed: &Claimed) -> Option<Permits> {
    Some(Permits {
        token: claimed.limits.clone()?,
        retained: true,
        paused_until: None,
    })
}

/// Returns the permits of a settlement that pauses its rate limits.
pub(super) fn paused_permits(claimed: &Claimed, until: Timestamp) -> Option<Permits> {
    Some(Permits {
        token: claimed.limits.clone()?,
        retained: false,
        paused_until: Some(until),
    })
}

pub(super) fn success(claimed: &Claimed) -> Settlement {
    let result = r#"{"done":true}"#.to_owned();
    settlement(claimed, AttemptOutcome::Succeeded, Next::Succeed(result))
}

pub(super) fn failure(claimed: &Claimed) -> Settlement {
    settlement(claimed, AttemptOutcome::Failed, Next::Fail)
}

pub(super) fn retry_at(claimed: &Claimed, at: Timestamp) -> Settlement {
    settlement(claimed, AttemptOutcome::Failed, Next::RetryAt(at))
}

/// Settles one attempt as a worker does: repeats the call while a transaction locks the lease.
pub(super) async fn settle(store: &AnyStore, settlement: Settlement) -> WriteAnswer {
    loop {
        match store.settle(vec![settlement.clone()]).await.unwrap()[0] {
            WriteAnswer::Locked => {}
            answer => return answer,
        }
    }
}

pub(super) async fn record(store: &AnyStore, id: ExecutionId) -> ExecutionRecord {
    let record = store.execution(id).await.unwrap();
    record.expect("the execution exists")
}

pub(super) async fn status(store: &AnyStore, id: ExecutionId) -> ExecutionStatus {
    record(store, id).await.status
}

/// Returns the fence with a change.
pub(super) fn fence_with(fence: Fence, change: impl FnOnce(&mut Fence)) -> Fence {
    let mut fence = fence;
    change(&mut fence);
    fence
}

/// Waits for an event that `matches`.
pub(super) async fn event(
    events: &mut broadcast::Receiver<StoreEvent>,
    matches: impl Fn(&StoreEvent) -> bool,
) -> StoreEvent {
    let waiting = async {
        loop {
            match events.recv().await {
                Ok(event) if matches(&event) => return event,
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => panic!("the store was dropped"),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting)
        .await
        .expect("the event arrives")
}

pub(super) async fn beat(store: &AnyStore, session: SessionId) -> SessionBeat {
    let sessions = store.sessions().await.unwrap();
    let found = sessions.into_iter().find(|beat| beat.session == session);
    found.expect("the session is open")
}

pub(super) async fn is_open(store: &AnyStore, session: SessionId) -> bool {
    let sessions = store.sessions().await.unwrap();
    sessions.iter().any(|beat| beat.session == session)
}

pub(super) fn line(line: u32, message: &str) -> Arc<LogLine> {
    Arc::new(LogLine {
        line,
        at: t(line.into()),
        level: LogLevel::Info,
        target: "members".to_owned(),
        message: message.to_owned(),
        fields: None,
    })
}

pub(super) fn batch(claimed: &Claimed, lines: Vec<Arc<LogLine>>) -> LogBatch {
    LogBatch {
        fence: claimed.fence,
        lines,
    }
}

pub(super) fn with_logs(mut settlement: Settlement, lines: Vec<Arc<LogLine>>) -> Settlement {
    settlement.end.logs = lines;
    settlement
}

pub(super) fn whole_log(execution_id: ExecutionId) -> LogQuery {
    LogQuery {
        execution_id,
        attempt: None,
        level: None,
        after: None,
        limit: 1_000,
    }
}

pub(super) async fn page(store: &AnyStore, query: LogQuery) -> LogPage {
    let page = store.logs(query).await.unwrap();
    page.expect("the execution exists")
}

/// Returns the whole log, each line as `attempt-line message`.
pub(super) async fn log(store: &AnyStore, id: ExecutionId) -> Vec<String> {
    let lines = page(store, whole_log(id)).await.lines;
    let text = lines.into_iter().map(|record| {
        let line = record.line;
        format!("{}-{} {}", record.attempt, line.line, line.message)
    });
    text.collect()
}

/// Takes the attempt over by a new session.
pub(super) async fn taken_over(store: &AnyStore, claimed: &Claimed) -> Claimed {
    let sessions = store.sessions().await.unwrap();
    let dead = sessions
        .into_iter()
        .find(|beat| beat.session == claimed.fence.session);
    let rescuer = session(store, "rescuer").await;
    let taken = store.take_over(dead.unwrap(), claim(rescuer, 1, &[], 9));
    taken
        .await
        .unwrap()
        .pop()
        .expect("one lease was taken over")
}

/// Claims one execution of the job `j`.
pub(super) async fn claim_one(store: &AnyStore, session: SessionId, number: i64) -> Claimed {
    let claimed = store.claim(claim(session, number, &["j"], 1)).await;
    claimed.unwrap().pop().expect("one is ready")
}

/// Writes progress under this fence.
pub(super) async fn report(store: &AnyStore, fence: Fence, percent: u8) -> WriteAnswer {
    let progress = Progress {
        percent,
        message: None,
    };
    let report = ProgressReport { fence, progress };
    store.report(vec![report]).await.unwrap()[0]
}

/// Runs `count` tasks at the same time and returns their answers, in order.
pub(super) async fn at_once<T, F>(count: usize, task: impl Fn(usize) -> F) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let tasks: Vec<_> = (0..count).map(|n| tokio::spawn(task(n))).collect();
    let mut answers = Vec::with_capacity(count);
    for task in tasks {
        match task.await {
            Ok(answer) => answers.push(answer),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
    answers
}
