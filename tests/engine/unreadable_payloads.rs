//! Payloads that this program cannot read, while another program can.

use std::sync::Arc;
use std::time::Duration;

use jobs::{AttemptOutcome, ErrorKind, ExecutionId, ResultError};
use jobs_runtime::store::{NewExecution, SessionInfo};
use serde_json::json;
use tests::jobs::Add;

use super::support::{Timed, another_worker, stored as stored_as};

fn assert_is_invalid(result: Result<i64, ResultError>) {
    match result {
        Err(ResultError::Failed(error)) => assert_eq!(error.kind, ErrorKind::InvalidPayload),
        other => panic!("it failed, not {other:?}"),
    }
}

#[tokio::test]
async fn a_payload_that_another_program_reads_is_given_back_until_that_program_ends() {
    let runtime = Timed::start().await;
    let store = Arc::clone(runtime.store());
    let mut newer = store.catalogue().await.expect("it answers");
    newer.retain(|job| job.descriptor.id == "test.add");
    newer[0].descriptor.payload_schema = json!({ "type": "object", "required": ["sum"] });
    newer[0].fingerprint = "newer".to_owned();
    store.publish(newer.clone()).await.expect("published");
    let other = SessionInfo {
        job_ids: vec!["test.add".to_owned()],
        fingerprints: vec!["newer".to_owned()],
        lease: Duration::from_secs(3_600),
        ..another_worker()
    };
    let other = store.open_session(other).await.expect("opened");
    let stored = ["{\"sum\":3}", "{}"]
        .into_iter()
        .zip(1..)
        .map(|(payload, n)| NewExecution {
            payload: payload.to_owned(),
            ..stored_as(ExecutionId::from_bytes([n; 16]), "test.add")
        });
    let stored: Vec<_> = stored.collect();
    let [readable, unreadable] = [stored[0].id, stored[1].id];
    store.enqueue(stored).await.expect("enqueued");

    // A payload that no program reads fails, the other one waits for its program.
    let jobs = runtime.client();
    let failed = runtime.result(&jobs.execution::<Add>(unreadable)).await;
    assert_is_invalid(failed);
    runtime.clock.advance(Duration::from_secs(60)).await;
    let record = runtime.record(readable).await;
    let ended = record
        .attempts
        .iter()
        .filter(|attempt| attempt.outcome.is_some());
    let ended: Vec<_> = ended.collect();
    // After 1, 2, 4, 8, 16 and 30 seconds.
    assert_eq!(ended.len(), 6, "{ended:?}");
    for attempt in ended {
        assert_eq!(
            attempt.outcome,
            Some(AttemptOutcome::Released),
            "{attempt:?}"
        );
        let error = attempt.error.as_ref().expect("an error");
        assert_eq!(error.kind, ErrorKind::InvalidPayload, "{error:?}");
        assert!(error.message.contains("fingerprint newer"), "{error:?}");
    }

    // A program that converts older shapes may read what its schema refuses.
    let mut upcasts = newer;
    upcasts[0].descriptor.upcasts = true;
    upcasts[0].fingerprint = "upcasts".to_owned();
    store.publish(upcasts).await.expect("published");
    let third = SessionInfo {
        job_ids: vec!["test.add".to_owned()],
        fingerprints: vec!["upcasts".to_owned()],
        lease: Duration::from_secs(3_600),
        ..another_worker()
    };
    let third = store.open_session(third).await.expect("opened");
    let older = NewExecution {
        payload: "{\"total\":3}".to_owned(),
        ..stored_as(ExecutionId::from_bytes([3; 16]), "test.add")
    };
    let left = older.id;
    store.enqueue(vec![older]).await.expect("enqueued");
    runtime.clock.advance(Duration::from_secs(2)).await;
    let record = runtime.record(left).await;
    let first = record.attempts.first().expect("an attempt");
    assert_eq!(first.outcome, Some(AttemptOutcome::Released), "{record:?}");

    store.close_session(third).await.expect("closed");
    store.close_session(other).await.expect("closed");
    let failed = runtime.result(&jobs.execution::<Add>(readable)).await;
    assert_is_invalid(failed);
}
