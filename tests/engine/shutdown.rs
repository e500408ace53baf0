//! Shutdown: drain, release, close.

use jobs::{AttemptOutcome, ExecutionStatus, JobError, job};
use jobs_runtime::{EngineConfig, Runtime};
use tests::jobs::{Add, Nap, Wait};
use tests::process::wait_for;

use super::limits::Tenant;
use super::support::{SECOND, Timed};

#[tokio::test]
async fn a_second_request_gives_back_without_spending() {
    let runtime = Timed::start().await;
    let execution = runtime.begin(Wait::new()).await;
    let asked = runtime.clock.passed();
    runtime.shutdown_now().await;
    assert_eq!(runtime.clock.passed(), asked, "at once");
    let record = runtime.record(execution.id()).await;
    assert_eq!(record.status, ExecutionStatus::Queued);
    // A claim that was in flight may have leased it once more and released it again.
    let outcomes: Vec<_> = record.attempts.iter().map(|a| a.outcome).collect();
    assert!(!outcomes.is_empty());
    assert!(
        outcomes
            .iter()
            .all(|o| *o == Some(AttemptOutcome::Released)),
        "{outcomes:?}"
    );
}

#[tokio::test]
async fn the_drain_ends_and_gives_back_what_is_left() {
    let runtime = Timed::start().await;
    let execution = runtime.begin(Wait::new()).await;
    let asked = runtime.clock.passed();
    runtime.shutdown().await;
    // The handler was asked to end after three fifths of the drain of 25 s, and did.
    assert_eq!(runtime.clock.passed() - asked, 15 * SECOND);
    let record = runtime.record(execution.id()).await;
    assert_eq!(record.status, ExecutionStatus::Queued);
    assert_eq!(record.attempts[0].outcome, Some(AttemptOutcome::Released));
}

/// Ignores every request to end.
#[job(id = "shutdown.deaf", timeout = "none")]
async fn never_listens() -> Result<(), JobError> {
    std::future::pending().await
}

#[tokio::test]
async fn a_stop_is_over_within_the_drain_although_a_handler_does_not_listen() {
    for (drain, released_after) in [(25, 20), (10, 8)] {
        let config = EngineConfig {
            drain: drain * SECOND,
            ..EngineConfig::default()
        };
        let runtime = Timed::with(config).await;
        let execution = runtime.begin(NeverListens::new()).await;
        let asked = runtime.clock.passed();
        runtime.shutdown().await;
        let took = runtime.clock.passed() - asked;
        assert_eq!(took, released_after * SECOND, "of {drain} s");
        let record = runtime.record(execution.id()).await;
        assert_eq!(record.status, ExecutionStatus::Queued);
        assert_eq!(record.attempts[0].outcome, Some(AttemptOutcome::Released));
    }
}

/// An application may drop its tokio runtime and keep the worker: no attempt can run any more.
#[test]
fn a_worker_stops_when_the_tokio_runtime_of_its_attempts_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", dir.path().join("jobs.db").display());
    let [application, test] = [(); 2].map(|()| tokio::runtime::Runtime::new().unwrap());
    let (worker, id) = application.block_on(async {
        let worker = Runtime::builder().database(&url).start().await.unwrap();
        let execution = worker.client().enqueue(NeverListens::new()).await.unwrap();
        (worker, execution.id())
    });
    let store = worker.store();
    let record = || test.block_on(store.execution(id)).unwrap().unwrap();
    wait_for("an attempt", || record().status == ExecutionStatus::Running);
    application.shutdown_background();
    wait_for("the end of the session", || {
        test.block_on(store.sessions()).unwrap().is_empty()
    });
    let record = record();
    assert_eq!(record.status, ExecutionStatus::Queued);
    // A claim that was in flight may have leased it once more.
    assert!(record.attempts.len() <= 2, "{:?}", record.attempts);
}

#[tokio::test]
async fn nothing_is_claimed_after_the_first_request() {
    let runtime = Timed::start().await;
    runtime.shutdown().await;
    let execution = runtime.enqueue(Add::new(1, 2)).await;
    let record = runtime.record(execution.id()).await;
    assert_eq!(
        (record.status, record.attempt),
        (ExecutionStatus::Queued, 0)
    );
    let sessions = runtime.store().sessions().await.expect("the store answers");
    assert!(sessions.is_empty(), "{sessions:?}");
}

#[tokio::test]
async fn a_worker_that_shuts_down_admits_waiters_to_its_permits() {
    let runtime = Timed::start().await;
    let first = runtime.begin(Tenant::new("a")).await;
    let second = runtime.enqueue(Tenant::new("a")).await;
    runtime.clock.settle().await;
    let waiting = async || {
        let queues = runtime.store().queues().await.expect("the store answers");
        (queues[0].ready, queues[0].blocked)
    };
    assert_eq!(waiting().await, (0, 1));
    runtime.shutdown().await;
    let status = async |id| runtime.record(id).await.status;
    assert_eq!(status(first.id()).await, ExecutionStatus::Succeeded);
    assert_eq!(status(second.id()).await, ExecutionStatus::Queued);
    assert_eq!(waiting().await, (1, 0));
}

#[tokio::test]
async fn a_worker_is_idle_when_what_was_ready_has_ended() {
    let enqueuer = Runtime::builder()
        .database("sqlite::memory:")
        .workers(false)
        .start()
        .await
        .expect("the runtime starts");
    let batch = enqueuer
        .client()
        .enqueue_all((0..50).map(|n| Add::new(n, 1)));
    let executions = batch.await.expect("accepted");
    let worker = Runtime::builder()
        .store(enqueuer.store().clone())
        .start()
        .await
        .expect("the runtime starts");
    worker.idle().await;
    for execution in executions {
        let record = super::record(&worker, execution.id()).await;
        assert_eq!(record.status, ExecutionStatus::Succeeded);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_running_attempts_end_or_are_given_back() {
    const ATTEMPTS: usize = 1_000;
    let config = EngineConfig {
        concurrency: ATTEMPTS,
        ..EngineConfig::default()
    };
    let limit = config.drain;
    let runtime = Timed::with(config).await;
    let jobs = runtime.client();
    // The first 50 end before handlers are asked to end, after 15 s.
    let naps = (1..=500).map(|n| Nap::new(295_u64 * n));
    let naps = jobs.enqueue_all(naps).await.expect("accepted");
    let waits = (0..500).map(|_| Wait::new());
    let waits = jobs.enqueue_all(waits).await.expect("accepted");
    let naps = naps.iter().map(jobs::Execution::id);
    let ids: Vec<_> = naps.chain(waits.iter().map(jobs::Execution::id)).collect();
    runtime.clock.settle().await;
    let health = runtime.health().report().await;
    assert!(
        health.checks.iter().any(|c| c.detail.contains("1000")),
        "all of them run: {health:?}"
    );

    let asked = runtime.clock.passed();
    runtime.shutdown().await;
    let took = runtime.clock.passed() - asked;
    assert!(took <= limit, "{took:?}");

    let mut ended = 0;
    for id in ids {
        let record = runtime.record(id).await;
        let outcomes: Vec<_> = record.attempts.iter().map(|a| a.outcome).collect();
        let outcome = match record.status {
            ExecutionStatus::Succeeded => AttemptOutcome::Succeeded,
            _ => AttemptOutcome::Released,
        };
        assert_eq!(outcomes, [Some(outcome)]);
        if outcome == AttemptOutcome::Succeeded {
            ended += 1;
        } else {
            assert_eq!(record.status, ExecutionStatus::Queued);
        }
    }
    assert_eq!(ended, 50, "of {ATTEMPTS}");
    let sessions = runtime.store().sessions().await.expect("the store answers");
    assert!(sessions.is_empty(), "{sessions:?}");
}
