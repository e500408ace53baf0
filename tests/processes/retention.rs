//! The commands `prune` and `erase`, and erasure over HTTP.

use std::path::Path;

use serde_json::{Value, json};
use tests::http::{execution, get, post};
use tests::process::{Ran, Server, run};

use super::PROGRAM;

fn jobs(dir: &Path, args: &[&str]) -> Ran {
    run(PROGRAM, dir, args)
}

fn json_of(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

/// Executes jobs in `dir`: two that succeed, and one that fails.
fn execute_some(dir: &Path) -> Vec<String> {
    for args in [
        ["test.add", "--a", "1", "--b", "2"],
        ["test.add", "--a", "3", "--b", "4"],
        ["test.add", "--a", "9223372036854775807", "--b", "1"],
    ] {
        jobs(dir, &[&["exec"], &args[..]].concat());
    }
    let listed = json_of(&jobs(dir, &["executions", "--json"]));
    let executions = listed["executions"].as_array().expect("a list");
    let ids = executions
        .iter()
        .map(|one| one["id"].as_str().expect("an id").to_owned());
    let ids: Vec<_> = ids.collect();
    assert_eq!(ids.len(), 3, "{listed}");
    ids
}

#[test]
fn prune_counts_and_deletes_by_job_and_status() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    assert_eq!(jobs(dir, &["prune"]).code, 1, "there is no store");
    execute_some(dir);

    let kept = jobs(dir, &["prune", "--dry-run"]);
    assert_eq!(kept.out.trim(), "0 executions would be deleted", "{kept:?}");
    let retain = ["--retain", "1ms,test.add:failed:1d"];
    let preview = jobs(dir, &[&["prune", "--dry-run"], &retain[..]].concat());
    let words: Vec<_> = preview.out.split_whitespace().collect();
    let expected = "JOB SUCCEEDED FAILED CANCELLED test.add 2 0 0 2 executions would be deleted";
    assert_eq!(words.join(" "), expected, "{preview:?}");
    let preview = jobs(dir, &["prune", "--dry-run", "--json", "--retain", "1ms"]);
    let of =
        |status: &str, count: u64| json!({"jobId": "test.add", "status": status, "count": count});
    assert_eq!(
        json_of(&preview),
        json!({"dryRun": true, "executions": [of("failed", 1), of("succeeded", 2)]})
    );

    let pruned = json_of(&jobs(dir, &[&["prune", "--json"], &retain[..]].concat()));
    assert_eq!(
        pruned["executions"],
        json!([of("succeeded", 2)]),
        "{pruned}"
    );
    let left = json_of(&jobs(dir, &["executions", "--json"]));
    assert_eq!(
        left["executions"].as_array().map(Vec::len),
        Some(1),
        "{left}"
    );
    assert_eq!(left["executions"][0]["status"], "failed");
    let invalid = jobs(dir, &["prune", "--retain", "test.add:never"]);
    assert_eq!(invalid.code, 2, "{invalid:?}");
    assert!(
        invalid.err.contains("retain (from --retain)"),
        "{invalid:?}"
    );
}

#[test]
fn erase_removes_the_payload_and_keeps_the_record() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    let ids = execute_some(dir);
    let [failed, second, first] = &ids[..] else {
        panic!("not three executions: {ids:?}");
    };
    let erased = jobs(dir, &["erase", first, "--by", "dpo"]);
    assert!(erased.out.contains("by dpo"), "{erased:?}");
    let shown = json_of(&jobs(dir, &["execution", first, "--json"]));
    assert_eq!(shown["payload"], json!({}), "{shown}");
    assert_eq!(shown["result"], Value::Null, "{shown}");
    assert_eq!(shown["status"], "succeeded", "{shown}");
    assert_eq!(shown["erased"]["by"], "dpo", "{shown}");
    let again = json_of(&jobs(dir, &["erase", first, "--by", "another", "--json"]));
    assert_eq!(
        again["erased"], shown["erased"],
        "the first erasure is on record"
    );
    let unknown = jobs(dir, &["erase", "0198c0de-0000-7000-8000-000000000000"]);
    assert_eq!(unknown.code, 1, "{unknown:?}");

    let server = Server::start_serving_only(PROGRAM, dir, &[("JOBS_LOG", "error")]);
    let path = |id: &str, action: &str| format!("/api/v1/workers/executions/{id}/{action}");
    let answer = post(server.address, &path(second, "erase"), r#"{"by":"http"}"#);
    assert_eq!(
        (answer.status, &answer.body["erased"]["by"]),
        (200, &json!("http"))
    );
    let read = execution(server.address, second);
    assert_eq!(
        (&read["payload"], &read["result"]),
        (&json!({}), &Value::Null)
    );
    let answer = post(server.address, &path(failed, "erase"), "{}");
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    let answer = post(server.address, &path(failed, "retry"), "{}");
    assert_eq!(
        (answer.status, &answer.body["code"]),
        (409, &json!("erased"))
    );
    let queued = json_of(&jobs(dir, &["trigger", "test.wait", "--json"]));
    let queued = queued["executionId"].as_str().expect("an id");
    let answer = post(server.address, &path(queued, "erase"), "{}");
    assert_eq!(
        (answer.status, &answer.body["code"]),
        (409, &json!("not_final"))
    );
    let answer = post(server.address, &path(first, "erase"), r#"{"why":"x"}"#);
    assert_eq!(answer.status, 400, "{:?}", answer.body);

    let job = get(server.address, "/api/v1/workers/jobs/test.add").body;
    let day = 86_400_000_u64;
    assert_eq!(
        job["retention"],
        json!({"succeededMs": 30 * day, "failedMs": 90 * day, "cancelledMs": 30 * day})
    );
}
