//! `/operations`: previews, starts, lists and cancellations of bulk operations.

use serde_json::{Value, json};

use crate::support::{API, Answer, Api};

async fn start(api: &Api, body: Value) -> Answer {
    api.post(&format!("{API}/operations"), body).await
}

async fn letters(api: &Api, count: usize) {
    for n in 0..count {
        let body = json!({"payload": {"to": format!("p-{n}")}, "itemId": "i"});
        api.trigger("send-letter", body).await;
    }
}

#[tokio::test]
async fn a_preview_counts_and_changes_nothing() {
    let api = Api::new().await;
    letters(&api, 12).await;
    let mut worker = api.worker().await;
    let claimed = worker.claim().await;
    worker.fail(claimed, "no such address").await;
    let body = json!({"act": "cancel", "filter": {"jobId": "send-letter"}, "dryRun": true});
    let answer = start(&api, body).await;
    let preview = answer.is_ok();
    assert_eq!(preview["dryRun"], true);
    assert_eq!(
        (&preview["count"], &preview["exact"]),
        (&json!(12), &json!(true))
    );
    let consequences = json!([
        {"status": "failed", "count": 1, "effect": "skipped"},
        {"status": "queued", "count": 11, "effect": "cancelled"},
    ]);
    assert_eq!(preview["consequences"], consequences);
    let sample = preview["sample"].as_array().unwrap();
    assert_eq!(sample.len(), 10);
    assert_eq!(sample[0]["jobId"], "send-letter");
    let listed = api.get(&format!("{API}/operations")).await;
    assert_eq!(listed.is_ok()["operations"], json!([]));
}

#[tokio::test]
async fn an_operation_is_started_shown_listed_and_cancelled() {
    let api = Api::new().await;
    letters(&api, 2).await;
    let body = json!({
        "act": "edit",
        "edit": {"priority": "low", "queue": "slow", "runAt": "2030-01-31T12:00:00Z"},
        "filter": {"itemId": "i", "status": "queued"},
        "createdBy": "ada",
    });
    let answer = start(&api, body).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    let id = answer.body["id"].as_str().unwrap();
    let path = format!("{API}/operations/{id}");
    assert_eq!(answer.headers["location"], path.as_str());
    assert_eq!(answer.body["act"], "edit");
    let edit = json!({"priority": 25, "queue": "slow", "runAt": "2030-01-31T12:00:00.000Z"});
    assert_eq!(answer.body["edit"], edit);
    assert_eq!(
        answer.body["filter"],
        json!({"itemId": "i", "status": "queued"})
    );
    assert_eq!(answer.body["status"], "running");
    assert_eq!(answer.body["expected"], 2);
    assert_eq!(answer.body["createdBy"], "ada");
    assert_eq!(api.get(&path).await.is_ok(), &answer.body);
    let listed = api.get(&format!("{API}/operations")).await;
    assert_eq!(listed.is_ok()["operations"], json!([answer.body]));

    for _ in 0..2 {
        let cancelled = api.post(&format!("{path}/cancel"), "").await;
        assert_eq!(cancelled.is_ok()["status"], "cancelled");
        assert!(cancelled.body["finishedAt"].is_string());
    }
    let unknown = format!("{API}/operations/nonsense");
    api.get(&unknown).await.is_problem(404, "unknown_operation");
    let unknown = api.post(&format!("{unknown}/cancel"), "").await;
    unknown.is_problem(404, "unknown_operation");
}

#[tokio::test]
async fn mistakes_of_an_operation_are_all_reported() {
    let api = Api::new().await;
    let check = async |body: Value, pointers: &[&str]| {
        let answer = start(&api, body).await;
        answer.is_problem(400, "invalid_request");
        assert_eq!(answer.pointers(), pointers, "{}", answer.body);
    };
    check(json!({}), &["/act", "/filter"]).await;
    let no_filter = json!({"act": "cancel", "filter": {}});
    check(no_filter, &["/filter"]).await;
    let misspelt = json!({
        "act": "erase",
        "filter": {"jobID": "a", "status": "lost", "ids": ["x"]},
        "edit": 7,
    });
    check(
        misspelt,
        &[
            "/act",
            "/edit",
            "/filter/status",
            "/filter/ids",
            "/filter/jobID",
        ],
    )
    .await;
    let no_edit = json!({"act": "edit", "filter": {"tag": "t"}});
    check(no_edit, &["/edit"]).await;
    let empty_edit = json!({"act": "edit", "edit": {}, "filter": {"tag": "t"}});
    check(empty_edit, &["/edit"]).await;
    let not_an_edit = json!({"act": "retry", "edit": {"priority": 1}, "filter": {"tag": "t"}});
    check(not_an_edit, &["/edit"]).await;
}

#[tokio::test]
async fn executions_are_listed_by_a_text_of_their_payload() {
    let api = Api::new().await;
    letters(&api, 3).await;
    let page = api.get(&format!("{API}/executions?text=p-1")).await;
    let executions = page.is_ok()["executions"].as_array().unwrap().clone();
    assert_eq!(executions.len(), 1);
    assert_eq!(executions[0]["payload"]["to"], "p-1");
    let all = api.get(&format!("{API}/executions")).await;
    let oldest = &all.is_ok()["executions"][2]["createdAt"];
    assert_eq!(&page.body["lookedBackTo"], oldest);
}
