//! A soak: half the load that a fleet can take, with a fault every few seconds.
//!
//! `JOBS_TEST_SOAK_SECONDS` sets its length; the default is one hour in the long tier, and 12
//! seconds in the short one.

use std::time::{Duration, Instant};

use tests::postgres::Postgres;
use tests::process::{is_full_tier, now};

use super::fleet::Fleet;

/// A lease that is shorter than the longest suspension, so that some suspended workers lose theirs.
const LEASE: &str = "2s";

/// The executions by which the capacity of the fleet is measured.
const TRIAL: usize = 400;

fn length() -> Duration {
    let setting = std::env::var("JOBS_TEST_SOAK_SECONDS").ok();
    let seconds = setting.map(|seconds| seconds.parse().expect("a number of seconds"));
    let default = if is_full_tier() { 3_600 } else { 12 };
    Duration::from_secs(seconds.unwrap_or(default))
}

#[test]
fn no_execution_is_lost_in_a_soak_on_postgres() {
    let server = Postgres::start();
    let database = server.fresh_database();
    soak(&server.url(&database), |fleet| {
        match fleet.random_up_to(5) {
            1 | 2 => Fault::Kill,
            3 => Fault::Suspend,
            4 => {
                server.crash();
                server.start_again();
                Fault::ServerCrash
            }
            _ => {
                server.sql(
                    "postgres",
                    &format!(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                     WHERE datname = '{database}'"
                    ),
                );
                Fault::TerminatedConnections
            }
        }
    });
}

#[test]
fn no_execution_is_lost_in_a_soak_on_sqlite() {
    // A suspended worker may hold the file's write lock; then the whole fleet waits for it.
    soak("sqlite:jobs.db", |fleet| match fleet.random_up_to(3) {
        1 | 2 => Fault::Kill,
        _ => Fault::Suspend,
    });
}

/// A fault of the soak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// The soak kills a worker.
    Kill,
    /// The soak suspends a worker for 0.5 to 4.5 seconds.
    Suspend,
    /// The caller has crashed and restarted the server.
    ServerCrash,
    /// The caller has terminated all connections.
    TerminatedConnections,
}

/// Runs a fleet under load; `next` chooses the next fault.
fn soak(url: &str, mut next: impl FnMut(&mut Fleet) -> Fault) {
    let mut fleet = Fleet::start(url, 3, LEASE);
    let begun = now();
    fleet.start_load(TRIAL);
    fleet.wait_for_part(1, 1);
    let executions = f64::from(u32::try_from(TRIAL).expect("a small number"));
    let capacity = executions / begun.elapsed().as_secs_f64();
    fleet.finish_load();

    fleet.start_load_at(capacity / 2.0);
    let (until, mut faults) = (now() + length(), Vec::new());
    let check_interval = length() / 10;
    let mut check_at = now() + check_interval;
    while now() < until {
        pause(&mut fleet, until);
        let fault = next(&mut fleet);
        let worker = fleet.random_worker();
        match fault {
            Fault::Kill => fleet.kill(worker),
            Fault::Suspend => {
                fleet.workers[worker].pause();
                std::thread::park_timeout(Duration::from_millis(500 + fleet.random_up_to(4_000)));
                fleet.workers[worker].resume();
            }
            Fault::ServerCrash | Fault::TerminatedConnections => {}
        }
        faults.push(fault);
        if now() >= check_at {
            check_at = now() + check_interval;
            fleet.wait_until_ready(true);
            fleet.check_ends();
        }
    }
    let totals = fleet.finish_load();
    let count = |fault| faults.iter().filter(|one| **one == fault).count();
    println!(
        "{:?} at {:.0} a second, half the capacity: {} kills, {} suspensions, {} server crashes, \
         {} times all connections were terminated: {totals:?}, 0 executions lost, seed {}",
        length(),
        capacity / 2.0,
        count(Fault::Kill),
        count(Fault::Suspend),
        count(Fault::ServerCrash),
        count(Fault::TerminatedConnections),
        fleet.seed
    );
    assert!(!faults.is_empty(), "the soak ended before its first fault");
    fleet.shut_down();
}

/// Waits for up to six seconds, and not beyond the end of the soak.
fn pause(fleet: &mut Fleet, until: Instant) {
    let pause = Duration::from_millis(fleet.random_up_to(6_000));
    let left = until.saturating_duration_since(now());
    std::thread::park_timeout(pause.min(left));
}
