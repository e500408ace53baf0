//! Several processes on one file.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::{Value, json};
use tests::database::Database;
use tests::http;
use tests::process::{Server, is_full_tier, now, wait_for};

use super::PROGRAM;

const QUIET: (&str, &str) = ("JOBS_LOG", "warn");

/// One process enqueues, another executes; it has been idle for long enough to look seldom, which
/// is every 250 ms. A machine may be busy with other tests: a second is still far from the poll,
/// which comes after 3.75 to 6.25 s and would find it as well.
#[test]
fn an_idle_process_finds_what_another_enqueues_before_it_polls() {
    let dir = tempfile::tempdir().expect("a directory");
    let serving = Server::start_serving_only(PROGRAM, dir.path(), &[QUIET]);
    let _working = Server::start(PROGRAM, dir.path(), &[QUIET]);
    let count = if is_full_tier() { 31 } else { 7 };
    let mut waits: Vec<_> = (0..count)
        .map(|n| {
            // Ten looks of growing distance make it idle.
            std::thread::park_timeout(Duration::from_millis(1_500));
            let id = http::trigger(serving.address, "test.add", &json!({"a": n, "b": 1}));
            let mut shown = Value::Null;
            wait_for(&format!("the end of {id}"), || {
                shown = http::execution(serving.address, &id);
                shown["status"] == "succeeded"
            });
            millis(&shown["startedAt"]) - millis(&shown["createdAt"])
        })
        .collect();
    waits.sort_unstable();
    assert!(waits[waits.len() / 2] <= 1_000, "{waits:?}");
}

/// One process asks, another executes a handler that never reports progress.
#[test]
fn a_cancel_reaches_a_handler_in_another_process_within_a_second() {
    let dir = tempfile::tempdir().expect("a directory");
    let serving = Server::start_serving_only(PROGRAM, dir.path(), &[QUIET]);
    let _working = Server::start(PROGRAM, dir.path(), &[QUIET]);
    let took = (0..3).map(|_| {
        let begun = dir.path().join("begun");
        let payload = json!({"begun": begun});
        let id = http::trigger(serving.address, "test.finishes-visibly", &payload);
        let shown = || http::execution(serving.address, &id);
        wait_for(&format!("the start of {id}"), || begun.exists());
        let path = format!("/api/v1/workers/executions/{id}/cancel");
        let asked = now();
        assert_eq!(http::post(serving.address, &path, "{}").status, 202);
        // It ends as soon as it hears of it, and by nothing else.
        wait_for(&format!("the end of {id}"), || {
            shown()["status"] == "succeeded"
        });
        let took = asked.elapsed();
        std::fs::remove_file(begun).expect("it is there");
        took
    });
    // The fastest of three: the machine may be busy with other tests.
    let fastest = took.min().expect("three");
    assert!(fastest < Duration::from_secs(1), "{fastest:?}");
}

fn millis(time: &Value) -> i64 {
    let text = time.as_str().expect("a time");
    let time: jobs_runtime::time::Timestamp = text.parse().expect("RFC 3339");
    time.as_millis()
}

/// Four start at once on a file that is not there yet, then all of them enqueue and execute.
#[test]
fn four_processes_share_a_file_and_nobody_is_busy() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("begun.txt");
    let workers = Server::start_many(PROGRAM, 4, dir.path(), &[QUIET]);

    // Sixteen, each executed once whoever competes for it.
    let payloads = vec![json!({"file": file, "millis": 5}); 16];
    http::trigger_batch(workers[0].address, "test.record", &payloads);
    let each = if is_full_tier() { 500 } else { 40 };
    std::thread::scope(|scope| {
        for worker in &workers {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..each {
                        http::trigger(worker.address, "test.record", &payloads[0]);
                    }
                });
            }
        }
    });
    let count = 16 + 4 * 2 * each;
    let mut database = Database::open(&dir.path().join("jobs.db"));
    wait_for("the end of every execution", || {
        database.number("SELECT COUNT(*) FROM jobs_outcomes WHERE status = 'succeeded'") == count
    });
    let begun = std::fs::read_to_string(&file).expect("handlers wrote it");
    let once: HashSet<_> = begun.lines().collect();
    assert_eq!(begun.lines().count(), once.len());
    assert_eq!(i64::try_from(once.len()), Ok(count));
    assert!(
        once.iter().all(|line| line.ends_with(" 1")),
        "first attempts"
    );
    for worker in workers {
        // No warning: neither of a lock, nor of a store that did not answer, nor of a lost lease.
        let (code, log) = worker.terminate();
        let warned: Vec<_> = log.iter().filter(|line| line.contains("WARN")).collect();
        assert_eq!((code, warned), (Some(0), Vec::new()));
    }
}
