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
    let waiting = previous.trigger("upgrade.slow", &json!({ "millis": 3000 }));

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

    // The previous version shuts down during an attempt: the attempt ends, and is not repeated.
    let (code, log) = previous.0.terminate();
    assert_eq!(code, Some(0), "{log:?}");
    let waited = next.ended(&waiting);
    assert_eq!(
        (&waited["status"], &waited["attempt"]),
        (&json!("succeeded"), &json!(1))
    );

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

    let accepted = http::post(previous.0.address, path, &old);
    assert_eq!(accepted.status, 202, "{}", accepted.text);
    let id = accepted.body["executionId"].as_str().unwrap();
    let ended = next.ended(id);
    if ended["status"] == "succeeded" {
        assert_eq!(ended["result"], "previous 1");
        return;
    }
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
