//! Problem responses: status, code and violations of rejected requests, which store nothing.

use axum::body::Body;
use axum::http::header;
use serde_json::{Value, json};

use crate::support::{API, Api, request};

fn trigger(job: &str) -> String {
    format!("{API}/jobs/{job}/trigger")
}

#[tokio::test]
async fn an_invalid_payload_lists_all_violations() {
    let api = Api::new().await;
    let answer = api
        .post(
            &trigger("provision-member"),
            json!({"payload": {"workspaceId": "", "role": 7, "colour": "red"}}),
        )
        .await;
    answer.is_problem(422, "invalid_payload");
    assert_eq!(
        answer.body["violations"],
        json!([
            {"pointer": "/colour", "message": "is not a known property"},
            {"pointer": "/role", "message": "must be a string"},
            {"pointer": "/subject", "message": "is required"},
            {"pointer": "/workspaceId", "message": "must not be empty"},
        ])
    );
    assert_eq!(api.stored().await, 0);
}

#[tokio::test]
async fn an_unknown_job_suggests_similar_ids() {
    let api = Api::new().await;
    let payload = json!({"payload": {}});
    let answer = api.post(&trigger("provison-member"), &payload).await;
    let problem = answer.is_problem(404, "unknown_job");
    assert_eq!(problem["near"], json!(["provision-member"]));
    let answer = api.get(&format!("{API}/jobs/send-leter")).await;
    assert_eq!(
        answer.is_problem(404, "unknown_job")["near"],
        json!(["send-letter"])
    );
    let answer = api
        .post(
            &format!("{API}/jobs/nonsense/trigger-batch"),
            json!({"executions": []}),
        )
        .await;
    answer.is_problem(404, "unknown_job");
}

#[tokio::test]
async fn a_disabled_job_is_rejected() {
    let api = Api::new().await;
    let answer = api.post(&trigger("resting"), "{}").await;
    answer.is_problem(409, "job_disabled");
    assert_eq!(api.stored().await, 0);
}

#[tokio::test]
async fn a_body_that_is_not_json_is_malformed() {
    let api = Api::new().await;
    let deep = format!(
        r#"{{"payload":{{"to":{}{}}}}}"#,
        "[".repeat(5_000),
        "]".repeat(5_000)
    );
    for body in [
        "{",
        "nonsense",
        r#"{"payload":{"to":"a"}} trailing"#,
        r#"{"payload":{"to":1e400}}"#,
        &deep,
    ] {
        let answer = api.post(&trigger("send-letter"), body).await;
        answer.is_problem(400, "malformed_json");
    }
    for body in ["[]", "7", "\"text\""] {
        let answer = api.post(&trigger("send-letter"), body).await;
        let problem = answer.is_problem(400, "invalid_request");
        let message = &problem["violations"][0]["message"];
        assert_eq!(message, "must be an object", "{body}");
    }
    let latin = request("POST", &trigger("send-letter"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(&b"{\"payload\":{\"to\":\"\xe9\"}}"[..]))
        .unwrap();
    api.send(latin).await.is_problem(400, "malformed_json");
    assert_eq!(api.stored().await, 0);
}

#[tokio::test]
async fn invalid_options_are_all_listed() {
    let api = Api::new().await;
    let body = r#"{
        "payload": {"to": "alice"}, "priority": "urgent", "colour": "red",
        "delay_ms": 5, "runAt": "tomorrow", "tags": "x"
    }"#;
    let answer = api.post(&trigger("send-letter"), body).await;
    answer.is_problem(400, "invalid_request");
    assert_eq!(
        answer.pointers(),
        ["/priority", "/tags", "/runAt", "/colour", "/delay_ms"]
    );
    let hint = answer.body["violations"][4]["message"].as_str().unwrap();
    assert!(hint.contains("did you mean `delayMs`?"), "{hint}");

    let check = async |body: Value, pointer: &str| {
        let answer = api.post(&trigger("send-letter"), body).await;
        answer.is_problem(400, "invalid_request");
        assert_eq!(answer.pointers(), [pointer]);
    };
    check(json!([]), "").await;
    check(json!({"payload": {"to": "a"}, "itemId": ""}), "/itemId").await;
    check(
        json!({"payload": {"to": "a"}, "idempotencyKey": "k".repeat(256)}),
        "/idempotencyKey",
    )
    .await;
    check(
        json!({"payload": {"to": "a"}, "delayMs": 1, "runAt": "2099-01-01T00:00:00Z"}),
        "/delayMs",
    )
    .await;
    check(
        json!({"payload": {"to": "a"}, "delayMs": u64::MAX}),
        "/delayMs",
    )
    .await;
    check(json!({"payload": {"to": "a"}, "delayMs": -1}), "/delayMs").await;
    assert_eq!(api.stored().await, 0);
}

#[tokio::test]
async fn a_payload_must_be_an_object() {
    let api = Api::new().await;
    let answer = api
        .post(&trigger("send-letter"), json!({"payload": ["alice"]}))
        .await;
    answer.is_problem(422, "invalid_payload");
    assert_eq!(answer.pointers(), [""]);
    // A missing payload counts as an empty object.
    let answer = api.post(&trigger("send-letter"), "").await;
    answer.is_problem(422, "invalid_payload");
    assert_eq!(answer.pointers(), ["/to"]);
}

#[tokio::test]
async fn sizes_are_bounded() {
    let api = Api::new().await;
    let of_size = |size: usize| json!({"payload": {"to": "x".repeat(size)}});
    // First the payload exceeds its bound, then the body.
    for size in [1024 * 1024, 3 * 1024 * 1024, 10 * 1024 * 1024] {
        let answer = api.post(&trigger("send-letter"), of_size(size)).await;
        answer.is_problem(413, "payload_too_large");
    }
    let chunks = (0..100).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1024 * 1024]));
    let chunked = request("POST", &trigger("send-letter"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from_stream(futures_util::stream::iter(chunks)))
        .unwrap();
    api.send(chunked).await.is_problem(413, "payload_too_large");
    assert_eq!(api.stored().await, 0);
}

#[tokio::test]
async fn unknown_routes_and_methods_are_rejected() {
    let api = Api::new().await;
    api.get("/nonsense").await.is_problem(404, "not_found");
    api.get(&format!("{API}/nonsense"))
        .await
        .is_problem(404, "not_found");
    api.post(&format!("{API}/jobs"), "{}")
        .await
        .is_problem(405, "method_not_allowed");
    api.get(&trigger("send-letter"))
        .await
        .is_problem(405, "method_not_allowed");
}

#[tokio::test]
async fn unknown_executions_are_not_found() {
    let api = Api::new().await;
    for id in ["0199c0de-0000-7000-8000-000000000001", "nonsense", "%ff"] {
        let path = format!("{API}/executions/{id}");
        api.get(&path).await.is_problem(404, "unknown_execution");
        for act in ["cancel", "retry"] {
            let answer = api.post(&format!("{path}/{act}"), "{}").await;
            answer.is_problem(404, "unknown_execution");
        }
    }
}
