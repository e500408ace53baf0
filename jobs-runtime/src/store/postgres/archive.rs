//! Everything that the schema keeps, read out and written down whole.

mod export;
mod import;

use async_trait::async_trait;
use sqlx::Row;

use super::PostgresStore;
use super::catalogue;
use super::db::Db;
use super::fault::Fault;
use super::transition::{Done, Shape, Transition, quietly};
use crate::store::{Archive, ArchivedExecution, Census, Cursor, Export, PublishedJob, StoreError};

#[async_trait]
impl Archive for PostgresStore {
    async fn export(&self, after: Option<Cursor>, limit: usize) -> Result<Export, StoreError> {
        self.read(export::Page { after, limit }).await
    }

    async fn import(&self, batch: Vec<ArchivedExecution>) -> Result<Vec<bool>, StoreError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        self.operate(import::Write::new(batch)).await
    }

    async fn publications(&self) -> Result<Vec<PublishedJob>, StoreError> {
        self.read(catalogue::Publications).await
    }

    async fn census(&self) -> Result<Census, StoreError> {
        self.read(Count).await
    }
}

struct Count;

#[async_trait]
impl Transition for Count {
    type Answer = Census;
    const SHAPE: Shape = Shape::Statement;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<Census>, Fault> {
        let rows = db.fetch(db.query(&db.sql.census)).await?;
        let row = rows.first().ok_or(Fault::Raced)?;
        let count = |place: usize| -> Result<u64, Fault> {
            Ok(u64::try_from(row.try_get::<i64, _>(place)?).unwrap_or(0))
        };
        Ok(quietly(Census {
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
