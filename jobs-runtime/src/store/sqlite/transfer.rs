//! Export and import of whole executions, to copy one store into another.
//!
//! The transfer of a whole store needs one at rest, without workers. Final executions can be
//! exported and imported at any time. This module imports the connections, `limits` and `read`. Of
//! the store's other modules, `retention` imports it; the rest must not.

pub(super) mod export;
mod import;

use async_trait::async_trait;
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::SqliteStore;
use super::conn::error::DbError;
use super::conn::json;
use super::conn::operation::operation;
use super::limits;
use super::read::catalogue;
use crate::store::decode::export::paused_rates;
use crate::store::{
    Cursor, Export, PausedRate, PublishedJob, RowCounts, StoreError, Transferable,
    TransferredExecution,
};
use crate::time::Timestamp;

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

    async fn paused_rates(&self, now: Timestamp) -> Result<Vec<PausedRate>, StoreError> {
        self.read(operation!(|conn| paused_rates_on_conn(conn, now)))
            .await
    }

    async fn pause_rates(&self, rates: Vec<PausedRate>) -> Result<(), StoreError> {
        self.write(operation!(|conn| pause_rates_in_txn(conn, &rates)))
            .await
    }

    async fn mark_moved(&self, to: Option<String>) -> Result<(), StoreError> {
        self.write(operation!(|conn| mark_moved_in_txn(conn, to.as_deref())))
            .await
    }

    async fn check_not_moved(&self) -> Result<(), StoreError> {
        match self.read(operation!(|conn| moved_to_on_conn(conn))).await? {
            Some(to) => Err(StoreError::Moved {
                location: self.location.to_string(),
                to,
            }),
            None => Ok(()),
        }
    }
}

async fn paused_rates_on_conn(
    conn: &mut SqliteConnection,
    now: Timestamp,
) -> Result<Vec<PausedRate>, DbError> {
    let rows = sqlx::query(include_str!("sql/transfer/paused_rates.sql"))
        .bind(now.as_millis())
        .fetch_all(conn)
        .await?;
    paused_rates(&rows)
}

async fn pause_rates_in_txn(
    conn: &mut SqliteConnection,
    rates: &[PausedRate],
) -> Result<(), DbError> {
    let rows = rates.iter().map(|rate| {
        let (_, count, period_ms, interval) = limits::columns(&rate.limit.rule);
        let (key, job_id) = (&rate.limit.key, &rate.limit.job_id);
        let until = rate.until.as_millis();
        (key, job_id, rate.stage, count, period_ms, interval, until)
    });
    sqlx::query(include_str!("sql/transfer/pause_rates.sql"))
        .bind(json::array(rows)?)
        .execute(conn)
        .await?;
    Ok(())
}

/// Marks the store as moved, or removes the mark.
async fn mark_moved_in_txn(conn: &mut SqliteConnection, to: Option<&str>) -> Result<(), DbError> {
    let query = match to {
        Some(to) => sqlx::query(include_str!("sql/transfer/mark_moved.sql")).bind(to),
        None => sqlx::query(include_str!("sql/transfer/unmark_moved.sql")),
    };
    query.execute(conn).await?;
    Ok(())
}

async fn moved_to_on_conn(conn: &mut SqliteConnection) -> Result<Option<String>, DbError> {
    Ok(
        sqlx::query_scalar(include_str!("sql/transfer/moved_to.sql"))
            .fetch_one(conn)
            .await?,
    )
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
