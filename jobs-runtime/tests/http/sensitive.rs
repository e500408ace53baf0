//! `#[sensitive]` fields are masked in responses and absent from problems.

use serde_json::{Value, json};

use crate::support::{API, Api};

#[tokio::test]
async fn sensitive_values_are_masked() {
    let api = Api::new().await;
    let id = api
        .trigger(
            "send-letter",
            json!({"payload": {"pin": 1234, "to": "alice"}}),
        )
        .await;
    let hidden = json!({"pin": "•••", "to": "alice", "copies": 1});
    let one = api.get(&format!("{API}/executions/{id}")).await;
    assert_eq!(one.is_ok()["payload"], hidden);
    let page = api.get(&format!("{API}/executions")).await;
    assert_eq!(page.is_ok()["executions"][0]["payload"], hidden);
    // The handler receives the real value.
    let claimed = api.worker().await.claim().await;
    let payload: Value = serde_json::from_str(&claimed.payload).unwrap();
    assert_eq!(payload["pin"], 1234);
}

#[tokio::test]
async fn a_problem_does_not_quote_sensitive_values() {
    let api = Api::new().await;
    let answer = api
        .post(
            &format!("{API}/jobs/send-letter/trigger"),
            json!({"payload": {"pin": "hunter2", "to": 5}}),
        )
        .await;
    answer.is_problem(422, "invalid_payload");
    assert_eq!(answer.pointers(), ["/pin", "/to"]);
    assert!(!answer.body.to_string().contains("hunter2"));
}
