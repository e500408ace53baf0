//! Half the load that a fleet can take, for as long as one likes, with a fault every few seconds.
//!
//! `JOBS_TEST_SOAK_SECONDS` says how long: an hour in the long tier, a moment in the short one.

use std::time::{Duration, Instant};

use tests::postgres::Postgres;
use tests::process::{is_full_tier, now};

use super::fleet::Fleet;

/// Shorter than the longest stop here: whoever stands still for that long loses what it had.
const LEASE: &str = "2s";

/// Executions that tell how many a fleet can take in a second.
const TRIAL: usize = 400;

fn extent() -> Duration {
    let asked = std::env::var("JOBS_TEST_SOAK_SECONDS").ok();
    let seconds = asked.map(|seconds| seconds.parse().expect("a number of seconds"));
    let usual = if is_full_tier() { 3_600 } else { 12 };
    Duration::from_secs(seconds.unwrap_or(usual))
}

#[test]
fn nothing_is_lost_over_a_long_time_on_postgres() {
    let server = Postgres::start();
    let database = server.fresh_database();
    soak(&server.url(&database), |fleet| match fleet.any_of(5) {
        1 | 2 => Fault::Kill,
        3 => Fault::Stop,
        4 => {
            server.crash();
            server.start_again();
            Fault::Server
        }
        _ => {
            server.sql(
                "postgres",
                &format!(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                     WHERE datname = '{database}'"
                ),
            );
            Fault::Connections
        }
    });
}

#[test]
fn nothing_is_lost_over_a_long_time_on_sqlite() {
    // Who is stopped may hold the lock of the file: then everybody stands still with it.
    soak("sqlite:jobs.db", |fleet| match fleet.any_of(3) {
        1 | 2 => Fault::Kill,
        _ => Fault::Stop,
    });
}

/// What happens to the fleet next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Kill,
    Stop,
    /// Has happened: the server was restarted.
    Server,
    /// Has happened: every connection was ended.
    Connections,
}

fn soak(url: &str, mut next: impl FnMut(&mut Fleet) -> Fault) {
    let mut fleet = Fleet::start(url, 3, LEASE);
    let begun = now();
    fleet.load(TRIAL);
    fleet.until(1, 1);
    let drains = f64::from(u32::try_from(TRIAL).expect("a few")) / begun.elapsed().as_secs_f64();
    fleet.settle();

    fleet.load_at(drains / 2.0);
    let (until, mut faults) = (now() + extent(), Vec::new());
    let looks = extent() / 10;
    let mut look_at = now() + looks;
    while now() < until {
        rest(&mut fleet, until);
        let fault = next(&mut fleet);
        let worker = fleet.any();
        match fault {
            Fault::Kill => fleet.kill(worker),
            Fault::Stop => {
                fleet.workers[worker].pause();
                std::thread::park_timeout(Duration::from_millis(500 + fleet.any_of(4_000)));
                fleet.workers[worker].resume();
            }
            Fault::Server | Fault::Connections => {}
        }
        faults.push(fault);
        if now() >= look_at {
            look_at = now() + looks;
            fleet.until_ready(true);
            fleet.look();
        }
    }
    let account = fleet.settle();
    let count = |fault| faults.iter().filter(|one| **one == fault).count();
    println!(
        "{:?} at {:.0} a second, half of what drains: {} kills, {} stops, {} restarts of the server, \
         {} times every connection: {account:?}, 0 executions lost, seed {}",
        extent(),
        drains / 2.0,
        count(Fault::Kill),
        count(Fault::Stop),
        count(Fault::Server),
        count(Fault::Connections),
        fleet.seed
    );
    assert!(!faults.is_empty());
    fleet.end();
}

/// Up to six seconds without a fault.
fn rest(fleet: &mut Fleet, until: Instant) {
    let pause = Duration::from_millis(fleet.any_of(6_000));
    let left = until.saturating_duration_since(now());
    std::thread::park_timeout(pause.min(left));
}
