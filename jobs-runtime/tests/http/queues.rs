//! `GET /queues`, `POST /queues/{queue}/pause`, `POST /queues/{queue}/resume`: lists and pauses.

use serde_json::{Value, json};

use crate::support::{API, Answer, Api};

async fn queue(api: &Api, name: &str) -> Value {
    let answer = api.get(&format!("{API}/queues")).await;
    let queues = answer.is_ok()["queues"].as_array().unwrap().iter();
    let mut found = queues.filter(|queue| queue["queue"] == name);
    found.next().cloned().unwrap_or_default()
}

async fn act(api: &Api, name: &str, act: &str) -> Answer {
    api.post(&format!("{API}/queues/{name}/{act}"), "").await
}

#[tokio::test]
async fn executions_of_a_paused_queue_are_not_claimed_until_it_is_resumed() {
    let api = Api::new().await;
    let empty = json!({
        "queue": "mail", "pausedAt": null, "pausedBy": null, "pauseReason": null, "pending": 0,
        "ready": 0, "blocked": 0, "running": 0, "oldestDueAt": null, "atLeast": [],
    });
    assert_eq!(queue(&api, "mail").await, empty);
    let paused = act(&api, "mail", "pause").await;
    let expected = json!({"queue": "mail", "paused": true, "changed": true});
    assert_eq!(paused.is_ok(), &expected);
    assert_eq!(act(&api, "mail", "pause").await.is_ok()["changed"], false);

    let id = api
        .trigger("send-letter", json!({"payload": {"to": "a"}}))
        .await;
    let explain = format!("{API}/executions/{id}/explain");
    // The pause is the reason even without a worker, because it would block a new worker too.
    let explanation = api.get(&explain).await;
    let since = queue(&api, "mail").await["pausedAt"].clone();
    let reason = &explanation.is_ok()["reason"];
    assert_eq!(reason["code"], "queue_paused");
    assert_eq!(
        (&reason["queue"], &reason["since"]),
        (&json!("mail"), &since)
    );
    let text = reason["text"].as_str().unwrap();
    assert!(text.contains("`queues resume mail`"), "{text}");

    let mut worker = api.worker().await;
    let other = json!({"payload": {"workspaceId": "w", "subject": "s"}});
    let other = api.trigger("provision-member", other).await;
    let claimed = worker.claim().await;
    assert_eq!(claimed.execution_id.to_string(), other);
    let shown = queue(&api, "mail").await;
    assert_eq!((&shown["ready"], &shown["running"]), (&json!(1), &json!(0)));

    let resumed = act(&api, "mail", "resume").await;
    let expected = json!({"queue": "mail", "paused": false, "changed": true});
    assert_eq!(resumed.is_ok(), &expected);
    assert_eq!(act(&api, "mail", "resume").await.is_ok()["changed"], false);
    assert_eq!(worker.claim().await.execution_id.to_string(), id);
    assert_eq!(queue(&api, "mail").await["running"], 1);
}

#[tokio::test]
async fn a_pause_keeps_its_author_and_its_reason() {
    let api = Api::new().await;
    let pause = format!("{API}/queues/mail/pause");
    let body = r#"{"reason": "the printer burns"}"#;
    api.post(&pause, body).await.is_ok();
    let later = api.post(&pause, r#"{"reason": "another"}"#).await;
    assert_eq!(later.is_ok()["changed"], false);
    let mail = queue(&api, "mail").await;
    assert_eq!(mail["pausedBy"], "local");
    assert_eq!(mail["pauseReason"], "the printer burns");
    let id = api
        .trigger("send-letter", json!({"payload": {"to": "a"}}))
        .await;
    let explanation = api.get(&format!("{API}/executions/{id}/explain")).await;
    let reason = &explanation.is_ok()["reason"];
    assert_eq!(reason["because"], "the printer burns");
    assert!(
        reason["text"]
            .as_str()
            .unwrap()
            .contains("(the printer burns)"),
        "{reason}"
    );
    act(&api, "mail", "resume").await.is_ok();
    let resumed = queue(&api, "mail").await;
    assert_eq!(
        (&resumed["pausedBy"], &resumed["pauseReason"]),
        (&Value::Null, &Value::Null)
    );
    let audit = api.get(&format!("{API}/audit?action=queue.pause")).await;
    let after = &audit.is_ok()["entries"][0]["after"];
    assert_eq!(
        after,
        &json!({"paused": true, "reason": "the printer burns"})
    );
    let answer = api.post(&pause, r#"{"reason": "two\nlines"}"#).await;
    answer.is_problem(400, "invalid_request");
    assert_eq!(answer.pointers(), ["/reason"]);
}

#[tokio::test]
async fn a_misspelt_queue_is_not_found() {
    let api = Api::new().await;
    for name in ["pause", "resume"] {
        let answer = act(&api, "mial", name).await;
        assert_eq!(
            answer.is_problem(404, "unknown_queue")["near"],
            json!(["mail"])
        );
    }
    assert_eq!(queue(&api, "mial").await, Value::Null);
    // A queue that no job uses exists while an execution waits in it.
    api.store_raw("long-gone").await;
    act(&api, "default", "pause").await.is_ok();
}

#[tokio::test]
async fn unknown_fields_and_parameters_are_rejected() {
    let api = Api::new().await;
    let answer = api
        .post(&format!("{API}/queues/mail/pause"), r#"{"for":"1h"}"#)
        .await;
    answer.is_problem(400, "invalid_request");
    assert_eq!(answer.pointers(), ["/for"]);
    api.get(&format!("{API}/queues?limit=1"))
        .await
        .is_problem(400, "invalid_query");
    assert_eq!(queue(&api, "mail").await["pausedAt"], json!(null));
}
