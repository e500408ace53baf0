//! Throughput and idle pickup with a broker, beside the same store without one.

use std::cell::RefCell;
use std::time::Duration;

use serde_json::json;
use tests::http;
use tests::process::{Server, is_full_tier, now, wait_for};

use super::fleet::{on_both_stores, wait_until_consuming};

/// The least part of the throughput without a broker.
const LEAST: f64 = 0.7;

/// Prints the figures of docs/rabbitmq.md with `--nocapture`.
#[test]
#[expect(clippy::print_stdout, reason = "the figures are for people")]
fn a_broker_costs_a_bounded_part_of_the_throughput() {
    if !is_full_tier() {
        return;
    }
    let ratios = RefCell::new(Vec::new());
    on_both_stores(|fleet| {
        // Alternating, so that a change of the machine's load concerns both.
        let (mut with, mut without) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            without.push(Figures::of(&fleet.worker_with(&[("JOBS_BROKER", "")])));
            let worker = fleet.worker();
            wait_until_consuming(&worker);
            with.push(Figures::of(&worker));
        }
        let (with, without) = (median(with), median(without));
        let ratio = with.per_second / without.per_second;
        println!(
            "{}: {:.0}/s with a broker, {:.0}/s without, ratio {ratio:.2}; idle pickup {} ms and {} ms",
            fleet.store(),
            with.per_second,
            without.per_second,
            with.pickup.as_millis(),
            without.pickup.as_millis(),
        );
        ratios.borrow_mut().push(ratio);
    });
    let ratios = ratios.into_inner();
    assert!(
        ratios.iter().all(|ratio| *ratio >= LEAST),
        "parts of the throughput without a broker: {ratios:.2?}"
    );
}

#[derive(Clone, Copy)]
struct Figures {
    per_second: f64,
    /// The median time from an enqueue to the begin of its attempt in an idle worker.
    pickup: Duration,
}

impl Figures {
    fn of(worker: &Server) -> Self {
        let mut pickups: Vec<_> = (0..30).map(|_| pickup(worker)).collect();
        pickups.sort_unstable();
        let count = 50_000;
        let payloads = vec![json!({ "a": 1, "b": 2 }); 1_000];
        let begun = now();
        for _ in 0..count / payloads.len() {
            http::trigger_batch(worker.address, "test.add", &payloads);
        }
        wait_for("the queue to be empty", || is_drained(worker));
        Self {
            per_second: count as f64 / begun.elapsed().as_secs_f64(),
            pickup: pickups[pickups.len() / 2],
        }
    }
}

fn pickup(worker: &Server) -> Duration {
    let id = http::trigger(worker.address, "test.add", &json!({ "a": 1, "b": 2 }));
    let mut record = json!(null);
    wait_for("the execution to end", || {
        record = http::execution(worker.address, &id);
        record["status"] == "succeeded"
    });
    let time = |field: &str| {
        let text = record[field].as_str().expect("a time");
        let time: jobs_runtime::time::Timestamp = text.parse().expect("a time");
        time
    };
    time("startedAt").since(time("createdAt"))
}

fn is_drained(worker: &Server) -> bool {
    let queues = http::get(worker.address, "/api/v1/workers/queues").body;
    let queues = queues["queues"].as_array().expect("a list").iter();
    queues
        .filter(|queue| queue["queue"] == "default")
        .all(|queue| queue["ready"] == 0 && queue["running"] == 0)
}

fn median(mut figures: Vec<Figures>) -> Figures {
    figures.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
    figures[figures.len() / 2]
}
