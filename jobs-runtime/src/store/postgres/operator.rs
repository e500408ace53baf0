//! Operations on single executions: cancel, retry, delete, edit, count the ones ahead.
//!
//! Each deletes the row that is the execution's state; the first transaction to delete it wins.
//! Between two statements the execution may move (claim, promotion, settlement). If it was found in
//! no table, the operation looks again, up to [`MAX_LOOKUPS`] times.
//!
//! This module imports the connections, `limits`, `read` and `retention`. It must not import
//! `claim`, `enqueue` or `settle`.

pub(in crate::store::postgres) mod edit;
pub(in crate::store::postgres) mod queues;
mod retry_rules;

use async_trait::async_trait;
use jobs::{ExecutionId, ExecutionStatus};
use sqlx::{Row, SqlStr};

use super::conn::error::{DbError, corrupt};
use super::conn::operation::{Operation, Outcome, TxMode, without_events};
use super::conn::tx::Tx;
use super::retention::erasure_of;
use super::uuid_of;
use crate::store::{CancelAnswer, DeleteAnswer, EnqueueRules, RetryAnswer, StoreEvent};
use crate::time::Timestamp;

/// Lookups of an execution that keeps moving between tables.
pub(super) const MAX_LOOKUPS: usize = 20;

/// Reads the `seq` of an execution; `None` for an unknown id.
pub(super) async fn seq_of(tx: &mut Tx<'_>, id: ExecutionId) -> Result<Option<i64>, DbError> {
    let query = tx.query(&tx.sql.read_seq_by_id).bind(uuid_of(&id));
    let rows = tx.fetch(query).await?;
    rows.first().map(|row| Ok(row.try_get(0)?)).transpose()
}

/// State of an execution, by the table that has its row.
pub(super) enum RowState {
    Status(ExecutionStatus),
    /// In no table that the statement could see: another transaction is moving it.
    Moving,
    /// The execution was deleted.
    Deleted,
}

/// Reads the state of an execution.
pub(super) async fn row_state(tx: &mut Tx<'_>, seq: i64) -> Result<RowState, DbError> {
    let query = tx.query(&tx.sql.read_row_state).bind(seq);
    let rows = tx.fetch(query).await?;
    let Some(row) = rows.first() else {
        return Ok(RowState::Deleted);
    };
    Ok(match row.try_get::<Option<&str>, _>(0)? {
        None => RowState::Moving,
        Some(status) => RowState::Status(
            status
                .parse()
                .map_err(|error| corrupt("an execution's status", error))?,
        ),
    })
}

/// Reads the status of an execution; `None` if it was deleted.
pub(super) async fn status_of(
    tx: &mut Tx<'_>,
    id: ExecutionId,
) -> Result<Option<ExecutionStatus>, DbError> {
    retry_rules::status_of(tx, uuid_of(&id)).await
}

/// Cancels a waiting execution, or requests the cancellation of a running one.
pub(super) struct Cancel {
    pub(super) id: ExecutionId,
    pub(super) now: Timestamp,
    /// Leaves a running execution alone. The answer is `Requested` all the same.
    pub(super) waiting_only: bool,
}

impl Cancel {
    /// Cancels the execution if it is in the statement's table; then returns whether permits were
    /// released.
    async fn cancel_waiting(
        &self,
        tx: &mut Tx<'_>,
        statement: &SqlStr,
        seq: i64,
    ) -> Result<Option<bool>, DbError> {
        let query = tx.query(statement).bind(seq).bind(self.now.as_millis());
        let rows = tx.fetch(query).await?;
        rows.first().map(|row| Ok(row.try_get(0)?)).transpose()
    }

    async fn request_cancel(&self, tx: &mut Tx<'_>, seq: i64) -> Result<bool, DbError> {
        let query = tx.query(&tx.sql.operator_cancel_lease);
        let query = query.bind(seq).bind(self.now.as_millis());
        Ok(tx.execute(query).await? > 0)
    }
}

#[async_trait]
impl Operation for Cancel {
    type Output = CancelAnswer;
    /// A second run would find the execution cancelled by the first, and answer that it is final.
    const REPEATABLE: bool = false;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<CancelAnswer>, DbError> {
        let Some(seq) = seq_of(tx, self.id).await? else {
            return Ok(without_events(CancelAnswer::Unknown));
        };
        for _ in 0..MAX_LOOKUPS {
            let sql = tx.sql;
            for statement in [
                &sql.operator_cancel_ready,
                &sql.operator_cancel_scheduled,
                &sql.operator_cancel_blocked,
            ] {
                if let Some(released) = self.cancel_waiting(tx, statement, seq).await? {
                    let mut events = vec![StoreEvent::Finished([self.id].into())];
                    events.extend(released.then_some(StoreEvent::Scheduled(self.now)));
                    return Ok((CancelAnswer::Cancelled, events));
                }
            }
            if !self.waiting_only && self.request_cancel(tx, seq).await? {
                return Ok((CancelAnswer::Requested, vec![StoreEvent::CancelRequested]));
            }
            match row_state(tx, seq).await? {
                RowState::Status(status) if status.is_final() => {
                    return Ok(without_events(CancelAnswer::Final(status)));
                }
                RowState::Status(ExecutionStatus::Running) if self.waiting_only => {
                    return Ok(without_events(CancelAnswer::Requested));
                }
                RowState::Deleted => return Ok(without_events(CancelAnswer::Unknown)),
                _ => {}
            }
        }
        Err(DbError::Raced)
    }
}

/// Queues a failed or cancelled execution again.
pub(super) struct Retry {
    pub(super) id: ExecutionId,
    pub(super) payload: Option<String>,
    pub(super) rules: EnqueueRules,
    pub(super) now: Timestamp,
}

#[async_trait]
impl Operation for Retry {
    type Output = RetryAnswer;
    const TX_MODE: TxMode = TxMode::Transaction;
    /// A second run would find the execution queued by the first, and reject it.
    const REPEATABLE: bool = false;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<RetryAnswer>, DbError> {
        let Some(seq) = seq_of(tx, self.id).await? else {
            return Ok(without_events(RetryAnswer::Unknown));
        };
        if erasure_of(tx, seq).await?.is_some() {
            return Ok(without_events(RetryAnswer::Erased));
        }
        if let RowState::Status(ExecutionStatus::Failed | ExecutionStatus::Cancelled) =
            row_state(tx, seq).await?
        {
            retry_rules::apply(tx, (seq, self.id), &self.rules).await?;
        }
        for _ in 0..MAX_LOOKUPS {
            let query = tx
                .query(&tx.sql.operator_retry)
                .bind(seq)
                .bind(self.payload.as_deref());
            if let Some(row) = tx.fetch(query).await?.first() {
                let event = if row.try_get(0)? {
                    StoreEvent::Scheduled(self.now)
                } else {
                    StoreEvent::Ready
                };
                return Ok((RetryAnswer::Queued, vec![event]));
            }
            match row_state(tx, seq).await? {
                RowState::Status(ExecutionStatus::Failed | ExecutionStatus::Cancelled)
                | RowState::Moving => {}
                RowState::Status(status) => {
                    return Ok(without_events(RetryAnswer::NotRetryable(status)));
                }
                RowState::Deleted => return Ok(without_events(RetryAnswer::Unknown)),
            }
        }
        Err(DbError::Raced)
    }
}

/// Deletes a final execution.
pub(super) struct Delete(pub(super) ExecutionId);

#[async_trait]
impl Operation for Delete {
    type Output = DeleteAnswer;
    /// A second run would find no execution.
    const REPEATABLE: bool = false;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<DeleteAnswer>, DbError> {
        let Some(seq) = seq_of(tx, self.0).await? else {
            return Ok(without_events(DeleteAnswer::Unknown));
        };
        for _ in 0..MAX_LOOKUPS {
            if !delete_all(tx, &[seq], &[None]).await?.is_empty() {
                return Ok(without_events(DeleteAnswer::Deleted));
            }
            match row_state(tx, seq).await? {
                RowState::Status(status) if !status.is_final() => {
                    return Ok(without_events(DeleteAnswer::NotFinal(status)));
                }
                RowState::Deleted => return Ok(without_events(DeleteAnswer::Unknown)),
                _ => {}
            }
        }
        Err(DbError::Raced)
    }
}

/// Deletes those of these executions that are final, and ended at these times if they are given.
/// Returns the seqs of the deleted ones.
pub(super) async fn delete_all(
    tx: &mut Tx<'_>,
    seqs: &[i64],
    finished_at: &[Option<i64>],
) -> Result<Vec<i64>, DbError> {
    let query = tx
        .query(&tx.sql.operator_delete)
        .bind(seqs.to_vec())
        .bind(finished_at.to_vec());
    let rows = tx.fetch(query).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Counts the ready executions that are claimed before this one, up to `limit`; `None` if it is not
/// ready.
pub(super) struct CountAhead {
    pub(super) id: ExecutionId,
    pub(super) limit: u64,
}

#[async_trait]
impl Operation for CountAhead {
    type Output = Option<u64>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Option<u64>>, DbError> {
        let query = tx
            .query(&tx.sql.read_count_ahead)
            .bind(uuid_of(&self.id))
            .bind(i64::try_from(self.limit).unwrap_or(i64::MAX));
        let rows = tx.fetch(query).await?;
        let Some(row) = rows.first() else {
            return Ok(without_events(None));
        };
        let ahead: i64 = row.try_get(0)?;
        Ok(without_events(u64::try_from(ahead).ok()))
    }
}
