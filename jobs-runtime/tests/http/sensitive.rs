//! `#[sensitive]` fields are masked in responses and absent from problems.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use jobs_runtime::http::Caller;
use jobs_runtime::store::{LogBatch, LogLevel, LogLine, Role};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::support::{API, Api, now, request};

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

#[tokio::test]
async fn errors_results_and_log_lines_do_not_quote_sensitive_values() {
    let api = Api::new().await;
    let body = json!({"payload": {"pin": 4711, "to": "alice"}});
    let id = api.trigger("send-letter", body).await;
    let mut worker = api.worker().await;
    let claimed = worker.claim().await;
    let line = LogLine {
        line: 1,
        at: now(),
        level: LogLevel::Info,
        target: "letters".to_owned(),
        message: "the pin is 4711".to_owned(),
        fields: RawValue::from_string(r#"{"pin":4711,"to":"alice"}"#.to_owned()).ok(),
    };
    let logs = LogBatch {
        fence: claimed.fence,
        lines: vec![Arc::new(line)],
    };
    api.store.append_logs(vec![logs]).await.unwrap();
    worker.fail(claimed, "pin 4711 of alice was refused").await;

    let shown = api.get(&format!("{API}/executions/{id}")).await;
    assert_eq!(
        shown.is_ok()["error"]["message"],
        "pin ••• of alice was refused"
    );
    assert!(!shown.body.to_string().contains("4711"), "{}", shown.body);
    let page = api.get(&format!("{API}/executions")).await;
    assert!(!page.is_ok().to_string().contains("4711"), "{}", page.body);
    let logs = api.get(&format!("{API}/executions/{id}/logs")).await;
    let line = &logs.is_ok()["lines"][0];
    assert_eq!(line["message"], "the pin is •••");
    assert_eq!(line["fields"], json!({"pin": "•••", "to": "alice"}));
}

#[tokio::test]
async fn sensitive_values_are_revealed_to_operators_only() {
    let api = Api::new().await;
    let body = json!({"payload": {"pin": 4711, "to": "alice"}});
    let id = api.trigger("send-letter", body).await;
    let ask = async |role: Role| {
        let router = jobs_runtime::http::routes(api.service.clone(), api.health.clone());
        let router = router.layer(Extension(Caller::new("a caller", role)));
        let path = format!("{API}/executions/{id}?reveal=true");
        let request = request("GET", &path).body(Body::empty()).unwrap();
        Api::ask(router, request).await
    };
    ask(Role::Viewer).await.is_problem(403, "forbidden");
    for role in [Role::Operator, Role::Admin] {
        assert_eq!(ask(role).await.is_ok()["payload"]["pin"], 4711);
    }
    let audit = api
        .get(&format!("{API}/audit?action=execution.reveal"))
        .await;
    assert_eq!(audit.is_ok()["entries"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_group_of_failures_shows_no_beginning_of_a_value() {
    let api = Api::new().await;
    let body = json!({"payload": {"pin": 4711, "to": "alice"}});
    api.trigger("send-letter", body).await;
    let mut worker = api.worker().await;
    let claimed = worker.claim().await;
    // The cut of a long message is within the value.
    let before = "x".repeat(497);
    worker
        .fail(claimed, &format!("{before}4711 was refused"))
        .await;
    let failures = api.get(&format!("{API}/failures")).await;
    let message = &failures.is_ok()["failures"][0]["message"];
    assert_eq!(message, &format!("{before}•••"));
}

#[tokio::test]
async fn a_log_that_is_followed_is_one_act_for_each_page_with_lines() {
    let api = Api::new().await;
    let body = json!({"payload": {"pin": 4711, "to": "alice"}});
    let id = api.trigger("send-letter", body).await;
    let claimed = api.worker().await.claim().await;
    let page = async |after: &str| {
        let path = format!("{API}/executions/{id}/logs?reveal=true{after}");
        api.get(&path).await.is_ok().clone()
    };
    page("").await;
    let line = LogLine {
        line: 1,
        at: now(),
        level: LogLevel::Info,
        target: "letters".to_owned(),
        message: "the pin is 4711".to_owned(),
        fields: None,
    };
    let logs = LogBatch {
        fence: claimed.fence,
        lines: vec![Arc::new(line)],
    };
    api.store.append_logs(vec![logs]).await.unwrap();
    let shown = page("").await;
    assert_eq!(shown["lines"][0]["message"], "the pin is 4711");
    for _ in 0..3 {
        page("&after=1-1").await;
    }
    let audit = format!("{API}/audit?action=execution.reveal");
    let audit = api.get(&audit).await;
    assert_eq!(audit.is_ok()["entries"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_mask_that_is_sent_back_keeps_the_value() {
    let api = Api::new().await;
    let body = json!({"payload": {"pin": 4711, "to": "alice"}, "delayMs": 60_000});
    let id = api.trigger("send-letter", body).await;
    let path = format!("{API}/executions/{id}");
    let edited = json!({"payload": {"pin": "•••", "to": "bob"}});
    api.patch(&path, edited.clone()).await.is_ok();
    let stored = async || {
        let id = id.parse().unwrap();
        let execution = api.store.execution(id).await.unwrap().unwrap();
        serde_json::from_str::<Value>(execution.payload.get()).unwrap()
    };
    assert_eq!(stored().await["pin"], 4711);
    assert_eq!(stored().await["to"], "bob");
    api.post(&format!("{path}/cancel"), "{}").await.is_ok();
    let retried = json!({"payload": {"pin": "•••", "to": "carol"}});
    let answer = api.post(&format!("{path}/retry"), retried).await;
    assert_eq!(answer.status.as_u16(), 202, "{}", answer.body);
    assert_eq!(stored().await["pin"], 4711);
    // A new execution has no old value.
    let answer = api
        .post(&format!("{API}/jobs/send-letter/trigger"), edited)
        .await;
    answer.is_problem(422, "invalid_payload");
    assert_eq!(answer.pointers(), ["/pin"]);
}
