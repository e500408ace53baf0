//! Transfer of a whole store: export, import and row counts.
//!
//! The transfer of a whole store needs one at rest, without workers. Final executions can be
//! exported and imported at any time. This module imports the connections, `limits` and `read`. Of
//! the store's other modules, `retention` imports it; the rest must not.

pub(super) mod export;
mod import;

use async_trait::async_trait;
use sqlx::Row;

use super::PostgresStore;
use super::conn::error::DbError;
use super::conn::operation::{Operation, Outcome, TxMode, without_events};
use super::conn::statements::in_schema;
use super::conn::text::{decode, encode};
use super::conn::tx::Tx;
use super::read::catalogue;
use crate::store::decode::export::paused_rates;
use crate::store::{
    Cursor, Export, LimitRule, PausedRate, PublishedJob, RowCounts, StoreError, Transferable,
    TransferredExecution,
};
use crate::time::Timestamp;

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

    async fn paused_rates(&self, now: Timestamp) -> Result<Vec<PausedRate>, StoreError> {
        self.read(PausedRates(now)).await
    }

    async fn pause_rates(&self, rates: Vec<PausedRate>) -> Result<(), StoreError> {
        self.operate(PauseRates(rates)).await
    }

    async fn mark_moved(&self, to: Option<String>) -> Result<(), StoreError> {
        let schema = self.schema.clone();
        self.operate(MarkMoved { to, schema }).await
    }

    async fn check_not_moved(&self) -> Result<(), StoreError> {
        match self.read(MovedTo).await? {
            Some(to) => Err(StoreError::Moved {
                location: self.shared.location.to_string(),
                to,
            }),
            None => Ok(()),
        }
    }
}

/// Lists the rates whose next start is later than a time.
struct PausedRates(Timestamp);

#[async_trait]
impl Operation for PausedRates {
    type Output = Vec<PausedRate>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let query = tx
            .query(&tx.sql.transfer_paused_rates)
            .bind(self.0.as_millis());
        Ok(without_events(paused_rates(&tx.fetch(query).await?)?))
    }
}

/// Pauses rates, and creates those that do not exist.
struct PauseRates(Vec<PausedRate>);

#[async_trait]
impl Operation for PauseRates {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<()>, DbError> {
        let column = |value: fn(&PausedRate) -> i64| self.0.iter().map(value).collect::<Vec<_>>();
        let keys: Vec<_> = self.0.iter().map(|rate| encode(&rate.limit.key)).collect();
        let jobs: Vec<_> = self
            .0
            .iter()
            .map(|rate| encode(&rate.limit.job_id))
            .collect();
        let query = tx
            .query(&tx.sql.transfer_pause_rates)
            .bind(keys)
            .bind(jobs)
            .bind(column(|rate| rate.stage))
            .bind(column(|rate| rate_of(rate).0))
            .bind(column(|rate| rate_of(rate).1))
            .bind(column(|rate| rate.until.as_millis()));
        tx.execute(query).await?;
        Ok(without_events(()))
    }
}

/// The count and the period of a rate.
fn rate_of(rate: &PausedRate) -> (i64, i64) {
    match rate.limit.rule {
        LimitRule::Rate(rate) => {
            let period = i64::try_from(rate.period_ms).unwrap_or(i64::MAX);
            (rate.count.into(), period)
        }
        LimitRule::Concurrent { count } => (count.into(), 1),
    }
}

/// Marks the store as moved, or removes the mark.
struct MarkMoved {
    to: Option<String>,
    schema: String,
}

#[async_trait]
impl Operation for MarkMoved {
    type Output = ();
    const TX_MODE: TxMode = TxMode::Transaction;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<()>, DbError> {
        let query = tx.query(&tx.sql.transfer_set_moved_to);
        tx.execute(query.bind(self.to.as_deref().map(encode)))
            .await?;
        let script = match self.to {
            Some(_) => include_str!("sql/transfer/mark_moved.sql"),
            None => include_str!("sql/transfer/unmark_moved.sql"),
        };
        tx.script(&in_schema(script, &self.schema)).await?;
        Ok(without_events(()))
    }
}

/// Reads the store that the contents were moved to.
struct MovedTo;

#[async_trait]
impl Operation for MovedTo {
    type Output = Option<String>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let rows = tx.fetch(tx.query(&tx.sql.transfer_moved_to)).await?;
        let to: Option<String> = rows.first().ok_or(DbError::Raced)?.try_get(0)?;
        Ok(without_events(to.map(decode)))
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
