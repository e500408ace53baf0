//! The job that runs external programs: results, exit codes, and the end of every child.

use std::path::Path;

use serde_json::{Value, json};
use tests::http::{get, post, trigger};
use tests::process::{Server, wait_for};

use super::{PROGRAM, wait_until_final};

/// The id of the child that the shell script reports in its log.
fn child_of(server: &Server, id: &str) -> u32 {
    let mut child = None;
    wait_for("the script's child", || {
        let log = get(
            server.address,
            &format!("/api/v1/workers/executions/{id}/logs"),
        )
        .body;
        let lines = log["lines"].as_array().cloned().unwrap_or_default();
        let number = |line: &Value| {
            line["message"]
                .as_str()?
                .strip_prefix("child ")?
                .parse()
                .ok()
        };
        child = lines.iter().find_map(number);
        child.is_some()
    });
    child.unwrap()
}

/// True while the process runs; one that has ended and was not waited for does not.
fn is_alive(pid: u32) -> bool {
    let state = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat"));
    state.is_ok_and(|state| !state.contains(") Z "))
}

#[test]
fn programs_of_three_kinds_return_their_results() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(PROGRAM, dir.path(), &[]);
    let run = |program: &str, input: Value| {
        let payload = json!({"program": program, "input": input});
        let id = trigger(server.address, "run-program", &payload);
        wait_until_final(server.address, &id)
    };
    for (program, input, result) in [
        (
            "word-count",
            json!({"text": "two words"}),
            json!({"words": 2}),
        ),
        (
            "statistics",
            json!({"numbers": [3, 4, 8]}),
            json!({"mean": 5.0, "count": 3}),
        ),
        ("primes", json!({"limit": 30}), json!({"primes": 10})),
    ] {
        let record = run(program, input);
        assert_eq!(
            (&record["status"], &record["result"]),
            (&json!("succeeded"), &result)
        );
        let failed = run(program, json!({}));
        assert_eq!(
            failed["error"]["kind"], "permanent",
            "exit code 65: {failed}"
        );
    }
}

#[test]
fn a_cancel_kills_the_program_with_its_children() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(PROGRAM, dir.path(), &[]);
    let payload = json!({"program": "word-count", "input": {"text": "x", "sleep": true}});
    let id = trigger(server.address, "run-program", &payload);
    let child = child_of(&server, &id);
    assert!(is_alive(child));
    post(
        server.address,
        &format!("/api/v1/workers/executions/{id}/cancel"),
        "{}",
    );
    let record = wait_until_final(server.address, &id);
    assert_eq!(record["status"], "cancelled", "{record}");
    wait_for("the end of the child", || !is_alive(child));
}

#[test]
fn the_death_of_the_worker_kills_the_program_with_its_children() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(PROGRAM, dir.path(), &[]);
    let payload = json!({"program": "word-count", "input": {"text": "x", "sleep": true}});
    let id = trigger(server.address, "run-program", &payload);
    let child = child_of(&server, &id);
    server.kill_9();
    wait_for("the end of the child", || !is_alive(child));
}
