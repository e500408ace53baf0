//! A permit allocator that stops in the middle of its transaction.

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
async fn executions_without_limits_run_while_an_allocator_is_stopped() {
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
    let lock = format!(
        "SELECT 1 FROM {}.allocator_lock FOR UPDATE",
        schema_of(&url)
    );
    execute(&mut tx, lock).await;
    // An enqueue does not wait for the allocator either, and admits nothing.
    let enqueued = store.enqueue(vec![waiting, later]);
    let enqueued = tokio::time::timeout(Duration::from_millis(900), enqueued).await;
    enqueued
        .expect("the enqueue does not wait for the allocator")
        .unwrap();

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
async fn the_server_ends_the_transaction_of_a_silent_allocator() {
    let server = Postgres::shared();
    let url = server.fresh_url();
    let schema = schema_of(&url);
    let there = ready(&url).await;
    let proxy = Proxy::start(server.port());
    let through = url.replace(&server.port().to_string(), &proxy.port().to_string());
    let here = opened(&through).await;
    // The first is admitted at once, the other one is blocked.
    for limit in [concurrent("", 1), concurrent("", 1)] {
        there.enqueue(vec![limited(&[limit])]).await.unwrap();
    }
    let worker = session(&*there, "worker").await;
    let first = there.claim(claim(worker, 1, "job", 9)).await.unwrap();
    let ended = there.settle(first.iter().map(success).collect()).await;
    assert_eq!(ended.unwrap(), [WriteAnswer::Settled]);

    // Stopped in the middle of its transaction: it waits for a lock when its connection stalls.
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
        wait_for("the allocator to wait", || {
            promoting.is_finished() || server.sql("postgres", &waits) == "1"
        });
        proxy.set(Link::Stalled);
        tx.rollback().await.unwrap();
        let idle = format!("{silent} state = 'idle in transaction'");
        if server.sql("postgres", &idle) == "1" {
            break;
        }
        // On a busy machine the wait for the lock may have ended before.
        proxy.set(Link::Intact);
        drop(promoting.await);
    }
    let admission = async {
        // Each promotion waits for 1 s at most. Other idle transactions end after 20 s only.
        for _ in 0..12 {
            let promotion = there.promote(T0, 100).await.unwrap();
            if promotion.promoted == 1 {
                return;
            }
            assert_eq!(
                promotion.next_due,
                Some(T0),
                "the promotion is to be repeated at once"
            );
        }
        panic!("nothing is admitted");
    };
    let admitted = tokio::time::timeout(AT_MOST, admission).await;
    admitted.expect("the other execution is admitted");
}
