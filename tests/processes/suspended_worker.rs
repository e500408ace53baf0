//! Fencing: a worker that was suspended past its lease resumes, and the store rejects its writes.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;
use tests::database::Database;
use tests::http;
use tests::process::{Server, is_full_tier, prompt_dir, wait_for};

use super::PROGRAM;

/// The number of the handler's steps, of 10 ms each.
const STEPS: u64 = 40;

const SETTINGS: [(&str, &str); 3] = [
    ("JOBS_LEASE", "2s"),
    ("JOBS_CONCURRENCY", "2"),
    ("JOBS_LOG", "jobs_runtime=debug"),
];

/// The executing worker is suspended at a random step, until the other worker has ended the next
/// attempt. Then it resumes. Its handler ignores cancellation: it logs, reports progress and
/// succeeds. The rows of the execution do not change.
#[test]
fn a_stopped_worker_cannot_write_over_its_successor() {
    let mut pair = Pair::start();
    let mut rounds = if is_full_tier() { 30 } else { 4 };
    while rounds > 0 {
        let step = pair.random.u64(1..=STEPS);
        let Some(Stopped { id, stopped, other }) = pair.stop_one_at(step) else {
            continue;
        };
        let seed = pair.seed;
        wait_for(
            &format!("the other worker to end {id}, seed {seed}"),
            || pair.shown(other, &id)["status"] == "succeeded",
        );
        let before = pair.database.rows(&id);
        pair.workers[stopped].resume();
        if pair.shown(other, &id)["attempt"] == 1 {
            // The worker was suspended after the store had its success.
            continue;
        }
        pair.wait_for_rejection(stopped, &id);
        assert_eq!(pair.database.rows(&id), before, "seed {seed}");
        rounds -= 1;
    }
    pair.check_end();
}

/// The executing worker is suspended near its last step, and resumes while the other worker runs
/// the next attempt. Its success does not end that attempt.
#[test]
fn a_stopped_worker_cannot_end_the_attempt_of_its_successor() {
    let mut pair = Pair::start();
    let mut rounds = if is_full_tier() { 15 } else { 3 };
    while rounds > 0 {
        let step = pair.random.u64(STEPS - 10..STEPS);
        let Some(Stopped { id, stopped, other }) = pair.stop_one_at(step) else {
            continue;
        };
        let step = pair.random.u64(1..10);
        wait_for(&format!("the second attempt, seed {}", pair.seed), || {
            pair.executing(&id, 2, step).is_some()
                || pair.shown(other, &id)["status"] == "succeeded"
        });
        pair.workers[stopped].resume();
        if pair.executing(&id, 2, step).is_none() {
            // The worker was suspended after the store had its success.
            continue;
        }
        pair.wait_for_rejection(stopped, &id);
        wait_for("the second attempt to end", || {
            pair.shown(other, &id)["status"] == "succeeded"
        });
        let rejected = pair.workers[other].logged(&["refused", &id]);
        assert!(rejected.is_empty(), "{rejected:?}");
        rounds -= 1;
    }
    pair.check_end();
}

/// Two workers on one store.
struct Pair {
    workers: Vec<Server>,
    database: Database,
    steps: PathBuf,
    random: fastrand::Rng,
    seed: u64,
    _dir: TempDir,
}

/// A suspended worker and the execution of its attempt.
struct Stopped {
    id: String,
    stopped: usize,
    other: usize,
}

impl Pair {
    fn start() -> Self {
        let dir = prompt_dir();
        let random = fastrand::Rng::new();
        Self {
            workers: Server::start_many(PROGRAM, 2, dir.path(), &SETTINGS),
            database: Database::open(&dir.path().join("jobs.db")),
            steps: dir.path().join("steps.txt"),
            seed: random.get_seed(),
            random,
            _dir: dir,
        }
    }

    /// Triggers an execution and suspends the executing worker at a step. `None` if that failed, so
    /// that the round does not count.
    fn stop_one_at(&mut self, step: u64) -> Option<Stopped> {
        let payload = json!({"file": self.steps, "steps": STEPS});
        let id = http::trigger(self.workers[0].address, "test.deaf", &payload);
        wait_for(&format!("step {step} of {id}, seed {}", self.seed), || {
            let attempt = self.shown(0, &id)["attempt"].as_u64();
            self.executing(&id, 1, step).is_some() || attempt.is_some_and(|attempt| attempt > 1)
        });
        // On a very busy machine the worker has dropped the attempt by itself.
        let pid = self.executing(&id, 1, step)?;
        let pid = Some(pid);
        let stopped = self.workers.iter().position(|w| Some(w.pid()) == pid);
        let stopped = stopped.expect("a worker of the pair executes it");
        self.workers[stopped].pause();
        if self.database.hold() {
            self.database.release();
            let other = 1 - stopped;
            return Some(Stopped { id, stopped, other });
        }
        // The worker was suspended in a commit and holds the file's write lock. The other worker
        // could not write: that is a stall of the store.
        self.workers[stopped].resume();
        None
    }

    /// Waits until the store has rejected the end of the suspended worker's attempt.
    fn wait_for_rejection(&self, stopped: usize, id: &str) {
        let seed = self.seed;
        let stopped = &self.workers[stopped];
        wait_for(&format!("the rejection of {id}, seed {seed}"), || {
            let rejected = stopped.logged(&["refused the end of an attempt", id]);
            !rejected.is_empty()
        });
    }

    fn shown(&self, worker: usize, id: &str) -> Value {
        http::execution(self.workers[worker].address, id)
    }

    /// The id of the process that executed this step of an attempt.
    fn executing(&self, id: &str, attempt: u32, step: u64) -> Option<u32> {
        pid_in(&self.steps, &format!("{id} {attempt} {step} "))
    }

    /// Checks that all executions succeeded, and that progress and logs were rejected, too.
    fn check_end(mut self) {
        let seed = self.seed;
        wait_for("all attempts to end", || {
            self.database.number("SELECT COUNT(*) FROM jobs_leases") == 0
        });
        let wrong = "SELECT COUNT(*) FROM jobs_outcomes
            WHERE status <> 'succeeded' OR result <> attempt OR executed_by NOT NULL";
        assert_eq!(self.database.number(wrong), 0, "seed {seed}");
        // On a very busy machine, a worker also releases attempts that it could not renew.
        let wrong = "SELECT COUNT(*) FROM jobs_attempts WHERE outcome NOT IN ('lost', 'released')";
        assert_eq!(self.database.number(wrong), 0, "seed {seed}");
        for what in ["refused the progress", "refused the log"] {
            let count = |worker: &Server| worker.logged(&[what]).len();
            let rejected: usize = self.workers.iter().map(count).sum();
            assert!(rejected > 0, "{what}, seed {seed}");
        }
        // The log of the successful attempts is complete.
        let incomplete = format!(
            "SELECT COUNT(*) FROM jobs_outcomes AS o WHERE {STEPS} <>
                (SELECT COUNT(*) FROM jobs_logs AS g WHERE g.seq = o.seq AND g.attempt = o.attempt)"
        );
        assert_eq!(self.database.number(&incomplete), 0, "seed {seed}");
        for worker in self.workers {
            // `/health` reports the number of rejected writes.
            let ends = worker.logged(&["refused the end of an attempt"]).len();
            let health = http::get(worker.address, "/health").text;
            let counted = format!("refused as stale: {ends} ends, ");
            let matches = health.contains(&counted);
            let none = ends == 0 && !health.contains("refused as stale: ");
            assert!(matches || none, "{ends} ends, seed {seed}: {health}");
            assert_eq!(worker.terminate().0, Some(0));
        }
    }
}

fn pid_in(file: &Path, prefix: &str) -> Option<u32> {
    let lines = std::fs::read_to_string(file).unwrap_or_default();
    let line = lines.lines().find_map(|line| line.strip_prefix(prefix));
    line.and_then(|pid| pid.parse().ok())
}
