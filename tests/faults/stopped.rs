//! A worker that was suspended past its lease, and goes on: nothing of what it says is heard.

use std::path::Path;

use serde_json::{Value, json};
use tests::http;
use tests::postgres::Postgres;
use tests::process::{Server, is_full_tier};

use super::fleet::Fleet;

/// Steps of 10 ms, which the handler takes whatever it is told.
const STEPS: u64 = 40;

/// Stopped at any step, it goes on when the other has ended the execution: the rows stay as they are.
#[test]
fn a_stopped_worker_cannot_write_over_its_successor_on_postgres() {
    let server = Postgres::shared();
    let database = server.fresh_database();
    let mut fleet = Fleet::start(&server.url(&database), 2, "2s");
    let steps = fleet.effects.file.with_extension("steps");
    let rows = || server.sql(&database, ROWS);
    let mut rounds = if is_full_tier() { 30 } else { 3 };
    while rounds > 0 {
        let step = fleet.any_of(STEPS);
        let Some((id, stopped)) = stop_one(&fleet, &steps, step) else {
            continue;
        };
        let succeeded = || shown(&fleet, &id)["status"] == "succeeded";
        fleet.wait(&format!("the other to end {id}"), succeeded);
        let before = rows();
        let stopped = &fleet.workers[stopped];
        stopped.resume();
        if shown(&fleet, &id)["attempt"] == 1 {
            // It was stopped after its success had been written.
            continue;
        }
        fleet.wait(&format!("the refusal of {id}"), || {
            let refused = stopped.logged(&["refused the end of an attempt", &id]);
            !refused.is_empty()
        });
        assert_eq!(rows(), before, "seed {}", fleet.seed);
        rounds -= 1;
    }
    fleet.end();
}

/// Stopped when it is nearly done, it goes on when the other has just begun: its success does not end
/// the attempt that is under way.
#[test]
fn a_stopped_worker_cannot_end_the_attempt_of_its_successor_on_postgres() {
    let server = Postgres::shared();
    let mut fleet = Fleet::start(&server.fresh_url(), 2, "2s");
    let steps = fleet.effects.file.with_extension("steps");
    let mut rounds = if is_full_tier() { 15 } else { 2 };
    while rounds > 0 {
        let step = STEPS - fleet.any_of(10);
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
        fleet.wait(&format!("the end of {id}"), succeeded);
        let ended = shown(&fleet, &id);
        assert_eq!(ended["result"], ended["attempt"], "{ended}");
        if ended["attempt"] == 1 {
            // It was stopped after its success had been written.
            continue;
        }
        fleet.wait(&format!("the refusal of {id}"), || {
            let logged = |worker: &Server| worker.logged(&["refused the end of an attempt", &id]);
            fleet
                .workers
                .iter()
                .any(|worker| !logged(worker).is_empty())
        });
        rounds -= 1;
    }
    fleet.end();
}

/// Everything about how executions went.
const ROWS: &str = "SELECT o FROM jobs.outcomes AS o ORDER BY seq;
    SELECT a FROM jobs.attempts AS a ORDER BY seq, attempt;
    SELECT g FROM jobs.logs AS g ORDER BY seq, attempt, line;
    SELECT l FROM jobs.leases AS l ORDER BY seq";

/// Stops whoever executes a new execution, in its first attempt; which of them that is.
fn stop_one(fleet: &Fleet, steps: &Path, step: u64) -> Option<(String, usize)> {
    let payload = json!({"file": steps, "steps": STEPS});
    let id = http::trigger(fleet.front.address, "test.deaf", &payload);
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
    // Without it the machine was so busy that the worker dropped the attempt by itself.
    let pid = pid()?;
    let stopped = fleet.workers.iter().position(|one| one.pid() == pid);
    let stopped = stopped.expect("one of them executes it");
    fleet.workers[stopped].pause();
    Some((id, stopped))
}

fn shown(fleet: &Fleet, id: &str) -> Value {
    http::execution(fleet.front.address, id)
}
