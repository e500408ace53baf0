//! Those who read: beside the writer, or through it when there can be only one connection.

use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};

use super::error::Fault;
use super::operation::Work;
use crate::store::StoreError;

/// Connections that only read. WAL lets them work while the writer writes.
const READERS: u32 = 4;

#[derive(Debug)]
pub(in crate::store::sqlite) struct Readers(SqlitePool);

impl Readers {
    /// Opens nothing yet.
    pub(in crate::store::sqlite) fn new(options: SqliteConnectOptions) -> Self {
        Self(
            SqlitePoolOptions::new()
                .max_connections(READERS)
                .acquire_timeout(crate::store::sqlite::DEADLINE)
                // A file does not go away; asking it would cost as much as the question itself.
                .test_before_acquire(false)
                .idle_timeout(None)
                .max_lifetime(None)
                .connect_lazy_with(options),
        )
    }

    /// Runs `work` on one of them. One that misses the deadline is closed, not used again.
    pub(in crate::store::sqlite) async fn read<T>(&self, work: Work<T>) -> Result<T, Fault> {
        let mut connection = self.0.acquire().await?;
        match tokio::time::timeout(crate::store::sqlite::DEADLINE, work(&mut connection)).await {
            Ok(result) => result,
            Err(_) => {
                drop(connection.detach());
                Err(Fault::Store(StoreError::Timeout(
                    crate::store::sqlite::DEADLINE,
                )))
            }
        }
    }
}
