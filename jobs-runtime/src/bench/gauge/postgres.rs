//! The counters of a PostgreSQL server.

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, Row};

use super::Reading;
use crate::bench::error::BenchError;
use crate::store::PostgresUrl;

/// How long connections that were closed are waited for: each tells what it did when it ends.
const PATIENCE: Duration = Duration::from_secs(2);

/// See [`Gauge`](super::Gauge).
#[derive(Debug)]
pub(crate) struct PostgresGauge {
    connection: PgConnection,
    schema: String,
}

impl PostgresGauge {
    pub(super) async fn open(url: &PostgresUrl) -> Result<Self, BenchError> {
        let options = PgConnectOptions::from_str(url.connection())?
            .application_name("jobs bench")
            .disable_statement_logging();
        Ok(Self {
            connection: options.connect().await?,
            schema: url.schema().to_owned(),
        })
    }

    pub(super) async fn read(&mut self) -> Result<Reading, BenchError> {
        // Read before the wait, during which others may write.
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
        Ok(Reading {
            commits: number(0)?,
            wal_bytes: u64::try_from(wal).ok(),
            dead_tuples: number(1)?,
        })
    }

    /// Waits until the stores of this program have closed their connections.
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
        // Others may have connections of their own for as long as they like.
        tokio::time::timeout(PATIENCE, open)
            .await
            .unwrap_or(Ok(()))?;
        Ok(())
    }

    pub(super) async fn pin(&mut self) -> Result<(), BenchError> {
        // The number makes it hold back what it has not even seen.
        self.connection
            .execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT txid_current()")
            .await?;
        Ok(())
    }

    pub(super) async fn tidy(&mut self) -> Result<(), BenchError> {
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
