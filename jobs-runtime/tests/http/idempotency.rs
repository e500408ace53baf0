//! Idempotency keys: replays and conflicts.

use axum::body::Body;
use axum::http::header;
use serde_json::{Value, json};

use crate::support::{API, Answer, Api, request};

async fn trigger(api: &Api, header_key: Option<&str>, body: Value) -> Answer {
    let mut request = request("POST", &format!("{API}/jobs/provision-member/trigger"))
        .header(header::CONTENT_TYPE, "application/json");
    if let Some(key) = header_key {
        request = request.header("Idempotency-Key", key);
    }
    api.send(request.body(Body::from(body.to_string())).unwrap())
        .await
}

#[tokio::test]
async fn a_replayed_key_returns_the_first_execution() {
    let api = Api::new().await;
    let first = trigger(
        &api,
        Some("signup-42"),
        json!({"payload": {"workspaceId": "w", "subject": "s"}}),
    )
    .await;
    assert_eq!(first.status, 202, "{}", first.body);
    // The same payload in another notation; the same key in the body instead of the header.
    let again = trigger(
        &api,
        None,
        json!({
            "payload": {"subject": "s", "role": "member", "workspaceId": "w"},
            "idempotencyKey": "signup-42",
        }),
    )
    .await;
    assert_eq!(again.status, 200, "{}", again.body);
    assert_eq!(again.body["executionId"], first.body["executionId"]);
    assert_eq!(again.body["triggered"], false);
    assert_eq!(again.body["status"], "queued");
    assert_eq!(
        again.headers[header::LOCATION],
        first.headers[header::LOCATION]
    );
    assert_eq!(api.stored().await, 1);
}

#[tokio::test]
async fn a_key_with_another_payload_is_a_conflict() {
    let api = Api::new().await;
    let first = trigger(
        &api,
        Some("\"k\""),
        json!({"payload": {"workspaceId": "w", "subject": "s"}}),
    )
    .await;
    let other = trigger(
        &api,
        Some("k"),
        json!({"payload": {"workspaceId": "w", "subject": "t"}}),
    )
    .await;
    let problem = other.is_problem(409, "idempotency_conflict");
    assert_eq!(problem["executionId"], first.body["executionId"]);
    assert_eq!(api.stored().await, 1);
}

#[tokio::test]
async fn different_keys_in_header_and_body_are_rejected() {
    let api = Api::new().await;
    let body = json!({"payload": {"workspaceId": "w", "subject": "s"}, "idempotencyKey": "a"});
    let answer = trigger(&api, Some("b"), body).await;
    answer.is_problem(400, "invalid_request");
    assert_eq!(answer.pointers(), ["/idempotencyKey"]);
    assert_eq!(api.stored().await, 0);
}
