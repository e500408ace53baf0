//! Rate limits of jobs, and named rate limits that handlers use.

use std::time::Duration;

use jobs::{AttemptOutcome, JobContext, JobError, job};
use jobs_runtime::{Runtime, RuntimeBuilder};

use super::support::{SECOND, Timed, all_end, starts};

#[job(id = "limits.paced", rate_limit = "30/min")]
pub(super) async fn paced() -> Result<(), JobError> {
    Ok(())
}

/// Returns `rate_limited` for a minute at its first attempt.
#[job(id = "limits.told", rate_limit = "1/s")]
async fn told(ctx: &JobContext) -> Result<u32, JobError> {
    match ctx.attempt() {
        1 => Err(JobError::rate_limited(60 * SECOND)),
        attempt => Ok(attempt),
    }
}

/// Uses the limit `whom` as many times as `calls`.
#[job(id = "limits.visits")]
async fn visits(
    ctx: &JobContext,
    calls: u32,
    #[default("zoo")] whom: String,
) -> Result<u32, JobError> {
    for _ in 0..calls {
        ctx.limit(&whom, 1).await?;
    }
    Ok(ctx.attempt())
}

/// Uses the limit `zoo` once. It is asked to end after 45 seconds.
#[job(id = "limits.hurried", timeout = "50s", retries = 0)]
async fn hurried(ctx: &JobContext) -> Result<u32, JobError> {
    ctx.limit("zoo", 1).await?;
    Ok(ctx.attempt())
}

/// Uses the limit `zoo`, and returns `rate_limited` for ten seconds at its first attempt.
#[job(id = "limits.turned-away")]
async fn turned_away(ctx: &JobContext) -> Result<(), JobError> {
    ctx.limit("zoo", 1).await?;
    match ctx.attempt() {
        1 => Err(JobError::rate_limited(10 * SECOND)),
        _ => Ok(()),
    }
}

pub(super) fn with_zoo(count: u32, period: Duration) -> RuntimeBuilder {
    Runtime::builder().limit("zoo", count, period)
}

#[tokio::test]
async fn starts_keep_the_rate() {
    let runtime = Timed::start().await;
    let all = runtime
        .client()
        .enqueue_all((0..10).map(|_| Paced::new()))
        .await
        .unwrap();
    all_end(&runtime, &all).await;
    // A thirtieth of a minute and of the 250 ms that a start may follow its claim.
    let expected: Vec<_> = (0..10).map(|n| n * 2_009).collect();
    assert_eq!(starts(&runtime, &all).await, expected);
}

#[tokio::test]
async fn a_rate_limited_error_pauses_the_rate_of_the_job() {
    let runtime = Timed::start().await;
    let all = runtime
        .client()
        .enqueue_all((0..2).map(|_| Told::new()))
        .await
        .unwrap();
    all_end(&runtime, &all).await;
    let mut begun = Vec::new();
    for execution in &all {
        let attempts = runtime.record(execution.id()).await.attempts;
        let snoozed = AttemptOutcome::Snoozed;
        assert_eq!(attempts[0].outcome, Some(snoozed));
        begun.extend(
            attempts
                .iter()
                .map(|attempt| attempt.started_at.as_millis() / 1_000),
        );
    }
    begun.sort_unstable();
    let first = begun[0];
    let begun: Vec<_> = begun.iter().map(|at| at - first).collect();
    // The error of the first execution delays the second one; the second returns the error too.
    assert_eq!(begun, [0, 60, 61, 121], "{begun:?}");
}

#[tokio::test]
async fn handlers_share_a_named_limit() {
    let runtime = Timed::build(with_zoo(1, SECOND)).await;
    let before = runtime.clock.passed();
    let all = runtime
        .client()
        .enqueue_all([Visits::new(3_u32), Visits::new(4_u32)])
        .await
        .unwrap();
    all_end(&runtime, &all).await;
    assert_eq!(runtime.clock.passed() - before, 6 * SECOND, "seven calls");
}

#[tokio::test]
async fn a_wait_that_is_too_long_costs_no_attempt_of_the_budget() {
    let runtime = Timed::build(with_zoo(1, 100 * SECOND)).await;
    let first = runtime.enqueue(Visits::new(1_u32)).await;
    assert_eq!(runtime.result(&first).await.ok(), Some(1));
    let before = runtime.clock.passed();
    let second = runtime.enqueue(Visits::new(1_u32)).await;
    assert_eq!(runtime.result(&second).await.ok(), Some(2));
    assert_eq!((runtime.clock.passed() - before).as_secs(), 100);
    let record = runtime.record(second.id()).await;
    let outcomes: Vec<_> = record
        .attempts
        .iter()
        .filter_map(|attempt| attempt.outcome)
        .collect();
    let snoozed = AttemptOutcome::Snoozed;
    assert_eq!(outcomes, [snoozed, AttemptOutcome::Succeeded]);
}

#[tokio::test]
async fn no_start_is_reserved_that_the_attempt_could_not_use() {
    let runtime = Timed::build(with_zoo(1, 47 * SECOND)).await;
    let first = runtime.enqueue(Hurried::new()).await;
    assert_eq!(runtime.result(&first).await.ok(), Some(1));
    let second = runtime.enqueue(Hurried::new()).await;
    assert_eq!(runtime.result(&second).await.ok(), Some(2));
    let outcomes = runtime.record(second.id()).await.attempts;
    let outcomes: Vec<_> = outcomes.iter().filter_map(|one| one.outcome).collect();
    let snoozed = AttemptOutcome::Snoozed;
    assert_eq!(outcomes, [snoozed, AttemptOutcome::Succeeded]);
}

#[tokio::test]
async fn an_unknown_limit_is_named_and_retried() {
    let runtime = Timed::build(with_zoo(1, SECOND)).await;
    let visits = runtime.enqueue(Visits::new(1_u32).whom("aquarium")).await;
    runtime.result(&visits).await.expect_err("no such limit");
    let error = runtime.record(visits.id()).await.error.expect("it failed");
    assert!(
        error.message.contains("`aquarium`") && error.message.contains("zoo"),
        "{error}"
    );
    let attempts = runtime.record(visits.id()).await.attempts.len();
    assert!(attempts > 1, "the setting may be on its way: {attempts}");
}

#[tokio::test]
async fn a_rate_limited_error_pauses_the_limits_that_the_attempt_used() {
    let runtime = Timed::build(with_zoo(10, SECOND)).await;
    let first = runtime.enqueue(TurnedAway::new()).await;
    runtime.clock.settle().await;
    let before = runtime.clock.passed();
    let visits = runtime.enqueue(Visits::new(1_u32)).await;
    runtime.result(&visits).await.expect("it succeeds");
    assert!(runtime.clock.passed() - before >= 9 * SECOND);
    runtime.result(&first).await.expect("it succeeds");
}
