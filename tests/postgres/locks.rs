//! Locks that others hold.

use std::time::Duration;

use jobs::TransactionRef;
use jobs_runtime::store::{Answer, Renewal, StoreError};
use sqlx::Connection;
use sqlx::postgres::PgConnection;
use tests::postgres::Postgres;

use crate::support::{T0, claim, keyed, new, ready, session, success};

async fn application() -> PgConnection {
    let url = Postgres::shared().url("postgres");
    PgConnection::connect(&url).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_a_transaction_keeps_holds_nobody_else_up() {
    let store = ready(&Postgres::shared().fresh_url()).await;
    let mut application = application().await;
    let mut tx = application.begin().await.unwrap();
    let held = TransactionRef::Postgres(&mut tx);
    store
        .enqueue_in(held, vec![keyed("job", "k")])
        .await
        .unwrap();

    let waiting = store.enqueue(vec![keyed("job", "k")]);
    let others = async {
        for _ in 0..20 {
            store.enqueue(vec![new("job")]).await.unwrap();
        }
    };
    let (waited, ()) = tokio::join!(waiting, others);
    match waited {
        Err(StoreError::Unavailable { reason, .. }) => {
            assert!(reason.contains("holds a lock"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
    tx.rollback().await.unwrap();
    store.enqueue(vec![keyed("job", "k")]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_settlement_waits_for_the_transaction_that_ends_the_same_attempt() {
    let store = ready(&Postgres::shared().fresh_url()).await;
    let session = session(&*store, "worker").await;
    store.enqueue(vec![new("job")]).await.unwrap();
    let claimed = store.claim(claim(session, 1, "job", 1)).await.unwrap();
    let mut application = application().await;
    let mut tx = application.begin().await.unwrap();
    let joined = TransactionRef::Postgres(&mut tx);
    let answer = store.settle_in(joined, success(&claimed[0])).await.unwrap();
    assert_eq!(answer, Answer::Settled);

    let engine = store.settle(vec![success(&claimed[0])]);
    let handler = async {
        // Renewals do not queue behind what waits.
        for _ in 0..20 {
            assert_eq!(store.renew(session, T0).await.unwrap(), Renewal::Held);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        tx.commit().await.unwrap();
    };
    let (settled, ()) = tokio::join!(engine, handler);
    assert_eq!(settled.unwrap(), [Answer::AlreadyMine]);
}
