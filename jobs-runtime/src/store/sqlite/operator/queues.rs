//! Pauses of queues, and reads for operators: queues, blocking limits, executions that wait long.

use jobs::ExecutionId;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::store::decode::records;
use crate::store::decode::schedules::queues;
use crate::store::sqlite::conn::error::{DbError, readable};
use crate::store::sqlite::conn::json::id_from_blob;
use crate::store::sqlite::conn::operation::Outcome;
use crate::store::sqlite::limits::allocator;
use crate::store::{BlockingLimit, LimitRecord, PermitHolder, QueuePause, QueueRecord, StoreEvent};
use crate::time::Timestamp;

/// Counts for operators stop at this number.
const COUNT_LIMIT: i64 = 10_000;

/// Most permit holders of a [`BlockingLimit`].
const MAX_HOLDERS: i64 = 10;

/// Pauses a queue. Returns false if it was paused already.
pub(in crate::store::sqlite) async fn pause_in_txn(
    conn: &mut SqliteConnection,
    queue: &str,
    pause: &QueuePause,
) -> Result<bool, DbError> {
    let done = sqlx::query(include_str!("../sql/operator/pause.sql"))
        .bind(queue)
        .bind(pause.since.as_millis())
        .bind(pause.by.as_deref())
        .bind(pause.reason.as_deref())
        .execute(conn)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Resumes a queue. Returns false if it was not paused.
pub(in crate::store::sqlite) async fn resume_in_txn(
    conn: &mut SqliteConnection,
    queue: &str,
) -> Result<Outcome<bool>, DbError> {
    let done = sqlx::query(include_str!("../sql/operator/resume.sql"))
        .bind(queue)
        .execute(conn)
        .await?;
    Ok((done.rows_affected() > 0, vec![StoreEvent::Ready]))
}

/// Lists the queues that are paused or have executions.
pub(in crate::store::sqlite) async fn queues_on_conn(
    conn: &mut SqliteConnection,
) -> Result<Vec<QueueRecord>, DbError> {
    let rows = sqlx::query(include_str!("../sql/operator/queues.sql"))
        .bind(COUNT_LIMIT)
        .fetch_all(conn)
        .await?;
    queues(&rows)
}

/// Lists limits of all jobs or of one.
pub(in crate::store::sqlite) async fn limits_on_conn(
    conn: &mut SqliteConnection,
    job_id: Option<String>,
    limit: usize,
) -> Result<Vec<LimitRecord>, DbError> {
    let (first, last) = records::job_range(job_id);
    let rows = sqlx::query(include_str!("../sql/limits/list.sql"))
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .bind(first)
        .bind(last)
        .bind(records::MAX_WAITERS)
        .fetch_all(conn)
        .await?;
    records::limits(&rows)
}

/// Finds the limit whose permit an execution waits for; `None` if it is not blocked, or if the
/// allocator has not looked at it yet.
pub(in crate::store::sqlite) async fn blocked_by_on_conn(
    conn: &mut SqliteConnection,
    id: ExecutionId,
    now: Timestamp,
) -> Result<Option<BlockingLimit>, DbError> {
    let row = sqlx::query(include_str!("../sql/limits/blocked_by.sql"))
        .bind(id.as_bytes().as_slice())
        .bind(COUNT_LIMIT)
        .fetch_optional(&mut *conn)
        .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let Some(state) = readable("a limit", allocator::limit_state(&row))? else {
        return Ok(None);
    };
    let holders = sqlx::query(include_str!("../sql/limits/permit_holders.sql"))
        .bind(state.id)
        .bind(MAX_HOLDERS)
        .fetch_all(conn)
        .await?;
    Ok(Some(BlockingLimit {
        key: row.try_get(9)?,
        ahead: row.try_get(10)?,
        free_at: state.next_free_at(now),
        rule: state.rule,
        holders: holders.iter().map(holder).collect::<Result<_, _>>()?,
    }))
}

/// Lists the first waiters of a limit.
pub(in crate::store::sqlite) async fn limit_waiters_on_conn(
    conn: &mut SqliteConnection,
    key: &str,
    limit: usize,
) -> Result<Vec<ExecutionId>, DbError> {
    let ids: Vec<Vec<u8>> = sqlx::query_scalar(include_str!("../sql/limits/waiters.sql"))
        .bind(key)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(conn)
        .await?;
    ids.iter().map(|id| id_from_blob(id)).collect()
}

fn holder(row: &SqliteRow) -> Result<PermitHolder, DbError> {
    Ok(PermitHolder {
        execution_id: id_from_blob(row.try_get(0)?)?,
        attempt: row.try_get(1)?,
        worker: row.try_get(2)?,
        stuck: row.try_get(3)?,
    })
}

/// Lists ready executions of a queue that were due before `since` and do not have the highest
/// priority.
pub(in crate::store::sqlite) async fn waiting_since_on_conn(
    conn: &mut SqliteConnection,
    queue: &str,
    since: Timestamp,
    limit: usize,
) -> Result<Vec<ExecutionId>, DbError> {
    let ids: Vec<Vec<u8>> = sqlx::query_scalar(include_str!("../sql/read/waiting_since.sql"))
        .bind(queue)
        .bind(since.as_millis())
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(conn)
        .await?;
    ids.iter().map(|id| id_from_blob(id)).collect()
}
