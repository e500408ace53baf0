//! What operators do to single executions: cancel, retry, delete.

pub(in crate::store::sqlite) mod edit;

use jobs::{ExecutionId, ExecutionStatus};
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::conn::error::{Fault, corrupt};
use super::limits::wanted_in_txn;
use crate::store::{CancelAnswer, DeleteAnswer, RetryAnswer, StoreEvent};
use crate::time::Timestamp;

/// Where an execution stands.
pub(super) async fn standing(
    conn: &mut SqliteConnection,
    id: ExecutionId,
) -> Result<Option<(i64, ExecutionStatus)>, Fault> {
    let row = sqlx::query(include_str!("sql/read/execution_state.sql"))
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

pub(super) async fn cancel_in_txn(
    conn: &mut SqliteConnection,
    id: ExecutionId,
    now: Timestamp,
) -> Result<(CancelAnswer, Vec<StoreEvent>), Fault> {
    let Some((seq, status)) = standing(conn, id).await? else {
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
    events.extend(wanted_in_txn(conn).await?);
    Ok((answer, events))
}

pub(super) async fn retry_in_txn(
    conn: &mut SqliteConnection,
    id: ExecutionId,
    payload: Option<&str>,
    now: Timestamp,
) -> Result<(RetryAnswer, Vec<StoreEvent>), Fault> {
    match standing(conn, id).await? {
        None => Ok((RetryAnswer::Unknown, Vec::new())),
        Some((seq, ExecutionStatus::Failed | ExecutionStatus::Cancelled)) => {
            sqlx::query(include_str!("sql/operator/retry.sql"))
                .bind(seq)
                .bind(payload)
                .execute(&mut *conn)
                .await?;
            let looked_at = StoreEvent::Scheduled(now);
            let limited = is_limited(conn, seq).await?;
            let event = if limited {
                looked_at
            } else {
                StoreEvent::Ready
            };
            Ok((RetryAnswer::Queued, vec![event]))
        }
        Some((_, status)) => Ok((RetryAnswer::NotRetryable(status), Vec::new())),
    }
}

async fn is_limited(conn: &mut SqliteConnection, seq: i64) -> Result<bool, Fault> {
    let limited = sqlx::query_scalar(include_str!("sql/limits/is_limited.sql"))
        .bind(seq)
        .fetch_one(conn)
        .await?;
    Ok(limited)
}

pub(super) async fn delete_in_txn(
    conn: &mut SqliteConnection,
    id: ExecutionId,
) -> Result<DeleteAnswer, Fault> {
    match standing(conn, id).await? {
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

/// How many stand before a queued execution, counted up to `limit`.
pub(super) async fn ahead_on_conn(
    conn: &mut SqliteConnection,
    id: ExecutionId,
    limit: u64,
) -> Result<Option<u64>, Fault> {
    let ahead = sqlx::query_scalar(include_str!("sql/read/ahead.sql"))
        .bind(id.as_bytes().as_slice())
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_optional(conn)
        .await?;
    Ok(ahead)
}
