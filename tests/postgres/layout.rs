//! Migrations: the schema and its ledger.

use jobs_runtime::store::{self, StoreError};
use tests::pgbouncer::PgBouncer;
use tests::postgres::Postgres;
use tests::process::{run, wait_for};

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

/// The states before and between migrations: no schema, a schema without tables, a ledger of an
/// earlier build without rows, and tables whose migration is not in the ledger.
#[tokio::test(flavor = "multi_thread")]
async fn doctor_changes_nothing_in_a_database_with_missing_migrations() {
    let server = Postgres::shared();
    let database = server.fresh_database();
    check_doctor(&database);
    for statements in [
        "CREATE SCHEMA jobs",
        "CREATE TABLE jobs.migrations (
             version integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL,
             applied_at bigint NOT NULL
         )",
    ] {
        server.sql(&database, statements);
        check_doctor(&database);
    }

    let database = server.fresh_database();
    drop(ready(&server.url(&database)).await);
    server.sql(
        &database,
        "DELETE FROM jobs.migrations
         WHERE version = (SELECT MAX(version) FROM jobs.migrations)",
    );
    check_doctor(&database);
}

/// Runs `doctor`, also with the resources, and compares the database before and after.
fn check_doctor(database: &str) {
    let directory = tempfile::tempdir().unwrap();
    let url = Postgres::shared().url(database);
    let before = contents(database);
    let doctor = ["doctor", "--bind", "127.0.0.1:0", "--database", &url];
    let forms: [&[&str]; 2] = [&[], &["--build-resources"]];
    for flags in forms {
        let args = [&doctor[..], flags].concat();
        let ran = run(env!("CARGO_BIN_EXE_worker"), directory.path(), &args);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(ran.out.contains("`migrate` applies"), "{ran:?}");
        assert_eq!(contents(database), before, "{args:?}: {ran:?}");
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

/// The schemas of a database, the columns of their tables, and all rows.
fn contents(database: &str) -> [String; 3] {
    let sql = |statement: &str| Postgres::shared().sql(database, statement);
    let schemas = sql("SELECT schema_name FROM information_schema.schemata ORDER BY schema_name");
    let of_others = "('information_schema', 'pg_catalog')";
    let columns = sql(&format!(
        "SELECT table_schema, table_name, column_name, data_type
         FROM information_schema.columns
         WHERE table_schema NOT IN {of_others}
         ORDER BY table_schema, table_name, ordinal_position"
    ));
    let tables = sql(&format!(
        "SELECT table_schema || '.' || table_name
         FROM information_schema.tables
         WHERE table_schema NOT IN {of_others}"
    ));
    let rows = tables
        .lines()
        .map(|table| format!("SELECT '{table}', to_jsonb(r)::text FROM {table} AS r"));
    let rows: Vec<String> = rows.collect();
    let rows = if rows.is_empty() {
        String::new()
    } else {
        sql(&format!("{} ORDER BY 1, 2", rows.join(" UNION ALL ")))
    };
    [schemas, columns, rows]
}
