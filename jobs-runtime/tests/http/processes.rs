//! `GET /processes`: the workers that have a session.

use serde_json::json;

use crate::support::{API, Api};

#[tokio::test]
async fn workers_are_listed_with_their_jobs_and_queues() {
    let api = Api::new().await;
    let answer = api.get(&format!("{API}/processes")).await;
    assert_eq!(answer.is_ok(), &json!({"processes": []}));

    let mut worker = api.worker_for(&["send-letter"], &["mail"]).await;
    api.trigger("send-letter", json!({"payload": {"to": "a"}}))
        .await;
    worker.claim().await;
    let answer = api.get(&format!("{API}/processes")).await;
    let process = &answer.is_ok()["processes"][0];
    assert_eq!(process["worker"], "test");
    assert_eq!(process["running"], 1);
    assert_eq!(process["jobIds"], json!(["send-letter"]));
    assert_eq!(process["queues"], json!(["mail"]));
    assert!(process["openedAt"].is_string() && process["renewedAt"].is_string());
}
