//! The test kit of applications: the real engine in memory, whose time a test controls.

use jobs::{ExecutionStatus, JobContext, JobError, job};
use jobs_runtime::testing::TestRuntime;

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
