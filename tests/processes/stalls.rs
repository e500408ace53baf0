//! Stalls: executors or the store do not respond, some for longer than a lease.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use serde_json::json;
use tests::database::Database;
use tests::http;
use tests::process::{Server, is_full_tier, now, prompt_dir, wait_for};

use super::PROGRAM;

/// Long enough that a busy machine does not look like a stalled worker.
const LEASE: Duration = Duration::from_millis(1_500);

/// Handlers block every executor thread for two leases. A second worker watches their session.
#[test]
fn handlers_that_block_every_executor_lose_no_lease() {
    const LEASE: Duration = Duration::from_secs(3);
    // One handler per executor thread.
    let handlers = std::thread::available_parallelism().map_or(1, usize::from);
    let expected = i64::try_from(handlers).expect("a few");
    let dir = prompt_dir();
    let settings = |queues| {
        [
            ("JOBS_LEASE", "3s"),
            ("JOBS_CONCURRENCY", "64"),
            ("JOBS_QUEUES", queues),
            ("JOBS_LOG", "warn"),
        ]
    };
    let blocked = Server::start(PROGRAM, dir.path(), &settings("default"));
    let watching = Server::start(PROGRAM, dir.path(), &settings("another"));
    let millis = 2 * LEASE.as_millis();
    let payloads = vec![json!({"millis": u64::try_from(millis).ok()}); handlers];
    http::trigger_batch(watching.address, "test.block-executor", &payloads);

    let mut database = Database::open(&dir.path().join("jobs.db"));
    wait_for("every execution to end", || {
        database.number("SELECT COUNT(*) FROM jobs_outcomes") == expected
    });
    let first = "SELECT COUNT(*) FROM jobs_outcomes
        WHERE status = 'succeeded' AND attempt = 1 AND executed_by IS NULL";
    assert_eq!(database.number(first), expected);
    assert_eq!(watching.logged(&["taking over"]), [""; 0]);
    assert_eq!(blocked.logged(&["WARN"]), [""; 0]);
    for worker in [blocked, watching] {
        assert_eq!(worker.terminate().0, Some(0));
    }
}

/// The test holds the file's write lock for up to two leases while two workers execute.
#[test]
fn nothing_runs_twice_when_the_store_stands_still() {
    let dir = prompt_dir();
    let file = dir.path().join("intervals.txt");
    let settings = [
        ("JOBS_LEASE", "1500ms"),
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
            .map(|_| json!({"file": file, "millis": random.u64(1..2_000)}))
            .collect();
        http::trigger_batch(workers[0].address, "test.interval", &payloads);
        executions += 20;
        wait_for("a running attempt", || {
            database.number("SELECT COUNT(*) FROM jobs_leases") > 0
        });
        assert!(database.hold(), "the write lock is free");
        // The first stall lasts two leases. The next ones have random lengths up to that.
        let long = match stall {
            0 => 2 * LEASE,
            _ => LEASE.mul_f64(random.f64() * 2.0),
        };
        std::thread::park_timeout(long);
        database.release();
        wait_for(&format!("all executions to end, seed {seed}"), || {
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

/// A worker that cannot renew its session drops its attempts. It does so before another worker may
/// take them over: `work_is_dropped_when_four_fifths_of_a_lease_are_over` of the engine measures
/// that.
#[test]
fn work_is_dropped_while_the_store_stands_still() {
    let dir = prompt_dir();
    let file = dir.path().join("intervals.txt");
    let settings = [
        ("JOBS_LEASE", "1500ms"),
        ("JOBS_DRAIN", "100ms"),
        ("JOBS_LOG", "warn"),
    ];
    let worker = Server::start(PROGRAM, dir.path(), &settings);
    let mut database = Database::open(&dir.path().join("jobs.db"));
    let payload = json!({"file": file, "millis": 30_000});
    let id = http::trigger(worker.address, "test.interval", &payload);
    let wrote = |line: &str| {
        let lines = std::fs::read_to_string(&file).unwrap_or_default();
        lines.lines().any(|found| found == line)
    };
    wait_for("the attempt to begin", || wrote(&format!("begin {id} 1")));
    assert!(database.hold(), "the write lock is free");
    let locked_at = now();
    wait_for("the attempt to end", || wrote(&format!("end {id} 1")));
    assert!(
        locked_at.elapsed() < Duration::from_secs(30),
        "the handler slept to its end"
    );
    database.release();
    wait_for("a second attempt", || {
        let lines = std::fs::read_to_string(&file).unwrap_or_default();
        lines
            .lines()
            .filter(|line| line.starts_with("begin "))
            .count()
            > 1
    });
    assert_eq!(worker.terminate().0, Some(0));
    check_intervals(&file, 0);
}

/// After short stalls of the store, no worker has dropped an attempt or taken one over.
#[test]
fn a_short_stall_of_the_store_costs_no_attempt() {
    let dir = prompt_dir();
    let settings = [
        ("JOBS_LEASE", "6s"),
        ("JOBS_CONCURRENCY", "8"),
        ("JOBS_LOG", "warn"),
    ];
    let workers = Server::start_many(PROGRAM, 2, dir.path(), &settings);
    let mut database = Database::open(&dir.path().join("jobs.db"));
    let file = dir.path().join("intervals.txt");
    let stalls = if is_full_tier() { 40 } else { 4 };
    for stall in 1..=stalls {
        let payloads = vec![json!({"file": file, "millis": 2_000}); 8];
        http::trigger_batch(workers[0].address, "test.interval", &payloads);
        wait_for("a running attempt", || {
            database.number("SELECT COUNT(*) FROM jobs_leases") > 0
        });
        // A worker drops its attempts after four fifths of a lease without a renewal. Up to a third
        // of the lease may have passed since the last one. SQLite retries a lock every 100 ms.
        assert!(database.hold(), "the write lock is free");
        std::thread::park_timeout(Duration::from_millis(fastrand::u64(200..1_500)));
        database.release();
        wait_for("all executions to end", || {
            database.number("SELECT COUNT(*) FROM jobs_outcomes") == stall * 8
        });
    }
    let attempts = database.number("SELECT SUM(attempt) FROM jobs_outcomes");
    let warnings: Vec<_> = workers.iter().flat_map(|w| w.logged(&["WARN"])).collect();
    assert_eq!((attempts, warnings), (stalls * 8, Vec::new()));
}

/// Checks that the attempts of an execution did not overlap, and that no attempt ran twice.
fn check_intervals(file: &Path, seed: u64) {
    let lines = std::fs::read_to_string(file).expect("handlers wrote it");
    let mut begun = HashSet::new();
    let mut running = HashSet::new();
    for line in lines.lines() {
        let words: Vec<_> = line.split(' ').collect();
        let [what, id, attempt] = words[..] else {
            panic!("incomplete line: `{line}`");
        };
        if what == "begin" {
            assert!(
                begun.insert((id, attempt)),
                "an attempt ran twice, seed {seed}: {line}"
            );
            assert!(running.insert(id), "attempts overlap, seed {seed}: {line}");
        } else {
            assert!(running.remove(id), "no begin, seed {seed}: {line}");
        }
    }
    assert!(running.is_empty(), "no end: {running:?}");
}
