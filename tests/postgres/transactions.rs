//! Transactions of an application.

use jobs::TransactionRef;
use jobs_runtime::store::{EnqueueAnswer, StoreError, WriteAnswer};
use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection, Executor};
use tests::postgres::Postgres;

use crate::support::{application, claim, connected_to, keyed, new, ready, session, success};

fn is_wrong_database<T: std::fmt::Debug>(result: Result<T, StoreError>, part: &str) {
    match result {
        Err(error @ StoreError::WrongDatabase { .. }) => {
            assert!(error.to_string().contains(part), "{error}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn another_database_is_refused_and_its_transaction_stays_usable() {
    let server = Postgres::shared();
    let name = server.fresh_database();
    let here = ready(&server.url(&name)).await;

    // A database without a layout.
    let empty = server.fresh_database();
    let mut connection = connected_to(&empty).await;
    let mut tx = connection.begin().await.unwrap();
    let refused = here.enqueue_in(TransactionRef::Postgres(&mut tx), vec![new("job")]);
    is_wrong_database(refused.await, &empty);
    tx.execute("SELECT 1").await.unwrap();
    tx.commit().await.unwrap();

    // A copy, which has the name of the layout as well.
    drop(here);
    let copy = format!("{name}_copy");
    let copying = format!("CREATE DATABASE {copy} TEMPLATE {name}");
    tests::process::wait_for("the database to be free", || {
        let busy = format!("SELECT COUNT(*) FROM pg_stat_activity WHERE datname = '{name}'");
        server.sql("postgres", &busy) == "0"
    });
    server.sql("postgres", &copying);
    let here = ready(&server.url(&name)).await;
    let mut connection = connected_to(&copy).await;
    let mut tx = connection.begin().await.unwrap();
    let refused = here.enqueue_in(TransactionRef::Postgres(&mut tx), vec![new("job")]);
    is_wrong_database(refused.await, "another database with a layout");
    tx.execute("SELECT 1").await.unwrap();
}

#[tokio::test]
async fn transactions_of_another_kind_are_refused_both_ways() {
    let here = ready(&Postgres::shared().fresh_url()).await;
    let embedded = ready("sqlite::memory:").await;

    let mut file = SqliteConnection::connect("sqlite::memory:").await.unwrap();
    let mut tx = file.begin().await.unwrap();
    let refused = here.enqueue_in(TransactionRef::Sqlite(&mut tx), vec![new("job")]);
    is_wrong_database(refused.await, "another kind");

    let mut connection = application().await;
    let mut tx = connection.begin().await.unwrap();
    let refused = embedded.enqueue_in(TransactionRef::Postgres(&mut tx), vec![new("job")]);
    is_wrong_database(refused.await, "another kind");
}

#[tokio::test]
async fn what_cannot_be_written_to_is_named() {
    let here = ready(&Postgres::shared().fresh_url()).await;
    let mut connection = application().await;
    let refused = here.enqueue_in(TransactionRef::Postgres(&mut connection), vec![new("job")]);
    match refused.await {
        Err(StoreError::Transaction(reason)) => assert!(reason.contains("begin"), "{reason}"),
        other => panic!("{other:?}"),
    }

    let mut tx = connection.begin().await.unwrap();
    tx.execute("SELECT 1 / 0").await.unwrap_err();
    let refused = here.enqueue_in(TransactionRef::Postgres(&mut tx), vec![new("job")]);
    match refused.await {
        Err(StoreError::Transaction(reason)) => {
            assert!(reason.contains("earlier statement"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_conflict_leaves_the_transaction_usable_and_what_was_written_before() {
    let here = ready(&Postgres::shared().fresh_url()).await;
    here.enqueue(vec![keyed("job", "k")]).await.unwrap();
    let mut connection = application().await;
    let mut tx = connection.begin().await.unwrap();
    let kept = new("job");
    let id = kept.id;
    let joined = TransactionRef::Postgres(&mut tx);
    here.enqueue_in(joined, vec![kept]).await.unwrap();
    let mut other = keyed("job", "k");
    if let Some(key) = &mut other.idempotency_key {
        key.payload_digest = "another".to_owned();
    }
    let refused = here.enqueue_in(TransactionRef::Postgres(&mut tx), vec![new("job"), other]);
    let refused = refused.await;
    assert!(
        matches!(
            refused,
            Err(StoreError::IdempotencyConflict { index: 1, .. })
        ),
        "{refused:?}"
    );
    assert!(here.execution(id).await.unwrap().is_none(), "not committed");
    tx.commit().await.unwrap();
    assert!(here.execution(id).await.unwrap().is_some());
}

#[tokio::test]
async fn a_serializable_transaction_joins_or_is_told_to_begin_anew() {
    let here = ready(&Postgres::shared().fresh_url()).await;
    let mut connection = application().await;
    let begin = "BEGIN ISOLATION LEVEL SERIALIZABLE";
    let mut tx = connection.begin_with(begin).await.unwrap();
    let answers = here
        .enqueue_in(TransactionRef::Postgres(&mut tx), vec![keyed("job", "k")])
        .await
        .unwrap();
    assert_eq!(answers, [EnqueueAnswer::Created]);
    tx.commit().await.unwrap();

    // One that began before another used the key sees the past.
    let mut tx = connection.begin_with(begin).await.unwrap();
    tx.execute("SELECT COUNT(*) FROM pg_database")
        .await
        .unwrap();
    here.enqueue(vec![keyed("job", "new")]).await.unwrap();
    let refused = here
        .enqueue_in(TransactionRef::Postgres(&mut tx), vec![keyed("job", "new")])
        .await;
    match refused {
        Err(StoreError::Transaction(reason)) => assert!(reason.contains("begin anew"), "{reason}"),
        other => panic!("{other:?}"),
    }
    tx.rollback().await.unwrap();
}

#[tokio::test]
async fn rolled_back_means_never_seen() {
    let here = ready(&Postgres::shared().fresh_url()).await;
    let worker = session(&*here, "worker").await;
    here.enqueue(vec![new("job")]).await.unwrap();
    let claimed = here.claim(claim(worker, 1, "job", 1)).await.unwrap();
    let mut connection = application().await;
    let mut tx = connection.begin().await.unwrap();
    let enqueued = new("job");
    let id = enqueued.id;
    let joined = TransactionRef::Postgres(&mut tx);
    here.enqueue_in(joined, vec![enqueued]).await.unwrap();
    let joined = TransactionRef::Postgres(&mut tx);
    let answer = here.settle_in(joined, success(&claimed[0])).await.unwrap();
    assert_eq!(answer, WriteAnswer::Settled);
    tx.rollback().await.unwrap();
    assert!(here.execution(id).await.unwrap().is_none());
    let settled = here.settle(vec![success(&claimed[0])]).await.unwrap();
    assert_eq!(settled, [WriteAnswer::Settled]);
}
