//! What becomes of the wire between a worker and its database.

use std::time::Duration;

use serde_json::json;
use tests::http;
use tests::postgres::Postgres;
use tests::process::{is_full_tier, now, wait_for};
use tests::proxy::{Proxy, Wire};

use super::fleet::Fleet;

#[test]
fn a_wire_that_stalls_loses_nothing() {
    survives(Wire::Stalled);
}

#[test]
fn a_wire_that_is_cut_loses_nothing() {
    survives(Wire::Cut);
}

/// Half-open: each side believes that the other is there.
#[test]
fn a_wire_that_leaks_loses_nothing() {
    survives(Wire::Leaking);
}

/// One of two workers is cut off until the other has taken its work over. Then it comes back, with
/// whatever it wanted to say meanwhile, and goes on without a restart.
fn survives(fault: Wire) {
    let server = Postgres::shared();
    let proxy = Proxy::start(server.port());
    let url = server.fresh_url();
    let mut fleet = Fleet::start(&url, 1, "2s");
    fleet.add(&through(&proxy, server, &url));
    let (near, far) = (0, 1);

    let faults = if is_full_tier() { 20 } else { 1 };
    // So long that some are under way when the wire breaks.
    fleet.load_of(60 * faults, 300..1_000);
    for part in 1..=faults {
        fleet.until(part, faults + 1);
        fleet.until_busy(far);
        let before = fleet.effects.begun_again();
        proxy.set(fault);
        fleet.wait("the other", || fleet.effects.begun_again() > before);
        // It says so, and soon, whatever the wire does with the question.
        let cut_off = fleet.workers[far].address;
        let asked = now();
        for path in ["/readyz", "/health"] {
            assert_eq!(http::get(cut_off, path).status, 503);
        }
        assert!(asked.elapsed() < Duration::from_secs(15), "{asked:?}");
        proxy.set(Wire::Whole);
        fleet.until_ready(true);
    }
    let account = fleet.settle();
    println!("{faults} times {fault:?}: {account:?}");
    assert!(account.lost + account.released >= faults, "{account:?}");

    // The one that was cut off is all there is left.
    let (code, log) = fleet.workers.remove(near).terminate();
    assert_eq!(code, Some(0), "{log:?}");
    fleet.load(40);
    fleet.settle();
    fleet.end();
}

/// Notifications vanish and nobody is told: whatever they would have told is found all the same.
#[test]
fn lost_notifications_cost_no_more_than_a_look() {
    let server = Postgres::shared();
    let proxy = Proxy::start(server.port());
    let url = server.fresh_url();
    let listen = through(&proxy, server, &server.url("postgres"));
    let listen = listen.replace(':', "%3A").replace('/', "%2F");
    let mut fleet = Fleet::start(&url, 0, "60s");
    fleet.add(&format!("{url}&listen={listen}"));
    wait_for("a connection to listen on", || proxy.connections() > 0);
    proxy.set(Wire::Leaking);
    for _ in 0..3 {
        // Each comes when the worker has nothing to do but wait to be told.
        let payload = json!({"file": fleet.effects.file, "millis": 1});
        let id = http::trigger(fleet.front.address, "test.interval", &payload);
        fleet.wait(&format!("the end of {id}"), || {
            http::execution(fleet.front.address, &id)["status"] == "succeeded"
        });
    }
    fleet.end();
}

/// The address of a store through the wire.
fn through(proxy: &Proxy, server: &Postgres, url: &str) -> String {
    let port = |port: u16| format!("127.0.0.1:{port}");
    let other = url.replace(&port(server.port()), &port(proxy.port()));
    assert_ne!(other, url, "the wire is in between");
    other
}
