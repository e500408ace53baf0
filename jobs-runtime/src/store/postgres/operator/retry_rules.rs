//! The unique key and `max_waiting` of an execution that an operator retries.

use jobs::{ExecutionId, ExecutionStatus};
use sqlx::Row;
use uuid::Uuid;

use crate::store::postgres::conn::error::{DbError, corrupt};
use crate::store::postgres::conn::text::{self, encode};
use crate::store::postgres::conn::tx::Tx;
use crate::store::postgres::uuid_of;
use crate::store::rules::dedup::blocks_retry;
use crate::store::{EnqueueRules, StoreError};

/// Checks the rules and writes the unique key, which then names this execution. Locks the key and
/// the backlog's count until the end of the transaction, in the order of an enqueue.
pub(super) async fn apply(
    tx: &mut Tx<'_>,
    (seq, id): (i64, ExecutionId),
    rules: &EnqueueRules,
) -> Result<(), DbError> {
    if rules.unique.is_none() && rules.max_waiting.is_none() {
        return Ok(());
    }
    let key = rules.unique.as_ref().map(|unique| encode(&unique.key));
    let query = tx
        .query(&tx.sql.operator_retry_rules)
        .bind(seq)
        .bind(key.as_deref());
    let rows = tx.fetch(query).await?;
    let row = rows.first().ok_or(DbError::Raced)?;
    let (job_id, holder): (String, Option<Uuid>) = (row.try_get(0)?, row.try_get(1)?);
    if let (Some(unique), Some(holder)) = (&rules.unique, holder)
        && holder != uuid_of(&id)
        && let Some(status) = status_of(tx, holder).await?
        && blocks_retry(unique, status)
    {
        return Err(DbError::Store(StoreError::UniqueConflict {
            index: 0,
            execution_id: ExecutionId::from_bytes(*holder.as_bytes()),
        }));
    }
    if let Some(max_waiting) = rules.max_waiting
        && is_full(tx, &job_id, max_waiting).await?
    {
        return Err(DbError::Store(StoreError::QueueFull {
            index: 0,
            job_id: text::decode(job_id),
            max_waiting,
        }));
    }
    if let Some(key) = &key {
        let query = tx
            .query(&tx.sql.enqueue_write_dedup_keys)
            .bind(vec![job_id])
            .bind(vec!["unique"])
            .bind(vec![&**key])
            .bind(vec![uuid_of(&id)])
            .bind(vec![holder.is_some()]);
        let rows = tx.fetch(query).await?;
        let written: i64 = rows.first().ok_or(DbError::Raced)?.try_get(0)?;
        if written != 1 {
            return Err(DbError::Raced);
        }
    }
    Ok(())
}

/// Reads the status of an execution; `None` if it was deleted.
pub(super) async fn status_of(
    tx: &mut Tx<'_>,
    id: Uuid,
) -> Result<Option<ExecutionStatus>, DbError> {
    let query = tx.query(&tx.sql.enqueue_dedup_targets).bind(vec![id]);
    let rows = tx.fetch(query).await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let status = row.try_get::<&str, _>(2)?.parse();
    Ok(Some(status.map_err(|error| {
        corrupt("an execution's status", error)
    })?))
}

/// Counts the waiting executions of a job under the lock of its count.
async fn is_full(tx: &mut Tx<'_>, job_id: &str, max_waiting: u32) -> Result<bool, DbError> {
    let jobs = vec![job_id];
    tx.fetch(tx.query(&tx.sql.enqueue_lock_backlog).bind(jobs.clone()))
        .await?;
    let query = tx
        .query(&tx.sql.enqueue_count_backlog)
        .bind(jobs)
        .bind(vec![i64::from(max_waiting)]);
    let rows = tx.fetch(query).await?;
    let count: i64 = rows.first().ok_or(DbError::Raced)?.try_get(1)?;
    Ok(count >= i64::from(max_waiting))
}
