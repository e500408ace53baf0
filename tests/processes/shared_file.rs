//! Several processes that share one SQLite file.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::{Value, json};
use tests::database::Database;
use tests::http;
use tests::process::{Server, is_full_tier, now, wait_for};

use super::PROGRAM;

const QUIET: (&str, &str) = ("JOBS_LOG", "warn");

/// One process enqueues, and another one executes. The second has been idle for so long that it
/// looks for changes of the file every 250 ms only. The bound of one second allows for a busy
/// machine, and is below the poll interval of 3.75 to 6.25 s.
#[test]
fn an_idle_worker_claims_executions_of_another_process_before_its_poll() {
    let dir = tempfile::tempdir().expect("a directory");
    let serving = Server::start_serving_only(PROGRAM, dir.path(), &[QUIET]);
    let _working = Server::start(PROGRAM, dir.path(), &[QUIET]);
    let count = if is_full_tier() { 31 } else { 7 };
    let mut waits: Vec<_> = (0..count)
        .map(|n| {
            // The worker is idle after ten looks at growing intervals.
            std::thread::park_timeout(Duration::from_millis(1_500));
            let id = http::trigger(serving.address, "test.add", &json!({"a": n, "b": 1}));
            let mut shown = Value::Null;
            wait_for(&format!("{id} to end"), || {
                shown = http::execution(serving.address, &id);
                shown["status"] == "succeeded"
            });
            millis(&shown["startedAt"]) - millis(&shown["createdAt"])
        })
        .collect();
    waits.sort_unstable();
    assert!(waits[waits.len() / 2] <= 1_000, "{waits:?}");
}

/// One process cancels. Another one executes a handler that never reports progress.
#[test]
fn a_cancel_reaches_a_handler_in_another_process_within_a_second() {
    let dir = tempfile::tempdir().expect("a directory");
    let serving = Server::start_serving_only(PROGRAM, dir.path(), &[QUIET]);
    let _working = Server::start(PROGRAM, dir.path(), &[QUIET]);
    let durations = (0..3).map(|_| {
        let begun = dir.path().join("begun");
        let payload = json!({"begun": begun});
        let id = http::trigger(serving.address, "test.finishes-visibly", &payload);
        let shown = || http::execution(serving.address, &id);
        wait_for(&format!("{id} to start"), || begun.exists());
        let path = format!("/api/v1/workers/executions/{id}/cancel");
        let cancelled_at = now();
        assert_eq!(http::post(serving.address, &path, "{}").status, 202);
        // The handler ends when it observes the cancellation, and only then.
        wait_for(&format!("{id} to end"), || shown()["status"] == "succeeded");
        let duration = cancelled_at.elapsed();
        std::fs::remove_file(begun).expect("the file exists");
        duration
    });
    // The fastest of three: the machine may be busy with other tests.
    let fastest = durations.min().expect("three");
    assert!(fastest < Duration::from_secs(1), "{fastest:?}");
}

fn millis(time: &Value) -> i64 {
    let text = time.as_str().expect("a time");
    let time: jobs_runtime::time::Timestamp = text.parse().expect("RFC 3339");
    time.as_millis()
}

/// Four processes start at once without a file. Then all of them enqueue and execute.
#[test]
fn four_processes_share_a_file_without_lock_errors() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("begun.txt");
    let workers = Server::start_many(PROGRAM, 4, dir.path(), &[QUIET]);

    // Sixteen executions, for which the workers compete.
    let payloads = vec![json!({"file": file, "millis": 5}); 16];
    http::trigger_batch(workers[0].address, "test.record", &payloads);
    let per_caller = if is_full_tier() { 500 } else { 40 };
    std::thread::scope(|scope| {
        for worker in &workers {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..per_caller {
                        http::trigger(worker.address, "test.record", &payloads[0]);
                    }
                });
            }
        }
    });
    let count = 16 + 4 * 2 * per_caller;
    let mut database = Database::open(&dir.path().join("jobs.db"));
    wait_for("every execution to end", || {
        database.number("SELECT COUNT(*) FROM jobs_outcomes WHERE status = 'succeeded'") == count
    });
    let begun = std::fs::read_to_string(&file).expect("handlers wrote it");
    let distinct: HashSet<_> = begun.lines().collect();
    assert_eq!(begun.lines().count(), distinct.len());
    assert_eq!(i64::try_from(distinct.len()), Ok(count));
    assert!(
        distinct.iter().all(|line| line.ends_with(" 1")),
        "first attempts"
    );
    for worker in workers {
        // A locked file, an unavailable store or a lost lease would cause a warning.
        let (code, log) = worker.terminate();
        let warnings: Vec<_> = log.iter().filter(|line| line.contains("WARN")).collect();
        assert_eq!((code, warnings), (Some(0), Vec::new()));
    }
}
