//! Secrets of external workers: tokens of leases, and sensitive values that their errors quote.

use serde_json::json;
use tests::http;
use tests::process::Server;

use super::PROGRAM;
use super::collector::{Behaviour, Collector, Protocol, attribute};
use super::traces::{named, settings};

#[test]
fn neither_tokens_nor_sensitive_values_leave_the_server() {
    const SECRET: &str = "hunter2-4711";
    let collector = Collector::start(Behaviour::Takes);
    let dir = tempfile::tempdir().unwrap();
    let variables = collector.variables(Protocol::Http, "edge");
    let edge = Server::start_serving_only(PROGRAM, dir.path(), &settings(&variables));
    let id = http::trigger(edge.address, "test.secret", &json!({ "token": SECRET }));
    let poll = json!({"workerId": "w", "jobs": ["test.secret"], "waitMs": 20_000});
    let poll = http::post(edge.address, "/api/v1/workers/leases", &poll.to_string());
    let token = poll.body["leases"][0]["token"].as_str().unwrap().to_owned();
    let lease = format!("/api/v1/workers/leases/{token}");
    // The last one is mistyped: no route has its path.
    for verb in ["heartbeat", "heartbeats", "heartbeat/"] {
        http::post(edge.address, &format!("{lease}/{verb}"), "{}");
    }
    // The value is where the message is cut.
    let message = format!("{SECRET} is refused{}{SECRET}", " ".repeat(16_370));
    let body = json!({ "message": message }).to_string();
    let answer = http::post(edge.address, &format!("{lease}/fail"), &body);
    assert_eq!(answer.status, 200, "{answer:?}");
    let revealed = format!("/api/v1/workers/executions/{id}?reveal=true");
    let execution = http::get(edge.address, &revealed).body;
    assert_eq!(execution["payload"]["token"], SECRET, "it is revealed");
    let stored = &execution["attempts"][0]["error"]["message"];
    let (code, log) = edge.terminate();
    assert_eq!(code, Some(0));

    let taken = collector.taken();
    let failed = named(&taken.spans, "POST /api/v1/workers/leases/{token}/fail");
    let path = attribute(&failed[0].1.attributes, "url.path");
    assert_eq!(path.as_deref(), Some("/api/v1/workers/leases/{token}/fail"));
    let attempts = named(&taken.spans, "process test.secret");
    assert_eq!(attempts.len(), 1);
    let exceptions = taken.records.iter();
    let mut exceptions = exceptions.filter(|record| record.event_name == "exception");
    assert!(exceptions.next().is_some());
    assert!(
        log.iter().any(|line| line.contains("••• is refused")),
        "{log:?}"
    );
    let exported = format!("{:?}{:?}", taken.spans, taken.records);
    let places = [
        ("a stored error", stored.to_string()),
        ("a log line", log.join("\n")),
        ("an exported span or record", exported),
    ];
    for (place, text) in places {
        // Eight characters are the part of the value that a cut message would have.
        assert!(!text.contains(&SECRET[..8]), "{place} has the value");
        assert!(!text.contains(&token), "{place} has the token");
    }
}
