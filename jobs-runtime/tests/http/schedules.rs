//! `/schedules`: list, show, create, change, pause, resume, run and delete.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::support::{API, Answer, Api};

async fn patch(api: &Api, id: &str, body: Value) -> Answer {
    api.patch(&format!("{API}/schedules/{id}"), body).await
}

async fn create(api: &Api, body: Value) -> Answer {
    api.post(&format!("{API}/schedules"), body).await
}

fn letters() -> Value {
    json!({
        "id": "letters", "jobId": "send-letter", "cron": "0 7 * * MON-FRI",
        "timezone": "Asia/Tokyo", "catchUp": "all(3)", "overlap": "queue", "jitterMs": 500,
        "payload": {"to": "alice", "pin": 1234},
    })
}

#[tokio::test]
async fn a_schedule_is_created_shown_and_listed() {
    let api = Api::new().await;
    let created = create(&api, letters()).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.body);
    assert_eq!(
        created.headers["location"],
        format!("{API}/schedules/letters")
    );
    let shown = api.get(&format!("{API}/schedules/letters")).await;
    let shown = shown.is_ok();
    assert_eq!(shown, &created.body);
    for (field, value) in [
        ("cron", json!("0 7 * * MON-FRI")),
        ("timezone", json!("Asia/Tokyo")),
        ("catchUp", json!("all(3)")),
        ("overlap", json!("queue")),
        ("jitterMs", json!(500)),
        ("status", json!("active")),
        ("declared", json!(null)),
        ("payload", json!({"to": "alice", "pin": "•••"})),
        ("runs", json!([])),
    ] {
        assert_eq!(shown[field], value, "{field}");
    }
    let next = shown["nextTimes"].as_array().unwrap();
    assert_eq!(next.len(), 5);
    assert!(
        next.iter()
            .all(|time| time.as_str().unwrap().contains("T22:00:00"))
    );
    assert_eq!(shown["nextTime"], next[0]);
    let listed = api.get(&format!("{API}/schedules?jobId=send-letter")).await;
    assert_eq!(listed.is_ok()["schedules"][0]["id"], "letters");
    let none = api.get(&format!("{API}/schedules?jobId=other")).await;
    assert_eq!(none.is_ok(), &json!({"schedules": []}));
    create(&api, letters())
        .await
        .is_problem(409, "schedule_exists");
}

#[tokio::test]
async fn every_mistake_of_a_schedule_is_named() {
    let api = Api::new().await;
    let answer = create(&api, json!({"jobId": 5, "crom": "* * * * *"})).await;
    answer.is_problem(400, "invalid_request");
    assert_eq!(answer.pointers(), ["/jobId", "/id", "/cron", "/crom"]);
    let mut wrong = letters();
    wrong["cron"] = json!("61 * * * *");
    wrong["catchUp"] = json!("once");
    let answer = create(&api, wrong).await;
    answer.is_problem(400, "invalid_request");
    assert_eq!(answer.pointers(), ["/catchUp", "/cron"]);
    let mut wrong = letters();
    wrong["timezone"] = json!("Tokyo");
    let answer = create(&api, wrong).await;
    assert_eq!(answer.pointers(), ["/timezone"]);
    let mut wrong = letters();
    wrong["id"] = json!("Letters!");
    let answer = create(&api, wrong).await;
    assert_eq!(answer.pointers(), ["/id"]);
    let mut wrong = letters();
    wrong["payload"] = json!({"to": 5});
    let answer = create(&api, wrong).await;
    answer.is_problem(422, "invalid_payload");
    assert_eq!(answer.pointers(), ["/to"]);
    let mut wrong = letters();
    wrong["jobId"] = json!("send-leter");
    let answer = create(&api, wrong).await;
    assert_eq!(
        answer.is_problem(404, "unknown_job")["near"],
        json!(["send-letter"])
    );
    let unknown = api.get(&format!("{API}/schedules/leters")).await;
    unknown.is_problem(404, "unknown_schedule");
}

#[tokio::test]
async fn a_schedule_is_changed_paused_run_and_deleted() {
    let api = Api::new().await;
    create(&api, letters()).await;
    let changed = patch(
        &api,
        "letters",
        json!({"cron": "@daily", "timezone": "UTC"}),
    )
    .await;
    assert_eq!(changed.is_ok()["cron"], "@daily");
    assert_eq!(changed.is_ok()["overlap"], "queue");
    let empty = patch(&api, "letters", json!({})).await;
    empty.is_problem(400, "invalid_request");
    let act = async |act: &str| {
        let path = format!("{API}/schedules/letters/{act}");
        api.post(&path, "").await
    };
    let paused = act("pause").await;
    assert_eq!(paused.is_ok()["status"], "paused");
    assert_eq!(paused.is_ok()["nextTimes"], json!([]));
    let run = act("run").await;
    assert_eq!(run.status, StatusCode::ACCEPTED, "{}", run.body);
    let id = run.body["executionId"].as_str().unwrap();
    let execution = api.get(&format!("{API}/executions/{id}")).await;
    let execution = execution.is_ok();
    assert_eq!(execution["triggeredBy"], "schedule");
    assert_eq!(execution["scheduled"]["schedule"], "letters");
    assert_eq!(execution["scheduled"]["time"], run.body["time"]);
    let resumed = act("resume").await;
    assert_eq!(resumed.is_ok()["status"], "active");
    assert_eq!(resumed.is_ok()["runs"][0], run.body);
    let path = format!("{API}/schedules/letters");
    assert_eq!(api.delete(&path).await.status, StatusCode::NO_CONTENT);
    api.get(&path).await.is_problem(404, "unknown_schedule");
}

#[tokio::test]
async fn the_payload_of_a_schedule_keeps_masked_values_and_becomes_the_defaults_by_null() {
    let api = Api::new().await;
    create(&api, letters()).await;
    let masked = json!({"payload": {"to": "bob", "pin": "•••"}});
    let changed = patch(&api, "letters", masked.clone()).await;
    assert_eq!(changed.is_ok()["payload"], masked["payload"]);
    let stored = async || {
        let record = api.store.schedule("letters".to_owned()).await.unwrap();
        let payload = record.unwrap().payload;
        payload.map(|payload| serde_json::from_str::<Value>(&payload).unwrap())
    };
    assert_eq!(stored().await, Some(json!({"to": "bob", "pin": 1234})));
    // `to` has no default.
    let answer = patch(&api, "letters", json!({"payload": null})).await;
    answer.is_problem(422, "invalid_payload");
    // A new schedule has no old value.
    let mut new = letters();
    new["id"] = json!("new");
    new["payload"] = masked["payload"].clone();
    create(&api, new).await.is_problem(422, "invalid_payload");

    let resting = json!({"id": "rest", "jobId": "resting", "cron": "@daily", "payload": {}});
    create(&api, resting).await;
    let reset = patch(&api, "rest", json!({"payload": null})).await;
    assert_eq!(reset.is_ok()["payload"], Value::Null);
}

#[tokio::test]
async fn the_times_of_a_rule_are_told_without_a_schedule() {
    let api = Api::new().await;
    let path = format!("{API}/schedule-times?cron=0+3+*+*+*&timezone=Europe/Paris");
    let times = api.get(&path).await;
    let times = times.is_ok()["nextTimes"].as_array().unwrap().clone();
    assert_eq!(times.len(), 5, "{times:?}");
    let first = times[0].as_str().unwrap();
    // 03:00 in Paris is 02:00 in winter and 01:00 in summer.
    assert!(
        first.contains("T02:00:00") || first.contains("T01:00:00"),
        "{first}"
    );
    for query in [
        "cron=0+3+*+*+9",
        "cron=%20&timezone=UTC",
        "cron=@daily&timezone=Mars",
    ] {
        let answer = api.get(&format!("{API}/schedule-times?{query}")).await;
        answer.is_problem(400, "invalid_request");
    }
    let listed = api.get(&format!("{API}/schedules")).await;
    assert_eq!(listed.is_ok()["schedules"], json!([]));
}
