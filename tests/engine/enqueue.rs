//! Enqueues through the client.

use std::time::Duration;

use jobs::{EnqueueError, ExecutionStatus, Priority};
use tests::jobs::{Add, ConvertExternally, Flaky};

use super::support::Timed;

#[tokio::test]
async fn every_option_is_stored() {
    let runtime = Timed::start().await;
    let execution = runtime
        .client()
        .enqueue(Add::new(1, 2))
        .priority(Priority::High)
        .delay(Duration::from_secs(600))
        .item("abc-123")
        .created_by("user:bob")
        .correlation_id("order-7")
        .tag("nightly")
        .idempotency_key("signup-42")
        .await
        .expect("accepted");
    let record = runtime.record(execution.id()).await;
    assert_eq!(record.status, ExecutionStatus::Pending);
    assert_eq!(record.priority, 75);
    assert_eq!(
        record.run_at.since(record.created_at),
        Duration::from_secs(600)
    );
    assert_eq!(record.item_id.as_deref(), Some("abc-123"));
    assert_eq!(record.created_by.as_deref(), Some("user:bob"));
    assert_eq!(record.correlation_id.as_deref(), Some("order-7"));
    assert_eq!(record.tags, ["nightly"]);
    assert_eq!(record.triggered_by, "code");
}

#[tokio::test]
async fn an_idempotency_key_enqueues_once_and_rejects_another_payload() {
    let runtime = Timed::start().await;
    let jobs = runtime.client();
    let first = jobs
        .enqueue(Add::new(1, 2))
        .idempotency_key("k")
        .await
        .expect("accepted");
    let again = jobs
        .enqueue(Add::new(1, 2))
        .idempotency_key("k")
        .await
        .expect("accepted");
    assert_eq!((first.id(), again.triggered()), (again.id(), false));
    let other = jobs.enqueue(Add::new(1, 3)).idempotency_key("k").await;
    assert!(
        matches!(other, Err(EnqueueError::IdempotencyConflict { execution_id, .. }) if execution_id == first.id()),
        "{other:?}"
    );
}

#[tokio::test]
async fn every_execution_of_a_batch_runs() {
    let runtime = Timed::start().await;
    let batch = (0..500).map(|n| Add::new(n, 1));
    let executions = runtime.client().enqueue_all(batch).await.expect("accepted");
    assert_eq!(executions.len(), 500);
    for (n, execution) in (0..).zip(&executions) {
        assert_eq!(runtime.result(execution).await.ok(), Some(n + 1_i64));
    }
}

#[tokio::test]
async fn children_inherit_the_correlation_id_and_name_their_parent() {
    let runtime = Timed::start().await;
    let parent = runtime
        .client()
        .enqueue(tests::jobs::Parent::new(1))
        .correlation_id("order-7")
        .await
        .expect("accepted");
    runtime.result(&parent).await.expect("it succeeds");
    let mut query = jobs_runtime::store::ExecutionQuery::newest(10);
    query.correlation_id = Some("order-7".to_owned());
    let page = runtime
        .store()
        .list_executions(query)
        .await
        .expect("the store answers");
    let parents: Vec<_> = page.executions.iter().map(|e| e.parent_id).collect();
    assert_eq!(parents, [Some(parent.id()), None]);
}

#[tokio::test]
async fn an_external_job_waits_for_its_worker() {
    let runtime = Timed::start().await;
    let jobs = runtime.client();
    let external = jobs
        .enqueue(ConvertExternally::new("f"))
        .await
        .expect("accepted");
    // A later execution has run, so the worker has had a chance to claim the external one.
    let flaky = jobs.enqueue(Flaky::new(1_u32)).await.expect("accepted");
    runtime.result(&flaky).await.expect("it succeeds");
    let record = runtime.record(external.id()).await;
    assert_eq!(record.status, ExecutionStatus::Queued);
}
