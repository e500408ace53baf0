//! What stands still for longer than a lease: executors, and the store.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use serde_json::json;
use tests::database::Database;
use tests::http;
use tests::process::{Server, is_full_tier, wait_for};

use super::PROGRAM;

const LEASE: Duration = Duration::from_millis(600);

/// Handlers block every thread that executes for two leases, while another worker watches.
#[test]
fn handlers_that_block_every_executor_lose_no_lease() {
    let dir = tempfile::tempdir().expect("a directory");
    let settings = |queues| {
        [
            ("JOBS_LEASE", "600ms"),
            ("JOBS_CONCURRENCY", "4"),
            ("JOBS_QUEUES", queues),
            ("JOBS_LOG", "warn"),
        ]
    };
    let blocked = Server::start(PROGRAM, dir.path(), &settings("default"));
    let watching = Server::start(PROGRAM, dir.path(), &settings("another"));
    let millis = 2 * LEASE.as_millis();
    let payloads = vec![json!({"millis": u64::try_from(millis).ok()}); 8];
    http::trigger_batch(watching.address, "test.block-executor", &payloads);

    let mut database = Database::open(&dir.path().join("jobs.db"));
    wait_for("the end of every execution", || {
        database.number("SELECT COUNT(*) FROM jobs_outcomes") == 8
    });
    let first = "SELECT COUNT(*) FROM jobs_outcomes WHERE status = 'succeeded' AND attempt = 1 AND executed_by IS NULL";
    assert_eq!(database.number(first), 8);
    assert_eq!(watching.logged(&["taking over"]), [""; 0]);
    assert_eq!(blocked.logged(&["WARN"]), [""; 0]);
    for worker in [blocked, watching] {
        assert_eq!(worker.terminate().0, Some(0));
    }
}

/// Somebody else holds the lock of the file for two leases, while two workers are at work.
#[test]
fn nothing_runs_twice_when_the_store_stands_still() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("intervals.txt");
    let settings = [
        ("JOBS_LEASE", "600ms"),
        ("JOBS_CONCURRENCY", "8"),
        ("JOBS_LOG", "warn"),
    ];
    let workers = Server::start_many(PROGRAM, 2, dir.path(), &settings);
    let mut database = Database::open(&dir.path().join("jobs.db"));
    let stalls = if is_full_tier() { 20 } else { 3 };
    let mut executions = 0;
    let mut random = fastrand::Rng::new();
    let seed = random.get_seed();

    for stall in 0..stalls {
        let payloads: Vec<_> = (0..20)
            .map(|_| json!({"file": file, "millis": random.u64(1..800)}))
            .collect();
        http::trigger_batch(workers[0].address, "test.interval", &payloads);
        executions += 20;
        wait_for("work under way", || {
            database.number("SELECT COUNT(*) FROM jobs_leases") > 0
        });
        assert!(database.hold(), "the lock is to be had");
        // The stall of stalls, then shorter and longer ones, also such that end just when leases do.
        let long = match stall {
            0 => 2 * LEASE,
            _ => LEASE.mul_f64(random.f64() * 2.0),
        };
        std::thread::park_timeout(long);
        database.release();
        wait_for(&format!("the end of all, seed {seed}"), || {
            database.number("SELECT COUNT(*) FROM jobs_outcomes") == executions
        });
    }
    let failed = "SELECT COUNT(*) FROM jobs_outcomes WHERE status <> 'succeeded'";
    assert_eq!(database.number(failed), 0, "seed {seed}");
    check_intervals(&file, seed);
    for worker in workers {
        assert_eq!(worker.terminate().0, Some(0));
    }
}

/// Of each execution, one attempt at a time ran, and each number once.
fn check_intervals(file: &Path, seed: u64) {
    let lines = std::fs::read_to_string(file).expect("handlers wrote it");
    let mut begun = HashSet::new();
    let mut running = HashSet::new();
    for line in lines.lines() {
        let words: Vec<_> = line.split(' ').collect();
        let [what, id, attempt] = words[..] else {
            panic!("`{line}` was not written whole");
        };
        if what == "begin" {
            assert!(begun.insert((id, attempt)), "twice, seed {seed}: {line}");
            assert!(running.insert(id), "at once, seed {seed}: {line}");
        } else {
            assert!(running.remove(id), "seed {seed}: {line}");
        }
    }
    assert!(running.is_empty(), "{running:?}");
}
