//! A process that lets others in and stops at it.

use std::sync::Arc;
use std::time::Duration;

use jobs_runtime::store::WriteAnswer;
use sqlx::Connection;
use tests::postgres::Postgres;
use tests::process::wait_for;
use tests::proxy::{Link, Proxy};

use crate::support::{
    AT_MOST, T0, application, at, claim, concurrent, execute, limited, new, opened, ready,
    schema_of, session, success,
};

#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_limits_goes_on_while_a_doorkeeper_is_stopped() {
    let url = Postgres::shared().fresh_url();
    let store = ready(&url).await;
    let worker = session(&*store, "worker").await;
    let waiting = limited(&[concurrent("", 1)]);
    let id = waiting.id;
    let mut later = new("job");
    later.run_at = Some(at(5));
    let free = later.id;
    let mut stopped = application().await;
    let mut tx = stopped.begin().await.unwrap();
    let door = format!(
        "SELECT 1 FROM {}.allocator_lock FOR UPDATE",
        schema_of(&url)
    );
    execute(&mut tx, door).await;
    // Who enqueues does not wait for it either, and lets nobody in.
    let enqueued = store.enqueue(vec![waiting, later]);
    let enqueued = tokio::time::timeout(Duration::from_millis(900), enqueued).await;
    enqueued.expect("nobody waits for a doorkeeper").unwrap();

    let promoting = {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.promote(at(5), 100).await.unwrap() })
    };
    let claiming = async {
        let mut number = 0;
        loop {
            number += 1;
            let taken = store.claim(claim(worker, number, "job", 9)).await.unwrap();
            if !taken.is_empty() {
                break taken;
            }
            tokio::task::yield_now().await;
        }
    };
    let taken = tokio::time::timeout(AT_MOST, claiming).await.unwrap();
    assert_eq!(taken[0].execution_id, free);
    let promotion = promoting.await.unwrap();
    assert_eq!((promotion.promoted, promotion.next_due), (1, Some(at(5))));
    tx.rollback().await.unwrap();
    assert_eq!(store.promote(at(5), 100).await.unwrap().promoted, 1);
    let taken = store.claim(claim(worker, 1_000_000, "job", 9)).await;
    assert_eq!(taken.unwrap()[0].execution_id, id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doorkeeper_that_falls_silent_is_left_by_the_server() {
    let server = Postgres::shared();
    let url = server.fresh_url();
    let schema = schema_of(&url);
    let there = ready(&url).await;
    let proxy = Proxy::start(server.port());
    let through = url.replace(&server.port().to_string(), &proxy.port().to_string());
    let here = opened(&through).await;
    // The first goes straight in, the other stands at the door.
    for limit in [concurrent("", 1), concurrent("", 1)] {
        there.enqueue(vec![limited(&[limit])]).await.unwrap();
    }
    let worker = session(&*there, "worker").await;
    let first = there.claim(claim(worker, 1, "job", 9)).await.unwrap();
    let ended = there.settle(first.iter().map(success).collect()).await;
    assert_eq!(ended.unwrap(), [WriteAnswer::Settled]);

    // Stopped in the middle of its transaction: it waits for a lock when its wire stalls.
    let silent = format!(
        "SELECT COUNT(*) FROM pg_stat_activity WHERE query LIKE '%\"{schema}\".limits%' AND "
    );
    let lock = format!("SELECT 1 FROM {schema}.limits FOR UPDATE");
    let mut application = application().await;
    loop {
        let mut tx = application.begin().await.unwrap();
        execute(&mut tx, lock.clone()).await;
        let promoting = {
            let here = Arc::clone(&here);
            tokio::spawn(async move { here.promote(T0, 100).await })
        };
        let waits = format!("{silent} wait_event_type = 'Lock'");
        wait_for("the doorkeeper to wait", || {
            promoting.is_finished() || server.sql("postgres", &waits) == "1"
        });
        proxy.set(Link::Stalled);
        tx.rollback().await.unwrap();
        let idle = format!("{silent} state = 'idle in transaction'");
        if server.sql("postgres", &idle) == "1" {
            break;
        }
        // It gave up before, on a busy machine.
        proxy.set(Link::Intact);
        drop(promoting.await);
    }
    let entering = async {
        // Each waits for a second: the server leaves other silent transactions after twenty.
        for _ in 0..12 {
            let promotion = there.promote(T0, 100).await.unwrap();
            if promotion.promoted == 1 {
                return;
            }
            assert_eq!(promotion.next_due, Some(T0), "somebody is to try again");
        }
        panic!("nobody gets in");
    };
    let entered = tokio::time::timeout(AT_MOST, entering).await;
    entered.expect("the others get in");
}
