//! Enqueue: stored executions and rejected batches.

use std::collections::HashSet;

use jobs::runtime::EnqueueRequest;
use jobs::{EnqueueError, JobError, Priority, job};
use jobs_runtime::MAX_PAYLOAD_BYTES;

use crate::support::{Add, linked, stored};

#[tokio::test]
async fn a_typed_enqueue_is_stored_with_its_policy() {
    let (store, service) = linked().await;
    let execution = service
        .client()
        .enqueue(Add::new(2))
        .priority(Priority::High)
        .tag("x")
        .await
        .unwrap();
    assert!(execution.triggered());
    let record = store.execution(execution.id()).await.unwrap().unwrap();
    assert_eq!(record.payload.get(), r#"{"a":2,"b":1}"#);
    assert_eq!(record.priority, 75);
    assert_eq!(record.tags, ["arithmetic", "x"]);
    assert_eq!(record.max_attempts, 2);
    assert_eq!(record.triggered_by, "code");
}

#[tokio::test]
async fn the_error_of_a_batch_names_the_invalid_payload() {
    let (store, service) = linked().await;
    let request = |payload: &str| EnqueueRequest::new("add", payload.to_owned());
    let error = service
        .enqueue(vec![request(r#"{"a":1}"#), request(r#"{"a":1.0}"#)])
        .await
        .unwrap_err();
    let EnqueueError::InvalidPayload { violations, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(violations.0[0].pointer, "/1/a");
    let large = format!(r#"{{"a":1,"x":"{}"}}"#, "x".repeat(MAX_PAYLOAD_BYTES));
    let error = service.enqueue(vec![request(&large)]).await.unwrap_err();
    assert!(matches!(error, EnqueueError::PayloadTooLarge { .. }));
    assert_eq!(stored(&store).await, 0);
}

#[job(id = "label", unique = (by = ["labels"]))]
async fn label(
    labels: HashSet<String>,
    weight: f64,
    #[default(0.1)] share: f32,
) -> Result<(), JobError> {
    let _ = (labels, weight, share);
    Ok(())
}

#[tokio::test]
async fn equal_payloads_are_known_however_they_are_written() {
    let (store, service) = linked().await;
    let enqueue = async |key: Option<&str>, payload: &str| {
        let mut request = EnqueueRequest::new("label", payload.to_owned());
        request.idempotency_key = key.map(str::to_owned);
        let answers = service.enqueue(vec![request]).await;
        answers.map(|answers| answers[0].execution_id)
    };
    let first = enqueue(Some("k"), r#"{"labels":["a","b"],"weight":2}"#)
        .await
        .unwrap();
    for same in [
        r#"{"labels":["b","a"],"weight":2.0}"#,
        r#"{"share":0.1,"weight":2e0,"labels":["b","a"]}"#,
    ] {
        assert_eq!(enqueue(Some("k"), same).await.unwrap(), first, "{same}");
    }
    let other = r#"{"labels":["b","a"],"weight":3}"#;
    enqueue(Some("k"), other)
        .await
        .expect_err("the key has another payload");
    // Without the idempotency key, the unique key answers.
    assert_eq!(enqueue(None, other).await.unwrap(), first);
    assert_eq!(stored(&store).await, 1);
}
