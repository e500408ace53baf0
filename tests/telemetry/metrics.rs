//! `GET /metrics`, scraped by a Prometheus and compared with the store.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jobs_runtime::telemetry::reference::METRICS;
use serde_json::{Value, json};
use tests::http;
use tests::process::{Server, wait_for};

use super::PROGRAM;
use super::prometheus::{Prometheus, promtool};

/// Numbers by job id and a word.
type Counts = BTreeMap<(String, String), u64>;

/// The attempts in the store by job and outcome, and the executions by job and status.
fn stored(server: &Server) -> (Counts, Counts) {
    let page = http::get(server.address, "/api/v1/workers/executions?limit=1000");
    let (mut outcomes, mut statuses) = (Counts::new(), Counts::new());
    for listed in page.body["executions"].as_array().unwrap() {
        let execution = http::execution(server.address, listed["id"].as_str().unwrap());
        let word = |value: &Value| value.as_str().unwrap_or("none").to_owned();
        let job = word(&execution["jobId"]);
        *statuses
            .entry((job.clone(), word(&execution["status"])))
            .or_default() += 1;
        for attempt in execution["attempts"].as_array().into_iter().flatten() {
            let outcome = word(&attempt["outcome"]);
            *outcomes.entry((job.clone(), outcome)).or_default() += 1;
        }
    }
    (outcomes, statuses)
}

/// The counts above zero that Prometheus has, by job and the value of a label.
fn scraped(prometheus: &Prometheus, metric: &str, label: &str) -> Counts {
    let expression = format!("sum by (job_id, {label}) ({metric}) > 0");
    let samples = prometheus.query(&expression).into_iter();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count"
    )]
    let counts = samples.map(|(labels, value)| {
        let of = |label: &str| labels[label].as_str().unwrap_or_default().to_owned();
        ((of("job_id"), of(label)), value as u64)
    });
    counts.collect()
}

/// Kills a process while it runs an attempt. The execution fails in the next process.
fn crash(dir: &Path) {
    let server = Server::start(PROGRAM, dir, &[("JOBS_LOG", "error")]);
    let begun = dir.join("begun");
    let payload = json!({"begun": begun, "gate": dir.join("never")});
    http::trigger(server.address, "test.until", &payload);
    wait_for("the attempt to begin", || begun.exists());
    server.kill_9();
}

#[test]
fn the_counts_equal_the_store_after_failures_retries_and_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    crash(dir.path());
    let server = Server::start(PROGRAM, dir.path(), &[("JOBS_LEASE", "1s")]);
    let prometheus = Prometheus::start(dir.path(), server.address);
    let trigger = |job: &str, payload| http::trigger(server.address, job, &payload);
    let adds: Vec<_> = (0..40).map(|n| json!({"a": n, "b": 1})).collect();
    http::trigger_all(server.address, "test.add", &adds);
    trigger("test.add", json!({"a": i64::MAX, "b": 1}));
    trigger("test.panic", json!({"message": "no"}));
    trigger("test.flaky", json!({"successful": 3}));
    trigger("test.slow", json!({}));
    trigger("test.snooze", json!({}));
    trigger("test.parent", json!({"a": 1}));
    trigger("test.ends", json!({"how": "cancel"}));

    wait_for("every execution to end", || {
        let page = http::get(server.address, "/api/v1/workers/executions?limit=1000");
        let all = page.body["executions"].as_array().unwrap();
        all.iter().all(|one| !one["finishedAt"].is_null())
    });
    let (outcomes, statuses) = stored(&server);
    for outcome in [
        "succeeded",
        "failed",
        "timed_out",
        "panicked",
        "lost",
        "snoozed",
        "cancelled",
    ] {
        assert!(
            outcomes.keys().any(|(_, one)| one == outcome),
            "{outcomes:?}"
        );
    }
    let mut seen = Counts::new();
    wait_for("the outcomes in Prometheus", || {
        seen = scraped(&prometheus, "jobs_attempts_finished_total", "outcome");
        seen.values().sum::<u64>() >= outcomes.values().sum()
    });
    assert_eq!(seen, outcomes);
    let failed = statuses
        .into_iter()
        .filter(|((_, status), _)| status == "failed");
    let failed: Counts = failed
        .map(|((job, _), n)| ((job, String::new()), n))
        .collect();
    assert_eq!(
        scraped(&prometheus, "jobs_executions_failed_total", "none"),
        failed
    );
    let started = scraped(&prometheus, "jobs_attempts_started_total", "none");
    let add = ("test.add".to_owned(), String::new());
    assert_eq!(started[&add], 42, "{started:?}");
    let waits = scraped(&prometheus, "jobs_execution_wait_seconds_count", "none");
    assert_eq!(waits[&add], 42, "{waits:?}");
    let enqueued = scraped(&prometheus, "jobs_enqueued_total", "none");
    assert_eq!(enqueued[&add], 42, "{enqueued:?}");
    assert!(!enqueued.contains_key(&("test.until".to_owned(), String::new())));
}

#[test]
fn every_process_tells_the_same_about_the_fleet() {
    let dir = tempfile::tempdir().unwrap();
    let worker = Server::start(PROGRAM, dir.path(), &[("JOBS_QUEUES", "turns")]);
    let serving = Server::start_serving_only(PROGRAM, dir.path(), &[]);
    // One runs, two are blocked, and three are ready in a queue without a worker.
    for _ in 0..3 {
        http::trigger(serving.address, "test.in-turn", &json!({"tenant": "x"}));
        http::trigger(serving.address, "test.echo", &json!({"text": "x"}));
    }
    let expected = [
        r#"jobs_queue_ready{queue="default"} 3"#,
        r#"jobs_queue_blocked{queue="turns"} 2"#,
        r#"jobs_queue_running{queue="turns"} 1"#,
        r#"jobs_limit_permits_in_use{job_id="test.in-turn"} 1"#,
        "jobs_store_up 1",
    ];
    for server in [&worker, &serving] {
        let mut page = String::new();
        wait_for("the gauges of the fleet", || {
            page = http::get(server.address, "/metrics").text;
            let line = |line: &&str| page.lines().any(|found| found == *line);
            expected.iter().all(line)
        });
        let age = "jobs_queue_oldest_ready_seconds{queue=\"default\"} ";
        let age = page.lines().find_map(|line| line.strip_prefix(age));
        assert!(
            age.is_some_and(|age| age.parse::<f64>().unwrap() > 0.0),
            "{page}"
        );
    }
    let page = http::get(worker.address, "/metrics");
    assert!(
        page.text.contains("jobs_worker_attempts_running 1\n"),
        "{}",
        page.text
    );
    let head = page.head.to_ascii_lowercase();
    assert!(
        head.contains("content-type: text/plain; version=0.0.4"),
        "{head}"
    );
    promtool(&["check", "metrics"], &page.text);

    let shown = page
        .text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "));
    let shown: BTreeSet<_> = shown.map(|line| line.split_once(' ').unwrap()).collect();
    let listed = METRICS
        .iter()
        .map(|metric| (metric.name, metric.kind.as_str()));
    assert_eq!(shown, listed.collect(), "the page, and the reference");
}
