//! Jobs with limits: triggers, conflicts, and the reasons why their executions wait.

use ::jobs::{JobError, job};
use serde_json::{Value, json};

use crate::support::{API, Answer, Api};

/// Renders a document.
#[job(
    id = "render-doc",
    queue = "docs",
    rename_all = "camelCase",
    max_concurrent = (1, per = "tenant_id"),
    max_waiting = 3
)]
async fn render_doc(tenant_id: String, doc: u32) -> Result<(), JobError> {
    drop((tenant_id, doc));
    Ok(())
}

/// Counts the words of a document.
#[job(id = "count-words", rate_limit = "1/h", max_concurrent = 2)]
async fn count_words(doc: u32) -> Result<(), JobError> {
    let _ = doc;
    Ok(())
}

/// Publishes a document.
#[job(id = "publish-doc", unique = (by = ["doc"], on_conflict = "reject"))]
async fn publish_doc(doc: u32, text: String) -> Result<(), JobError> {
    drop((doc, text));
    Ok(())
}

/// Mirrors a document.
#[job(id = "mirror-doc", unique = (by = ["doc"], on_conflict = "replace"))]
async fn mirror_doc(doc: u32, text: String) -> Result<(), JobError> {
    drop((doc, text));
    Ok(())
}

/// Indexes a document.
#[job(id = "index-doc", debounce = ("1m", by = ["doc"], at_most = "5m"))]
async fn index_doc(doc: u32, text: String) -> Result<(), JobError> {
    drop((doc, text));
    Ok(())
}

/// Opens a safe with its pin.
#[job(id = "open-safe", max_concurrent = (1, per = "pin"))]
async fn open_safe(#[sensitive] pin: String) -> Result<(), JobError> {
    drop(pin);
    Ok(())
}

async fn trigger(api: &Api, job: &str, payload: Value) -> Answer {
    let body = json!({ "payload": payload });
    api.post(&format!("{API}/jobs/{job}/trigger"), body).await
}

async fn render(api: &Api, tenant: &str) -> String {
    let payload = json!({"tenantId": tenant, "doc": 1});
    api.trigger("render-doc", json!({ "payload": payload }))
        .await
}

async fn reason(api: &Api, id: &str) -> Value {
    let answer = api.get(&format!("{API}/executions/{id}/explain")).await;
    answer.is_ok()["reason"].clone()
}

#[tokio::test]
async fn a_job_shows_its_limits() {
    let api = Api::new().await;
    let job = api.get(&format!("{API}/jobs/render-doc")).await;
    let expected = json!({
        "maxConcurrent": {"count": 1, "per": "tenantId"},
        "maxWaiting": 3,
    });
    assert_eq!(job.is_ok()["limits"], expected);
    let without = api.get(&format!("{API}/jobs/send-letter")).await;
    assert_eq!(without.is_ok()["limits"], json!({}));
}

#[tokio::test]
async fn a_unique_conflict_names_the_existing_execution() {
    let api = Api::new().await;
    let first = trigger(&api, "publish-doc", json!({"doc": 1, "text": "a"})).await;
    assert_eq!(first.status, 202, "{}", first.body);
    let second = trigger(&api, "publish-doc", json!({"doc": 1, "text": "b"})).await;
    let problem = second.is_problem(409, "unique_conflict");
    assert_eq!(problem["executionId"], first.body["executionId"]);
    assert_eq!(
        trigger(&api, "publish-doc", json!({"doc": 2, "text": "a"}))
            .await
            .status,
        202
    );

    // A batch is rejected as a whole, with the index of the conflicting entry.
    let body = json!({"executions": [
        {"payload": {"doc": 3, "text": "a"}}, {"payload": {"doc": 1, "text": "a"}},
    ]});
    let batch = api
        .post(&format!("{API}/jobs/publish-doc/trigger-batch"), body)
        .await;
    assert_eq!(batch.is_problem(409, "unique_conflict")["index"], 1);
    assert_eq!(api.stored().await, 2);
}

#[tokio::test]
async fn on_conflict_replace_replaces_the_payload_of_the_waiting_execution() {
    let api = Api::new().await;
    let first = trigger(&api, "mirror-doc", json!({"doc": 1, "text": "a"})).await;
    let second = trigger(&api, "mirror-doc", json!({"doc": 1, "text": "b"})).await;
    let expected = json!({
        "executionId": first.body["executionId"],
        "jobId": "mirror-doc",
        "status": "queued",
        "triggered": false,
        "outcome": "merged",
    });
    assert_eq!(second.is_ok(), &expected);
    let id = second.body["executionId"].as_str().unwrap();
    let shown = api.get(&format!("{API}/executions/{id}")).await;
    assert_eq!(shown.is_ok()["payload"], json!({"doc": 1, "text": "b"}));
    assert_eq!(api.stored().await, 1);
}

#[tokio::test]
async fn a_debounced_execution_is_postponed_and_takes_the_last_payload() {
    let api = Api::new().await;
    let first = trigger(&api, "index-doc", json!({"doc": 1, "text": "a"})).await;
    assert_eq!(
        (first.status.as_u16(), &first.body["status"]),
        (202, &json!("pending"))
    );
    let id = first.body["executionId"].as_str().unwrap();
    let due = api.get(&format!("{API}/executions/{id}")).await.body["runAt"].clone();

    // With a delay, the debounce period begins after the delay.
    let body = json!({"payload": {"doc": 1, "text": "b"}, "delayMs": 60_000});
    let second = api
        .post(&format!("{API}/jobs/index-doc/trigger"), body)
        .await;
    assert_eq!(second.is_ok()["triggered"], false);
    assert_eq!(second.body["executionId"], id);
    let shown = api.get(&format!("{API}/executions/{id}")).await;
    assert_eq!(shown.is_ok()["payload"]["text"], "b");
    assert!(
        shown.body["runAt"].as_str() > due.as_str(),
        "{}",
        shown.body
    );

    let reason = reason(&api, id).await;
    assert_eq!(
        (&reason["code"], &reason["delayMs"]),
        (&json!("debounced"), &json!(60_000))
    );
    assert_eq!(reason["until"], shown.body["runAt"]);
    let text = reason["text"].as_str().unwrap();
    assert!(
        text.contains("postpones it by 1m, but not beyond "),
        "{text}"
    );
}

#[tokio::test]
async fn max_waiting_rejects_executions_until_others_have_left() {
    let api = Api::new().await;
    let first = render(&api, "a").await;
    render(&api, "a").await;
    render(&api, "b").await;
    let rejected = trigger(&api, "render-doc", json!({"tenantId": "c", "doc": 1})).await;
    let problem = rejected.is_problem(429, "queue_full");
    assert_eq!(problem["maxWaiting"], 3);
    let after: u32 = rejected.headers["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!(after > 0);
    assert_eq!(api.stored().await, 3);
    let cancel = api
        .post(&format!("{API}/executions/{first}/cancel"), "")
        .await;
    cancel.is_ok();
    render(&api, "c").await;
}

#[tokio::test]
async fn a_blocked_execution_names_the_limit_and_the_holders_of_its_permits() {
    let api = Api::new().await;
    let mut worker = api.worker_for(&["render-doc"], &[]).await;
    let first = render(&api, "acme").await;
    assert_eq!(reason(&api, &first).await["code"], "next");

    let second = render(&api, "acme").await;
    assert_eq!(reason(&api, &second).await["code"], "awaiting_admission");
    let third = render(&api, "acme").await;
    api.promote().await;
    let blocked = reason(&api, &second).await;
    assert_eq!(blocked["code"], "limited");
    let limit = &blocked["limit"];
    assert_eq!(limit["key"], "render-doc/concurrent/\"acme\"");
    assert_eq!(
        (&limit["kind"], &limit["count"]),
        (&json!("concurrent"), &json!(1))
    );
    let ready = json!([{"executionId": first, "attempt": 0, "worker": null, "stuck": false}]);
    assert_eq!(limit["holders"], ready);

    let claimed = worker.claim().await;
    let blocked = reason(&api, &third).await;
    assert_eq!(blocked["limit"]["ahead"], 1);
    let holders = json!([{"executionId": first, "attempt": 1, "worker": "test", "stuck": false}]);
    assert_eq!(blocked["limit"]["holders"], holders);
    let text = blocked["text"].as_str().unwrap();
    let expected = format!(
        "allows 1 attempt at a time, and 1 other waits before it; its permits are in use by \
         {first} (attempt 1 on test)"
    );
    assert!(text.ends_with(&expected), "{text}");

    worker.succeed(claimed, "null").await;
    api.promote().await;
    assert_eq!(reason(&api, &second).await["code"], "next");
}

#[tokio::test]
async fn a_handler_that_outlives_its_attempt_is_named_as_the_holder() {
    let api = Api::new().await;
    let mut worker = api.worker_for(&["render-doc"], &[]).await;
    let first = render(&api, "acme").await;
    let second = render(&api, "acme").await;
    api.promote().await;
    let claimed = worker.claim().await;
    let fence = claimed.fence;
    worker.fail_while_it_runs(claimed).await;
    api.promote().await;
    let blocked = reason(&api, &second).await;
    let holders = json!([{"executionId": first, "attempt": 1, "worker": "test", "stuck": true}]);
    assert_eq!(blocked["limit"]["holders"], holders);
    let text = blocked["text"].as_str().unwrap();
    assert!(text.contains("its handler still runs"), "{text}");
    api.store.release_permits(vec![fence]).await.unwrap();
    api.promote().await;
    assert_eq!(reason(&api, &second).await["code"], "next");
}

#[tokio::test]
async fn an_execution_blocked_by_a_rate_names_the_time_of_the_next_permit() {
    let api = Api::new().await;
    let mut worker = api.worker_for(&["count-words"], &[]).await;
    let first = api
        .trigger("count-words", json!({"payload": {"doc": 1}}))
        .await;
    let second = api
        .trigger("count-words", json!({"payload": {"doc": 2}}))
        .await;
    api.promote().await;
    // An admitted execution holds its rate permit until it is claimed.
    let blocked = reason(&api, &second).await;
    let holders = json!([{"executionId": first, "attempt": 0, "worker": null, "stuck": false}]);
    assert_eq!(blocked["limit"]["holders"], holders);
    worker.claim().await;
    api.promote().await;
    let blocked = reason(&api, &second).await;
    assert_eq!(blocked["code"], "limited");
    let limit = &blocked["limit"];
    assert_eq!(limit["key"], "count-words/rate");
    assert_eq!(
        (&limit["kind"], &limit["periodMs"]),
        (&json!("rate"), &json!(3_600_000))
    );
    let free_at = limit["freeAt"].as_str().unwrap();
    let text = blocked["text"].as_str().unwrap();
    let expected =
        format!("allows 1 start in 1h, and it is the next; its next permit is free at {free_at}");
    assert!(text.contains(&expected), "{text}");
}

#[tokio::test]
async fn a_limit_key_contains_no_sensitive_value() {
    let api = Api::new().await;
    let _worker = api.worker_for(&["open-safe"], &[]).await;
    let payload = json!({"payload": {"pin": "hunter2"}});
    api.trigger("open-safe", payload.clone()).await;
    let second = api.trigger("open-safe", payload).await;
    api.promote().await;
    let blocked = reason(&api, &second).await;
    assert_eq!(blocked["code"], "limited");
    assert!(!blocked.to_string().contains("hunter2"), "{blocked}");
    let key = blocked["limit"]["key"].as_str().unwrap();
    assert!(key.starts_with("open-safe/concurrent/#"), "{key}");
}

#[tokio::test]
async fn a_rate_limit_is_reset() {
    let api = Api::new().await;
    trigger(&api, "count-words", json!({"doc": 1})).await;
    let reset = async |limit: &str| {
        let path = format!("{API}/limits/{limit}/reset");
        api.post(&path, json!({})).await
    };
    let answer = reset("count-words%2Frate").await;
    assert_eq!(answer.is_ok(), &json!({"limit": "count-words/rate"}));
    let answer = reset("count-words%2Fconcurrent").await;
    answer.is_problem(404, "unknown_limit");
}

#[tokio::test]
async fn limits_are_listed_with_their_permits() {
    let api = Api::new().await;
    for doc in 0..2 {
        trigger(&api, "render-doc", json!({"tenantId": "t", "doc": doc})).await;
    }
    api.promote().await;
    let answer = api.get(&format!("{API}/limits?jobId=render-doc")).await;
    let limits = answer.is_ok()["limits"].as_array().unwrap();
    assert_eq!(limits.len(), 1, "{}", answer.body);
    assert_eq!(limits[0]["kind"], "concurrent");
    assert_eq!(limits[0]["count"], 1);
    assert_eq!(limits[0]["inUse"], 1);
    assert_eq!(limits[0]["waiting"], 1);
    let none = api.get(&format!("{API}/limits?jobId=count-words")).await;
    assert_eq!(none.is_ok()["limits"], json!([]));
}
