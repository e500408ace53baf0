//! All faults of a fleet at once: workers with different leases, one whose wall clock jumps, one
//! whose log is not read, kills, suspensions, and locked rows of idempotency keys.

use std::time::Duration;

use serde_json::json;
use tests::http;
use tests::postgres::Postgres;
use tests::process::is_full_tier;

use super::fleet::Fleet;

const SKEWED: &str = env!("CARGO_BIN_EXE_skewed");

/// The number of rounds of faults, and of executions.
fn extent() -> (usize, usize) {
    if is_full_tier() {
        (150, 20_000)
    } else {
        (4, 400)
    }
}

#[test]
fn no_execution_is_lost_in_chaos_on_postgres() {
    let server = Postgres::shared();
    let url = server.fresh_url();
    let schema = url
        .split("schema=")
        .nth(1)
        .expect("the URL names a schema")
        .to_owned();
    chaos(&url, |milliseconds| {
        let seconds = milliseconds / 1_000 + 1;
        let sql = format!(
            "SELECT 1 FROM {schema}.idempotency_keys FOR UPDATE; SELECT pg_sleep({seconds})"
        );
        Some(server.sql_in_background("postgres", &sql))
    });
}

#[test]
fn no_execution_is_lost_in_chaos_on_sqlite() {
    chaos("sqlite:jobs.db", |_| None::<()>);
}

/// Runs a load under all faults. `lock_keys` locks the idempotency keys for a time.
fn chaos<L>(url: &str, lock_keys: impl Fn(u64) -> Option<L>) {
    let (rounds, executions) = extent();
    let mut fleet = Fleet::start(url, 2, "2s");
    let jumps = fleet.dir().join("clock");
    let jumps = jumps.to_str().expect("a path of text").to_owned();
    let further: [&[(&str, &str)]; 2] = [
        &[("JOBS_LEASE", "5s"), ("TEST_CLOCK_JUMPS", &jumps)],
        &[("JOBS_LEASE", "11s"), ("JOBS_LOG", "trace")],
    ];
    for settings in further {
        fleet.add_worker_with(SKEWED, settings);
    }
    // These two stay until a kill takes them: `kill` starts a worker without their settings.
    fleet.workers[3].read_log(false);
    fleet.start_load(executions);
    let mut counts = [0; 4];
    for round in 1..=rounds {
        fleet.wait_for_part(round, rounds + 1);
        let fault = round % 4;
        counts[fault] += 1;
        let worker = fleet.random_worker();
        match fault {
            0 => {
                let seconds = fleet.random_up_to(30);
                let ahead = i64::try_from(seconds).expect("a small number") - 15;
                std::fs::write(&jumps, ahead.to_string()).expect("written");
            }
            1 => fleet.kill(worker),
            2 => {
                let milliseconds = 200 + fleet.random_up_to(3_000);
                let locked = lock_keys(milliseconds);
                keyed_enqueues(&fleet, round);
                drop(locked);
            }
            _ => {
                fleet.workers[worker].pause();
                let milliseconds = 500 + fleet.random_up_to(3_500);
                std::thread::park_timeout(Duration::from_millis(milliseconds));
                fleet.workers[worker].resume();
            }
        }
    }
    let totals = fleet.finish_load();
    println!(
        "chaos: {} jumps of a clock, {} kills, {} locks of keys, {} suspensions: {totals:?}, \
         0 executions lost, seed {}",
        counts[0], counts[1], counts[2], counts[3], fleet.seed
    );
    assert!(totals.executions >= executions, "{totals:?}");
    fleet.shut_down();
}

/// Enqueues an execution of the load's job under a new key and under an earlier one.
fn keyed_enqueues(fleet: &Fleet, round: usize) {
    for key in [round, round.saturating_sub(4)] {
        let body = json!({
            "payload": {"file": fleet.effects.file, "millis": 20},
            "idempotencyKey": format!("chaos {key}"),
        });
        let path = "/api/v1/workers/jobs/test.interval/trigger";
        let answer = http::post(fleet.serving.address, path, &body.to_string());
        // The earlier key may be locked for longer than the call waits.
        assert!([200, 202, 503].contains(&answer.status), "{}", answer.text);
    }
}
