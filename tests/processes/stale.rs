//! A worker that was suspended past its lease goes on: nothing of what it says is heard.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;
use tests::database::Database;
use tests::http;
use tests::process::{Server, is_full_tier, prompt_dir, wait_for};

use super::PROGRAM;

/// Steps of 10 ms.
const STEPS: u64 = 40;

const SETTINGS: [(&str, &str); 3] = [
    ("JOBS_LEASE", "2s"),
    ("JOBS_CONCURRENCY", "2"),
    ("JOBS_LOG", "jobs_runtime=debug"),
];

/// The one that executes is stopped at a random step and held until the other has executed the
/// next attempt to its end. It continues its handler, which is deaf to everything, logs, reports
/// progress and at last success. The rows stay as they were.
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
        wait_for(&format!("the other to end {id}, seed {seed}"), || {
            pair.shown(other, &id)["status"] == "succeeded"
        });
        let before = pair.database.rows(&id);
        pair.workers[stopped].resume();
        if pair.shown(other, &id)["attempt"] == 1 {
            // It was stopped after its success had been written.
            continue;
        }
        pair.check_refusal(stopped, &id);
        assert_eq!(pair.database.rows(&id), before, "seed {seed}");
        rounds -= 1;
    }
    pair.end();
}

/// It is stopped when it is nearly done, and continues while the other has just begun: its success
/// does not end the attempt that is under way.
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
            // It was stopped after its success had been written.
            continue;
        }
        pair.check_refusal(stopped, &id);
        wait_for("the end of the second attempt", || {
            pair.shown(other, &id)["status"] == "succeeded"
        });
        let refused = pair.workers[other].logged(&["refused", &id]);
        assert!(refused.is_empty(), "{refused:?}");
        rounds -= 1;
    }
    pair.end();
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

/// Which of them stands still with which execution.
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

    /// Triggers an execution and stops whoever executes it at that step.
    fn stop_one_at(&mut self, step: u64) -> Option<Stopped> {
        let payload = json!({"file": self.steps, "steps": STEPS});
        let id = http::trigger(self.workers[0].address, "test.deaf", &payload);
        wait_for(&format!("step {step} of {id}, seed {}", self.seed), || {
            let attempt = self.shown(0, &id)["attempt"].as_u64();
            self.executing(&id, 1, step).is_some() || attempt.is_some_and(|attempt| attempt > 1)
        });
        // Without it the machine was so busy that the worker dropped the attempt by itself.
        let pid = self.executing(&id, 1, step)?;
        let pid = Some(pid);
        let stopped = self.workers.iter().position(|w| Some(w.pid()) == pid);
        let stopped = stopped.expect("one of them executes it");
        self.workers[stopped].pause();
        if self.database.hold() {
            self.database.release();
            let other = 1 - stopped;
            return Some(Stopped { id, stopped, other });
        }
        // Caught in the middle of a commit: it holds the file's lock, and nobody else can write
        // until it goes on. That is a stall of the store, not a stale writer.
        self.workers[stopped].resume();
        None
    }

    /// Waits until the end of the first attempt was refused to the one who executed it.
    fn check_refusal(&self, stopped: usize, id: &str) {
        let seed = self.seed;
        let stopped = &self.workers[stopped];
        wait_for(&format!("the refusal of {id}, seed {seed}"), || {
            let refused = stopped.logged(&["refused the end of an attempt", id]);
            !refused.is_empty()
        });
    }

    fn shown(&self, worker: usize, id: &str) -> Value {
        http::execution(self.workers[worker].address, id)
    }

    /// The process that has taken this step of an attempt.
    fn executing(&self, id: &str, attempt: u32, step: u64) -> Option<u32> {
        pid_in(&self.steps, &format!("{id} {attempt} {step} "))
    }

    /// Every execution succeeded, most of them by their second attempt; progress and logs were
    /// refused too.
    fn end(mut self) {
        let seed = self.seed;
        wait_for("the end of all", || {
            self.database.number("SELECT COUNT(*) FROM jobs_leases") == 0
        });
        let odd = "SELECT COUNT(*) FROM jobs_outcomes
            WHERE status <> 'succeeded' OR result <> attempt OR executed_by NOT NULL";
        assert_eq!(self.database.number(odd), 0, "seed {seed}");
        // On a machine that is very busy a worker also gives up what it could not renew.
        let odd = "SELECT COUNT(*) FROM jobs_attempts WHERE outcome NOT IN ('lost', 'released')";
        assert_eq!(self.database.number(odd), 0, "seed {seed}");
        for what in ["refused the progress", "refused the log"] {
            let refused = |worker: &Server| worker.logged(&[what]).len();
            let refused: usize = self.workers.iter().map(refused).sum();
            assert!(refused > 0, "{what}, seed {seed}");
        }
        // What the last attempts logged is there, to the last step.
        let incomplete = format!(
            "SELECT COUNT(*) FROM jobs_outcomes AS o WHERE {STEPS} <>
                (SELECT COUNT(*) FROM jobs_logs AS g WHERE g.seq = o.seq AND g.attempt = o.attempt)"
        );
        assert_eq!(self.database.number(&incomplete), 0, "seed {seed}");
        for worker in self.workers {
            // Every refusal is counted, for whoever asks the process.
            let ends = worker.logged(&["refused the end of an attempt"]).len();
            let health = http::get(worker.address, "/health").text;
            let counted = format!("refused as stale: {ends} ends, ");
            let count = health.contains(&counted);
            let none = ends == 0 && !health.contains("refused as stale: ");
            assert!(count || none, "{ends} ends, seed {seed}: {health}");
            assert_eq!(worker.terminate().0, Some(0));
        }
    }
}

fn pid_in(file: &Path, prefix: &str) -> Option<u32> {
    let lines = std::fs::read_to_string(file).unwrap_or_default();
    let line = lines.lines().find_map(|line| line.strip_prefix(prefix));
    line.and_then(|pid| pid.parse().ok())
}
