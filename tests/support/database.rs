//! Direct access to the store's SQLite file, outside of the programs under test: queries, and the
//! write lock.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions};
use tokio::runtime::Runtime;

/// The tables with rows about an execution, each with a column `seq`.
const TABLES: [&str; 7] = [
    "jobs_executions",
    "jobs_ready",
    "jobs_scheduled",
    "jobs_leases",
    "jobs_attempts",
    "jobs_logs",
    "jobs_outcomes",
];

/// A connection to the store's file.
#[derive(Debug)]
pub struct Database {
    runtime: Runtime,
    connection: SqliteConnection,
}

impl Database {
    /// Opens an existing file. A statement waits up to 60 s for the write lock, because SQLite's
    /// lock is not fair: busy writers may overtake this connection many times.
    pub fn open(file: &Path) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime starts");
        let options = SqliteConnectOptions::new()
            .filename(file)
            .busy_timeout(Duration::from_secs(60));
        let connection = runtime.block_on(options.connect()).expect("the file opens");
        Self {
            runtime,
            connection,
        }
    }

    /// Reads every row about an execution, each as one text with all its columns.
    pub fn rows(&mut self, execution_id: &str) -> Vec<String> {
        let id = execution_id.replace('-', "");
        let mut rows = Vec::new();
        for table in TABLES {
            let columns = self.texts(format!("SELECT name FROM pragma_table_info('{table}')"));
            let columns: Vec<_> = columns
                .iter()
                .map(|name| format!("quote({name})"))
                .collect();
            let columns = columns.join(" || ' ' || ");
            rows.extend(self.texts(format!(
                "SELECT '{table} ' || {columns} FROM {table}
                 WHERE seq = (SELECT seq FROM jobs_executions WHERE id = unhex('{id}'))"
            )));
        }
        rows
    }

    /// Runs a query that returns one number.
    pub fn number(&mut self, query: &str) -> i64 {
        let query = sqlx::query_scalar(AssertSqlSafe(query.to_owned()));
        let answer = query.fetch_one(&mut self.connection);
        self.runtime.block_on(answer).expect("the query succeeds")
    }

    /// Takes the write lock; every other writer waits until [`release`](Self::release). Returns
    /// false if the lock was not free within one second.
    pub fn hold(&mut self) -> bool {
        self.execute("PRAGMA busy_timeout = 1000");
        let locked = self.run("BEGIN IMMEDIATE").is_ok();
        self.execute("PRAGMA busy_timeout = 60000");
        locked
    }

    /// Releases the write lock.
    pub fn release(&mut self) {
        self.execute("ROLLBACK");
    }

    /// Executes one statement.
    pub fn execute(&mut self, statement: &'static str) {
        self.run(statement).expect("the statement succeeds");
    }

    fn run(&mut self, statement: &'static str) -> Result<(), sqlx::Error> {
        let done = sqlx::query(statement).execute(&mut self.connection);
        self.runtime.block_on(done).map(|_| ())
    }

    /// Executes several statements, which a test may compose.
    pub fn script(&mut self, statements: &str) {
        let done =
            sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(&mut self.connection);
        self.runtime.block_on(done).expect("the statements succeed");
    }

    /// Runs a query that returns one column of texts.
    pub fn texts(&mut self, query: String) -> Vec<String> {
        let query = sqlx::query_scalar(AssertSqlSafe(query));
        let rows = query.fetch_all(&mut self.connection);
        self.runtime.block_on(rows).expect("the query succeeds")
    }
}
