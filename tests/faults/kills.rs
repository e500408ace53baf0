//! `kill -9`, again and again, of workers under load.

use tests::postgres::Postgres;
use tests::process::is_full_tier;

use super::fleet::Fleet;

/// Kills, and executions.
fn extent() -> (usize, usize) {
    match is_full_tier() {
        true => (100, 20_000),
        false => (4, 400),
    }
}

#[test]
fn nothing_is_lost_to_kills_on_postgres() {
    survives_kills(&Postgres::shared().fresh_url());
}

#[test]
fn nothing_is_lost_to_kills_on_sqlite() {
    survives_kills("sqlite:jobs.db");
}

fn survives_kills(url: &str) {
    let (kills, executions) = extent();
    let mut fleet = Fleet::start(url, 3, "2s");
    fleet.load(executions);
    for kill in 1..=kills {
        fleet.until(kill, kills + 1);
        let worker = fleet.any();
        fleet.kill(worker);
    }
    let account = fleet.settle();
    println!(
        "{kills} kills: {account:?}, 0 executions lost, seed {}",
        fleet.seed
    );
    assert!(account.executions >= executions, "{account:?}");
    assert!(
        account.lost >= kills,
        "every kill hit something: {account:?}"
    );
    fleet.end();
}
