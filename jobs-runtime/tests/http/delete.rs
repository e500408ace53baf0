//! `DELETE /executions/{id}`.

use axum::http::StatusCode;
use serde_json::json;

use crate::support::{API, Api};

#[tokio::test]
async fn only_final_executions_are_deleted() {
    let api = Api::new().await;
    let payload = json!({"workspaceId": "w", "subject": "s"});
    let id = api
        .trigger("provision-member", json!({"payload": payload}))
        .await;
    let path = format!("{API}/executions/{id}");
    let rejected = api.delete(&path).await;
    let problem = rejected.is_problem(409, "not_final");
    assert_eq!(problem["executionStatus"], "queued");

    api.post(&format!("{path}/cancel"), "").await.is_ok();
    // A DELETE needs no content type, because an HTML form cannot send one.
    assert_eq!(api.delete(&path).await.status, StatusCode::NO_CONTENT);
    api.delete(&path).await.is_problem(404, "unknown_execution");
    api.get(&path).await.is_problem(404, "unknown_execution");
    assert_eq!(api.stored().await, 0);
}

#[tokio::test]
async fn unknown_parameters_are_rejected() {
    let api = Api::new().await;
    let unknown = "0198c0de-0000-7000-8000-000000000000";
    let forced = format!("{API}/executions/{unknown}?force=true");
    api.delete(&forced).await.is_problem(400, "invalid_query");
    let nonsense = format!("{API}/executions/all");
    api.delete(&nonsense)
        .await
        .is_problem(404, "unknown_execution");
}
