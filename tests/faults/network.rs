//! Network faults between a worker and its database.

use std::time::Duration;

use serde_json::json;
use tests::http;
use tests::postgres::Postgres;
use tests::process::{is_full_tier, now, wait_for};
use tests::proxy::{Link, Proxy};

use super::fleet::Fleet;

#[test]
fn no_execution_is_lost_when_a_connection_stalls() {
    check_link_fault(Link::Stalled);
}

#[test]
fn no_execution_is_lost_when_a_connection_is_cut() {
    check_link_fault(Link::Cut);
}

/// Half-open: both ends consider the connection alive, and neither receives anything.
#[test]
fn no_execution_is_lost_when_a_connection_is_half_open() {
    check_link_fault(Link::BlackHole);
}

/// The link of one worker fails until the other worker has taken over an attempt. Then the link
/// recovers, and the worker continues without a restart; the store rejects its late writes.
fn check_link_fault(fault: Link) {
    let server = Postgres::shared();
    let proxy = Proxy::start(server.port());
    let url = server.fresh_url();
    let mut fleet = Fleet::start(&url, 1, "2s");
    fleet.add_worker(&through(&proxy, server, &url));
    let (direct, proxied) = (0, 1);

    let faults = if is_full_tier() { 20 } else { 1 };
    // Long handlers, so that some run when the link fails.
    fleet.start_load_of(60 * faults, 300..1_000);
    for part in 1..=faults {
        fleet.wait_for_part(part, faults + 1);
        fleet.wait_until_busy(proxied);
        let before = fleet.effects.begun_again();
        proxy.set(fault);
        fleet.wait("the other worker to take over", || {
            fleet.effects.begun_again() > before
        });
        // Both probes answer within 15 s, although their query of the store cannot.
        let isolated = fleet.workers[proxied].address;
        let asked = now();
        for path in ["/readyz", "/health"] {
            assert_eq!(http::get(isolated, path).status, 503, "{path}");
        }
        let took = asked.elapsed();
        assert!(took < Duration::from_secs(15), "the probes took {took:?}");
        proxy.set(Link::Intact);
        fleet.wait_until_ready(true);
    }
    let totals = fleet.finish_load();
    println!("{faults} times {fault:?}: {totals:?}");
    assert!(totals.lost + totals.released >= faults, "{totals:?}");

    // Only the worker whose link failed is left.
    let (code, log) = fleet.workers.remove(direct).terminate();
    assert_eq!(code, Some(0), "{log:?}");
    fleet.start_load(40);
    fleet.finish_load();
    fleet.shut_down();
}

/// The listening connection is half-open, so that no notification arrives. Polls find the work.
#[test]
fn polls_find_executions_when_notifications_are_lost() {
    let server = Postgres::shared();
    let proxy = Proxy::start(server.port());
    let url = server.fresh_url();
    let listen = through(&proxy, server, &server.url("postgres"));
    let listen = listen.replace(':', "%3A").replace('/', "%2F");
    let mut fleet = Fleet::start(&url, 0, "60s");
    fleet.add_worker(&format!("{url}&listen={listen}"));
    wait_for("the listening connection", || proxy.connections() > 0);
    proxy.set(Link::BlackHole);
    for _ in 0..3 {
        // The worker is idle at each enqueue.
        let payload = json!({"file": fleet.effects.file, "millis": 1});
        let id = http::trigger(fleet.serving.address, "test.interval", &payload);
        fleet.wait(&format!("{id} to end"), || {
            http::execution(fleet.serving.address, &id)["status"] == "succeeded"
        });
    }
    fleet.shut_down();
}

/// The URL with the proxy's port instead of the server's.
fn through(proxy: &Proxy, server: &Postgres, url: &str) -> String {
    let port = |port: u16| format!("127.0.0.1:{port}");
    let proxied = url.replace(&port(server.port()), &port(proxy.port()));
    assert_ne!(proxied, url, "the URL does not name the server's port");
    proxied
}
