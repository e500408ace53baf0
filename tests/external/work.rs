//! Work of the Python worker: results, failures, progress, cancellation, many at once.

use std::time::Duration;

use serde_json::{Value, json};
use tests::http;
use tests::process::{now, wait_for};

use super::python_worker::Site;

#[test]
fn a_python_worker_executes_a_job_from_end_to_end() {
    for site in Site::both("30s") {
        let _worker = site.worker(&["2"]);
        let id = site.trigger("echo", 21);
        let execution = site.wait_status(&id, "succeeded");
        assert_eq!(execution["result"], json!({"doubled": 42, "attempt": 1}));
        assert_eq!(execution["attempts"][0]["worker"], "python-test");
        let path = format!("/api/v1/workers/executions/{id}/logs");
        let log = http::get(site.address, &path).body;
        assert_eq!(log["lines"][0]["message"], "mode echo", "{log}");
        assert_eq!(log["lines"][0]["fields"]["number"], 21, "{log}");

        let processes = http::get(site.address, "/api/v1/workers/processes").body;
        let listed = processes["processes"].as_array().unwrap();
        let worker = listed.iter().find(|it| it["worker"] == "python-test");
        let worker = worker.unwrap_or_else(|| panic!("{processes}"));
        assert_eq!(worker["external"]["language"], "python");
        assert_eq!(worker["labels"], json!(["test"]));

        let wrong = site.wait_status(&site.trigger("wrong", 1), "failed");
        let message = wrong["error"]["message"].as_str().unwrap();
        assert!(message.contains("/doubled"), "{message}");
        assert_eq!(wrong["attempts"].as_array().unwrap().len(), 1);
        let permanent = site.wait_status(&site.trigger("permanent", 1), "failed");
        assert_eq!(permanent["error"]["kind"], "permanent");
        let flaky = site.wait_status(&site.trigger("flaky", 1), "succeeded");
        assert_eq!(flaky["result"]["attempt"], 2, "{flaky}");
        assert_eq!(flaky["attempts"][0]["outcome"], "failed");
    }
}

/// Five cancels. Most of them must take less than a second: on a busy machine the scheduler may
/// delay one. A worker that noticed a cancel only by its heartbeats, every ten seconds, would miss
/// the bound in four of five.
#[test]
fn progress_is_seen_and_a_cancel_is_obeyed_within_a_second() {
    for site in Site::both("30s") {
        let _worker = site.worker(&["2"]);
        let mut took = Vec::new();
        for _ in 0..5 {
            let id = site.trigger("wait", 0);
            let execution = site.wait(&id, "progress", |it| it["progress"] == 30);
            assert_eq!(execution["progressMessage"], "waiting");
            let began = now();
            let path = format!("/api/v1/workers/executions/{id}/cancel");
            assert_eq!(http::post(site.address, &path, "{}").status, 202);
            let execution = site.wait_status(&id, "cancelled");
            took.push(began.elapsed());
            assert_eq!(execution["attempts"][0]["outcome"], "cancelled");
        }
        took.sort_unstable();
        assert!(
            took[2] < Duration::from_secs(1),
            "the cancels took {took:?}"
        );
    }
}

#[test]
fn a_handler_in_a_process_of_its_own_works_crashes_and_is_cancelled() {
    let [site, _] = Site::both("30s");
    let _worker = site.worker(&["2", "processes"]);
    let done = site.wait_status(&site.trigger("echo", 4), "succeeded");
    assert_eq!(done["result"]["doubled"], 8);
    let crashed = site.wait_status(&site.trigger("crash", 4), "succeeded");
    assert_eq!(crashed["attempts"][0]["outcome"], "panicked", "{crashed}");
    assert_eq!(crashed["result"]["attempt"], 2);
    let id = site.trigger("wait", 0);
    site.wait(&id, "progress", |it| it["progress"] == 30);
    http::post(
        site.address,
        &format!("/api/v1/workers/executions/{id}/cancel"),
        "{}",
    );
    site.wait_status(&id, "cancelled");
}

#[test]
fn twenty_threads_execute_a_thousand_executions_once_each() {
    const COUNT: i64 = 1_000;
    for site in Site::both("30s") {
        let payloads: Vec<Value> = (0..COUNT)
            .map(|number| json!({"mode": "echo", "number": number}))
            .collect();
        http::trigger_all(site.address, "kit.work", &payloads);
        let worker = site.worker(&["20"]);
        let mut seen = Vec::new();
        wait_for("a thousand successes", || {
            seen = all_results(&site);
            seen.len() == 1_000
        });
        seen.sort_unstable();
        let expected: Vec<_> = (0..COUNT).map(|number| (2 * number, 1)).collect();
        assert_eq!(seen, expected, "{:?}", worker.log());
    }
}

/// The results and attempt numbers of all executions that have succeeded.
fn all_results(site: &Site) -> Vec<(i64, i64)> {
    let path = "/api/v1/workers/executions?limit=1000&status=succeeded";
    let page = http::get(site.address, path).body;
    let executions = page["executions"].as_array().unwrap();
    executions
        .iter()
        .map(|it| {
            let result = &it["result"];
            (
                result["doubled"].as_i64().unwrap(),
                result["attempt"].as_i64().unwrap(),
            )
        })
        .collect()
}
