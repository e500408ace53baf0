//! Slot caps of a queue and of a job in one process, and ageing of executions that wait.

use std::collections::BTreeMap;
use std::time::Duration;

use jobs::{Execution, JobContext, JobError, Priority, job};
use jobs_runtime::{EngineConfig, Reason, Runtime, RuntimeBuilder};

use super::rates::with_zoo;
use super::support::{SECOND, Timed, all_end, starts};

/// Takes ten seconds.
#[job(id = "limits.mail", queue = "mail")]
async fn mail(ctx: &JobContext) -> Result<(), JobError> {
    ctx.sleep(10 * SECOND).await?;
    Ok(())
}

/// Takes ten seconds.
#[job(id = "limits.heavy", aliases = ["limits.heavy-once"])]
async fn heavy(ctx: &JobContext) -> Result<(), JobError> {
    ctx.sleep(10 * SECOND).await?;
    Ok(())
}

/// The explanation of why an execution waits for a slot.
async fn why<T>(runtime: &Timed, execution: &Execution<T>) -> String {
    let told = runtime.service().explain(execution.id()).await.unwrap();
    let reason = told.expect("it exists").reason;
    assert!(
        matches!(reason.reason, Reason::SlotCapReached { .. }),
        "{reason:?}"
    );
    reason.text
}

#[tokio::test]
async fn a_queue_uses_no_more_slots_than_its_cap() {
    let config = EngineConfig {
        concurrency: 8,
        queue_concurrency: BTreeMap::from([("mail".to_owned(), 2)]),
        ..EngineConfig::default()
    };
    let runtime = Timed::with(config).await;
    let mails = runtime
        .client()
        .enqueue_all((0..6).map(|_| Mail::new()))
        .await
        .unwrap();
    let others = runtime
        .client()
        .enqueue_all((0..6).map(|_| Heavy::new()))
        .await
        .unwrap();
    runtime.clock.settle().await;
    let told = why(&runtime, &mails[5]).await;
    assert!(told.contains("runs 2 attempts of queue `mail`"), "{told}");
    all_end(&runtime, &mails).await;
    all_end(&runtime, &others).await;
    let expected = [0, 0, 10_000, 10_000, 20_000, 20_000];
    assert_eq!(starts(&runtime, &mails).await, expected);
    assert_eq!(
        starts(&runtime, &others).await,
        [0; 6],
        "the other slots are free for them"
    );
}

#[tokio::test]
async fn a_job_uses_no_more_slots_than_its_cap() {
    let builder = Runtime::builder()
        .concurrency(8)
        .job_concurrency("limits.heavy", 1);
    let runtime = Timed::build(builder).await;
    let heavy = runtime
        .client()
        .enqueue_all((0..3).map(|_| Heavy::new()))
        .await
        .unwrap();
    let mails = runtime
        .client()
        .enqueue_all((0..3).map(|_| Mail::new()))
        .await
        .unwrap();
    runtime.clock.settle().await;
    let told = why(&runtime, &heavy[2]).await;
    assert!(told.contains("runs 1 attempt of its job"), "{told}");
    all_end(&runtime, &heavy).await;
    all_end(&runtime, &mails).await;
    assert_eq!(starts(&runtime, &heavy).await, [0, 10_000, 20_000]);
    assert_eq!(starts(&runtime, &mails).await, [0; 3]);
}

/// The wait of an execution of low priority among twelve of high priority that take ten seconds
/// each, at concurrency 1.
async fn waits_behind_urgent_ones(ageing: BTreeMap<String, Duration>) -> Duration {
    let config = EngineConfig {
        concurrency: 1,
        ageing,
        ..EngineConfig::default()
    };
    let runtime = Timed::with(config).await;
    let client = runtime.client();
    let mut urgent = Vec::new();
    for _ in 0..6 {
        let enqueue = client.enqueue(Mail::new()).priority(Priority::High);
        urgent.push(enqueue.await.unwrap());
    }
    let enqueue = client.enqueue(Mail::new()).priority(Priority::Low);
    let last = enqueue.await.unwrap();
    for _ in 0..6 {
        let enqueue = client.enqueue(Mail::new()).priority(Priority::High);
        urgent.push(enqueue.await.unwrap());
    }
    all_end(&runtime, &urgent).await;
    runtime.result(&last).await.expect("it succeeds");
    let record = runtime.record(last.id()).await;
    let began = record.started_at.expect("it began").as_millis() - record.run_at.as_millis();
    Duration::from_millis(u64::try_from(began).unwrap())
}

#[tokio::test]
async fn without_ageing_a_low_priority_execution_waits_for_all_urgent_ones() {
    let waited = waits_behind_urgent_ones(BTreeMap::new()).await;
    assert_eq!(waited, 120 * SECOND);
}

#[tokio::test]
async fn with_ageing_an_execution_that_reaches_its_queues_age_goes_first() {
    let age = BTreeMap::from([("mail".to_owned(), 55 * SECOND)]);
    let waited = waits_behind_urgent_ones(age).await;
    // It is raised within a tenth of the age and claimed at the next free slot. One more execution
    // may have been claimed ahead.
    assert!(waited >= 60 * SECOND && waited <= 80 * SECOND, "{waited:?}");
    let other = BTreeMap::from([("other".to_owned(), SECOND)]);
    assert_eq!(waits_behind_urgent_ones(other).await, 120 * SECOND);
}

#[tokio::test]
async fn caps_ages_and_limits_without_effect_stop_the_start() {
    let refused = async |builder: RuntimeBuilder, hint: &str| {
        let error = builder.database("sqlite::memory:").start().await;
        let error = error.expect_err("refused").to_string();
        assert!(error.contains(hint), "{error}");
    };
    refused(
        Runtime::builder().job_concurrency("limits.heavi", 1),
        "limits.heavi",
    )
    .await;
    refused(
        Runtime::builder().job_concurrency("limits.heavy", 0),
        "from 1",
    )
    .await;
    refused(Runtime::builder().queue_concurrency("mail", 0), "from 1").await;
    let ageless = Runtime::builder().ageing("mail", Duration::ZERO);
    refused(ageless, "a duration from 1 ms").await;
    refused(with_zoo(0, SECOND), "zoo").await;
    refused(with_zoo(1, Duration::ZERO), "zoo").await;
}
