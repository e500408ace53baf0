//! Exchanges and broker queues that are missing, different or forbidden.

use tests::http;
use tests::process::wait_for;
use tests::proxy::Proxy;
use tests::rabbitmq::{RabbitMq, url};

use super::amqp::Amqp;
use super::fleet::{Fleet, check, claimed, number, wait_until_consuming};

#[test]
fn a_queue_with_other_arguments_is_a_clear_error() {
    let fleet = Fleet::on_sqlite();
    let queue = fleet.queue("test.record");
    Amqp::connect(&fleet.broker).declare(&queue);
    let worker = fleet.worker();
    wait_until_consuming(&worker);
    let (status, detail) = check(&worker, "broker consumer");
    assert_eq!(status, "failing", "{detail}");
    for part in [
        queue.as_str(),
        "exists with other arguments",
        "but current is none",
    ] {
        assert!(detail.contains(part), "{part} is not in {detail}");
    }
    let doctor = fleet.run(&["doctor"]);
    assert!(
        doctor.out.contains("exists with other arguments"),
        "{doctor:?}"
    );
    assert!(!doctor.out.contains("app:app"), "{doctor:?}");
    // Its executions run all the same.
    http::trigger(worker.address, "test.record", &fleet.records(1, 0)[0]);
    fleet.check_each_ran_once(1);
}

#[test]
fn a_user_who_may_not_declare_uses_what_exists() {
    let mut fleet = Fleet::on_sqlite();
    let admin = fleet.broker.clone();
    fleet.broker = url("reader", RabbitMq::shared().port());
    let worker = fleet.worker();
    wait_for("the worker to say what is missing", || {
        check(&worker, "broker relay")
            .1
            .contains("may not declare it")
    });
    http::trigger(worker.address, "test.record", &fleet.records(1, 0)[0]);
    fleet.check_each_ran_once(1);
    worker.terminate();

    let reader = std::mem::replace(&mut fleet.broker, admin);
    let declaring = fleet.worker();
    wait_until_consuming(&declaring);
    declaring.terminate();
    fleet.broker = reader;
    let worker = fleet.worker();
    wait_until_consuming(&worker);
    // A poll of the store may be faster than a message.
    let mut executed = 1;
    wait_for("a claim by a message", || {
        http::trigger(worker.address, "test.record", &fleet.records(1, 0)[0]);
        executed += 1;
        fleet.check_each_ran_once(executed);
        claimed(&worker) > 0
    });
}

#[test]
fn a_user_who_may_not_publish_is_reported_and_tried_ever_more_rarely() {
    let mut fleet = Fleet::on_sqlite();
    let proxy = Proxy::start(RabbitMq::shared().port());
    fleet.broker = url("mute", proxy.port());
    let relay = fleet.relay();
    http::trigger(relay.address, "test.record", &fleet.records(1, 0)[0]);
    wait_for("the relay to say so", || {
        let (status, detail) = check(&relay, "broker relay");
        status == "failing" && detail.contains("access to exchange")
    });
    assert_eq!(http::get(relay.address, "/health").status, 503);
    // The check fails after ten seconds, in which the pauses double from a quarter of a second.
    let connections = proxy.accepted();
    assert!(connections <= 10, "{connections} connections");
    let doctor = fleet.run(&["doctor"]);
    assert!(doctor.out.contains("access to exchange"), "{doctor:?}");
    let _worker = fleet.worker();
    fleet.check_each_ran_once(1);
}

#[test]
fn an_unroutable_message_is_reported_and_its_execution_runs() {
    let fleet = Fleet::on_sqlite();
    let relay = fleet.relay();
    let amqp = Amqp::connect(&fleet.broker);
    let queue = fleet.queue("test.record");
    let payload = fleet.records(1, 0)[0].clone();
    http::trigger(relay.address, "test.record", &payload);
    wait_for("the first message", || amqp.queue(&queue) == Some((1, 0)));
    amqp.unbind(&queue, &fleet.exchange(), "jobs.test.record");
    http::trigger(relay.address, "test.record", &payload);
    wait_for("the broker to return the message", || {
        number(&relay, "broker relay", " returned") > 0
    });
    let (status, detail) = check(&relay, "broker relay");
    assert!(
        status == "failing" && detail.contains("no broker queue is bound"),
        "{detail}"
    );
    // The relay binds the broker queue again.
    wait_for("the second message", || amqp.queue(&queue) == Some((2, 0)));
    let _worker = fleet.worker();
    fleet.check_each_ran_once(2);
}

#[test]
fn a_queue_that_is_deleted_under_its_consumer_comes_back() {
    let fleet = Fleet::on_sqlite();
    let worker = fleet.worker();
    wait_until_consuming(&worker);
    let amqp = Amqp::connect(&fleet.broker);
    let queue = fleet.queue("test.record");
    amqp.delete(&queue);
    wait_for("the worker to declare and consume it again", || {
        amqp.queue(&queue)
            .is_some_and(|(_, consumers)| consumers == 1)
    });
    let before = claimed(&worker);
    http::trigger_all(worker.address, "test.record", &fleet.records(10, 0));
    fleet.check_each_ran_once(10);
    wait_for("a claim by a message", || claimed(&worker) > before);
}

#[test]
fn lost_messages_are_published_again_without_a_storm() {
    let fleet = Fleet::on_sqlite();
    let relay = fleet.relay();
    let amqp = Amqp::connect(&fleet.broker);
    let queue = fleet.queue("test.record");
    http::trigger_all(relay.address, "test.record", &fleet.records(200, 0));
    let messages = || amqp.queue(&queue).map_or(0, |(messages, _)| messages);
    wait_for("the messages", || messages() == 200);
    assert_eq!(amqp.purge(&queue), 200);
    wait_for("the messages again", || messages() >= 200);
    assert_eq!(messages(), 200, "no more than are missing");
    let worker = fleet.worker();
    fleet.check_each_ran_once(200);
    wait_until_consuming(&worker);
}

#[test]
fn an_encrypted_connection_needs_a_certificate_that_is_trusted() {
    let node = RabbitMq::shared();
    let mut fleet = Fleet::on_sqlite();
    fleet.broker = node.tls_url();
    let distrusting = fleet.worker();
    wait_for("the worker to reject the certificate", || {
        check(&distrusting, "broker consumer")
            .1
            .contains("ertificate")
    });
    distrusting.terminate();
    let certificate = node.certificate();
    let certificate = certificate.to_str().expect("a path of text");
    let worker = fleet.worker_with(&[("SSL_CERT_FILE", certificate)]);
    wait_until_consuming(&worker);
}
