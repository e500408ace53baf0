//! `POST /executions/{id}/cancel`, `POST /executions/{id}/retry`.

use serde_json::json;

use crate::support::{API, Answer, Api};

async fn act(api: &Api, id: &str, act: &str, body: &str) -> Answer {
    api.post(&format!("{API}/executions/{id}/{act}"), body)
        .await
}

async fn member(api: &Api) -> String {
    let payload = json!({"workspaceId": "w", "subject": "s"});
    api.trigger("provision-member", json!({"payload": payload}))
        .await
}

#[tokio::test]
async fn a_waiting_execution_is_cancelled_at_once() {
    let api = Api::new().await;
    let id = member(&api).await;
    let answer = act(&api, &id, "cancel", "").await;
    assert_eq!(
        answer.is_ok(),
        &json!({"executionId": id, "status": "cancelled", "cancelRequested": false})
    );
    let again = act(&api, &id, "cancel", "{}").await;
    let problem = again.is_problem(409, "already_final");
    assert_eq!(problem["executionStatus"], "cancelled");
}

#[tokio::test]
async fn the_cancellation_of_a_running_execution_is_requested() {
    let api = Api::new().await;
    let id = member(&api).await;
    let _claimed = api.worker().await.claim().await;
    let answer = act(&api, &id, "cancel", "").await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    assert_eq!(answer.body["status"], "running");
    assert_eq!(answer.body["cancelRequested"], true);
    let execution = api.get(&format!("{API}/executions/{id}")).await;
    assert!(execution.is_ok()["cancelRequestedAt"].is_string());
}

#[tokio::test]
async fn a_failed_execution_is_retried_with_a_new_payload() {
    let api = Api::new().await;
    let id = member(&api).await;
    let mut worker = api.worker().await;
    let claimed = worker.claim().await;
    worker.fail(claimed, "no such workspace").await;

    let invalid = act(&api, &id, "retry", r#"{"payload":{"workspaceId":""}}"#).await;
    invalid.is_problem(422, "invalid_payload");
    assert_eq!(invalid.pointers(), ["/subject", "/workspaceId"]);

    let body = r#"{"payload":{"workspaceId":"w-2","subject":"s"}}"#;
    let answer = act(&api, &id, "retry", body).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    assert_eq!(answer.body, json!({"executionId": id, "status": "queued"}));
    let claimed = worker.claim().await;
    assert_eq!(claimed.fence.attempt, 2);
    // The new payload gets the defaults, as at enqueue.
    assert_eq!(
        claimed.payload,
        r#"{"workspaceId":"w-2","subject":"s","role":"member"}"#
    );
}

#[tokio::test]
async fn only_failed_and_cancelled_executions_are_retried() {
    let api = Api::new().await;
    let id = member(&api).await;
    let answer = act(&api, &id, "retry", "").await;
    let problem = answer.is_problem(409, "not_retryable");
    assert_eq!(problem["executionStatus"], "queued");
    act(&api, &id, "cancel", "").await.is_ok();
    assert_eq!(act(&api, &id, "retry", "").await.status, 202);
}

#[tokio::test]
async fn unknown_fields_are_rejected() {
    let api = Api::new().await;
    let id = member(&api).await;
    for name in ["cancel", "retry"] {
        let answer = act(&api, &id, name, r#"{"force":true}"#).await;
        answer.is_problem(400, "invalid_request");
        assert_eq!(answer.pointers(), ["/force"]);
    }
}
