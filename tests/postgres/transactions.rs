//! Callers' transactions.

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
async fn another_database_is_rejected_and_its_transaction_stays_usable() {
    let server = Postgres::shared();
    let name = server.fresh_database();
    let here = ready(&server.url(&name)).await;

    // A database without a layout.
    let empty = server.fresh_database();
    let mut connection = connected_to(&empty).await;
    let mut tx = connection.begin().await.unwrap();
    let rejected = here.enqueue_in(TransactionRef::Postgres(&mut tx), vec![new("job")]);
    is_wrong_database(rejected.await, &empty);
    tx.execute("SELECT 1").await.unwrap();
    tx.commit().await.unwrap();

    // A copy, which has the same installation id.
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
    let rejected = here.enqueue_in(TransactionRef::Postgres(&mut tx), vec![new("job")]);
    is_wrong_database(rejected.await, "another database with a layout");
    tx.execute("SELECT 1").await.unwrap();
}

#[tokio::test]
async fn transactions_of_the_other_kind_of_store_are_rejected() {
    let here = ready(&Postgres::shared().fresh_url()).await;
    let embedded = ready("sqlite::memory:").await;

    let mut file = SqliteConnection::connect("sqlite::memory:").await.unwrap();
    let mut tx = file.begin().await.unwrap();
    let rejected = here.enqueue_in(TransactionRef::Sqlite(&mut tx), vec![new("job")]);
    is_wrong_database(rejected.await, "another kind");

    let mut connection = application().await;
    let mut tx = connection.begin().await.unwrap();
    let rejected = embedded.enqueue_in(TransactionRef::Postgres(&mut tx), vec![new("job")]);
    is_wrong_database(rejected.await, "another kind");
}

#[tokio::test]
async fn an_unusable_transaction_is_reported() {
    let here = ready(&Postgres::shared().fresh_url()).await;
    let mut connection = application().await;
    let rejected = here.enqueue_in(TransactionRef::Postgres(&mut connection), vec![new("job")]);
    match rejected.await {
        Err(StoreError::Transaction(reason)) => assert!(reason.contains("begin"), "{reason}"),
        other => panic!("{other:?}"),
    }

    let mut tx = connection.begin().await.unwrap();
    tx.execute("SELECT 1 / 0").await.unwrap_err();
    let rejected = here.enqueue_in(TransactionRef::Postgres(&mut tx), vec![new("job")]);
    match rejected.await {
        Err(StoreError::Transaction(reason)) => {
            assert!(reason.contains("earlier statement"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_conflict_keeps_the_transaction_and_its_earlier_writes() {
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
    let rejected = here.enqueue_in(TransactionRef::Postgres(&mut tx), vec![new("job"), other]);
    let rejected = rejected.await;
    assert!(
        matches!(
            rejected,
            Err(StoreError::IdempotencyConflict { index: 1, .. })
        ),
        "{rejected:?}"
    );
    assert!(here.execution(id).await.unwrap().is_none(), "not committed");
    tx.commit().await.unwrap();
    assert!(here.execution(id).await.unwrap().is_some());
}

#[tokio::test]
async fn a_serializable_transaction_works_or_is_told_to_begin_anew() {
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

    // A transaction that began before the key was used reads an old snapshot.
    let mut tx = connection.begin_with(begin).await.unwrap();
    tx.execute("SELECT COUNT(*) FROM pg_database")
        .await
        .unwrap();
    here.enqueue(vec![keyed("job", "new")]).await.unwrap();
    let rejected = here
        .enqueue_in(TransactionRef::Postgres(&mut tx), vec![keyed("job", "new")])
        .await;
    match rejected {
        Err(StoreError::Transaction(reason)) => assert!(reason.contains("begin anew"), "{reason}"),
        other => panic!("{other:?}"),
    }
    tx.rollback().await.unwrap();
}

#[tokio::test]
async fn rolled_back_calls_leave_no_trace() {
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
