//! The log of the program as JSON.

use serde_json::{Value, json};
use tests::http;
use tests::process::{Server, wait_for};

use super::PROGRAM;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[test]
fn every_line_is_an_object_and_lines_of_handlers_name_their_attempt() {
    let dir = tempfile::tempdir().unwrap();
    let settings = [
        ("JOBS_LOG_FORMAT", "json"),
        ("JOBS_LOG", "debug"),
        ("NO_COLOR", ""),
    ];
    let server = Server::start(PROGRAM, dir.path(), &settings);
    let parent = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let path = "/api/v1/workers/jobs/test.log/trigger";
    let body = json!({"payload": {"name": "ada"}}).to_string();
    let answer = http::post_with(server.address, path, &body, &[("traceparent", &parent)]);
    let id = answer.body["executionId"].as_str().unwrap().to_owned();
    http::trigger(server.address, "test.hostile", &json!({}));
    let secret = "correct-horse-battery-staple";
    http::trigger(server.address, "test.secret", &json!({"token": secret}));
    http::post(
        server.address,
        "/api/v1/workers/jobs/test.secret/trigger",
        &json!({"payload": {"token": secret, "other": [secret]}}).to_string(),
    );
    wait_for("every execution to end", || {
        let page = http::get(server.address, "/api/v1/workers/executions");
        let all = page.body["executions"].as_array().unwrap();
        all.iter().all(|one| !one["finishedAt"].is_null())
    });
    let (code, log) = server.terminate();
    assert_eq!(code, Some(0));
    assert!(!log.concat().contains(secret), "{log:#?}");
    let parsed = log.iter().map(|line| {
        assert!(!line.contains(|c: char| c.is_control()), "{line:?}");
        serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"))
    });
    let lines: Vec<Value> = parsed.collect();
    for line in &lines {
        for key in ["time", "level", "target", "message"] {
            assert!(line[key].is_string(), "{key}: {line}");
        }
    }
    let of_handlers: Vec<_> = lines
        .iter()
        .filter(|line| line["target"] == "tests::jobs")
        .collect();
    assert!(of_handlers.len() >= 8, "{of_handlers:#?}");
    for line in &of_handlers {
        assert!(
            line["execution"].is_string() && line["attempt"].is_u64(),
            "{line}"
        );
    }
    let hello = of_handlers
        .iter()
        .find(|line| line["message"] == "hello ada")
        .unwrap();
    assert_eq!(hello["job"], "test.log");
    assert_eq!(hello["execution"], *id);
    assert_eq!(hello["traceId"], TRACE);
    assert_eq!(hello["fields"]["name"], "ada");
    let in_task = of_handlers
        .iter()
        .find(|line| line["message"] == "from a task")
        .unwrap();
    assert_eq!(in_task["execution"], *id);
}
