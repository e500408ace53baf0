//! The key `expires` on a virtual clock: executions that no worker starts in time are cancelled.

use std::time::Duration;

use jobs::{ErrorKind, ExecutionStatus, JobContext, JobError, job};
use jobs_runtime::NewSchedule;
use jobs_runtime::store::ExecutionQuery;

use super::support::{SECOND, Timed};

const MINUTE: Duration = Duration::from_secs(60);
const MILLISECOND: Duration = Duration::from_millis(1);

/// Takes ten minutes, one at a time.
#[job(
    id = "expiring.slow",
    timeout = "1h",
    max_concurrent = 1,
    expires = "5m"
)]
async fn slow(ctx: &JobContext) -> Result<(), JobError> {
    ctx.sleep(10 * MINUTE).await?;
    Ok(())
}

/// Does nothing.
#[job(id = "expiring.scheduled", expires = "30s", queue = "paused")]
async fn scheduled() -> Result<(), JobError> {
    Ok(())
}

#[tokio::test]
async fn an_execution_that_no_worker_starts_in_time_is_cancelled() {
    let runtime = Timed::start().await;
    let running = runtime.begin(Slow::new()).await;
    let blocked = runtime.enqueue(Slow::new()).await;
    let patient = runtime.client().enqueue(Slow::new()).expires(20 * MINUTE);
    let patient = patient.await.expect("accepted");
    runtime.clock.advance(5 * MINUTE - SECOND).await;
    let before = runtime.record(blocked.id()).await;
    assert_eq!(before.status, ExecutionStatus::Queued);
    let expires_at = before.expires_at.expect("it expires");
    // No poll is due: the end comes at its time.
    runtime.clock.advance(SECOND + MILLISECOND).await;
    let record = runtime.record(blocked.id()).await;
    assert_eq!(record.status, ExecutionStatus::Cancelled);
    let error = record.error.expect("an error");
    assert_eq!(error.kind, ErrorKind::Expired, "{error}");
    assert!(record.finished_at >= Some(expires_at));
    let waited = record.finished_at.map(|at| at.since(record.created_at));
    let waited = waited.expect("it has ended");
    assert!(waited <= 5 * MINUTE + MILLISECOND, "{waited:?}");
    runtime.result(&blocked).await.expect_err("it expired");

    runtime.result(&running).await.expect("it succeeds");
    runtime.result(&patient).await.expect("it had more time");
    runtime.shutdown().await;
}

/// Executions that a schedule creates while its queue is paused do not pile up.
#[tokio::test]
async fn scheduled_executions_of_a_paused_queue_expire() {
    let runtime = Timed::start().await;
    let paused = runtime.service().pause("paused").await;
    paused.expect("the store answers");
    let schedule = NewSchedule {
        name: "every-minute".to_owned(),
        job_id: "expiring.scheduled".to_owned(),
        rule: jobs::ScheduleRule::new("* * * * *"),
        payload: None,
    };
    let created = runtime.service().create_schedule(schedule).await;
    created.expect("the schedule is valid");
    runtime.clock.advance(10 * MINUTE).await;
    let query = ExecutionQuery {
        job_id: Some("expiring.scheduled".to_owned()),
        ..ExecutionQuery::newest(100)
    };
    let page = runtime
        .store()
        .list_executions(query)
        .await
        .expect("it answers");
    let waiting = page.executions.iter().filter(|one| !one.status.is_final());
    let (all, waiting) = (page.executions.len(), waiting.count());
    assert!(all >= 9, "{all} executions");
    assert!(waiting <= 1, "{waiting} of {all} wait");
    runtime.shutdown().await;
}
