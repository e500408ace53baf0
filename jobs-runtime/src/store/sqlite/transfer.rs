//! Export and import of whole executions, to copy one store into another.
//!
//! Both run on stores at rest, without workers. This module imports the connections, `limits` and
//! `read`. No other module of the store imports it.

mod export;
mod import;

use async_trait::async_trait;
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::SqliteStore;
use super::conn::error::DbError;
use super::conn::operation::operation;
use super::read::catalogue;
use crate::store::{
    Cursor, Export, PublishedJob, RowCounts, StoreError, Transferable, TransferredExecution,
};

#[async_trait]
impl Transferable for SqliteStore {
    async fn export(&self, after: Option<Cursor>, limit: usize) -> Result<Export, StoreError> {
        self.read(operation!(|conn| export::page_on_conn(conn, after, limit)))
            .await
    }

    async fn import(&self, batch: Vec<TransferredExecution>) -> Result<Vec<bool>, StoreError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        self.transition(operation!(|conn| import::write_in_txn(conn, &batch)))
            .await
    }

    async fn publications(&self) -> Result<Vec<PublishedJob>, StoreError> {
        self.read(operation!(|conn| catalogue::publications_on_conn(conn)))
            .await
    }

    async fn row_counts(&self) -> Result<RowCounts, StoreError> {
        self.read(operation!(|conn| row_counts_on_conn(conn))).await
    }
}

/// Counts the rows of each kind.
async fn row_counts_on_conn(conn: &mut SqliteConnection) -> Result<RowCounts, DbError> {
    let row = sqlx::query(include_str!("sql/transfer/row_counts.sql"))
        .fetch_one(conn)
        .await?;
    Ok(RowCounts {
        queued: row.try_get(0)?,
        pending: row.try_get(1)?,
        running: row.try_get(2)?,
        succeeded: row.try_get(3)?,
        failed: row.try_get(4)?,
        cancelled: row.try_get(5)?,
        attempts: row.try_get(6)?,
        log_lines: row.try_get(7)?,
        keys: row.try_get(8)?,
        publications: row.try_get(9)?,
        schedules: row.try_get(10)?,
    })
}
