//! Operations of operators: cancel, retry, delete and [`edit`] one execution; pause and list
//! [`queues`].
//!
//! Each write reads the state of its execution first, in the same transaction, and decides by it.
//! This module imports the connections, `limits` and `retention`. It must not import `claim`,
//! `enqueue` or `settle`.

pub(in crate::store::sqlite) mod edit;
pub(in crate::store::sqlite) mod queues;

use jobs::{ErrorKind, ExecutionId, ExecutionStatus};
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::conn::error::{DbError, corrupt};
use super::conn::json;
use super::conn::operation::Outcome;
use super::limits::allocator_wanted_in_txn;
use super::retention::erasure_on_conn;
use crate::store::rules::dedup::blocks_retry;
use crate::store::{CancelAnswer, DeleteAnswer, EnqueueRules, RetryAnswer, StoreError, StoreEvent};
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
    match status {
        ExecutionStatus::Running => {
            sqlx::query(include_str!("sql/operator/cancel_running.sql"))
                .bind(seq)
                .bind(now.as_millis())
                .execute(conn)
                .await?;
            Ok((CancelAnswer::Requested, vec![StoreEvent::CancelRequested]))
        }
        status if status.is_final() => Ok((CancelAnswer::Final(status), Vec::new())),
        _ => {
            let reason = (ErrorKind::Cancelled, "cancelled while it waited");
            end_waiting_in_txn(conn, seq, now, reason).await?;
            let mut events = vec![StoreEvent::Finished([id].into())];
            events.extend(allocator_wanted_in_txn(conn).await?);
            Ok((CancelAnswer::Cancelled, events))
        }
    }
}

/// Ends a waiting execution as cancelled, with a kind and a message of an error.
pub(super) async fn end_waiting_in_txn(
    conn: &mut SqliteConnection,
    seq: i64,
    now: Timestamp,
    (kind, message): (ErrorKind, &str),
) -> Result<(), DbError> {
    sqlx::query(include_str!("sql/operator/cancel_permits.sql"))
        .bind(seq)
        .execute(&mut *conn)
        .await?;
    sqlx::query(include_str!("sql/operator/cancel_waiting.sql"))
        .bind(seq)
        .bind(now.as_millis())
        .bind(kind.as_str())
        .bind(message)
        .execute(conn)
        .await?;
    Ok(())
}

/// Queues a failed or cancelled execution again.
pub(super) async fn retry_in_txn(
    conn: &mut SqliteConnection,
    id: ExecutionId,
    payload: Option<&str>,
    rules: &EnqueueRules,
    now: Timestamp,
) -> Result<Outcome<RetryAnswer>, DbError> {
    match state_on_conn(conn, id).await? {
        None => Ok((RetryAnswer::Unknown, Vec::new())),
        Some((seq, ExecutionStatus::Failed | ExecutionStatus::Cancelled)) => {
            if erasure_on_conn(conn, seq).await?.is_some() {
                return Ok((RetryAnswer::Erased, Vec::new()));
            }
            apply_rules(conn, (seq, id), rules).await?;
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

/// Checks the unique key and `max_waiting` of an execution that is to be retried, and writes the
/// key.
async fn apply_rules(
    conn: &mut SqliteConnection,
    (seq, id): (i64, ExecutionId),
    rules: &EnqueueRules,
) -> Result<(), DbError> {
    if rules.unique.is_none() && rules.max_waiting.is_none() {
        return Ok(());
    }
    let row = sqlx::query(include_str!("sql/operator/retry_rules.sql"))
        .bind(seq)
        .bind(rules.unique.as_ref().map(|unique| &unique.key))
        .fetch_one(&mut *conn)
        .await?;
    let job_id: String = row.try_get(0)?;
    if let (Some(unique), Some(holder)) = (&rules.unique, row.try_get::<Option<&str>, _>(1)?) {
        let execution_id = json::id_from_hex(holder)?;
        let status: &str = row.try_get(2)?;
        let status = status
            .parse()
            .map_err(|error| corrupt("an execution's status", error))?;
        if execution_id != id && blocks_retry(unique, status) {
            let index = 0;
            return Err(DbError::Store(StoreError::UniqueConflict {
                index,
                execution_id,
            }));
        }
    }
    if let Some(max_waiting) = rules.max_waiting {
        let waiting: i64 = sqlx::query_scalar(include_str!("sql/enqueue/count_backlog.sql"))
            .bind(&job_id)
            .bind(max_waiting)
            .fetch_one(&mut *conn)
            .await?;
        if waiting >= i64::from(max_waiting) {
            return Err(DbError::Store(StoreError::QueueFull {
                index: 0,
                job_id,
                max_waiting,
            }));
        }
    }
    if let Some(unique) = &rules.unique {
        sqlx::query(include_str!("sql/operator/retry_key.sql"))
            .bind(seq)
            .bind(&unique.key)
            .execute(conn)
            .await?;
    }
    Ok(())
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
            delete_all_in_txn(conn, &[seq]).await?;
            Ok(DeleteAnswer::Deleted)
        }
    }
}

/// Deletes executions that are final.
pub(super) async fn delete_all_in_txn(
    conn: &mut SqliteConnection,
    seqs: &[i64],
) -> Result<(), DbError> {
    sqlx::query(include_str!("sql/operator/delete.sql"))
        .bind(json::array(seqs)?)
        .execute(conn)
        .await?;
    Ok(())
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
