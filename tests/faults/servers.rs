//! Outages of the PostgreSQL server, under load.

use tests::postgres::Postgres;
use tests::process::{is_full_tier, wait_for};

use super::fleet::Fleet;
use super::fleet::invariants::check_single_attempts;

/// A lease that is longer than every outage of these tests, so that no outage ends one.
const LONG_LEASE: &str = "60s";

fn times() -> usize {
    if is_full_tier() { 5 } else { 1 }
}

/// The workers are not restarted. Every execution succeeds in its first attempt.
#[test]
fn a_crash_of_the_server_costs_no_attempt() {
    let server = Postgres::start();
    let mut fleet = Fleet::start(&server.fresh_url(), 3, LONG_LEASE);
    fleet.wait_until_ready(true);
    fleet.start_load(400 * times());
    for crash in 1..=times() {
        fleet.wait_for_part(crash, times() + 1);
        server.crash();
        fleet.wait_until_ready(false);
        server.start_again();
        fleet.wait_until_ready(true);
    }
    let totals = fleet.finish_load();
    println!("{} crashes of the server: {totals:?}", times());
    check_single_attempts(totals);

    // Idle workers reconnect as well.
    server.crash();
    server.start_again();
    fleet.start_load(40);
    check_single_attempts(fleet.finish_load());
    fleet.shut_down();
}

/// A worker that cannot renew its lease drops its running attempts, and continues after the outage.
#[test]
fn no_execution_is_lost_when_the_server_is_down_for_longer_than_a_lease() {
    let server = Postgres::start();
    let mut fleet = Fleet::start(&server.fresh_url(), 2, "2s");
    // The handlers outlast the lease of 2 s.
    fleet.start_load_of(16 * times(), 2_500..3_000);
    for crash in 1..=times() {
        fleet.wait_for_part(crash, times() + 1);
        // A worker without a session has no attempts to drop.
        (0..fleet.workers.len()).for_each(|worker| fleet.wait_until_busy(worker));
        server.crash();
        for worker in &fleet.workers {
            wait_for("a worker to drop its attempts", || {
                worker.logged(&["could not renew"]).len() >= crash
            });
        }
        server.start_again();
        fleet.wait_until_ready(true);
    }
    let totals = fleet.finish_load();
    println!("{} long outages: {totals:?}", times());
    let dropped = totals.lost + totals.released;
    assert!(dropped > 0, "no attempt was dropped: {totals:?}");
    fleet.shut_down();
}

#[test]
fn terminated_connections_cost_no_attempt() {
    let server = Postgres::shared();
    let database = server.fresh_database();
    let mut fleet = Fleet::start(&server.url(&database), 3, LONG_LEASE);
    let rounds = if is_full_tier() { 50 } else { 5 };
    fleet.start_load(80 * rounds);
    for round in 1..=rounds {
        fleet.wait_for_part(round, rounds + 1);
        let ended = server.sql(
            "postgres",
            &format!(
                "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity
                 WHERE datname = '{database}'"
            ),
        );
        assert!(ended.parse::<usize>().unwrap() > 0, "{ended}");
    }
    let totals = fleet.finish_load();
    println!("{rounds} times all connections were terminated: {totals:?}");
    check_single_attempts(totals);
    fleet.shut_down();
}
