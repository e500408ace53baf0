//! Migrations: the schema and its ledger.

use jobs_runtime::store::{self, StoreError};
use tests::pgbouncer::PgBouncer;
use tests::postgres::Postgres;
use tests::process::wait_for;

use crate::support::{new, opened, parsed, ready, schema_of};

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_starts_apply_each_migration_once() {
    let url = Postgres::shared().fresh_url();
    let mut starters = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let url = url.clone();
        starters.spawn(async move { opened(&url).await.migrate().await });
    }
    while let Some(status) = starters.join_next().await {
        let status = status.unwrap().unwrap();
        assert!(status.iter().all(|step| step.applied_at.is_some()));
    }
    let schema = schema_of(&url);
    let count = format!("SELECT COUNT(*), COUNT(DISTINCT version) FROM {schema}.migrations");
    let steps = opened(&url).await.migrations().await.unwrap().len();
    let counted = Postgres::shared().sql("postgres", &count);
    assert_eq!(counted, format!("{steps}|{steps}"));
}

#[tokio::test]
async fn a_ledger_with_another_history_is_rejected() {
    let server = Postgres::shared();
    let url = server.fresh_url();
    let schema = schema_of(&url);
    let store = ready(&url).await;
    let rejects = async |part: &str| match store.migrate().await {
        Err(StoreError::Layout(reason)) => assert!(reason.contains(part), "{reason}"),
        other => panic!("{other:?}"),
    };

    server.sql(
        "postgres",
        &format!("INSERT INTO {schema}.migrations VALUES (999, 'later', 'x', 0)"),
    );
    rejects("which this program does not know").await;
    server.sql(
        "postgres",
        &format!(
            "DELETE FROM {schema}.migrations WHERE version = 999;
             UPDATE {schema}.migrations SET checksum = 'x' WHERE version = 1"
        ),
    );
    rejects("is not this program").await;
}

#[tokio::test]
async fn a_schema_without_a_layout_says_what_to_run() {
    let store = opened(&Postgres::shared().fresh_url()).await;
    match store.sessions().await {
        Err(StoreError::Layout(reason)) => assert!(reason.contains("`migrate`"), "{reason}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn schemas_of_one_database_are_independent() {
    let server = Postgres::shared();
    let (one, other) = (server.fresh_url(), server.fresh_url());
    let (one, other) = (ready(&one).await, ready(&other).await);
    let new = new("job");
    let id = new.id;
    one.enqueue(vec![new]).await.unwrap();
    assert!(one.execution(id).await.unwrap().is_some());
    assert!(other.execution(id).await.unwrap().is_none());
}

#[tokio::test]
async fn a_database_must_be_encoded_as_utf8() {
    let server = Postgres::shared();
    let name = server.fresh_database();
    server.sql(
        "postgres",
        &format!("CREATE DATABASE {name}_ascii ENCODING 'SQL_ASCII' TEMPLATE template0"),
    );
    let store = opened(&server.url(&format!("{name}_ascii"))).await;
    match store.migrate().await {
        Err(StoreError::Layout(reason)) => assert!(reason.contains("UTF8"), "{reason}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_unreachable_server_is_named_without_the_password() {
    let url = parsed("postgres://jobs:secret@127.0.0.1:1/none");
    let Err(error) = store::open(&url).await else {
        panic!("no server listens on port 1");
    };
    let said = format!("{error} {error:?} {url} {url:?}");
    assert!(
        error.is_transient() && said.contains("127.0.0.1:1"),
        "{said}"
    );
    assert!(!said.contains("secret"), "{said}");
}

#[tokio::test]
async fn a_pooler_that_the_url_does_not_name_is_recognised() {
    let server = Postgres::shared();
    let pooled = PgBouncer::shared().url(server, &server.fresh_url());
    let unnamed = pooled.replace("&pgbouncer=true", "");
    let Err(error) = store::open(&parsed(&unnamed)).await else {
        panic!("a pooler takes no settings of connections");
    };
    let advice = "add pgbouncer=true to the URL";
    assert!(error.to_string().contains(advice), "{error}");
}

/// The layout of a newer program tells which older ones can use it.
#[tokio::test]
async fn an_older_program_uses_a_newer_layout_that_fits_it() {
    let server = Postgres::shared();
    let url = server.fresh_url();
    let store = ready(&url).await;
    let schema = schema_of(&url);
    server.sql(
        "postgres",
        &format!(
            "INSERT INTO {schema}.migrations VALUES (2, 'next', 'x', 0, 1);
             ALTER TABLE {schema}.executions ADD COLUMN of_the_next_version integer"
        ),
    );
    let older = ready(&url).await;
    assert_eq!(older.migrations().await.unwrap().len(), 1);
    for store in [store, older] {
        store.enqueue(vec![new("j")]).await.unwrap();
    }
    server.sql(
        "postgres",
        &format!("UPDATE {schema}.migrations SET compatible_from = 2 WHERE version = 2"),
    );
    match opened(&url).await.migrate().await {
        Err(StoreError::Layout(reason)) => {
            assert!(reason.contains("migration 2 `next`"), "{reason}");
        }
        other => panic!("a layout error was expected, not {other:?}"),
    }
}

/// While a migration waits for a lock, everything that needs that table waits behind it. So it
/// gives up soon, and tries again.
#[tokio::test(flavor = "multi_thread")]
async fn a_migration_does_not_queue_for_a_lock() {
    let server = Postgres::shared();
    let url = server.fresh_url();
    let schema = schema_of(&url);
    server.sql(
        "postgres",
        &format!(
            "CREATE SCHEMA {schema};
             CREATE TABLE {schema}.migrations (
                 version integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL,
                 applied_at bigint NOT NULL, compatible_from integer
             )"
        ),
    );
    let locks = |granted: bool| {
        let table = format!("'{schema}.migrations'::regclass");
        let is_granted = if granted { "granted" } else { "NOT granted" };
        let query = format!(
            "SELECT COUNT(*) FROM pg_locks
             WHERE {is_granted} AND relation = {table} AND mode <> 'AccessShareLock'"
        );
        server.sql("postgres", &query)
    };
    let holder = server.sql_in_background(
        "postgres",
        &format!("LOCK TABLE {schema}.migrations IN SHARE MODE; SELECT pg_sleep(600)"),
    );
    wait_for("the lock", || locks(true) == "1");
    let migrating = tokio::spawn({
        let url = url.clone();
        async move { opened(&url).await.migrate().await }
    });
    for _ in 0..2 {
        wait_for("a wait for the lock", || locks(false) == "1");
        wait_for("the end of that wait", || locks(false) == "0");
        assert!(!migrating.is_finished());
    }
    server.sql(
        "postgres",
        &format!(
            "SELECT pg_terminate_backend(pid) FROM pg_locks
             WHERE relation = '{schema}.migrations'::regclass AND mode = 'ShareLock'"
        ),
    );
    assert!(!holder.wait());
    let status = migrating.await.unwrap().unwrap();
    assert!(status.iter().all(|step| step.applied_at.is_some()));
}
