//! A database server that goes away and comes back, under load.

use tests::postgres::Postgres;
use tests::process::{is_full_tier, wait_for};

use super::audit::check_once;
use super::fleet::Fleet;

/// Far beyond every outage here: no lease ends because of one, also on a slow machine.
const LONG: &str = "60s";

fn times() -> usize {
    if is_full_tier() { 5 } else { 1 }
}

/// The workers are not restarted, nothing is lost, and no attempt is made twice.
#[test]
fn a_crash_of_the_server_costs_no_attempt() {
    let server = Postgres::start();
    let mut fleet = Fleet::start(&server.fresh_url(), 3, LONG);
    fleet.until_ready(true);
    fleet.load(400 * times());
    for crash in 1..=times() {
        fleet.until(crash, times() + 1);
        server.crash();
        fleet.until_ready(false);
        server.start_again();
        fleet.until_ready(true);
    }
    let account = fleet.settle();
    println!("{} crashes of the server: {account:?}", times());
    check_once(account);

    // Those who have nothing to do come back too.
    server.crash();
    server.start_again();
    fleet.load(40);
    check_once(fleet.settle());
    fleet.end();
}

/// Whoever could not renew for so long drops what it runs, before it begins again.
#[test]
fn a_server_that_is_away_for_longer_than_a_lease_loses_nothing() {
    let server = Postgres::start();
    let mut fleet = Fleet::start(&server.fresh_url(), 2, "2s");
    // They take longer than the patience of a worker that cannot renew.
    fleet.load_of(16 * times(), 2_500..3_000);
    for crash in 1..=times() {
        fleet.until(crash, times() + 1);
        // Who has no session yet has nothing to give up.
        (0..fleet.workers.len()).for_each(|worker| fleet.until_busy(worker));
        server.crash();
        for worker in &fleet.workers {
            wait_for("a worker to give up", || {
                worker.logged(&["could not renew"]).len() >= crash
            });
        }
        server.start_again();
        fleet.until_ready(true);
    }
    let account = fleet.settle();
    println!("{} long outages: {account:?}", times());
    let dropped = account.lost + account.released;
    assert!(dropped > 0, "what ran was dropped: {account:?}");
    fleet.end();
}

#[test]
fn terminated_connections_cost_no_attempt() {
    let server = Postgres::shared();
    let database = server.fresh_database();
    let mut fleet = Fleet::start(&server.url(&database), 3, LONG);
    let rounds = if is_full_tier() { 50 } else { 5 };
    fleet.load(80 * rounds);
    for round in 1..=rounds {
        fleet.until(round, rounds + 1);
        let ended = server.sql(
            "postgres",
            &format!(
                "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity
                 WHERE datname = '{database}'"
            ),
        );
        assert!(ended.parse::<usize>().unwrap() > 0, "{ended}");
    }
    let account = fleet.settle();
    println!("{rounds} times every connection: {account:?}");
    check_once(account);
    fleet.end();
}
