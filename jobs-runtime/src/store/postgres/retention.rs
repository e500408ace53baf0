//! Retention: bounded deletions of expired executions and of [`leftovers`], turns, and erasure.
//!
//! Searches run on the readers' pool, deletions on a pool of their own. A deletion locks rows of
//! final executions only; claims and settlements never wait for it.
//!
//! This module imports the connections, `operator`, `read` and `transfer`. It must not import
//! `claim`, `enqueue` or `settle`.

mod leftovers;

use std::collections::HashMap;

use async_trait::async_trait;
use jobs::ExecutionId;
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::conn::error::{DbError, corrupt};
use super::conn::operation::{Operation, Outcome, TxMode, without_events};
use super::conn::text;
use super::conn::text::{encode, encode_all};
use super::conn::tx::Tx;
use super::operator::{MAX_LOOKUPS, RowState, delete_all, row_state, seq_of};
use super::read::execution::id_of;
use super::transfer::export::ExportListed;
use super::{PostgresStore, uuid_of};
use crate::store::decode::records;
use crate::store::{
    Cursor, EraseAnswer, Erasure, Expired, ExpiryPage, ExpiryScan, Leftover, RetentionStore,
    StoreError, Sweep, TransferredExecution, Turn,
};
use crate::time::Timestamp;

#[async_trait]
impl RetentionStore for PostgresStore {
    async fn take_turn(&self, turn: Turn) -> Result<bool, StoreError> {
        self.retention.run(TakeTurn(turn)).await
    }

    async fn end_turn(
        &self,
        task: String,
        holder: String,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        let turn = EndTurn {
            task,
            holder,
            until,
        };
        self.retention.run(turn).await
    }

    async fn find_expired(&self, scan: ExpiryScan) -> Result<ExpiryPage, StoreError> {
        self.read(FindExpired(scan)).await
    }

    async fn read_expired(
        &self,
        batch: Vec<Expired>,
    ) -> Result<Vec<TransferredExecution>, StoreError> {
        let ids = batch.iter().map(|one| uuid_of(&one.execution_id));
        self.read(ExportListed(ids.collect())).await
    }

    async fn delete_expired(&self, batch: Vec<Expired>) -> Result<Vec<ExecutionId>, StoreError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        self.retention.run(DeleteExpired(batch)).await
    }

    async fn sweep(&self, sweep: Sweep) -> Result<u64, StoreError> {
        if sweep.rows == Leftover::Limits {
            return leftovers::sweep_limits(self, sweep).await;
        }
        self.retention.run(leftovers::SweepRows(sweep)).await
    }

    async fn renew_publications(
        &self,
        jobs: Vec<(String, String)>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.retention
            .run(leftovers::RenewPublications(jobs, now))
            .await
    }

    async fn erase(
        &self,
        id: ExecutionId,
        by: Option<String>,
        now: Timestamp,
    ) -> Result<EraseAnswer, StoreError> {
        self.operate(Erase { id, by, now }).await
    }
}

/// Gives the turn at a task to a process.
struct TakeTurn(Turn);

#[async_trait]
impl Operation for TakeTurn {
    type Output = bool;
    const TX_MODE: TxMode = TxMode::Statement;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<bool>, DbError> {
        let Self(turn) = self;
        let query = tx
            .query(&tx.sql.retention_take_turn)
            .bind(encode(&turn.task))
            .bind(encode(&turn.holder))
            .bind(turn.now.as_millis())
            .bind(turn.until.as_millis())
            .bind(turn.latest.as_millis())
            .bind(!turn.urgent);
        Ok(without_events(!tx.fetch(query).await?.is_empty()))
    }
}

/// Ends the turn of a process.
struct EndTurn {
    task: String,
    holder: String,
    until: Timestamp,
}

#[async_trait]
impl Operation for EndTurn {
    type Output = ();
    const TX_MODE: TxMode = TxMode::Statement;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<()>, DbError> {
        let query = tx
            .query(&tx.sql.retention_end_turn)
            .bind(encode(&self.task))
            .bind(encode(&self.holder))
            .bind(self.until.as_millis());
        tx.execute(query).await?;
        Ok(without_events(()))
    }
}

/// Finds a page of expired executions.
struct FindExpired(ExpiryScan);

#[async_trait]
impl Operation for FindExpired {
    type Output = ExpiryPage;
    const TX_MODE: TxMode = TxMode::Statement;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<ExpiryPage>, DbError> {
        let Self(scan) = self;
        let statement = match scan.job_id {
            None => &tx.sql.retention_expired,
            Some(_) => &tx.sql.retention_expired_of_job,
        };
        let query = tx
            .query(statement)
            .bind(scan.after.map_or(0, |after| after.0))
            .bind(i64::try_from(scan.limit).unwrap_or(i64::MAX))
            .bind(scan.cutoffs.succeeded.as_millis())
            .bind(scan.cutoffs.failed.as_millis())
            .bind(scan.cutoffs.cancelled.as_millis())
            .bind(scan.now.as_millis())
            .bind(encode_all(&scan.except));
        let query = match &scan.job_id {
            None => query,
            Some(job_id) => query.bind(encode(job_id)),
        };
        let rows = tx.fetch(query).await?;
        let summary = rows.first().ok_or(DbError::Raced)?;
        let last: Option<i64> = summary.try_get(0)?;
        let examined: i64 = summary.try_get(1)?;
        let created_at: Option<i64> = summary.try_get(2)?;
        let is_last = scan.is_last_page(examined, created_at.map(Timestamp::from_millis));
        Ok(without_events(ExpiryPage {
            expired: rows
                .iter()
                .filter_map(|row| expired(row).transpose())
                .collect::<Result<_, _>>()?,
            next: last.filter(|_| !is_last).map(Cursor),
        }))
    }
}

/// Reads an expired execution; `None` from the row of a page without any.
fn expired(row: &PgRow) -> Result<Option<Expired>, DbError> {
    let Some(id) = row.try_get::<Option<Uuid>, _>(3)? else {
        return Ok(None);
    };
    Ok(Some(Expired {
        execution_id: id_of(id),
        job_id: text::decode(row.try_get(4)?),
        status: row
            .try_get::<&str, _>(5)?
            .parse()
            .map_err(|error| corrupt("an execution's status", error))?,
        finished_at: Timestamp::from_millis(row.try_get(6)?),
        is_erased: row.try_get(7)?,
    }))
}

/// Deletes executions that are final since the same time as before.
struct DeleteExpired(Vec<Expired>);

#[async_trait]
impl Operation for DeleteExpired {
    type Output = Vec<ExecutionId>;
    const TX_MODE: TxMode = TxMode::Transaction;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let ids: Vec<_> = self
            .0
            .iter()
            .map(|one| uuid_of(&one.execution_id))
            .collect();
        let times: Vec<_> = self
            .0
            .iter()
            .map(|one| one.finished_at.as_millis())
            .collect();
        let erased: Vec<_> = self.0.iter().map(|one| one.is_erased).collect();
        let query = tx.query(&tx.sql.retention_seqs_by_id);
        let query = query.bind(ids).bind(times).bind(erased);
        let (mut seqs, mut finished_at) = (Vec::new(), Vec::new());
        let mut ids = HashMap::new();
        for row in &tx.fetch(query).await? {
            let seq: i64 = row.try_get(0)?;
            ids.insert(seq, id_of(row.try_get(1)?));
            seqs.push(seq);
            finished_at.push(row.try_get(2)?);
        }
        let deleted = delete_all(tx, &seqs, &finished_at).await?;
        let deleted = deleted.iter().filter_map(|seq| ids.get(seq).copied());
        Ok(without_events(deleted.collect()))
    }
}

/// Erases the payload of a final execution.
struct Erase {
    id: ExecutionId,
    by: Option<String>,
    now: Timestamp,
}

#[async_trait]
impl Operation for Erase {
    type Output = EraseAnswer;
    const TX_MODE: TxMode = TxMode::Statement;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<EraseAnswer>, DbError> {
        let Some(seq) = seq_of(tx, self.id).await? else {
            return Ok(without_events(EraseAnswer::Unknown));
        };
        for _ in 0..MAX_LOOKUPS {
            let query = tx
                .query(&tx.sql.retention_erase)
                .bind(seq)
                .bind(self.now.as_millis())
                .bind(self.by.as_deref().map(encode));
            if let Some(row) = tx.fetch(query).await?.first() {
                let erasure = records::erasure(row)?.ok_or(DbError::Raced)?;
                return Ok(without_events(EraseAnswer::Erased(erasure)));
            }
            match row_state(tx, seq).await? {
                RowState::Status(status) if !status.is_final() => {
                    return Ok(without_events(EraseAnswer::NotFinal(status)));
                }
                RowState::Deleted => return Ok(without_events(EraseAnswer::Unknown)),
                _ => {}
            }
        }
        Err(DbError::Raced)
    }
}

/// Reads the erasure of an execution, if it was erased.
pub(super) async fn erasure_of(tx: &mut Tx<'_>, seq: i64) -> Result<Option<Erasure>, DbError> {
    let query = tx.query(&tx.sql.retention_erasure).bind(seq);
    match tx.fetch(query).await?.first() {
        Some(row) => records::erasure(row),
        None => Ok(None),
    }
}
