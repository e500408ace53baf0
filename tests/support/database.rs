//! A look into the store's file, and a hand on its lock, from outside of every program under test.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions};
use tokio::runtime::Runtime;

/// The tables that say something about an execution, by the number they know it by.
const TABLES: [&str; 7] = [
    "jobs_executions",
    "jobs_ready",
    "jobs_scheduled",
    "jobs_leases",
    "jobs_attempts",
    "jobs_logs",
    "jobs_outcomes",
];

/// A connection of its own.
#[derive(Debug)]
pub struct Database {
    runtime: Runtime,
    connection: SqliteConnection,
}

impl Database {
    /// Opens the file, which is there already. A statement waits for its turn to write for as long as a test
    /// waits for anything: SQLite hands turns to nobody, so one among busy writers may long be passed over.
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

    /// Every byte that the store keeps about an execution, a text per row.
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

    /// The number that a query answers with.
    pub fn number(&mut self, query: &str) -> i64 {
        let query = sqlx::query_scalar(AssertSqlSafe(query.to_owned()));
        let answer = query.fetch_one(&mut self.connection);
        self.runtime.block_on(answer).expect("the query is right")
    }

    /// Takes the lock to write; every other writer waits until [`release`](Self::release). Whether
    /// it was to be had within a second.
    pub fn hold(&mut self) -> bool {
        self.execute("PRAGMA busy_timeout = 1000");
        let held = self.run("BEGIN IMMEDIATE").is_ok();
        self.execute("PRAGMA busy_timeout = 60000");
        held
    }

    /// Gives the lock back.
    pub fn release(&mut self) {
        self.execute("ROLLBACK");
    }

    /// Executes a statement.
    pub fn execute(&mut self, statement: &'static str) {
        self.run(statement).expect("the statement is right");
    }

    fn run(&mut self, statement: &'static str) -> Result<(), sqlx::Error> {
        let done = sqlx::query(statement).execute(&mut self.connection);
        self.runtime.block_on(done).map(|_| ())
    }

    /// Executes statements that are put together by a test.
    pub fn script(&mut self, statements: &str) {
        let done =
            sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(&mut self.connection);
        self.runtime
            .block_on(done)
            .expect("the statements are right");
    }

    /// The texts in the one column of a query.
    pub fn texts(&mut self, query: String) -> Vec<String> {
        let query = sqlx::query_scalar(AssertSqlSafe(query));
        let rows = query.fetch_all(&mut self.connection);
        self.runtime.block_on(rows).expect("the query is right")
    }
}
