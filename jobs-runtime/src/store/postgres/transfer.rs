//! Everything that the schema keeps, read out and written down whole.

mod export;
mod import;

use async_trait::async_trait;
use sqlx::Row;

use super::PostgresStore;
use super::conn::error::Fault;
use super::conn::operation::{Done, Shape, Transition, quietly};
use super::conn::tx::Db;
use super::read::catalogue;
use crate::store::{
    Cursor, Export, PublishedJob, RowCounts, StoreError, Transferable, TransferredExecution,
};

#[async_trait]
impl Transferable for PostgresStore {
    async fn export(&self, after: Option<Cursor>, limit: usize) -> Result<Export, StoreError> {
        self.read(export::Page { after, limit }).await
    }

    async fn import(&self, batch: Vec<TransferredExecution>) -> Result<Vec<bool>, StoreError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        self.operate(import::Write::new(batch)).await
    }

    async fn publications(&self) -> Result<Vec<PublishedJob>, StoreError> {
        self.read(catalogue::Publications).await
    }

    async fn row_counts(&self) -> Result<RowCounts, StoreError> {
        self.read(Count).await
    }
}

struct Count;

#[async_trait]
impl Transition for Count {
    type Answer = RowCounts;
    const SHAPE: Shape = Shape::Statement;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<RowCounts>, Fault> {
        let rows = db.fetch(db.query(&db.sql.transfer_row_counts)).await?;
        let row = rows.first().ok_or(Fault::Raced)?;
        let count = |place: usize| -> Result<u64, Fault> {
            Ok(u64::try_from(row.try_get::<i64, _>(place)?).unwrap_or(0))
        };
        Ok(quietly(RowCounts {
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
        }))
    }
}
