//! Enqueues in the caller's own transaction, on the store's file.

use std::path::PathBuf;
use std::task::{Context, Waker};
use std::time::Duration;

use jobs::{EnqueueError, ExecutionStatus};
use jobs_runtime::store::StoreEvent;
use jobs_runtime::{Runtime, RuntimeBuilder};
use sqlx::sqlite::{Sqlite, SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
use sqlx::{Connection, Transaction};
use tempfile::TempDir;
use tests::jobs::Add;

use super::record;

/// An application whose tables are in the store's file.
pub(super) struct Application {
    pub(super) runtime: Runtime,
    pub(super) pool: SqlitePool,
    dir: TempDir,
}

impl Application {
    pub(super) async fn start(workers: bool) -> Self {
        Self::start_with(Runtime::builder().workers(workers)).await
    }

    pub(super) async fn start_with(builder: RuntimeBuilder) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("application.db");
        let runtime = builder
            .database(format!("sqlite:{}", file.display()))
            .start()
            .await
            .expect("the runtime starts");
        let pool = pool(file).await;
        sqlx::raw_sql("CREATE TABLE users (name TEXT NOT NULL)")
            .execute(&pool)
            .await
            .expect("a table");
        Self { runtime, pool, dir }
    }

    pub(super) fn file(&self) -> PathBuf {
        self.dir.path().join("application.db")
    }

    pub(super) async fn begin(&self) -> Transaction<'static, Sqlite> {
        let begun = self.pool.begin_with("BEGIN IMMEDIATE").await;
        begun.expect("the lock is free")
    }

    /// The result of `SELECT COUNT(*) FROM …`.
    pub(super) async fn count(&self, from: &'static str) -> i64 {
        let query = format!("SELECT COUNT(*) FROM {from}");
        let count = sqlx::query_scalar(sqlx::AssertSqlSafe(query))
            .fetch_one(&self.pool)
            .await;
        count.expect("a number")
    }
}

async fn pool(file: PathBuf) -> SqlitePool {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .busy_timeout(Duration::from_secs(5));
    let pool = SqlitePoolOptions::new().connect_with(options).await;
    pool.expect("the file opens")
}

pub(super) async fn insert_user(tx: &mut Transaction<'_, Sqlite>, name: &str) {
    sqlx::query("INSERT INTO users (name) VALUES (?)")
        .bind(name)
        .execute(&mut **tx)
        .await
        .expect("inserted");
}

#[tokio::test]
async fn an_execution_is_committed_with_the_callers_writes() {
    let application = Application::start(true).await;
    let jobs = application.runtime.client();
    let mut tx = application.begin().await;
    insert_user(&mut tx, "alice").await;
    let execution = jobs
        .enqueue(Add::new(2, 40))
        .item("alice")
        .tx(&mut tx)
        .await
        .expect("accepted");
    let later = jobs
        .enqueue(Add::new(1, 1))
        .delay(Duration::from_secs(600))
        .tx(&mut tx)
        .await
        .expect("accepted");
    let store = application.runtime.store();
    let seen = store.execution(execution.id()).await.expect("it answers");
    assert!(seen.is_none(), "nothing is seen before the commit");

    jobs.commit(tx).await.expect("committed");
    assert_eq!(execution.result().await.ok(), Some(42));
    assert_eq!(application.count("users").await, 1);
    let record = record(&application.runtime, later.id()).await;
    assert_eq!(record.status, ExecutionStatus::Pending);
}

#[tokio::test]
async fn what_is_rolled_back_was_never_there() {
    let application = Application::start(true).await;
    let jobs = application.runtime.client();
    let mut tx = application.begin().await;
    insert_user(&mut tx, "alice").await;
    let enqueue = jobs.enqueue(Add::new(1, 2)).idempotency_key("alice");
    let execution = enqueue.tx(&mut tx).await.expect("accepted");
    tx.rollback().await.expect("rolled back");

    // The key is free again. Its new execution has run, so the worker would have run the other too.
    let enqueue = jobs.enqueue(Add::new(1, 3)).idempotency_key("alice");
    let again = enqueue.await.expect("accepted");
    assert!(again.triggered());
    assert_eq!(again.result().await.ok(), Some(4));
    let store = application.runtime.store();
    let seen = store.execution(execution.id()).await.expect("it answers");
    assert!(seen.is_none());
    assert_eq!(application.count("jobs_executions").await, 1);
    assert_eq!(application.count("users").await, 0);
}

#[tokio::test]
async fn another_process_executes_what_is_committed_without_a_notification() {
    let application = Application::start(false).await;
    let _worker = Runtime::builder()
        .database(format!("sqlite:{}", application.file().display()))
        .start()
        .await
        .expect("the runtime starts");
    let mut tx = application.begin().await;
    let jobs = application.runtime.client();
    let batch = jobs.enqueue_all((0..100).map(|n| Add::new(n, 1)));
    let executions = batch.tx(&mut tx).await.expect("accepted");
    tx.commit().await.expect("committed");
    for (n, execution) in (0..).zip(executions) {
        assert_eq!(execution.result().await.ok(), Some(n + 1_i64));
    }
}

#[tokio::test]
async fn another_database_is_refused() {
    let application = Application::start(false).await;
    let jobs = application.runtime.client();
    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
        .execute(&application.pool)
        .await
        .expect("everything is in the file");
    let copy = application.dir.path().join("copy.db");
    std::fs::copy(application.file(), &copy).expect("copied");
    let others = [
        pool(copy).await,
        pool(application.dir.path().join("other.db")).await,
        SqlitePool::connect("sqlite::memory:")
            .await
            .expect("it opens"),
    ];
    for other in others {
        let mut tx = other.begin_with("BEGIN IMMEDIATE").await.expect("begun");
        sqlx::raw_sql("CREATE TABLE mine (x)")
            .execute(&mut *tx)
            .await
            .expect("a table");
        let refused = jobs.enqueue(Add::new(1, 2)).tx(&mut tx).await;
        assert!(
            matches!(&refused, Err(error @ EnqueueError::WrongDatabase { .. })
                if error.to_string().starts_with("wrong_database: ")),
            "{refused:?}"
        );
        tx.commit().await.expect("its own writes are untouched");
        let mine: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM mine")
            .fetch_one(&other)
            .await
            .expect("the table is there");
        assert_eq!(mine, 0);
    }
    assert_eq!(application.count("jobs_executions").await, 0);

    // The same file by another path is the same database.
    let link = application.dir.path().join("link.db");
    std::os::unix::fs::symlink(application.file(), &link).expect("a link");
    let linked = pool(link).await;
    let mut tx = linked.begin_with("BEGIN IMMEDIATE").await.expect("begun");
    let accepted = jobs.enqueue(Add::new(1, 2)).tx(&mut tx).await;
    accepted.expect("accepted");
}

#[tokio::test]
async fn a_store_in_memory_rejects_every_transaction() {
    let runtime = super::runtime().await;
    let pool = SqlitePool::connect("sqlite::memory:")
        .await
        .expect("it opens");
    let mut tx = pool.begin().await.expect("begun");
    let refused = runtime.client().enqueue(Add::new(1, 2)).tx(&mut tx).await;
    assert!(
        matches!(refused, Err(EnqueueError::WrongDatabase { .. })),
        "{refused:?}"
    );
    // `commit` makes a store in memory poll, which has no other way to notice a write.
    let mut events = runtime.store().events();
    runtime.client().commit(tx).await.expect("committed");
    let notified = async { while !matches!(events.recv().await, Ok(StoreEvent::Elsewhere)) {} };
    let notified = tokio::time::timeout(Duration::from_secs(10), notified).await;
    assert!(notified.is_ok());
}

#[tokio::test]
async fn a_rejected_enqueue_leaves_the_transaction_usable() {
    let application = Application::start(false).await;
    let jobs = application.runtime.client();
    let key = |b| jobs.enqueue(Add::new(1, b)).idempotency_key("key");
    let mut tx = application.begin().await;
    let first = key(1).tx(&mut tx).await.expect("accepted");
    let conflict = key(2).tx(&mut tx).await;
    assert!(
        matches!(conflict, Err(EnqueueError::IdempotencyConflict { execution_id, .. })
            if execution_id == first.id()),
        "{conflict:?}"
    );
    let again = key(1).tx(&mut tx).await.expect("accepted");
    assert_eq!((again.id(), again.triggered()), (first.id(), false));
    insert_user(&mut tx, "alice").await;
    jobs.commit(tx).await.expect("committed");
    assert_eq!(application.count("jobs_executions").await, 1);
    assert_eq!(application.count("users").await, 1);
}

/// A failure in the middle of an enqueue takes back what the enqueue wrote before it.
#[tokio::test]
async fn a_failure_halfway_leaves_the_transaction_as_it_was() {
    let application = Application::start(false).await;
    let trigger =
        "CREATE TRIGGER refuse BEFORE INSERT ON jobs_ready BEGIN SELECT RAISE(ABORT, 'no'); END";
    sqlx::raw_sql(trigger)
        .execute(&application.pool)
        .await
        .expect("a trigger");
    let jobs = application.runtime.client();
    let mut tx = application.begin().await;
    insert_user(&mut tx, "alice").await;
    let refused = jobs.enqueue(Add::new(1, 2)).tx(&mut tx).await;
    assert!(
        matches!(refused, Err(EnqueueError::Store(_))),
        "{refused:?}"
    );
    jobs.commit(tx).await.expect("committed");
    assert_eq!(application.count("users").await, 1);
    assert_eq!(application.count("jobs_executions").await, 0);
}

#[tokio::test]
async fn a_savepoint_of_the_callers_takes_its_enqueues_back() {
    let application = Application::start(false).await;
    let jobs = application.runtime.client();
    let mut tx = application.begin().await;
    let kept = jobs.enqueue(Add::new(1, 1)).tx(&mut tx).await;
    let kept = kept.expect("accepted");
    let mut savepoint = tx.begin().await.expect("a savepoint");
    let enqueue = jobs.enqueue(Add::new(2, 2));
    enqueue.tx(&mut savepoint).await.expect("accepted");
    savepoint.rollback().await.expect("rolled back");
    jobs.commit(tx).await.expect("committed");
    assert_eq!(application.count("jobs_executions").await, 1);
    assert_eq!(application.count("jobs_ready").await, 1);
    let record = record(&application.runtime, kept.id()).await;
    assert_eq!(record.status, ExecutionStatus::Queued);
}

/// Dropping the future at any point leaves no partial write.
#[tokio::test]
async fn an_enqueue_that_is_dropped_midway_is_written_completely_or_not_at_all() {
    let application = Application::start(false).await;
    let jobs = application.runtime.client();
    let mut completed = 0;
    for waits in 0..40 {
        let mut tx = application.begin().await;
        let enqueue = jobs
            .enqueue(Add::new(1, 1))
            .idempotency_key(format!("key {waits}"));
        let mut enqueue = enqueue.tx(&mut tx).into_future();
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..waits {
            if enqueue.as_mut().poll(&mut cx).is_ready() {
                completed += 1;
                break;
            }
            // Some polls see a running statement, others its end.
            std::thread::park_timeout(Duration::from_micros(fastrand::u64(..300)));
        }
        drop(enqueue);
        insert_user(&mut tx, "alice").await;
        jobs.commit(tx).await.expect("committed");
        assert_eq!(application.count("users").await, waits + 1);
        let written = application.count("jobs_executions").await;
        for table in ["jobs_ready", "jobs_idempotency_keys"] {
            assert_eq!(application.count(table).await, written, "{table}");
        }
        // An enqueue that is dropped after its last statement is written completely.
        assert!(written >= completed, "{written}");
    }
    assert!(completed > 0, "the last ones have enough time");
    assert!(
        application.count("jobs_executions").await < 40,
        "the first ones have none"
    );
}

#[tokio::test]
async fn the_error_of_a_deferred_transaction_suggests_begin_immediate() {
    let application = Application::start(false).await;
    let jobs = application.runtime.client();
    let mut tx = application.pool.begin().await.expect("begun");
    sqlx::query("SELECT COUNT(*) FROM users")
        .execute(&mut *tx)
        .await
        .expect("read");
    // Another connection writes, which makes the transaction's snapshot stale.
    jobs.enqueue(Add::new(1, 2)).await.expect("accepted");
    let refused = jobs.enqueue(Add::new(1, 2)).tx(&mut tx).await;
    assert!(
        matches!(&refused, Err(error @ EnqueueError::Transaction(_))
            if error.to_string().contains("BEGIN IMMEDIATE")),
        "{refused:?}"
    );
    drop(tx);

    // Without a concurrent write, a deferred transaction works.
    let mut tx = application.pool.begin().await.expect("begun");
    let accepted = jobs.enqueue(Add::new(1, 2)).tx(&mut tx).await;
    accepted.expect("accepted");
    jobs.commit(tx).await.expect("committed");

    // A connection without a transaction is rejected: it would write at once.
    let mut connection = application.pool.acquire().await.expect("a connection");
    let refused = jobs.enqueue(Add::new(1, 2)).tx(&mut *connection).await;
    assert!(
        matches!(&refused, Err(EnqueueError::Transaction(_))),
        "{refused:?}"
    );
    assert_eq!(application.count("jobs_executions").await, 2);
}

#[tokio::test]
async fn an_invalid_payload_is_refused_before_anything_is_written() {
    let application = Application::start(false).await;
    let service = application.runtime.service();
    let mut tx = application.begin().await;
    let request =
        |payload: &str| jobs::runtime::EnqueueRequest::new("test.add", payload.to_owned());
    let batch = vec![request(r#"{"a":1,"b":2}"#), request(r#"{"a":"x"}"#)];
    let tx_ref = jobs::Transaction::by_ref(&mut tx);
    let refused = service.enqueue_in(tx_ref, batch).await;
    assert!(
        matches!(refused, Err(EnqueueError::InvalidPayload { .. })),
        "{refused:?}"
    );
    tx.commit().await.expect("committed");
    assert_eq!(application.count("jobs_executions").await, 0);
}

/// The caller holds the write lock in its transaction, so an enqueue outside of it cannot proceed.
#[tokio::test]
async fn an_enqueue_beside_the_callers_own_transaction_fails_with_an_explanation() {
    let application = Application::start(false).await;
    let jobs = application.runtime.client();
    let tx = application.begin().await;
    let refused = jobs.enqueue(Add::new(1, 2)).await;
    let Err(EnqueueError::Store(source)) = refused else {
        panic!("it cannot be written: {refused:?}");
    };
    let said = source.to_string();
    assert!(
        said.contains("waits for itself") && said.contains(".tx(&mut tx)"),
        "{said}"
    );
    tx.commit().await.expect("committed");
    jobs.enqueue(Add::new(1, 2)).await.expect("accepted");
    assert_eq!(application.count("jobs_executions").await, 1);
}
