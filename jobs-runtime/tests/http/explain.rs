//! `GET /executions/{id}/explain`: a reason for every status.

use serde_json::{Value, json};

use crate::support::{API, Api};

async fn reason(api: &Api, id: &str) -> Value {
    let answer = api.get(&format!("{API}/executions/{id}/explain")).await;
    let explanation = answer.is_ok();
    let text = explanation["reason"]["text"].as_str().unwrap();
    assert!(!text.is_empty() && !text.contains('{'), "{text}");
    explanation["reason"].clone()
}

async fn code(api: &Api, id: &str) -> String {
    reason(api, id).await["code"].as_str().unwrap().to_owned()
}

async fn letter(api: &Api, body: Value) -> String {
    let mut body = body;
    body["payload"] = json!({"to": "a"});
    api.trigger("send-letter", body).await
}

#[tokio::test]
async fn a_queued_execution_lacks_a_worker_or_waits_behind_others() {
    let api = Api::new().await;
    let first = letter(&api, json!({})).await;
    let second = letter(&api, json!({})).await;
    assert_eq!(code(&api, &first).await, "no_worker");

    let _other = api.worker_for(&["provision-member"], &[]).await;
    let lacks = reason(&api, &first).await;
    assert_eq!(lacks["code"], "no_worker_for_job");
    assert_eq!(lacks["workers"], json!(["test"]));

    let _elsewhere = api.worker_for(&["send-letter"], &["default"]).await;
    let lacks = reason(&api, &first).await;
    assert_eq!(lacks["code"], "no_worker_for_queue");
    assert_eq!(lacks["queue"], "mail");

    let _able = api.worker_for(&["send-letter"], &["default", "mail"]).await;
    assert_eq!(code(&api, &first).await, "next");
    let behind = reason(&api, &second).await;
    assert_eq!(
        (&behind["code"], &behind["ahead"]),
        (&json!("behind"), &json!(1))
    );
    letter(&api, json!({"priority": "critical"})).await;
    assert_eq!(reason(&api, &second).await["ahead"], 2);
}

#[tokio::test]
async fn an_expired_execution_says_so_until_a_worker_cancels_it() {
    let api = Api::new().await;
    let id = letter(&api, json!({"expiresMs": 1})).await;
    let mut expired = reason(&api, &id).await;
    for _ in 0..1_000 {
        if expired["code"] == "expired" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        expired = reason(&api, &id).await;
    }
    assert_eq!(expired["code"], "expired");
    assert!(expired["at"].is_string(), "{expired}");
}

#[tokio::test]
async fn a_running_execution_names_its_worker() {
    let api = Api::new().await;
    let id = letter(&api, json!({})).await;
    let mut worker = api.worker().await;
    let claimed = worker.claim().await;
    let running = reason(&api, &id).await;
    assert_eq!(running["code"], "running");
    assert_eq!(
        (&running["worker"], &running["attempt"]),
        (&json!("test"), &json!(1))
    );
    assert!(running["since"].is_string() && running["renewedAt"].is_string());

    let path = format!("{API}/executions/{id}/cancel");
    assert_eq!(api.post(&path, "").await.status, 202);
    let cancel = reason(&api, &id).await;
    assert_eq!(cancel["code"], "cancel_requested");
    assert!(cancel["requestedAt"].is_string());

    worker.succeed(claimed, "null").await;
    let ended = reason(&api, &id).await;
    assert_eq!(
        (&ended["code"], &ended["error"]),
        (&json!("final"), &json!(null))
    );
    assert!(ended["text"].as_str().unwrap().starts_with("succeeded at "));
}

#[tokio::test]
async fn a_pending_execution_names_its_due_time() {
    let api = Api::new().await;
    let delayed = letter(&api, json!({"delayMs": 60_000})).await;
    let until = reason(&api, &delayed).await;
    assert_eq!(until["code"], "delayed");
    assert!(until["until"].is_string());

    let failed = letter(&api, json!({})).await;
    let mut worker = api.worker().await;
    let claimed = worker.claim().await;
    worker.retry_later(claimed, "no stamps").await;
    let retry = reason(&api, &failed).await;
    assert_eq!(
        (&retry["code"], &retry["attempt"]),
        (&json!("retry"), &json!(1))
    );
    assert_eq!(retry["error"]["message"], "no stamps");
    assert!(retry["text"].as_str().unwrap().contains("no stamps"));
}

#[tokio::test]
async fn a_failed_execution_names_its_error() {
    let api = Api::new().await;
    let id = letter(&api, json!({})).await;
    let mut worker = api.worker().await;
    let claimed = worker.claim().await;
    worker.fail(claimed, "no such street").await;
    let ended = reason(&api, &id).await;
    assert_eq!(ended["code"], "final");
    assert_eq!(ended["error"]["message"], "no such street");
    let text = ended["text"].as_str().unwrap();
    assert!(
        text.starts_with("failed at ") && text.contains("attempt 1: no such street"),
        "{text}"
    );
}

#[tokio::test]
async fn external_disabled_and_unknown_jobs_have_different_codes() {
    let api = Api::new().await;
    let _worker = api.worker().await;
    let external = api
        .trigger("ship-parcel", json!({"payload": {"to": "a"}}))
        .await;
    assert_eq!(code(&api, &external).await, "external");
    for (job, expected) in [("resting", "job_disabled"), ("long-gone", "unknown_job")] {
        let id = api.store_raw(job).await;
        assert_eq!(code(&api, &id).await, expected);
    }
}

#[tokio::test]
async fn an_unknown_execution_is_not_found() {
    let api = Api::new().await;
    let unknown = "0198c0de-0000-7000-8000-000000000000";
    let answer = api
        .get(&format!("{API}/executions/{unknown}/explain"))
        .await;
    answer.is_problem(404, "unknown_execution");
}
