//! Stuck handlers: they block their thread and ignore every request to end.
//!
//! The tests run in real time, because a virtual clock cannot see a blocked thread. They do not
//! depend on durations: a handler blocks until the test opens its gate.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jobs::{AttemptOutcome, ResultError};
use jobs_runtime::{EngineConfig, Runtime};
use tempfile::TempDir;
use tests::jobs::{Add, Blocks, Brief, Interval, LendsTooLate};

use super::{record, runtime_with};

/// A runtime with a grace of 100 ms.
async fn runtime_with_short_grace(concurrency: usize) -> Runtime {
    let config = EngineConfig {
        concurrency,
        grace: Duration::from_millis(100),
        poll: Duration::from_secs(1),
        ..EngineConfig::default()
    };
    runtime_with(config).await
}

/// The path of a file that does not exist yet: the gate of a handler.
fn gate() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a directory");
    let gate = dir.path().join("gate");
    (dir, gate)
}

fn open(gate: &Path) {
    std::fs::write(gate, "open").expect("written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_blocks_its_thread_is_settled_and_its_slot_replaced() {
    let (_dir, gate) = gate();
    let runtime = runtime_with_short_grace(1).await;
    let jobs = runtime.client();
    let stuck = jobs.enqueue(Blocks::new(gate.as_path())).await;
    let stuck = stuck.expect("accepted");
    let next = jobs.enqueue(Add::new(1, 2)).await.expect("accepted");
    assert_eq!(next.result().await.ok(), Some(3), "it got the slot");
    assert!(matches!(stuck.result().await, Err(ResultError::Failed(_))));
    // The handler still waits for the gate.
    let record = record(&runtime, stuck.id()).await;
    assert_eq!(record.attempts[0].outcome, Some(AttemptOutcome::TimedOut));
    open(&gate);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loan_after_the_settlement_frees_no_second_slot() {
    let (dir, gate) = gate();
    let runtime = runtime_with_short_grace(1).await;
    let jobs = runtime.client();
    let stuck = jobs.enqueue(LendsTooLate::new(gate.as_path())).await;
    let stuck = stuck.expect("accepted");
    assert!(matches!(stuck.result().await, Err(ResultError::Failed(_))));
    // The handler continues, tries to lend the slot that it has lost, and is dropped.
    open(&gate);
    let left = gate.with_extension("left");
    while !left.exists() {
        let next = jobs.enqueue(Add::new(1, 1)).await.expect("accepted");
        assert_eq!(next.result().await.ok(), Some(2));
    }
    // There is exactly one slot.
    let intervals = dir.path().join("intervals");
    let batch = (0..20).map(|_| Interval::new(intervals.as_path(), 5_u64));
    for interval in jobs.enqueue_all(batch).await.expect("accepted") {
        interval.result().await.expect("it succeeds");
    }
    let lines = std::fs::read_to_string(intervals).expect("handlers wrote it");
    let lines: Vec<_> = lines.lines().collect();
    assert_eq!(lines.len(), 40);
    for pair in lines.chunks(2) {
        let name = pair[0].strip_prefix("begin ");
        assert!(name.is_some(), "{lines:?}");
        assert_eq!(pair[1].strip_prefix("end "), name, "one at a time");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_attempt_that_is_settled_before_its_handler_starts_never_starts_it() {
    let (dir, gate) = gate();
    let file = dir.path().join("begun.txt");
    let runtime = runtime_with_short_grace(2).await;
    let jobs = runtime.client();
    // The application's only thread is blocked, so the brief attempt waits past its time limit.
    let blocking = jobs.enqueue(Blocks::new(gate.as_path())).await;
    blocking.expect("accepted");
    let brief = jobs.enqueue(Brief::new(file.as_path())).await;
    let ended = brief.expect("accepted").result().await;
    assert!(matches!(ended, Err(ResultError::Failed(_))), "{ended:?}");
    open(&gate);
    // The thread is free again when this is answered.
    let next = jobs.enqueue(Add::new(1, 2)).await.expect("accepted");
    assert_eq!(next.result().await.ok(), Some(3));
    assert!(!file.exists(), "it started after it was settled");
}
