//! Executions that messages deliver: each runs once, in order of priority, within its limits.

use serde_json::json;
use tests::http;
use tests::process::{is_full_tier, wait_for};
use tests::proxy::{Link, Proxy};
use tests::rabbitmq::{RabbitMq, url};

use super::amqp::Amqp;
use super::fleet::{
    Fleet, check, claimed, number, on_both_stores, trigger_at, wait_until_consuming,
};

#[test]
fn three_workers_execute_each_execution_once() {
    let count = if is_full_tier() { 10_000 } else { 400 };
    on_both_stores(|fleet| {
        let workers = [fleet.worker(), fleet.worker(), fleet.worker()];
        workers.iter().for_each(wait_until_consuming);
        let address = workers[0].address;
        http::trigger_all(address, "test.record", &fleet.records(count, 5));
        fleet.check_each_ran_once(count);
        let by_message: u64 = workers.iter().map(claimed).sum();
        assert!(by_message > 0, "no message has led to a claim");
        // Nothing is left: neither entries nor messages.
        wait_for("the broker queue to be empty", || {
            let amqp = Amqp::connect(&fleet.broker);
            amqp.queue(&fleet.queue("test.record"))
                .is_some_and(|(messages, _)| messages == 0)
        });
    });
}

#[test]
fn an_idle_worker_is_woken_by_a_message() {
    let fleet = Fleet::on_sqlite();
    let worker = fleet.worker();
    wait_until_consuming(&worker);
    for n in 1..=5 {
        http::trigger(worker.address, "test.record", &fleet.records(1, 0)[0]);
        fleet.wait_for_begun(n);
    }
    wait_for("the messages to be counted", || claimed(&worker) >= 4);
}

#[test]
fn messages_that_are_late_repeated_or_foreign_do_no_harm() {
    let fleet = Fleet::on_sqlite();
    let worker = fleet.worker();
    wait_until_consuming(&worker);
    let payload = fleet.records(1, 0)[0].clone();
    let id = http::trigger(worker.address, "test.record", &payload);
    fleet.wait_for_begun(1);
    let amqp = Amqp::connect(&fleet.broker);
    let publish = |id: &str, job: &str| {
        let message = json!({ "executionId": id, "jobId": job, "attempt": 1, "priority": 50 });
        amqp.publish(&fleet.exchange(), "jobs.test.record", &message.to_string());
    };
    let gone = number(&worker, "broker consumer", " gone");
    // Late, repeated, unknown, and of a job without a handler here.
    publish(&id, "test.record");
    publish(&id, "test.record");
    publish("019a0000-0000-7000-8000-000000000000", "test.record");
    publish(&id, "no.such.job");
    wait_for("four messages to be forgotten", || {
        number(&worker, "broker consumer", " gone") >= gone + 4
    });
    fleet.check_each_ran_once(1);
}

#[test]
fn a_limit_and_a_pause_strand_nothing() {
    on_both_stores(|fleet| {
        let worker = fleet.worker();
        wait_until_consuming(&worker);
        let address = worker.address;
        // At most three at a time in the fleet.
        http::trigger_all(address, "test.slot", &vec![json!({ "millis": 10 }); 30]);
        let pause = |act: &str| {
            let path = format!("/api/v1/workers/queues/default/{act}");
            assert_eq!(http::post(address, &path, "{}").status, 200, "{act}");
        };
        wait_for("all slots to be over", || {
            succeeded(&worker, "test.slot") == 30
        });
        pause("pause");
        http::trigger_all(address, "test.add", &vec![json!({ "a": 1, "b": 2 }); 20]);
        // A message of before the pause arrives during it.
        let waiting = executions(&worker, "test.add");
        let amqp = Amqp::connect(&fleet.broker);
        for id in waiting.iter().take(5) {
            let message =
                json!({ "executionId": id, "jobId": "test.add", "attempt": 1, "priority": 50 });
            amqp.publish(&fleet.exchange(), "jobs.test.add", &message.to_string());
        }
        wait_for("the messages to be put off", || {
            number(&worker, "broker consumer", " not yet") >= 5
        });
        assert_eq!(succeeded(&worker, "test.add"), 0, "the queue is paused");
        pause("resume");
        wait_for("all additions", || succeeded(&worker, "test.add") == 20);
    });
}

fn executions(server: &tests::process::Server, job: &str) -> Vec<String> {
    let path = format!("/api/v1/workers/executions?jobId={job}&limit=1000");
    let page = http::get(server.address, &path).body;
    let executions = page["executions"].as_array().expect("a page").iter();
    executions
        .map(|one| one["id"].as_str().unwrap().to_owned())
        .collect()
}

fn succeeded(server: &tests::process::Server, job: &str) -> usize {
    let path = format!("/api/v1/workers/executions?jobId={job}&status=succeeded&limit=1000");
    let page = http::get(server.address, &path).body;
    page["executions"].as_array().expect("a page").len()
}

#[test]
fn a_worker_that_is_killed_after_the_claim_loses_nothing() {
    let fleet = Fleet::on_sqlite();
    let victim = fleet.worker();
    wait_until_consuming(&victim);
    http::trigger_all(victim.address, "test.record", &fleet.records(4, 3_000));
    fleet.wait_for_begun(4);
    victim.kill_9();
    let heir = fleet.worker();
    wait_for("the executions to succeed", || {
        succeeded(&heir, "test.record") == 4
    });
    // Four attempts were lost, and four have succeeded.
    assert_eq!(fleet.begun().len(), 8);
}

#[test]
fn after_an_outage_the_most_urgent_go_first() {
    let proxy = Proxy::start(RabbitMq::shared().port());
    proxy.set(Link::Cut);
    let mut fleet = Fleet::on_sqlite();
    fleet.broker = url("app", proxy.port());
    let relay = fleet.relay();
    wait_for("the health report to name the outage", || {
        check(&relay, "broker relay").0 == "failing"
    });
    let payload = fleet.records(1, 0)[0].clone();
    let mut expected = Vec::new();
    for priority in [10, 90, 50, 90, 10, 50] {
        trigger_at(&relay, "test.record", &payload, priority);
        expected.push(u64::from(priority));
    }
    proxy.set(Link::Intact);
    let amqp = Amqp::connect(&fleet.broker);
    wait_for("the messages to be published", || {
        amqp.queue(&fleet.queue("test.record"))
            .is_some_and(|(messages, _)| messages == 6)
    });
    let worker = fleet.worker_with(&[("JOBS_CONCURRENCY", "1")]);
    fleet.check_each_ran_once(6);
    let priority = |id: &String| {
        http::execution(worker.address, id)["priority"]
            .as_u64()
            .unwrap()
    };
    let ran: Vec<_> = fleet.begun().iter().map(priority).collect();
    expected.sort_unstable_by_key(|priority| std::cmp::Reverse(*priority));
    assert_eq!(ran, expected);
}
