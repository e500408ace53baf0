//! Handlers that ignore every request to end.

use std::time::Duration;

use jobs::{AttemptOutcome, ResultError};
use jobs_runtime::{EngineConfig, Runtime};
use tests::jobs::{Add, Blocks, Brief, LendsTooLate};

use super::outcomes::until_running;
use super::{record, runtime_with};

/// So many slots, and little patience.
async fn impatient(concurrency: usize) -> Runtime {
    let config = EngineConfig {
        concurrency,
        grace: Duration::from_millis(100),
        poll: Duration::from_secs(1),
        ..EngineConfig::default()
    };
    runtime_with(config).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_blocks_its_thread_is_settled_and_its_slot_replaced() {
    let runtime = impatient(1).await;
    let jobs = runtime.client();
    let stuck = jobs
        .enqueue(Blocks::new(4_000_u64))
        .await
        .expect("accepted");
    until_running(&runtime, stuck.id()).await;
    let next = jobs.enqueue(Add::new(1, 2)).await.expect("accepted");
    assert_eq!(next.result().await.ok(), Some(3), "it got the slot");
    assert!(matches!(stuck.result().await, Err(ResultError::Failed(_))));
    let record = record(&runtime, stuck.id()).await;
    assert_eq!(record.attempts[0].outcome, Some(AttemptOutcome::TimedOut));
    assert!(
        record.duration_ms.is_some_and(|took| took < 3_500),
        "{record:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_that_was_lent_too_late_is_given_away_once() {
    let runtime = impatient(1).await;
    let jobs = runtime.client();
    let stuck = jobs
        .enqueue(LendsTooLate::new(2_000_u64))
        .await
        .expect("accepted");
    assert!(matches!(stuck.result().await, Err(ResultError::Failed(_))));
    // More of them than there are slots, one after the other, while the stuck one comes back.
    for n in 0..20 {
        let next = jobs.enqueue(Add::new(n, 1)).await.expect("accepted");
        assert_eq!(next.result().await.ok(), Some(n + 1));
        tokio::time::timeout(Duration::from_millis(50), std::future::pending::<()>())
            .await
            .ok();
    }
    runtime.idle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_attempt_that_ended_before_it_began_never_begins() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("begun.txt");
    let runtime = impatient(2).await;
    let jobs = runtime.client();
    // The application's only thread is blocked, so the brief one waits for it beyond its time.
    jobs.enqueue(Blocks::new(3_000_u64))
        .await
        .expect("accepted");
    let brief = jobs
        .enqueue(Brief::new(file.as_path()))
        .await
        .expect("accepted");
    let ended = brief.result().await;
    assert!(matches!(ended, Err(ResultError::Failed(_))), "{ended:?}");
    // The thread is free again when this is answered.
    let next = jobs.enqueue(Add::new(1, 2)).await.expect("accepted");
    assert_eq!(next.result().await.ok(), Some(3));
    assert!(!file.exists(), "it was settled, and began all the same");
}
