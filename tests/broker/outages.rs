//! A broker, a network or a store that is away for a time.

use std::time::Duration;

use tests::http;
use tests::postgres::Postgres;
use tests::process::{is_full_tier, now, prompt_dir, wait_for};
use tests::proxy::{Link, Proxy};
use tests::rabbitmq::{RabbitMq, url};

use super::amqp::Amqp;
use super::fleet::{Fleet, check, claimed, number, trigger_at, wait_until_consuming};

#[test]
fn a_broker_that_is_killed_slows_and_never_stops() {
    let node = RabbitMq::start();
    let dir = prompt_dir();
    let database = format!("sqlite:{}", dir.path().join("jobs.db").display());
    let fleet = Fleet::with_broker(dir, &database, &node.url());
    let workers = [fleet.worker(), fleet.worker()];
    workers.iter().for_each(wait_until_consuming);
    let address = workers[0].address;
    http::trigger_all(address, "test.record", &fleet.records(100, 20));
    fleet.wait_for_begun(20);
    node.crash();
    http::trigger_all(address, "test.record", &fleet.records(100, 5));
    // While the broker is away, workers poll the store.
    fleet.check_each_ran_once(200);
    wait_for("the health report to say so", || {
        check(&workers[0], "broker consumer").0 == "failing"
    });
    node.start_again();
    workers.iter().for_each(wait_until_consuming);
    let before = claimed(&workers[0]) + claimed(&workers[1]);
    http::trigger_all(address, "test.record", &fleet.records(50, 0));
    fleet.check_each_ran_once(250);
    wait_for("claims by messages", || {
        claimed(&workers[0]) + claimed(&workers[1]) > before
    });
    assert_eq!(check(&workers[1], "broker consumer").0, "ok");
}

#[test]
fn a_connection_that_is_cut_or_stalled_delays_nothing() {
    let proxy = Proxy::start(RabbitMq::shared().port());
    let mut fleet = Fleet::on_sqlite();
    fleet.broker = url("app", proxy.port());
    let worker = fleet.worker();
    wait_until_consuming(&worker);
    let links: &[Link] = if is_full_tier() {
        &[Link::Cut, Link::Stalled, Link::BlackHole]
    } else {
        &[Link::Cut, Link::Stalled]
    };
    let mut count = 0;
    for &link in links {
        proxy.set(link);
        count += 20;
        http::trigger_all(worker.address, "test.record", &fleet.records(20, 0));
        fleet.check_each_ran_once(count);
        proxy.set(Link::Intact);
        wait_until_consuming(&worker);
        let before = claimed(&worker);
        wait_for("a claim by a message", || {
            count += 1;
            http::trigger(worker.address, "test.record", &fleet.records(1, 0)[0]);
            fleet.wait_for_begun(count);
            claimed(&worker) > before
        });
    }
    fleet.check_each_ran_once(count);
}

#[test]
fn a_store_that_is_away_at_the_delivery_keeps_the_message() {
    let postgres = Postgres::shared();
    let direct = postgres.fresh_url();
    let proxy = Proxy::start(postgres.port());
    let proxied = direct.replace(&postgres.port().to_string(), &proxy.port().to_string());
    let fleet = Fleet::new(prompt_dir(), &direct);
    let relay = fleet.relay();
    let worker = fleet.worker_with(&[("JOBS_DATABASE", &proxied)]);
    wait_until_consuming(&worker);
    proxy.set(Link::Cut);
    http::trigger_all(relay.address, "test.record", &fleet.records(10, 0));
    let amqp = Amqp::connect(&fleet.broker);
    wait_for("the messages to be published", || {
        number(&relay, "broker relay", " published") >= 10
    });
    assert!(fleet.begun().is_empty(), "no lease without the store");
    proxy.set(Link::Intact);
    fleet.check_each_ran_once(10);
    wait_for("the messages to be forgotten", || {
        amqp.queue(&fleet.queue("test.record")) == Some((0, 1))
    });
}

#[test]
fn another_process_publishes_when_the_relay_is_killed() {
    let fleet = Fleet::on_sqlite();
    let relays = [fleet.relay(), fleet.relay()];
    let publishing = |at: usize| {
        check(&relays[at], "broker relay")
            .1
            .starts_with("publishing")
    };
    wait_for("one process to publish", || publishing(0) || publishing(1));
    let first = usize::from(publishing(1));
    let [one, other] = relays;
    let (victim, heir) = if first == 0 {
        (one, other)
    } else {
        (other, one)
    };
    victim.kill_9();
    http::trigger_all(heir.address, "test.record", &fleet.records(10, 0));
    let amqp = Amqp::connect(&fleet.broker);
    wait_for("the other process to publish", || {
        amqp.queue(&fleet.queue("test.record"))
            .is_some_and(|(messages, _)| messages == 10)
    });
}

#[test]
fn a_broker_that_blocks_publishers_delays_no_enqueue() {
    if !is_full_tier() {
        return;
    }
    let node = RabbitMq::start();
    let dir = prompt_dir();
    let database = format!("sqlite:{}", dir.path().join("jobs.db").display());
    let fleet = Fleet::with_broker(dir, &database, &node.url());
    let relay = fleet.relay();
    http::trigger_all(relay.address, "test.record", &fleet.records(10, 0));
    wait_for("the messages", || {
        number(&relay, "broker relay", " published") == 10
    });
    node.set_memory_watermark("0.000001");
    wait_for("the broker to block publishers", || {
        http::trigger(relay.address, "test.record", &fleet.records(1, 0)[0]);
        check(&relay, "broker relay")
            .1
            .contains("blocks publishers")
    });
    http::trigger_all(relay.address, "test.record", &fleet.records(50, 0));
    node.set_memory_watermark("0.4");
    wait_for("the relay to catch up", || {
        let (status, detail) = check(&relay, "broker relay");
        status == "ok" && detail.contains(" 0 unconfirmed")
    });
}

/// The time for which the broker is away in the longest test.
const OUTAGE: Duration = Duration::from_hours(1);

/// Executions of three priorities arrive all through the outage. The attempts after it follow the
/// order of priorities.
#[test]
#[ignore = "lasts an hour; run it by its name with `--ignored`"]
fn an_hour_without_a_broker_loses_nothing_and_ends_in_order_of_priority() {
    let node = RabbitMq::start();
    let in_file = |dir: &std::path::Path| format!("sqlite:{}", dir.join("jobs.db").display());
    let dir = prompt_dir();
    let database = in_file(dir.path());
    let fleets = [
        Fleet::with_broker(dir, &database, &node.url()),
        Fleet::with_broker(prompt_dir(), &Postgres::shared().fresh_url(), &node.url()),
    ];
    let relays = fleets.each_ref().map(Fleet::relay);
    for relay in &relays {
        wait_for("the relay to publish", || {
            check(relay, "broker relay").0 == "ok"
        });
    }
    node.crash();
    let begun = now();
    let mut count = 0;
    while begun.elapsed() < OUTAGE {
        for (fleet, relay) in fleets.iter().zip(&relays) {
            let payload = fleet.records(1, 0)[0].clone();
            for priority in [10, 50, 90] {
                trigger_at(relay, "test.record", &payload, priority);
            }
        }
        count += 3;
        std::thread::park_timeout(Duration::from_secs(3));
    }
    for relay in &relays {
        assert_eq!(check(relay, "broker relay").0, "failing");
    }
    node.start_again();
    for (fleet, relay) in fleets.iter().zip(&relays) {
        wait_for("the relay to publish again", || {
            check(relay, "broker relay").0 == "ok"
                && number(relay, "broker relay", " published") > 0
        });
        let worker = fleet.worker_with(&[("JOBS_CONCURRENCY", "1")]);
        fleet.check_each_ran_once(count);
        let priorities: Vec<_> = fleet
            .begun()
            .iter()
            .map(|id| http::execution(worker.address, id)["priority"].as_u64())
            .collect();
        let inversions = priorities.windows(2).filter(|pair| pair[0] < pair[1]);
        assert_eq!(inversions.count(), 0, "{}: {priorities:?}", fleet.store());
    }
}
