//! Transfer of a whole store: export, import and row counts.
//!
//! Export and import run on stores at rest, without workers. This module imports the connections,
//! `limits` and `read`. No other module of the store imports it.

mod export;
mod import;

use async_trait::async_trait;
use sqlx::Row;

use super::PostgresStore;
use super::conn::error::DbError;
use super::conn::operation::{Operation, Outcome, without_events};
use super::conn::tx::Tx;
use super::read::catalogue;
use crate::store::{
    Cursor, Export, PublishedJob, RowCounts, StoreError, Transferable, TransferredExecution,
};

#[async_trait]
impl Transferable for PostgresStore {
    async fn export(&self, after: Option<Cursor>, limit: usize) -> Result<Export, StoreError> {
        self.read(export::ExportPage { after, limit }).await
    }

    async fn import(&self, batch: Vec<TransferredExecution>) -> Result<Vec<bool>, StoreError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        self.operate(import::ImportBatch::new(batch)).await
    }

    async fn publications(&self) -> Result<Vec<PublishedJob>, StoreError> {
        self.read(catalogue::ListPublications).await
    }

    async fn row_counts(&self) -> Result<RowCounts, StoreError> {
        self.read(CountRows).await
    }
}

/// Counts the rows of each kind.
struct CountRows;

#[async_trait]
impl Operation for CountRows {
    type Output = RowCounts;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<RowCounts>, DbError> {
        let rows = tx.fetch(tx.query(&tx.sql.transfer_row_counts)).await?;
        let row = rows.first().ok_or(DbError::Raced)?;
        let count = |place: usize| -> Result<u64, DbError> {
            Ok(u64::try_from(row.try_get::<i64, _>(place)?).unwrap_or(0))
        };
        Ok(without_events(RowCounts {
            queued: count(0)?,
            pending: count(1)?,
            running: count(2)?,
            succeeded: count(3)?,
            failed: count(4)?,
            cancelled: count(5)?,
            attempts: count(6)?,
            log_lines: count(7)?,
            keys: count(8)?,
            publications: count(9)?,
            schedules: count(10)?,
        }))
    }
}
