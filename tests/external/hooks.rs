//! Hooks of an application for the attempts of external workers.

use std::sync::mpsc::channel;
use std::time::Duration;

use jobs::{AttemptOutcome, ErrorKind};
use jobs_runtime::Runtime;
use serde_json::json;
use tests::http;

#[tokio::test(flavor = "multi_thread")]
async fn a_server_calls_its_hooks_for_the_attempts_that_it_settles() {
    let (sender, ended) = channel();
    let runtime = Runtime::builder()
        .database("sqlite::memory:")
        .workers(false)
        .bind(([127, 0, 0, 1], 0).into())
        .on_finish(move |end| sender.send(end.clone()).unwrap())
        .start()
        .await
        .unwrap();
    let address = runtime.address().unwrap();
    let ends = tokio::task::spawn_blocking(move || {
        let id = http::trigger(address, "kit.work", &json!({"mode": "echo"}));
        let mut ends = Vec::new();
        for (verb, body) in [
            ("fail", json!({"message": "once", "retryInMs": 1})),
            ("succeed", json!({"result": {"doubled": 0, "attempt": 2}})),
        ] {
            let poll = json!({"workerId": "w", "jobs": ["kit.work"], "waitMs": 20_000});
            let poll = http::post(address, "/api/v1/workers/leases", &poll.to_string());
            let token = poll.body["leases"][0]["token"].as_str().unwrap().to_owned();
            let path = format!("/api/v1/workers/leases/{token}/{verb}");
            assert_eq!(http::post(address, &path, &body.to_string()).status, 200);
            let end = ended.recv_timeout(Duration::from_secs(60)).expect(verb);
            assert_eq!(end.execution_id.to_string(), id);
            ends.push(end);
        }
        ends
    });
    let ends = ends.await.unwrap();
    assert_eq!(&*ends[0].job_id, "kit.work");
    assert_eq!((ends[0].attempt, ends[1].attempt), (1, 2));
    assert_eq!(ends[0].outcome, AttemptOutcome::Failed);
    assert_eq!(ends[0].error.as_ref().unwrap().kind, ErrorKind::Failed);
    assert!(ends[0].retry_at.is_some() && !ends[0].is_exhausted);
    assert_eq!(ends[1].outcome, AttemptOutcome::Succeeded);
    runtime.shutdown().await;
}
