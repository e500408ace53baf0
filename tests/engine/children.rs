//! Children: a later attempt of the parent finds those of an earlier one.

use std::collections::BTreeSet;
use std::time::Duration;

use jobs::{AttemptOutcome, Clock, ExecutionId, ExecutionStatus, JobContext, JobError, job};
use jobs_runtime::store::{ExecutionQuery, ExecutionRecord};
use tests::jobs::Add;

use super::support::Timed;

/// Fails before its third attempt, after it has awaited its children.
#[job(id = "children.buyer", retries = [1, 1])]
async fn buyer(ctx: &JobContext, again: bool) -> Result<Vec<i64>, JobError> {
    let one = ctx.enqueue(Add::new(1, 1));
    let one = if again { one.again() } else { one };
    let mut results = vec![one.await?.result().await?];
    // The payload of the last one equals that of the first.
    for child in ctx.enqueue_all([2, 3, 1].map(|a| Add::new(a, 1))).await? {
        results.push(child.result().await?);
    }
    if !ctx.is_last_attempt() {
        return Err("not yet".into());
    }
    Ok(results)
}

/// Fails for good.
#[job(id = "children.hopeless")]
async fn hopeless() -> Result<(), JobError> {
    Err(JobError::permanent("never"))
}

/// Awaits a hopeless child, and fails with its error or with one of its own.
#[job(id = "children.parent-of-hopeless", retries = [1, 1])]
async fn parent_of_hopeless(ctx: &JobContext, passes_on: bool) -> Result<(), JobError> {
    match ctx.enqueue(Hopeless::new()).await?.result().await {
        Err(error) if passes_on => Err(error.into()),
        _ => Err("try again".into()),
    }
}

/// Sleeps for an hour.
#[job(id = "children.sleeper")]
async fn sleeper(ctx: &JobContext) -> Result<(), JobError> {
    ctx.sleep(Duration::from_secs(3_600)).await
}

/// Awaits a sleeper.
#[job(id = "children.parent-of-sleeper", timeout = "100s", retries = 0)]
async fn parent_of_sleeper(ctx: &JobContext) -> Result<(), JobError> {
    Ok(ctx.enqueue(Sleeper::new()).await?.result().await?)
}

/// The children of an execution.
async fn children(runtime: &Timed, parent: ExecutionId) -> Vec<ExecutionRecord> {
    let query = ExecutionQuery::newest(100);
    let page = runtime.store().list_executions(query).await;
    let listed = page.expect("it answers").executions.into_iter();
    listed
        .filter(|child| child.parent_id == Some(parent))
        .collect()
}

#[tokio::test]
async fn a_later_attempt_finds_the_children_of_an_earlier_one() {
    let runtime = Timed::start().await;
    let parent = runtime.enqueue(Buyer::new(false)).await;
    assert_eq!(runtime.result(&parent).await.ok(), Some(vec![2, 3, 4, 2]));
    let parent = runtime.record(parent.id()).await;
    assert_eq!(parent.attempts.len(), 3, "{parent:?}");
    let children = children(&runtime, parent.id).await;
    assert_eq!(children.len(), 4, "{children:?}");
    assert!(
        children.iter().all(|child| child.attempt == 1),
        "{children:?}"
    );
}

#[tokio::test]
async fn again_asks_for_a_new_child_in_each_attempt() {
    let runtime = Timed::start().await;
    let parent = runtime.enqueue(Buyer::new(true)).await;
    assert_eq!(runtime.result(&parent).await.ok(), Some(vec![2, 3, 4, 2]));
    let children = children(&runtime, parent.id()).await;
    assert_eq!(children.len(), 3 + 3, "{children:?}");
}

#[tokio::test]
async fn a_child_that_failed_is_enqueued_anew() {
    let runtime = Timed::start().await;
    let parent = runtime.enqueue(ParentOfHopeless::new(false)).await;
    assert!(runtime.result(&parent).await.is_err());
    assert_eq!(runtime.record(parent.id()).await.attempts.len(), 3);
    let children = children(&runtime, parent.id()).await;
    let ids: BTreeSet<_> = children.iter().map(|child| child.id).collect();
    assert_eq!(ids.len(), 3, "{children:?}");
    assert!(
        children
            .iter()
            .all(|child| child.status == ExecutionStatus::Failed)
    );
}

#[tokio::test]
async fn the_permanent_failure_of_a_child_is_permanent_for_its_parent() {
    let runtime = Timed::start().await;
    let parent = runtime.enqueue(ParentOfHopeless::new(true)).await;
    assert!(runtime.result(&parent).await.is_err());
    let parent = runtime.record(parent.id()).await;
    assert_eq!(parent.attempts.len(), 1, "{parent:?}");
    assert_eq!(children(&runtime, parent.id).await.len(), 1);
}

#[tokio::test]
async fn a_wait_for_a_child_obeys_cancel_and_timeout() {
    for is_cancelled in [true, false] {
        let runtime = Timed::start().await;
        let parent = runtime.begin(ParentOfSleeper::new()).await;
        let began = runtime.clock.now();
        if is_cancelled {
            runtime.cancel(parent.id()).await;
        }
        assert!(runtime.result(&parent).await.is_err());
        let took = runtime.clock.now().duration_since(began).expect("later");
        let parent = runtime.record(parent.id()).await;
        let outcome = parent.attempts[0].outcome;
        // Before its timeout, a handler is told a tenth of it earlier.
        let (expected, latest) = if is_cancelled {
            (AttemptOutcome::Cancelled, Duration::from_secs(1))
        } else {
            (AttemptOutcome::TimedOut, Duration::from_secs(91))
        };
        assert_eq!(outcome, Some(expected), "{parent:?}");
        assert!(took < latest, "after {took:?}: {parent:?}");
        let child = &children(&runtime, parent.id).await[0];
        assert_eq!(child.status, ExecutionStatus::Running, "{child:?}");
    }
}
