//! `POST /jobs/{id}/trigger`.

use axum::body::Body;
use axum::http::header;
use serde_json::json;

use crate::support::{API, Api, request};

#[tokio::test]
async fn answers_at_once_and_the_execution_is_there() {
    let api = Api::new().await;
    let answer = api
        .post(
            &format!("{API}/jobs/provision-member/trigger"),
            json!({"payload": {"workspaceId": "ws-1", "subject": "user:alice"}}),
        )
        .await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    assert_eq!(answer.body["jobId"], "provision-member");
    assert_eq!(answer.body["status"], "queued");
    assert_eq!(answer.body["triggered"], true);

    let location = answer.headers[header::LOCATION].to_str().unwrap();
    let execution = api.get(location).await;
    let execution = execution.is_ok();
    assert_eq!(execution["id"], answer.body["executionId"]);
    assert_eq!(execution["status"], "queued");
    assert_eq!(execution["triggeredBy"], "http");
    // The omitted role is stored as its default.
    assert_eq!(
        execution["payload"],
        json!({"workspaceId": "ws-1", "subject": "user:alice", "role": "member"})
    );
}

#[tokio::test]
async fn takes_every_option() {
    let api = Api::new().await;
    let body = json!({
        "payload": {"to": "alice"},
        "priority": "low",
        "runAt": "2099-01-31T12:00:00Z",
        "correlationId": "order-7",
        "itemId": "letter-9",
        "createdBy": "user:bob",
        "tags": ["urgent", "urgent"],
    });
    let request = request("POST", &format!("{API}/jobs/post-letter/trigger"))
        .header(header::CONTENT_TYPE, "application/json; charset=UTF-8")
        .header(
            "traceparent",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        )
        .body(Body::from(body.to_string()))
        .unwrap();
    let answer = api.send(request).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    assert_eq!(answer.body["status"], "pending");
    // Enqueued under an alias, stored under today's name.
    assert_eq!(answer.body["jobId"], "send-letter");

    let id = answer.body["executionId"].as_str().unwrap();
    let execution = api.get(&format!("{API}/executions/{id}")).await;
    let execution = execution.is_ok();
    let expected = json!({
        "jobId": "send-letter",
        "queue": "mail",
        "priority": 25,
        "runAt": "2099-01-31T12:00:00.000Z",
        "correlationId": "order-7",
        "itemId": "letter-9",
        "createdBy": "user:bob",
        "tags": ["urgent"],
        "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&execution[name], value, "{name}");
    }
}

#[tokio::test]
async fn a_delay_makes_it_pending_and_none_does_not() {
    let api = Api::new().await;
    let path = format!("{API}/jobs/provision-member/trigger");
    for (delay, status) in [(60_000, "pending"), (0, "queued")] {
        let body = json!({"payload": {"workspaceId": "w", "subject": "s"}, "delayMs": delay});
        let answer = api.post(&path, body).await;
        assert_eq!(answer.status, 202, "{}", answer.body);
        assert_eq!(answer.body["status"], status);
    }
}

#[tokio::test]
async fn an_execution_expires_after_its_due_time() {
    let api = Api::new().await;
    let path = format!("{API}/jobs/provision-member/trigger");
    let payload = json!({"workspaceId": "w", "subject": "s"});
    let body = json!({"payload": payload, "delayMs": 60_000, "expiresMs": 30_000});
    let answer = api.post(&path, body).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    let location = answer.headers[header::LOCATION].to_str().unwrap();
    let execution = api.get(location).await;
    let execution = execution.is_ok();
    let time = |field: &str| {
        let text = execution[field].as_str().unwrap_or_default();
        let time: jobs_runtime::time::Timestamp = text.parse().expect(field);
        time.as_millis()
    };
    assert_eq!(time("runAt") - time("createdAt"), 60_000);
    assert_eq!(time("expiresAt") - time("runAt"), 30_000);

    let body = json!({"payload": payload, "expiresMs": 0});
    let answer = api.post(&path, body).await;
    assert_eq!(answer.status, 400, "{}", answer.body);
    assert_eq!(answer.body["violations"][0]["pointer"], "/expiresMs");
}

#[tokio::test]
async fn the_payload_is_kept_byte_for_byte() {
    let api = Api::new().await;
    let payload =
        r#"{ "to" : "\u0000\u00e9", "zeta":1.50, "alpha":123456789012345678901234567890 }"#;
    let body = format!(r#"{{"payload":{payload}}}"#);
    let answer = api
        .post(&format!("{API}/jobs/send-letter/trigger"), body)
        .await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    let id = answer.body["executionId"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let stored = api.store.execution(id).await.unwrap().unwrap();
    let expected = payload.replace(" }", r#" ,"copies":1}"#);
    assert_eq!(stored.payload.get(), expected);
}
