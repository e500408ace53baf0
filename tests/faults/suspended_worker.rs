//! Fencing on PostgreSQL: a worker that was suspended past its lease resumes, and the store rejects
//! its writes.

use std::path::Path;

use serde_json::{Value, json};
use tests::http;
use tests::postgres::Postgres;
use tests::process::{Server, is_full_tier};

use super::fleet::Fleet;

/// The number of the handler's steps, of 10 ms each. The handler ignores cancellation.
const STEPS: u64 = 40;

/// The executing worker is suspended at a random step, until the other worker has ended the next
/// attempt. Then it resumes. The rows of the execution do not change.
#[test]
fn a_stopped_worker_cannot_write_over_its_successor_on_postgres() {
    let server = Postgres::shared();
    let database = server.fresh_database();
    let mut fleet = Fleet::start(&server.url(&database), 2, "2s");
    let steps = fleet.effects.file.with_extension("steps");
    let rows = || server.sql(&database, ROWS);
    let mut rounds = if is_full_tier() { 30 } else { 3 };
    while rounds > 0 {
        let step = fleet.random_up_to(STEPS);
        let Some((id, stopped)) = stop_one(&fleet, &steps, step) else {
            continue;
        };
        let succeeded = || shown(&fleet, &id)["status"] == "succeeded";
        fleet.wait(&format!("the other worker to end {id}"), succeeded);
        let before = rows();
        let stopped = &fleet.workers[stopped];
        stopped.resume();
        if shown(&fleet, &id)["attempt"] == 1 {
            // The worker was suspended after the store had its success.
            continue;
        }
        fleet.wait(&format!("the rejection of {id}"), || {
            let rejected = stopped.logged(&["refused the end of an attempt", &id]);
            !rejected.is_empty()
        });
        assert_eq!(rows(), before, "seed {}", fleet.seed);
        rounds -= 1;
    }
    fleet.shut_down();
}

/// The executing worker is suspended near its last step, and resumes while the other worker runs
/// the next attempt. Its success does not end that attempt.
#[test]
fn a_stopped_worker_cannot_end_the_attempt_of_its_successor_on_postgres() {
    let server = Postgres::shared();
    let mut fleet = Fleet::start(&server.fresh_url(), 2, "2s");
    let steps = fleet.effects.file.with_extension("steps");
    let mut rounds = if is_full_tier() { 15 } else { 2 };
    while rounds > 0 {
        let step = STEPS - fleet.random_up_to(10);
        let Some((id, stopped)) = stop_one(&fleet, &steps, step) else {
            continue;
        };
        let second = format!("{id} 2 ");
        let succeeded = || shown(&fleet, &id)["status"] == "succeeded";
        fleet.wait(&format!("the second attempt of {id}"), || {
            let lines = std::fs::read_to_string(&steps).unwrap_or_default();
            lines.lines().any(|line| line.starts_with(&second)) || succeeded()
        });
        fleet.workers[stopped].resume();
        fleet.wait(&format!("{id} to end"), succeeded);
        let ended = shown(&fleet, &id);
        assert_eq!(ended["result"], ended["attempt"], "{ended}");
        if ended["attempt"] == 1 {
            // The worker was suspended after the store had its success.
            continue;
        }
        fleet.wait(&format!("the rejection of {id}"), || {
            let logged = |worker: &Server| worker.logged(&["refused the end of an attempt", &id]);
            fleet
                .workers
                .iter()
                .any(|worker| !logged(worker).is_empty())
        });
        rounds -= 1;
    }
    fleet.shut_down();
}

/// Reads the outcomes, attempts, logs and leases of all executions.
const ROWS: &str = "SELECT o FROM jobs.outcomes AS o ORDER BY seq;
    SELECT a FROM jobs.attempts AS a ORDER BY seq, attempt;
    SELECT g FROM jobs.logs AS g ORDER BY seq, attempt, line;
    SELECT l FROM jobs.leases AS l ORDER BY seq";

/// Triggers an execution and suspends the executing worker at a step of the first attempt. Returns
/// the execution and the worker; `None` if the attempt was lost before.
fn stop_one(fleet: &Fleet, steps: &Path, step: u64) -> Option<(String, usize)> {
    let payload = json!({"file": steps, "steps": STEPS});
    let id = http::trigger(fleet.serving.address, "test.deaf", &payload);
    let wanted = format!("{id} 1 {step} ");
    let pid = || {
        let lines = std::fs::read_to_string(steps).unwrap_or_default();
        let line = lines.lines().find_map(|line| line.strip_prefix(&wanted));
        line.and_then(|pid| pid.parse::<u32>().ok())
    };
    fleet.wait(&format!("step {step} of {id}"), || {
        let attempt = shown(fleet, &id)["attempt"].as_u64();
        pid().is_some() || attempt.is_some_and(|attempt| attempt > 1)
    });
    // On a very busy machine the worker has dropped the attempt by itself.
    let pid = pid()?;
    let stopped = fleet.workers.iter().position(|one| one.pid() == pid);
    let stopped = stopped.expect("a worker of the fleet executes it");
    fleet.workers[stopped].pause();
    Some((id, stopped))
}

fn shown(fleet: &Fleet, id: &str) -> Value {
    http::execution(fleet.serving.address, id)
}
