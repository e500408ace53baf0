//! `kill -9` of the only worker while attempts run, and the death of its dispatcher.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tests::process::{Server, is_full_tier, now, wait_for};
use tests::{http, transcript};

use super::{PROGRAM, SKEWED};

const EXECUTIONS: usize = 300;

/// A short lease, so that a restarted worker takes over soon.
const SETTINGS: [(&str, &str); 3] = [
    ("JOBS_LEASE", "1s"),
    ("JOBS_CONCURRENCY", "16"),
    ("JOBS_LOG", "error"),
];

/// The number of kills: 5, or 50 in the full tier.
fn kills() -> usize {
    if is_full_tier() { 50 } else { 5 }
}

#[test]
fn nothing_is_lost_when_the_process_is_killed() {
    let dir = tempfile::tempdir().expect("a directory");
    let record = dir.path().join("begun.txt");
    let mut server = Server::start(PROGRAM, dir.path(), &SETTINGS);
    enqueue(&server, &record);

    let mut lost_before = 0;
    for kill in 1..=kills() {
        // The kill must hit running attempts.
        wait_for(&format!("running executions before kill {kill}"), || {
            !statuses(&server, "running").is_empty()
        });
        server.kill_9();
        server = Server::start(PROGRAM, dir.path(), &SETTINGS);
        wait_for(&format!("the lost attempts of kill {kill}"), || {
            lost_attempts(&server) > lost_before
        });
        lost_before = lost_attempts(&server);
        if statuses(&server, "succeeded").len() > EXECUTIONS / 2 {
            enqueue(&server, &record);
        }
    }

    wait_for("every execution to end", || {
        // A list per status could miss an execution that changes its status meanwhile.
        let all = list(&server, "");
        all.iter().all(|one| !one["finishedAt"].is_null())
    });
    let all = list(&server, "");
    assert!(all.len() >= EXECUTIONS && all.len().is_multiple_of(EXECUTIONS));
    for execution in &all {
        assert_eq!(execution["status"], "succeeded", "{execution}");
    }
    check_attempts(&server, &all, &record);
    let (code, log) = server.terminate();
    assert_eq!(code, Some(0), "{log:?}");
}

/// A process would live on and execute nothing, or fire no schedule.
#[test]
fn a_process_whose_dispatcher_or_scheduler_dies_exits_and_says_why() {
    let threads = [
        ("jobs-dispatcher", "the dispatcher of the worker"),
        ("jobs-scheduler", "the scheduler"),
    ];
    for (thread, name) in threads {
        let dir = tempfile::tempdir().expect("a directory");
        let breaks = dir.path().join("breaks");
        let breaks_setting = breaks.to_str().expect("a path of text");
        let settings = [
            ("TEST_CLOCK_BREAKS", breaks_setting),
            ("TEST_CLOCK_THREAD", thread),
        ];
        let server = Server::start(SKEWED, dir.path(), &settings);
        std::fs::write(&breaks, "").expect("written");
        let (code, log) = server.ended();
        assert_eq!(code, Some(1), "{log:?}");
        let reason = format!("{name} has panicked: the clock is broken");
        assert!(log.iter().any(|line| line.contains(&reason)), "{log:#?}");
    }
}

#[test]
fn a_resource_that_panics_stops_the_start_and_is_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let output = std::process::Command::new(SKEWED)
        .arg("work")
        .current_dir(dir.path())
        .env("TEST_RESOURCE_PANICS", "1")
        .output()
        .expect("the program starts");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("Fragile"), "{told}");
    assert!(told.contains("it panicked: it broke"), "{told}");
}

/// The restarted worker does not wait for the lease of 30 s, nor for the retry delay: the lock of
/// the killed one is free.
#[test]
fn work_goes_on_at_once_after_a_kill() {
    let dir = tempfile::tempdir().expect("a directory");
    let settings = [("JOBS_LOG", "error")];
    let server = Server::start(PROGRAM, dir.path(), &settings);
    let id = http::trigger(server.address, "test.patient", &json!({}));
    let attempts = |server: &Server| {
        let shown = http::execution(server.address, &id);
        let running = shown["status"] == "running";
        (shown["attempts"].as_array().map_or(0, Vec::len), running)
    };
    wait_for("the attempt to start", || attempts(&server) == (1, true));
    server.kill_9();
    transcript::check(
        PROGRAM,
        dir.path(),
        r"
        $ jobs doctor --bind 127.0.0.1:0 | grep leases
        leases warning no process has taken over the attempts of …: start one that executes …
        ",
    );
    let server = Server::start(PROGRAM, dir.path(), &settings);
    let restarted = now();
    wait_for("the next attempt", || attempts(&server) == (2, true));
    let took = restarted.elapsed();
    assert!(took < Duration::from_secs(2), "it took {took:?}");
}

fn enqueue(server: &Server, record: &Path) {
    let payload = json!({"payload": {"file": record, "millis": 40}});
    let batch = json!({"executions": vec![payload; EXECUTIONS]});
    let path = "/api/v1/workers/jobs/test.record/trigger-batch";
    let answer = http::post(server.address, path, &batch.to_string());
    assert_eq!(answer.status, 202, "{answer:?}");
}

/// Checks that each attempt that began is in the store, under a number that was used once.
fn check_attempts(server: &Server, all: &[Value], record: &Path) {
    let begun = std::fs::read_to_string(record).expect("handlers wrote it");
    let mut lines: HashMap<&str, Vec<u64>> = HashMap::new();
    for line in begun.lines() {
        let (id, attempt) = line.split_once(' ').expect("id and attempt");
        let attempt = attempt.parse().expect("a number");
        lines.entry(id).or_default().push(attempt);
    }
    let mut lost = 0;
    for execution in all {
        let id = execution["id"].as_str().expect("an id");
        let shown = http::get(server.address, &format!("/api/v1/workers/executions/{id}"));
        let attempts = shown.body["attempts"].as_array().expect("attempts").clone();
        let recorded: HashSet<u64> = attempts
            .iter()
            .filter_map(|a| a["number"].as_u64())
            .collect();
        assert_eq!(
            recorded.len(),
            attempts.len(),
            "an attempt number was used twice: {attempts:?}"
        );
        let (_, earlier) = attempts.split_last().expect("at least one");
        // On a busy machine, a worker may also release attempts that it could not renew.
        let outcome = |a: &&Value, outcome: &str| a["outcome"] == outcome;
        let released = earlier.iter().filter(|a| outcome(a, "released")).count();
        let lost_here = earlier.iter().filter(|a| outcome(a, "lost")).count();
        assert_eq!(lost_here + released, earlier.len(), "{attempts:?}");
        lost += lost_here;
        let mut wrote = HashSet::new();
        for number in &lines[id] {
            assert!(
                wrote.insert(*number),
                "attempt {number} of {id} began twice"
            );
            assert!(
                recorded.contains(number),
                "attempt {number} of {id} is not in the store"
            );
        }
    }
    assert!(
        lost >= kills(),
        "{lost} attempts were lost to {} kills",
        kills()
    );
}

fn lost_attempts(server: &Server) -> usize {
    // Attempts fail for no other reason, so an earlier attempt of an execution was lost.
    let executions = list(server, "");
    let later = executions
        .iter()
        .map(|e| e["attempt"].as_u64().unwrap_or(0).saturating_sub(1));
    usize::try_from(later.sum::<u64>()).expect("a count")
        + executions
            .iter()
            .filter(|e| e["status"] == "pending" && e["error"]["kind"] == "lost")
            .count()
}

fn statuses(server: &Server, status: &str) -> Vec<Value> {
    list(server, &format!("&status={status}"))
}

/// Lists all executions that match a filter, page by page.
fn list(server: &Server, filter: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/api/v1/workers/executions?limit=1000{filter}{cursor}");
        let answer = http::get(server.address, &path);
        assert_eq!(answer.status, 200, "{answer:?}");
        all.extend(
            answer.body["executions"]
                .as_array()
                .expect("a list")
                .iter()
                .cloned(),
        );
        match answer.body["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}
