//! Coming to an end.

use std::time::Duration;

use jobs::{AttemptOutcome, ExecutionStatus};
use jobs_runtime::{EngineConfig, Runtime};
use tests::jobs::{Add, Nap, Wait};
use tests::process::now;

use super::outcomes::until_running;
use super::{record, runtime, runtime_with};

#[tokio::test]
async fn a_second_request_gives_back_without_spending() {
    let runtime = runtime().await;
    let execution = runtime
        .client()
        .enqueue(Wait::new())
        .await
        .expect("accepted");
    until_running(&runtime, execution.id()).await;
    runtime.shutdown_now().await;
    let record = record(&runtime, execution.id()).await;
    assert_eq!(record.status, ExecutionStatus::Queued);
    // A claim that was under way may have got it once more, and given it back as well.
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
    let runtime = runtime_with(EngineConfig {
        drain: Duration::from_millis(100),
        ..EngineConfig::default()
    })
    .await;
    let execution = runtime
        .client()
        .enqueue(Wait::new())
        .await
        .expect("accepted");
    until_running(&runtime, execution.id()).await;
    runtime.shutdown().await;
    let record = record(&runtime, execution.id()).await;
    assert_eq!(record.status, ExecutionStatus::Queued);
}

#[tokio::test]
async fn nothing_is_claimed_after_the_first_request() {
    let runtime = runtime().await;
    runtime.shutdown().await;
    let execution = runtime
        .client()
        .enqueue(Add::new(1, 2))
        .await
        .expect("accepted");
    let record = record(&runtime, execution.id()).await;
    assert_eq!(
        (record.status, record.attempt),
        (ExecutionStatus::Queued, 0)
    );
    let sessions = runtime.store().sessions().await.expect("the store answers");
    assert!(sessions.is_empty(), "{sessions:?}");
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
        let record = record(&worker, execution.id()).await;
        assert_eq!(record.status, ExecutionStatus::Succeeded);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_running_attempts_end_or_are_given_back() {
    const ATTEMPTS: usize = 1_000;
    let config = EngineConfig {
        concurrency: ATTEMPTS,
        drain: Duration::from_millis(500),
        grace: Duration::from_millis(500),
        ..EngineConfig::default()
    };
    let limit = config.drain + config.grace;
    let runtime = runtime_with(config).await;
    let jobs = runtime.client();
    // Those that end by themselves do so between now and after the drain.
    let naps = (0..500).map(|n| Nap::new(300_u64 + 2 * n));
    let naps = jobs.enqueue_all(naps).await.expect("accepted");
    let waits = (0..500).map(|_| Wait::new());
    let waits = jobs.enqueue_all(waits).await.expect("accepted");
    let ids = || {
        let naps = naps.iter().map(jobs::Execution::id);
        naps.chain(waits.iter().map(jobs::Execution::id))
    };
    until_running(&runtime, ids().last().expect("a thousand")).await;

    let asked = now();
    runtime.shutdown().await;
    let took = asked.elapsed();
    // A second for a machine that does other things as well.
    assert!(took < limit + Duration::from_secs(1), "{took:?}");

    let (mut ended, mut given_back) = (0, 0);
    for id in ids() {
        let record = record(&runtime, id).await;
        let outcomes: Vec<_> = record.attempts.iter().map(|a| a.outcome).collect();
        match record.status {
            ExecutionStatus::Succeeded => {
                assert_eq!(outcomes, [Some(AttemptOutcome::Succeeded)]);
                ended += 1;
            }
            status => {
                assert_eq!(status, ExecutionStatus::Queued);
                let released = |o: &Option<AttemptOutcome>| *o == Some(AttemptOutcome::Released);
                assert!(outcomes.iter().all(released), "{outcomes:?}");
                assert!(!outcomes.is_empty());
                given_back += 1;
            }
        }
    }
    assert_eq!(ended + given_back, ATTEMPTS);
    assert!(ended > 0 && given_back > 500, "{ended} and {given_back}");
    let sessions = runtime.store().sessions().await.expect("the store answers");
    assert!(sessions.is_empty(), "{sessions:?}");
}
