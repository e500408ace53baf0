//! Migrations with steps of the tests' own, on a real server.

use std::sync::Arc;

use ::tests::postgres::{BackgroundSql, Postgres};
use ::tests::process::wait_for;
use sqlx::{Connection, Executor, PgConnection, Row};

use super::*;
use crate::store::{DatabaseUrl, PostgresUrl};

const fn step(version: u32, name: &'static str, sql: &'static str) -> Migration {
    Migration {
        version,
        name,
        compatible_from: 1,
        concurrent_index: None,
        sql,
    }
}

static STEPS: [Migration; 3] = [
    step(
        1,
        "layout",
        "CREATE TABLE jobs.numbers (n integer);
         INSERT INTO jobs.numbers SELECT generate_series(1, 1000)",
    ),
    Migration {
        concurrent_index: Some("numbers_by_n"),
        ..step(
            2,
            "index",
            "-- A comment.\nCREATE INDEX CONCURRENTLY numbers_by_n ON jobs.numbers (n)",
        )
    },
    step(3, "later", "CREATE TABLE jobs.later (n integer)"),
];

/// The state that an index is in.
#[derive(Debug, PartialEq, Eq)]
enum Index {
    Absent,
    Invalid,
    Complete,
}

/// A schema of the tests' server.
struct TestSchema {
    url: PostgresUrl,
}

impl TestSchema {
    fn new() -> Self {
        match Postgres::shared().fresh_url().parse().unwrap() {
            DatabaseUrl::Postgres(url) => Self { url },
            other => panic!("{other:?}"),
        }
    }

    async fn store(&self) -> PostgresStore {
        PostgresStore::open(&self.url).await.unwrap()
    }

    fn sql(&self, statement: &str) -> String {
        let statement = statement.replace("jobs.", &format!("{}.", self.url.schema()));
        Postgres::shared().sql("postgres", &statement)
    }

    /// Keeps a transaction open that has written to the table. A build waits for its end.
    fn write_in_open_transaction(&self) -> BackgroundSql {
        let schema = self.url.schema();
        let writing = Postgres::shared().sql_in_background(
            "postgres",
            &format!("INSERT INTO {schema}.numbers VALUES (0); SELECT pg_sleep(600)"),
        );
        wait_for("the open transaction", || {
            self.count_locks("granted AND mode = 'RowExclusiveLock'") == 1
        });
        writing
    }

    fn end_open_transaction(&self) {
        self.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_locks
             WHERE granted AND mode = 'RowExclusiveLock' AND relation = 'jobs.numbers'::regclass",
        );
    }

    /// Counts the locks of the table that meet a condition.
    fn count_locks(&self, condition: &str) -> usize {
        let count = format!(
            "SELECT COUNT(*) FROM pg_locks
             WHERE relation = 'jobs.numbers'::regclass AND ({condition})"
        );
        self.sql(&count).parse().unwrap()
    }

    fn index(&self) -> Index {
        let valid = self.sql(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('jobs.numbers_by_n')",
        );
        match valid.as_str() {
            "" => Index::Absent,
            "f" => Index::Invalid,
            _ => Index::Complete,
        }
    }

    /// The number of the file that holds the index: another one after it was built again.
    fn index_file(&self) -> String {
        self.sql("SELECT pg_relation_filenode('jobs.numbers_by_n')")
    }

    fn ledger(&self) -> String {
        self.sql("SELECT string_agg(version::text, ' ' ORDER BY version) FROM jobs.migrations")
    }

    /// Applies the first step, and begins the second one, which waits for an open transaction.
    fn begin_build(&self, runtime: &tokio::runtime::Handle) -> (Build, BackgroundSql) {
        runtime.block_on(async {
            let first = &STEPS[..1];
            apply_missing(&self.store().await, first).await.unwrap();
        });
        let writing = self.write_in_open_transaction();
        let url = self.url.clone();
        let building = runtime.spawn(async move {
            let store = PostgresStore::open(&url).await.unwrap();
            apply_missing(&store, &STEPS).await
        });
        wait_for("an unfinished index", || self.index() == Index::Invalid);
        (building, writing)
    }

    fn assert_complete(&self) {
        assert_eq!(self.index(), Index::Complete);
        assert_eq!(self.ledger(), "1 2 3");
    }
}

type Build = tokio::task::JoinHandle<Result<Vec<MigrationStatus>, StoreError>>;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

#[test]
fn an_index_is_built_beside_writers_and_readers() {
    let (schema, runtime) = (TestSchema::new(), runtime());
    let (building, writing) = schema.begin_build(runtime.handle());
    // A second program waits for the first one, and its wait delays nothing.
    let other = runtime.block_on(schema.store());
    let waiting = runtime.spawn(async move { apply_missing(&other, &STEPS).await });
    schema.sql(
        "SET lock_timeout = '10s';
         INSERT INTO jobs.numbers VALUES (-1);
         UPDATE jobs.numbers SET n = -2 WHERE n = -1;
         DELETE FROM jobs.numbers WHERE n = -2;
         SELECT COUNT(*) FROM jobs.numbers",
    );
    let exclusive = "mode IN ('AccessExclusiveLock', 'ExclusiveLock', 'ShareRowExclusiveLock',
                     'ShareLock')";
    assert_eq!(schema.count_locks(exclusive), 0);
    assert_eq!(schema.index(), Index::Invalid);
    assert_eq!(schema.ledger(), "1");
    assert!(!building.is_finished() && !waiting.is_finished());
    schema.end_open_transaction();
    assert!(!writing.wait());
    for migrated in [building, waiting] {
        let status = runtime.block_on(migrated).unwrap().unwrap();
        assert!(status.iter().all(|step| step.applied_at.is_some()));
    }
    schema.assert_complete();
}

#[test]
fn a_build_that_was_ended_is_begun_again() {
    let (schema, runtime) = (TestSchema::new(), runtime());
    let (building, writing) = schema.begin_build(runtime.handle());
    schema.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE query LIKE '%CREATE INDEX CONCURRENTLY numbers_by_n%'
             AND pid IN (SELECT pid FROM pg_locks WHERE relation = 'jobs.numbers'::regclass)",
    );
    let ended = runtime.block_on(building).unwrap();
    assert!(
        matches!(ended, Err(StoreError::Unavailable { .. })),
        "{ended:?}"
    );
    assert_eq!((schema.index(), &*schema.ledger()), (Index::Invalid, "1"));
    let file = schema.index_file();
    schema.end_open_transaction();
    assert!(!writing.wait());
    runtime.block_on(async {
        let store = schema.store().await;
        apply_missing(&store, &STEPS).await.unwrap();
    });
    schema.assert_complete();
    assert_ne!(schema.index_file(), file);
}

/// The server goes on with the statement of a program that is gone.
#[test]
fn a_build_whose_program_is_gone_is_waited_for() {
    let (schema, program, runtime) = (TestSchema::new(), runtime(), runtime());
    let (building, writing) = schema.begin_build(program.handle());
    let file = schema.index_file();
    program.shutdown_background();
    drop(building);
    let other = Arc::new(runtime.block_on(schema.store()));
    let migrating = runtime.spawn(async move { apply_missing(&other, &STEPS).await });
    wait_for("a look at the first build", || {
        let looks = "SELECT COUNT(*) FROM pg_stat_activity
                     WHERE query LIKE '%Reads the state of the index%' AND pid <> pg_backend_pid()";
        schema.sql(looks) != "0"
    });
    assert!(!migrating.is_finished());
    schema.end_open_transaction();
    assert!(!writing.wait());
    runtime.block_on(migrating).unwrap().unwrap();
    schema.assert_complete();
    assert_eq!(schema.index_file(), file, "the first build was kept");
}

#[test]
fn concurrent_programs_apply_each_step_once() {
    let (schema, runtime) = (TestSchema::new(), runtime());
    let programs: Vec<_> = (0..6)
        .map(|_| {
            let url = schema.url.clone();
            runtime.spawn(async move {
                let store = PostgresStore::open(&url).await.unwrap();
                apply_missing(&store, &STEPS).await
            })
        })
        .collect();
    for program in programs {
        let status = runtime.block_on(program).unwrap().unwrap();
        assert!(status.iter().all(|step| step.applied_at.is_some()));
    }
    schema.assert_complete();
}

#[test]
fn a_build_has_no_time_limit() {
    let (schema, runtime) = (TestSchema::new(), runtime());
    runtime.block_on(async {
        let store = schema.store().await;
        let connector = store.shared.connector.without_timeouts();
        let mut connection: PgConnection = connector.connect().await.unwrap();
        for name in [
            "statement_timeout",
            "lock_timeout",
            "idle_in_transaction_session_timeout",
        ] {
            let show = sqlx::AssertSqlSafe(format!("SHOW {name}"));
            let row = connection.fetch_one(show).await.unwrap();
            assert_eq!(row.get::<&str, _>(0), "0", "{name}");
        }
        connection.close().await.unwrap();
    });
}
