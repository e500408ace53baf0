//! `dryRun` of a trigger and of a batch: validation and outcome without a write.

use axum::body::Body;
use axum::http::header;
use serde_json::{Value, json};

use crate::support::{API, Answer, Api, request};

async fn dry_run(api: &Api, job: &str, mut body: Value) -> Answer {
    body["dryRun"] = true.into();
    api.post(&format!("{API}/jobs/{job}/trigger"), body).await
}

#[tokio::test]
async fn a_dry_run_completes_the_payload_and_stores_nothing() {
    let api = Api::new().await;
    let body = json!({
        "payload": {"workspaceId": "w", "subject": "s"},
        "itemId": "i", "tags": ["urgent"], "priority": "high", "delayMs": 60_000,
    });
    let answer = dry_run(&api, "provision-member", body).await;
    let preview = answer.is_ok();
    assert_eq!(preview["dryRun"], true);
    assert_eq!(preview["outcome"], "new");
    assert_eq!(preview["jobId"], "provision-member");
    assert_eq!(preview["status"], "pending");
    assert_eq!(preview["priority"], 75);
    assert_eq!(preview["itemId"], "i");
    assert_eq!(preview["tags"], json!(["workspace", "urgent"]));
    let completed = json!({"workspaceId": "w", "subject": "s", "role": "member"});
    assert_eq!(preview["payload"], completed);
    assert_eq!(preview.get("executionId"), None);
    assert_eq!(api.stored().await, 0);

    let off = json!({"payload": completed, "dryRun": false});
    api.trigger("provision-member", off).await;
    assert_eq!(api.stored().await, 1);
}

#[tokio::test]
async fn a_dry_run_reports_what_a_trigger_reports() {
    let api = Api::new().await;
    let body = json!({"payload": {"workspaceId": "", "role": 1}});
    let path = format!("{API}/jobs/provision-member/trigger");
    let dry = dry_run(&api, "provision-member", body.clone()).await;
    let real = api.post(&path, body).await;
    dry.is_problem(422, "invalid_payload");
    assert_eq!(dry.pointers(), ["/role", "/subject", "/workspaceId"]);
    assert_eq!(dry.body, real.body);

    let unknown = dry_run(&api, "provision-membr", json!({})).await;
    unknown.is_problem(404, "unknown_job");
    dry_run(&api, "resting", json!({}))
        .await
        .is_problem(409, "job_disabled");
    let wrong = api
        .post(&path, json!({"dryRun": "yes", "prority": 1}))
        .await;
    wrong.is_problem(400, "invalid_request");
    assert_eq!(wrong.pointers(), ["/dryRun", "/prority"]);
}

#[tokio::test]
async fn a_dry_run_tells_the_outcome_by_keys() {
    let api = Api::new().await;
    let payload = |doc: u32, text: &str| json!({"payload": {"doc": doc, "text": text}});
    let check = async |job: &str, body: Value, expected: Value| {
        let answer = dry_run(&api, job, body).await;
        let preview = answer.is_ok();
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(&preview[name], value, "{job} {name}: {preview}");
        }
    };
    let published = api.trigger("publish-doc", payload(1, "a")).await;
    let rejected = json!({
        "outcome": "rejected", "code": "unique_conflict", "executionId": published,
    });
    check("publish-doc", payload(1, "b"), rejected).await;
    check("publish-doc", payload(2, "b"), json!({"outcome": "new"})).await;

    let mirrored = api.trigger("mirror-doc", payload(1, "a")).await;
    let replaced = json!({"outcome": "replaced", "executionId": mirrored});
    check("mirror-doc", payload(1, "b"), replaced).await;

    let indexed = api.trigger("index-doc", payload(1, "a")).await;
    let merged = json!({"outcome": "merged", "executionId": indexed, "status": "pending"});
    check("index-doc", payload(1, "b"), merged).await;

    for doc in 0..3 {
        let render = json!({"payload": {"tenantId": "t", "doc": doc}});
        api.trigger("render-doc", render).await;
    }
    let render = json!({"payload": {"tenantId": "t", "doc": 9}});
    let full = json!({"outcome": "queueFull", "code": "queue_full"});
    check("render-doc", render, full).await;
    assert_eq!(api.stored().await, 6);
}

#[tokio::test]
async fn a_dry_run_honours_the_idempotency_key_of_the_header() {
    let api = Api::new().await;
    let letter = |to: &str| json!({"payload": {"to": to}, "dryRun": true});
    let mut first = letter("a");
    first["dryRun"] = false.into();
    first["idempotencyKey"] = "k".into();
    let sent = api.trigger("send-letter", first).await;
    for (to, outcome, code) in [
        ("a", "replayed", Value::Null),
        ("b", "rejected", "idempotency_conflict".into()),
    ] {
        let request = request("POST", &format!("{API}/jobs/send-letter/trigger"))
            .header(header::CONTENT_TYPE, "application/json")
            .header("idempotency-key", "k")
            .body(Body::from(letter(to).to_string()))
            .unwrap();
        let answer = api.send(request).await;
        assert_eq!(answer.is_ok()["outcome"], outcome);
        assert_eq!(answer.body["executionId"], sent);
        assert_eq!(answer.body["code"], code);
    }
}

#[tokio::test]
async fn a_dry_run_of_a_batch_judges_each_entry() {
    let api = Api::new().await;
    let path = format!("{API}/jobs/publish-doc/trigger-batch");
    let entry = |doc: u32| json!({"payload": {"doc": doc, "text": "a"}});
    let fine = json!({"executions": [entry(1), entry(2)], "dryRun": true});
    let answer = api.post(&path, fine).await;
    assert_eq!(answer.is_ok()["accepted"], true);
    let twice = json!({"executions": [entry(1), entry(1)], "dryRun": true});
    let answer = api.post(&path, twice).await;
    assert_eq!(answer.is_ok()["accepted"], false);
    let outcomes: Vec<_> = answer.body["executions"]
        .as_array()
        .unwrap()
        .iter()
        .collect();
    assert_eq!(outcomes[0]["outcome"], "new");
    assert_eq!(outcomes[1]["outcome"], "rejected");
    assert_eq!(api.stored().await, 0);
}
