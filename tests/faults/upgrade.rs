//! A rolling upgrade: workers of two program versions on one store.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};
use tests::http;
use tests::process::{Server, wait_for};

const PREVIOUS: &str = env!("CARGO_BIN_EXE_previous");
const NEXT: &str = env!("CARGO_BIN_EXE_next");

/// A running worker of one version.
struct Version(Server);

impl Version {
    fn start(program: &str, dir: &Path) -> Self {
        let settings = [("JOBS_LEASE", "5s"), ("JOBS_CONCURRENCY", "4")];
        Self(Server::start(program, dir, &settings))
    }

    fn trigger(&self, job: &str, payload: &Value) -> String {
        http::trigger(self.0.address, job, payload)
    }

    fn trigger_many(&self, job: &str, count: u32) -> Vec<String> {
        (0..count)
            .map(|n| self.trigger(job, &json!({ "n": n })))
            .collect()
    }

    fn execution(&self, id: &str) -> Value {
        http::get(self.0.address, &format!("/api/v1/workers/executions/{id}")).body
    }

    /// Waits until an execution has ended, and returns it.
    fn ended(&self, id: &str) -> Value {
        let mut execution = Value::Null;
        wait_for("an execution to end", || {
            execution = self.execution(id);
            ["succeeded", "failed", "cancelled"].contains(&execution["status"].as_str().unwrap())
        });
        execution
    }

    /// Waits until all executions have succeeded, and returns their distinct results.
    fn results(&self, ids: &[String]) -> BTreeSet<String> {
        let results = ids.iter().map(|id| {
            let execution = self.ended(id);
            let result = execution["result"].as_str();
            result.unwrap_or_else(|| panic!("{execution}")).to_owned()
        });
        results.collect()
    }
}

#[test]
fn old_and_new_workers_share_a_store() {
    let dir = tempfile::tempdir().unwrap();
    let previous = Version::start(PREVIOUS, dir.path());
    let kept = previous.trigger_many("upgrade.kept", 5);
    assert_eq!(previous.results(&kept), only("previous"));

    let next = Version::start(NEXT, dir.path());
    let kept = next.trigger_many("upgrade.kept", 20);
    let by = next.results(&kept);
    assert!(by.is_subset(&BTreeSet::from(["next".to_owned(), "previous".to_owned()])));
    // Each version executes the jobs that it has, regardless of the version that enqueued them.
    let added = next.trigger_many("upgrade.added", 10);
    assert_eq!(next.results(&added), only("next"));
    let removed = previous.trigger_many("upgrade.removed", 10);
    assert_eq!(next.results(&removed), only("previous"));
    check_changed_payload(&previous, &next);
    check_payloads_of_both_versions(&previous, &next);
    check_payload_of_a_past_version(previous, &next);

    // An execution of a removed job stays queued, and `explain` gives the reason.
    let left = next.trigger("upgrade.removed", &json!({ "n": 1 }));
    let path = format!("/api/v1/workers/executions/{left}/explain");
    let explained = http::get(next.0.address, &path).body;
    assert_eq!(explained["status"], "queued", "{explained}");
    assert!(explained.to_string().contains("no_worker"), "{explained}");
}

/// The enqueuing version and the executing version both check a payload against their own schema.
fn check_changed_payload(previous: &Version, next: &Version) {
    let path = "/api/v1/workers/jobs/upgrade.changed/trigger";
    let old = json!({ "payload": { "a": 1 } }).to_string();
    let rejected = http::post(next.0.address, path, &old);
    assert_eq!(rejected.status, 422, "{}", rejected.text);
    let new = previous.ended(&next.trigger("upgrade.changed", &json!({ "a": 1, "b": 2 })));
    assert!(
        ["previous 1", "next 3"].contains(&new["result"].as_str().unwrap()),
        "{new}"
    );
}

/// While both versions run, each payload is executed by a version that can read it, whichever
/// version claims it. No attempt of the budget is spent: the jobs have no retries.
fn check_payloads_of_both_versions(previous: &Version, next: &Version) {
    const COUNT: usize = 12;
    let old = [
        ("upgrade.changed", json!({ "a": 1 }), "previous 1"),
        ("upgrade.renamed", json!({ "subject": "x" }), "previous x"),
    ];
    let new = [
        ("upgrade.renamed", json!({ "user": "y" }), "next y"),
        ("upgrade.converted", json!({ "user": "y" }), "next y"),
        ("upgrade.strict", json!({ "a": 1, "b": 2 }), "next 3"),
    ];
    let mut triggered = Vec::new();
    for _ in 0..COUNT {
        for (job, payload, result) in &old {
            triggered.push((previous.trigger(job, payload), *result));
        }
        for (job, payload, result) in &new {
            triggered.push((next.trigger(job, payload), *result));
        }
    }
    let mut released = 0;
    for (id, result) in triggered {
        let ended = previous.ended(&id);
        assert_eq!(ended["result"], result, "{ended}");
        for attempt in ended["attempts"].as_array().unwrap().iter().rev().skip(1) {
            assert_eq!(attempt["outcome"], "released", "{ended}");
            assert_eq!(attempt["error"]["kind"], "invalid_payload", "{ended}");
            released += 1;
        }
    }
    assert!(
        released > 0,
        "no version has claimed a payload of the other one"
    );
}

/// Without a worker that can read it, a payload fails for good, and can be retried with another. A
/// job with `upcast` reads the payload of the past version.
fn check_payload_of_a_past_version(previous: Version, next: &Version) {
    let waiting = json!({ "payload": { "a": 1 }, "delayMs": 8_000 }).to_string();
    let path = "/api/v1/workers/jobs/upgrade.changed/trigger";
    let accepted = http::post(previous.0.address, path, &waiting);
    assert_eq!(accepted.status, 202, "{}", accepted.text);
    let id = accepted.body["executionId"].as_str().unwrap();
    let waiting = json!({ "payload": { "subject": "z" }, "delayMs": 8_000 }).to_string();
    let path = "/api/v1/workers/jobs/upgrade.converted/trigger";
    let accepted = http::post(previous.0.address, path, &waiting);
    assert_eq!(accepted.status, 202, "{}", accepted.text);
    let converted = accepted.body["executionId"].as_str().unwrap();

    // The previous version shuts down during an attempt: the attempt ends, and is not repeated.
    let slow = previous.trigger("upgrade.slow", &json!({ "millis": 3000 }));
    wait_for("the slow attempt", || {
        previous.execution(&slow)["status"] == "running"
    });
    let (code, log) = previous.0.terminate();
    assert_eq!(code, Some(0), "{log:?}");
    let slow = next.ended(&slow);
    let expected = (&json!("succeeded"), &json!(1));
    assert_eq!((&slow["status"], &slow["attempt"]), expected, "{slow}");

    let converted = next.ended(converted);
    assert_eq!(converted["result"], "next z", "{converted}");
    assert_eq!(converted["payload"], json!({ "subject": "z" }));

    let ended = next.ended(id);
    assert_eq!(ended["error"]["kind"], "invalid_payload", "{ended}");
    let corrected = json!({ "payload": { "a": 1, "b": 2 } }).to_string();
    let path = format!("/api/v1/workers/executions/{id}/retry");
    let retried = http::post(next.0.address, &path, &corrected);
    assert_eq!(retried.status, 202, "{}", retried.text);
    assert_eq!(next.ended(id)["status"], "succeeded");
}

fn only(text: &str) -> BTreeSet<String> {
    BTreeSet::from([text.to_owned()])
}
