//! Bulk operations of the program: `--where`, and an operation whose process is killed.

use std::path::Path;

use serde_json::{Value, json};
use tests::http;
use tests::process::{Ran, Server, is_full_tier, run, wait_for};

use super::PROGRAM;

fn jobs(dir: &Path, args: &[&str]) -> Ran {
    run(PROGRAM, dir, args)
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

/// The executions of the killed operation: 1,500, or 100,000 in the full tier.
fn executions() -> usize {
    if is_full_tier() { 100_000 } else { 1_500 }
}

fn trigger(dir: &Path, item: &str) -> String {
    let args = [
        "trigger", "test.add", "--a", "1", "--b", "2", "--item", item, "--json",
    ];
    let triggered = json(&jobs(dir, &args));
    triggered["executionId"].as_str().expect("an id").to_owned()
}

#[test]
fn a_bulk_cancel_shows_its_effect_first_and_needs_a_confirmation() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    let ids = [trigger(dir, "a"), trigger(dir, "a"), trigger(dir, "b")];
    let filter = "job=test.add item=a since=1h";
    let asked = jobs(dir, &["cancel", "--where", filter]);
    assert_eq!(asked.code, 2, "{asked:?}");
    assert!(
        asked
            .out
            .contains("2 executions match\n  2 queued: cancelled"),
        "{asked:?}"
    );
    assert!(asked.err.contains("add --yes"), "{asked:?}");
    let status = |id: &str| json(&jobs(dir, &["execution", id, "--json"]))["status"].clone();
    assert_eq!(status(&ids[0]), "queued");

    let done = json(&jobs(
        dir,
        &["cancel", "--where", filter, "--yes", "--json"],
    ));
    assert_eq!(done["status"], "done", "{done}");
    assert_eq!((&done["changed"], &done["skipped"]), (&json!(2), &json!(0)));
    let statuses = ids.each_ref().map(|id| status(id));
    assert_eq!(statuses, ["cancelled", "cancelled", "queued"]);

    let id = done["id"].as_str().expect("an id");
    let listed = jobs(dir, &["operations"]);
    assert!(
        listed.out.contains(id) && listed.out.contains("cancel"),
        "{listed:?}"
    );
    let shown = jobs(dir, &["operations", "show", id]);
    assert!(
        shown.out.contains("cancel done: 2 changed, 0 skipped"),
        "{shown:?}"
    );

    let retried = jobs(dir, &["retry", "--where", "status=cancelled", "--yes"]);
    assert_eq!(retried.code, 0, "{retried:?}");
    assert!(retried.out.contains("retry done: 2 changed"), "{retried:?}");
    let edit = [
        "edit",
        "--where",
        "item=b",
        "--priority",
        "high",
        "--queue",
        "slow",
        "--yes",
    ];
    let edited = jobs(dir, &edit);
    assert!(edited.out.contains("edit done: 1 changed"), "{edited:?}");
    let shown = json(&jobs(dir, &["execution", &ids[2], "--json"]));
    assert_eq!(
        (&shown["priority"], &shown["queue"]),
        (&json!(75), &json!("slow"))
    );

    for wrong in [
        &["cancel"][..],
        &["cancel", &ids[0], "--where", "job=a"],
        &["cancel", "--where", "jbo=a"],
        &["cancel", "--where", ""],
        &["delete", "--where", "status=lost"],
    ] {
        assert_eq!(jobs(dir, wrong).code, 2, "{wrong:?}");
    }
}

/// The server is killed in the middle of an operation, several times. Each next one goes on, and
/// every execution is changed once: a second cancellation of one would be counted as skipped.
#[test]
fn an_operation_survives_kills_of_its_process() {
    let dir = tempfile::tempdir().expect("a directory");
    let settings = [("JOBS_LOG", "error")];
    let serve = || Server::start_serving_only(PROGRAM, dir.path(), &settings);
    let mut server = serve();
    let payloads = vec![json!({"a": 1, "b": 2}); 500];
    for _ in 0..executions() / payloads.len() {
        http::trigger_batch(server.address, "test.add", &payloads);
    }
    let operations = "/api/v1/workers/operations";
    let body = json!({"act": "cancel", "filter": {"jobId": "test.add"}});
    let started = http::post(server.address, operations, &body.to_string());
    assert_eq!(started.status, 202, "{started:?}");
    let path = format!(
        "{operations}/{}",
        started.body["id"].as_str().expect("an id")
    );
    let read = |server: &Server| http::get(server.address, &path).body;
    let changed = |operation: &Value| operation["changed"].as_u64().expect("a number");

    let mut kills = 0;
    let mut before = 0;
    while kills < 2 {
        let mut seen = read(&server);
        wait_for("a further batch", || {
            seen = read(&server);
            changed(&seen) > before || seen["status"] == "done"
        });
        if seen["status"] == "done" {
            break;
        }
        before = changed(&seen);
        server.kill_9();
        kills += 1;
        server = serve();
    }
    assert!(kills > 0, "the operation ended before a kill");
    let mut seen = Value::Null;
    while seen["status"] != "done" {
        let last = seen.clone();
        wait_for("progress", || {
            seen = read(&server);
            seen != last
        });
    }
    assert_eq!(changed(&seen), executions() as u64, "{seen}");
    assert_eq!(seen["skipped"], 0, "{seen}");
    let left = "/api/v1/workers/executions?jobId=test.add&status=queued";
    assert_eq!(
        http::get(server.address, left).body["executions"],
        json!([])
    );
}
