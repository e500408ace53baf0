//! A pool of connections that only read. A database in memory has none: its writer reads as well.

use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};

use super::error::DbError;
use super::operation::Operation;
use crate::clock::real;
use crate::store::StoreError;
use crate::store::sqlite::CALL_TIMEOUT;

/// Connections in the pool. In WAL mode they read while the writer writes.
const READERS: u32 = 4;

/// The pool.
#[derive(Debug)]
pub(in crate::store::sqlite) struct Readers(SqlitePool);

impl Readers {
    /// Creates the pool. Each connection opens on first use.
    pub(in crate::store::sqlite) fn new(options: SqliteConnectOptions) -> Self {
        Self(
            SqlitePoolOptions::new()
                .max_connections(READERS)
                .acquire_timeout(CALL_TIMEOUT)
                // A connection to a file does not go stale, and the test costs as much as a read.
                .test_before_acquire(false)
                .idle_timeout(None)
                .max_lifetime(None)
                .connect_lazy_with(options),
        )
    }

    /// Runs `operation` on a connection of the pool. A connection that exceeds [`CALL_TIMEOUT`] is
    /// closed, because its statement may still run.
    pub(in crate::store::sqlite) async fn read<T>(
        &self,
        operation: Operation<T>,
    ) -> Result<T, DbError> {
        let acquire = || self.0.acquire();
        let mut connection = real::with_timeout(CALL_TIMEOUT, acquire, |error| {
            matches!(error, sqlx::Error::PoolTimedOut)
        })
        .await?;
        match real::timeout(CALL_TIMEOUT, operation(&mut connection)).await {
            Ok(result) => result,
            Err(_) => {
                drop(connection.detach());
                Err(DbError::Store(StoreError::Timeout(CALL_TIMEOUT)))
            }
        }
    }
}
