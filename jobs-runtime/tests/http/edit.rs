//! `PATCH /executions/{id}`: edits of waiting executions.

use serde_json::{Value, json};

use crate::support::{API, Answer, Api};

async fn edit(api: &Api, id: &str, body: Value) -> Answer {
    api.patch(&format!("{API}/executions/{id}"), body).await
}

async fn member(api: &Api, subject: &str) -> String {
    let payload = json!({"workspaceId": "w", "subject": subject});
    api.trigger("provision-member", json!({ "payload": payload }))
        .await
}

#[tokio::test]
async fn an_edit_changes_payload_priority_and_due_time() {
    let api = Api::new().await;
    let first = member(&api, "a").await;
    let second = member(&api, "b").await;
    let third = member(&api, "c").await;
    let payload = json!({"workspaceId": "w", "subject": "d"});
    let edited = edit(
        &api,
        &second,
        json!({"priority": "high", "payload": payload}),
    )
    .await;
    // The response is the edited execution; the new payload has its defaults.
    let payload = json!({"workspaceId": "w", "subject": "d", "role": "member"});
    assert_eq!(edited.is_ok()["payload"], payload);
    assert_eq!(edited.body["priority"], 75);
    assert_eq!(edited.body["status"], "queued");

    let later = edit(&api, &first, json!({"delayMs": 60_000})).await;
    assert_eq!(later.is_ok()["status"], "pending");
    assert!(later.body["runAt"].as_str() > later.body["createdAt"].as_str());

    let mut worker = api.worker().await;
    for expected in [&second, &third] {
        assert_eq!(worker.claim().await.execution_id.to_string(), *expected);
    }
    let now = edit(&api, &first, json!({"runAt": "2020-01-01T00:00:00Z"})).await;
    assert_eq!(now.is_ok()["status"], "queued");
    assert_eq!(worker.claim().await.execution_id.to_string(), first);
}

#[tokio::test]
async fn an_invalid_edit_changes_nothing() {
    let api = Api::new().await;
    let id = member(&api, "a").await;
    let check = async |body: Value, status, code, pointers: &[&str]| {
        let answer = edit(&api, &id, body).await;
        answer.is_problem(status, code);
        assert_eq!(answer.pointers(), pointers);
    };
    check(json!({}), 400, "invalid_request", &[""]).await;
    check(
        json!({"priority": 101, "status": "failed"}),
        400,
        "invalid_request",
        &["/priority", "/status"],
    )
    .await;
    check(
        json!({"delayMs": 1, "runAt": "2030-01-01T00:00:00Z"}),
        400,
        "invalid_request",
        &["/delayMs"],
    )
    .await;
    check(
        json!({"priority": 1, "payload": {"subject": 5}}),
        422,
        "invalid_payload",
        &["/subject", "/workspaceId"],
    )
    .await;
    let shown = api.get(&format!("{API}/executions/{id}")).await;
    assert_eq!(
        (&shown.body["priority"], &shown.body["payload"]["subject"]),
        (&json!(50), &json!("a"))
    );
}

#[tokio::test]
async fn only_waiting_executions_are_edited() {
    let api = Api::new().await;
    let id = member(&api, "a").await;
    let mut worker = api.worker().await;
    let claimed = worker.claim().await;
    let payload = json!({"workspaceId": "w", "subject": "b"});
    for body in [json!({"priority": 1}), json!({ "payload": payload })] {
        let problem = edit(&api, &id, body).await;
        let problem = problem.is_problem(409, "not_waiting");
        assert_eq!(problem["executionStatus"], "running");
    }
    worker.succeed(claimed, r#"{"memberId":"m"}"#).await;
    let problem = edit(&api, &id, json!({"priority": 1})).await;
    assert_eq!(
        problem.is_problem(409, "not_waiting")["executionStatus"],
        "succeeded"
    );

    let unknown = "0198c0de-0000-7000-8000-000000000000";
    for body in [json!({"priority": 1}), json!({ "payload": payload })] {
        edit(&api, unknown, body)
            .await
            .is_problem(404, "unknown_execution");
    }
}

#[tokio::test]
async fn the_field_of_a_divided_limit_cannot_be_changed() {
    let api = Api::new().await;
    let payload = json!({"tenantId": "a", "doc": 1});
    let id = api
        .trigger("render-doc", json!({ "payload": payload }))
        .await;
    let moved = edit(&api, &id, json!({"payload": {"tenantId": "b", "doc": 1}})).await;
    moved.is_problem(422, "invalid_payload");
    assert_eq!(moved.pointers(), ["/tenantId"]);
    let edited = edit(&api, &id, json!({"payload": {"tenantId": "a", "doc": 2}})).await;
    assert_eq!(edited.is_ok()["payload"]["doc"], 2);
}

#[tokio::test]
async fn sensitive_values_are_masked_in_the_response() {
    let api = Api::new().await;
    let id = api
        .trigger("send-letter", json!({"payload": {"to": "a"}}))
        .await;
    let edited = edit(&api, &id, json!({"payload": {"to": "a", "pin": 1234}})).await;
    assert_eq!(edited.is_ok()["payload"]["pin"], "•••");
}
