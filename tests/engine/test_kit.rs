//! The test kit of applications: the real engine in memory, whose time a test controls.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use jobs::{
    AttemptOutcome, ExecutionStatus, JobContext, JobError, assert_enqueued, assert_not_enqueued,
    job,
};
use jobs_runtime::testing::{Crash, TestRuntime};

/// Succeeds at its third attempt, one and two hours after the first.
#[job(id = "kit.third", retries = ["1h", "1h"])]
async fn third(ctx: &JobContext) -> Result<u32, JobError> {
    if ctx.attempt() == 3 {
        Ok(3)
    } else {
        Err("not yet".into())
    }
}

/// Has a payload.
#[job(id = "kit.named")]
async fn named(name: String) -> Result<String, JobError> {
    Ok(name)
}

/// Never ends, within its timeout.
#[job(id = "kit.endless", timeout = "none")]
async fn endless() -> Result<(), JobError> {
    std::future::pending::<()>().await;
    Ok(())
}

/// Executed by other programs.
#[job(id = "kit.external")]
async fn external() -> Result<(), JobError>;

#[tokio::test]
async fn time_passes_only_when_the_test_says_so() {
    let test = TestRuntime::start().await.expect("a runtime");
    let execution = test.client().enqueue(Third::new()).await.expect("enqueued");
    let attempt = async || test.execution(execution.id()).await.attempt;

    test.run_until_idle().await;
    test.run_until_idle().await;
    assert_eq!(attempt().await, 1);
    test.advance("59m").await;
    assert_eq!(attempt().await, 1);
    test.advance("1m").await;
    assert_eq!(attempt().await, 2);
    test.run_to_end("1d").await;
    assert_eq!(execution.result().await.expect("a result"), 3);
    assert_eq!(test.clock().passed().as_secs(), 2 * 3600);
}

#[tokio::test]
async fn executions_of_a_job_are_listed_in_their_order() {
    let test = TestRuntime::start().await.expect("a runtime");
    for name in ["a", "b"] {
        let enqueue = test.client().enqueue(Named::new(name));
        enqueue.await.expect("enqueued");
    }
    test.run_until_idle().await;
    let found = test.executions::<Named>().await;
    let names: Vec<_> = found.iter().map(|one| one.payload.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    let statuses: Vec<_> = found.iter().map(|one| one.record.status).collect();
    assert_eq!(statuses, [ExecutionStatus::Succeeded; 2]);
    assert!(test.executions::<Third>().await.is_empty());
}

#[tokio::test]
async fn what_never_ends_is_named() {
    let test = TestRuntime::start().await.expect("a runtime");
    let endless = test
        .client()
        .enqueue(Endless::new())
        .await
        .expect("enqueued");
    let external = test
        .client()
        .enqueue(External::new())
        .await
        .expect("enqueued");
    let waits = tokio::spawn(async move { test.run_to_end("1m").await });
    let panic = waits
        .await
        .expect_err("both are live for ever")
        .into_panic();
    let message = panic.downcast_ref::<String>().expect("a message");
    for expected in [
        format!("{} of `kit.endless` is running, attempt 1", endless.id()),
        format!("{} of `kit.external` is queued, attempt 0", external.id()),
        "1m have passed".to_owned(),
    ] {
        assert!(message.contains(&expected), "{message}");
    }
}

/// Returns the attempt that succeeded, and counts the runs of the handler.
#[job(id = "kit.counted", retries = ["1m", "1m"])]
async fn counted(ctx: &JobContext, runs: &Runs, wait: bool) -> Result<u32, JobError> {
    runs.0.fetch_add(1, Ordering::SeqCst);
    if wait {
        ctx.sleep(std::time::Duration::from_secs(60)).await?;
    }
    Ok(ctx.attempt())
}

/// The number of runs of a handler.
#[derive(Default)]
struct Runs(AtomicU32);

#[jobs::resource]
fn runs() -> Runs {
    Runs::default()
}

/// Runs `kit.counted` once, with this fault, and returns its attempt and the number of runs.
async fn run_counted(test: &TestRuntime, runs: &Runs, wait: bool) -> (u32, u32) {
    let execution = test
        .client()
        .enqueue(Counted::new(wait))
        .await
        .expect("enqueued");
    test.run_until_idle().await;
    if wait {
        test.lose_leases().await;
    }
    test.run_to_end("10m").await;
    let attempt = execution.result().await.expect("a result");
    (attempt, runs.0.load(Ordering::SeqCst))
}

#[tokio::test]
async fn a_crash_before_the_commit_runs_the_handler_again() {
    for (crash, expected) in [(Crash::BeforeCommit, (2, 2)), (Crash::AfterCommit, (1, 1))] {
        let runs = Arc::new(Runs::default());
        let shared = Arc::clone(&runs);
        let test = TestRuntime::start_with(|builder| builder.shared_resource(shared)).await;
        let test = test.expect("a runtime");
        test.crash_at_commit(crash);
        assert_eq!(
            run_counted(&test, &runs, false).await,
            expected,
            "{crash:?}"
        );
    }
}

#[tokio::test]
async fn a_lost_lease_drops_the_handler_and_runs_it_again() {
    let runs = Arc::new(Runs::default());
    let shared = Arc::clone(&runs);
    let test = TestRuntime::start_with(|builder| builder.shared_resource(shared)).await;
    let test = test.expect("a runtime");
    assert_eq!(run_counted(&test, &runs, true).await, (2, 2));
    let attempts = test.executions::<Counted>().await;
    let first = test
        .execution(attempts[0].record.id)
        .await
        .attempts
        .remove(0);
    assert_eq!(first.outcome, Some(AttemptOutcome::Lost));
}

#[jobs::test(setup = |builder| builder.resource(Runs::default()))]
async fn a_slow_store_changes_nothing(test: &TestRuntime) -> Result<(), Box<dyn Error>> {
    test.slow_store(std::time::Duration::from_millis(1));
    let execution = test.client().enqueue(Counted::new(false)).await?;
    test.run_until_idle().await;
    assert_eq!(execution.result().await?, 1);
    Ok(())
}

#[jobs::test]
async fn enqueued_executions_are_asserted(test: &TestRuntime) {
    test.client()
        .enqueue(Named::new("a"))
        .item("one")
        .await
        .expect("enqueued");
    let enqueued = test.enqueued().await;
    let found = assert_enqueued!(enqueued, Named { name: "a" });
    assert_eq!(found.request.item_id.as_deref(), Some("one"));
    assert_not_enqueued!(enqueued, Named { name: "b" });
}

#[jobs::test]
#[should_panic(expected = "the body of a test runs")]
async fn a_test_without_its_runtime() {
    panic!("the body of a test runs");
}
