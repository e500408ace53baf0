//! Operations of operators: cancel, retry, delete and [`edit`] one execution; pause and list
//! [`queues`].
//!
//! Each write reads the state of its execution first, in the same transaction, and decides by it.
//! This module imports the connections and `limits`, and no claim, enqueue or settlement.

pub(in crate::store::sqlite) mod edit;
pub(in crate::store::sqlite) mod queues;

use jobs::{ExecutionId, ExecutionStatus};
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::conn::error::{DbError, corrupt};
use super::conn::operation::Outcome;
use super::limits::allocator_wanted_in_txn;
use crate::store::{CancelAnswer, DeleteAnswer, RetryAnswer, StoreEvent};
use crate::time::Timestamp;

/// Looks up the `seq` and the status of an execution; `None` if it does not exist.
pub(super) async fn state_on_conn(
    conn: &mut SqliteConnection,
    id: ExecutionId,
) -> Result<Option<(i64, ExecutionStatus)>, DbError> {
    let row = sqlx::query(include_str!("sql/read/seq_and_status.sql"))
        .bind(id.as_bytes().as_slice())
        .fetch_optional(conn)
        .await?;
    row.map(|row| {
        let status: &str = row.try_get(1)?;
        let status = status
            .parse()
            .map_err(|error| corrupt("an execution's status", error))?;
        Ok((row.try_get(0)?, status))
    })
    .transpose()
}

/// Cancels a waiting execution, or requests the cancellation of a running one.
pub(super) async fn cancel_in_txn(
    conn: &mut SqliteConnection,
    id: ExecutionId,
    now: Timestamp,
) -> Result<Outcome<CancelAnswer>, DbError> {
    let Some((seq, status)) = state_on_conn(conn, id).await? else {
        return Ok((CancelAnswer::Unknown, Vec::new()));
    };
    let (statement, answer, event) = match status {
        ExecutionStatus::Running => (
            include_str!("sql/operator/cancel_running.sql"),
            CancelAnswer::Requested,
            StoreEvent::CancelRequested,
        ),
        status if status.is_final() => return Ok((CancelAnswer::Final(status), Vec::new())),
        _ => (
            include_str!("sql/operator/cancel_waiting.sql"),
            CancelAnswer::Cancelled,
            StoreEvent::Finished([id].into()),
        ),
    };
    if answer == CancelAnswer::Cancelled {
        sqlx::query(include_str!("sql/operator/cancel_permits.sql"))
            .bind(seq)
            .execute(&mut *conn)
            .await?;
    }
    sqlx::query(statement)
        .bind(seq)
        .bind(now.as_millis())
        .execute(&mut *conn)
        .await?;
    let mut events = vec![event];
    events.extend(allocator_wanted_in_txn(conn).await?);
    Ok((answer, events))
}

/// Queues a failed or cancelled execution again.
pub(super) async fn retry_in_txn(
    conn: &mut SqliteConnection,
    id: ExecutionId,
    payload: Option<&str>,
    now: Timestamp,
) -> Result<Outcome<RetryAnswer>, DbError> {
    match state_on_conn(conn, id).await? {
        None => Ok((RetryAnswer::Unknown, Vec::new())),
        Some((seq, ExecutionStatus::Failed | ExecutionStatus::Cancelled)) => {
            sqlx::query(include_str!("sql/operator/retry.sql"))
                .bind(seq)
                .bind(payload)
                .execute(&mut *conn)
                .await?;
            // The allocator has to admit an execution with limits.
            let event = if is_limited(conn, seq).await? {
                StoreEvent::Scheduled(now)
            } else {
                StoreEvent::Ready
            };
            Ok((RetryAnswer::Queued, vec![event]))
        }
        Some((_, status)) => Ok((RetryAnswer::NotRetryable(status), Vec::new())),
    }
}

async fn is_limited(conn: &mut SqliteConnection, seq: i64) -> Result<bool, DbError> {
    let limited = sqlx::query_scalar(include_str!("sql/limits/is_limited.sql"))
        .bind(seq)
        .fetch_one(conn)
        .await?;
    Ok(limited)
}

/// Deletes a final execution.
pub(super) async fn delete_in_txn(
    conn: &mut SqliteConnection,
    id: ExecutionId,
) -> Result<DeleteAnswer, DbError> {
    match state_on_conn(conn, id).await? {
        None => Ok(DeleteAnswer::Unknown),
        Some((_, status)) if !status.is_final() => Ok(DeleteAnswer::NotFinal(status)),
        Some((seq, _)) => {
            sqlx::query(include_str!("sql/operator/delete.sql"))
                .bind(seq)
                .execute(conn)
                .await?;
            Ok(DeleteAnswer::Deleted)
        }
    }
}

/// Counts the executions ahead of a ready one in its queue, up to `limit`; `None` if it is not
/// ready.
pub(super) async fn ahead_on_conn(
    conn: &mut SqliteConnection,
    id: ExecutionId,
    limit: u64,
) -> Result<Option<u64>, DbError> {
    let ahead = sqlx::query_scalar(include_str!("sql/read/count_ahead.sql"))
        .bind(id.as_bytes().as_slice())
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_optional(conn)
        .await?;
    Ok(ahead)
}
