//! Workers whose wall clocks disagree by hours share a store.

use std::collections::HashSet;

use serde_json::json;
use tests::database::Database;
use tests::http;
use tests::process::{Server, prompt_dir, wait_for};

use super::{PROGRAM, SKEWED};

/// Liveness is judged by change: neither a worker of yesterday nor one of tomorrow is taken for dead
/// by the others, or takes them for dead.
#[test]
fn a_wrong_wall_clock_loses_no_lease_and_runs_nothing_twice() {
    let dir = prompt_dir();
    let file = dir.path().join("begun.txt");
    let settings = |ahead| {
        [
            ("JOBS_LEASE", "2s"),
            ("JOBS_CONCURRENCY", "4"),
            ("JOBS_LOG", "warn"),
            ("TEST_CLOCK_AHEAD", ahead),
        ]
    };
    let workers = [
        Server::start(PROGRAM, dir.path(), &settings("0")),
        Server::start(SKEWED, dir.path(), &settings("-18000")),
        Server::start(SKEWED, dir.path(), &settings("18000")),
    ];
    // Each gets twelve, of which every worker executes some; they take three leases all in all.
    for worker in &workers {
        let payloads = vec![json!({"file": file, "millis": 2_000}); 12];
        http::trigger_batch(worker.address, "test.record", &payloads);
    }
    let mut database = Database::open(&dir.path().join("jobs.db"));
    wait_for("the end of every execution", || {
        database.number("SELECT COUNT(*) FROM jobs_outcomes") == 36
    });
    let first = "SELECT COUNT(*) FROM jobs_outcomes
        WHERE status = 'succeeded' AND attempt = 1 AND executed_by IS NULL";
    assert_eq!(database.number(first), 36);
    let sessions = "SELECT COUNT(DISTINCT session) FROM jobs_outcomes";
    assert_eq!(
        database.number(sessions),
        3,
        "all of them have executed some"
    );
    let begun = std::fs::read_to_string(&file).expect("handlers wrote it");
    let once: HashSet<_> = begun.lines().collect();
    assert_eq!((begun.lines().count(), once.len()), (36, 36));
    for worker in workers {
        let (code, log) = worker.terminate();
        let warned: Vec<_> = log.iter().filter(|line| line.contains("WARN")).collect();
        assert_eq!((code, warned), (Some(0), Vec::new()));
    }
}
