//! Messages that no consumer can read.

use tests::process::wait_for;

use super::amqp::Amqp;
use super::fleet::{Fleet, check, number, wait_until_consuming};

#[test]
fn an_undecodable_message_is_kept_with_its_reason() {
    let fleet = Fleet::on_sqlite();
    let worker = fleet.worker();
    wait_until_consuming(&worker);
    let amqp = Amqp::connect(&fleet.broker);
    for body in ["no JSON", r#"{"executionId": 7}"#] {
        amqp.publish(&fleet.exchange(), "jobs.test.add", body);
    }
    wait_for("two dead letters", || {
        amqp.queue(&fleet.dead_queue())
            .is_some_and(|(messages, _)| messages == 2)
    });
    assert_eq!(number(&worker, "broker consumer", " undecodable"), 2);
    assert_eq!(check(&worker, "broker consumer").0, "ok");
    wait_for("the health report to count them", || {
        number(&worker, "broker relay", " dead letters") == 2
    });

    let listed = fleet.run(&["dead-letters", "list"]);
    assert_eq!(listed.code, 0, "{listed:?}");
    for part in [
        "jobs.test.add",
        "no JSON",
        "not a message about an execution",
    ] {
        assert!(listed.out.contains(part), "{part} is not in {listed:?}");
    }
    assert_eq!(
        fleet.run(&["dead-letters", "list"]).out,
        listed.out,
        "listing keeps them"
    );

    let doctor = fleet.run(&["doctor"]);
    assert!(doctor.out.contains("2 dead letters"), "{doctor:?}");

    // They come back, because no worker can read them.
    let requeued = fleet.run(&["dead-letters", "requeue", "--limit", "1"]);
    assert!(
        requeued.out.starts_with("1 dead letters published again"),
        "{requeued:?}"
    );
    wait_for("the message to come back", || {
        number(&worker, "broker consumer", " undecodable") == 3
    });
    let dropped = fleet.run(&["dead-letters", "drop", "--json"]);
    assert!(
        dropped.out.contains(r#""dropped":2"#) || dropped.out.contains(r#""dropped": 2"#),
        "{dropped:?}"
    );
    let listed = fleet.run(&["dead-letters", "list", "--json"]);
    assert!(listed.out.contains("[]"), "{listed:?}");
}
