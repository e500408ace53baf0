//! `kill -9` of workers, repeated under load.

use tests::postgres::Postgres;
use tests::process::is_full_tier;

use super::fleet::Fleet;

/// The number of kills, and of executions.
fn extent() -> (usize, usize) {
    if is_full_tier() {
        (100, 20_000)
    } else {
        (4, 400)
    }
}

#[test]
fn no_execution_is_lost_when_workers_are_killed_on_postgres() {
    check_kills(&Postgres::shared().fresh_url());
}

#[test]
fn no_execution_is_lost_when_workers_are_killed_on_sqlite() {
    check_kills("sqlite:jobs.db");
}

fn check_kills(url: &str) {
    let (kills, executions) = extent();
    let mut fleet = Fleet::start(url, 3, "2s");
    fleet.start_load(executions);
    for kill in 1..=kills {
        fleet.wait_for_part(kill, kills + 1);
        let worker = fleet.random_worker();
        fleet.kill(worker);
    }
    let totals = fleet.finish_load();
    println!(
        "{kills} kills: {totals:?}, 0 executions lost, seed {}",
        fleet.seed
    );
    assert!(totals.executions >= executions, "{totals:?}");
    assert!(
        totals.lost >= kills,
        "{kills} kills lost too few attempts: {totals:?}"
    );
    fleet.shut_down();
}
