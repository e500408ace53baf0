//! The monitor of a PostgreSQL server.

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, Row};

use super::DatabaseCounters;
use crate::bench::error::BenchError;
use crate::store::PostgresUrl;

/// The longest wait for the stores' connections to close. A connection flushes its statistics when
/// it ends.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// See [`Monitor`](super::Monitor).
#[derive(Debug)]
pub(crate) struct PostgresMonitor {
    connection: PgConnection,
    schema: String,
}

impl PostgresMonitor {
    pub(super) async fn open(url: &PostgresUrl) -> Result<Self, BenchError> {
        let options = PgConnectOptions::from_str(url.connection())?
            .application_name("jobs bench")
            .disable_statement_logging();
        Ok(Self {
            connection: options.connect().await?,
            schema: url.schema().to_owned(),
        })
    }

    pub(super) async fn read(&mut self) -> Result<DatabaseCounters, BenchError> {
        // The WAL position comes first: other programs may write during the wait.
        let wal: i64 = sqlx::query_scalar(include_str!("sql/wal.sql"))
            .fetch_one(&mut self.connection)
            .await?;
        self.until_closed().await?;
        let row = sqlx::query(include_str!("sql/counters.sql"))
            .bind(&self.schema)
            .fetch_one(&mut self.connection)
            .await?;
        let number = |column| -> Result<Option<u64>, sqlx::Error> {
            let number: Option<i64> = row.try_get(column)?;
            Ok(number.and_then(|number| u64::try_from(number).ok()))
        };
        Ok(DatabaseCounters {
            commits: number(0)?,
            wal_bytes: u64::try_from(wal).ok(),
            dead_tuples: number(1)?,
        })
    }

    /// Waits until no store has a connection to this database, or until the timeout.
    async fn until_closed(&mut self) -> Result<(), BenchError> {
        let open = async {
            loop {
                let open: bool = sqlx::query_scalar(include_str!("sql/open.sql"))
                    .fetch_one(&mut self.connection)
                    .await?;
                if !open {
                    return Ok::<_, sqlx::Error>(());
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        // Stores of other programs may stay connected: the timeout is no error.
        tokio::time::timeout(CLOSE_TIMEOUT, open)
            .await
            .unwrap_or(Ok(()))?;
        Ok(())
    }

    pub(super) async fn pin_snapshot(&mut self) -> Result<(), BenchError> {
        // With a transaction id, the transaction also holds back the horizon of vacuum.
        self.connection
            .execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT txid_current()")
            .await?;
        Ok(())
    }

    pub(super) async fn vacuum(&mut self) -> Result<(), BenchError> {
        let tables: Vec<String> = sqlx::query_scalar(include_str!("sql/tables.sql"))
            .bind(&self.schema)
            .fetch_all(&mut self.connection)
            .await?;
        for table in tables {
            let vacuum = format!("VACUUM (ANALYZE) {}.{table}", self.schema);
            self.connection.execute(AssertSqlSafe(vacuum)).await?;
        }
        self.connection.execute("CHECKPOINT").await?;
        Ok(())
    }

    pub(super) async fn drop_schema(&mut self) -> Result<(), BenchError> {
        let drop = format!("DROP SCHEMA IF EXISTS {} CASCADE", self.schema);
        self.connection.execute(AssertSqlSafe(drop)).await?;
        Ok(())
    }
}
