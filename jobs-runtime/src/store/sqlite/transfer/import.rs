//! Import: writes whole executions of another store.

use std::collections::HashSet;

use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use crate::store::rules::execution_rows::{ExecutionRow, Hex};
use crate::store::rules::retry_text::RetryText;
use crate::store::sqlite::conn::error::DbError;
use crate::store::sqlite::conn::json;
use crate::store::sqlite::conn::operation::Outcome;
use crate::store::sqlite::limits::lookup;
use crate::store::transfer::order::out_of_order;
use crate::store::transfer::rows::{Rows, Sessions, closed_at};
use crate::store::{StoreError, StoreEvent, TransferredExecution, TransferredState};
use crate::time::Timestamp;

/// Writes the executions that do not exist yet. Returns for each whether it was written.
///
/// # Errors
/// [`StoreError::Transaction`] if a new execution is running.
pub(super) async fn write_in_txn(
    conn: &mut SqliteConnection,
    batch: &[TransferredExecution],
) -> Result<Outcome<Vec<bool>>, DbError> {
    let existing = existing_on_conn(conn, batch).await?;
    let is_new = |transferred: &TransferredExecution| {
        !existing.contains(transferred.request.id.as_bytes().as_slice())
    };
    let answers: Vec<_> = batch.iter().map(is_new).collect();
    let new: Vec<_> = batch
        .iter()
        .filter(|transferred| is_new(transferred))
        .collect();
    if new
        .iter()
        .any(|transferred| transferred.state == TransferredState::Running)
    {
        return Err(DbError::Store(StoreError::Transaction(
            "an execution is running: a lease cannot be transferred".to_owned(),
        )));
    }
    if new.is_empty() {
        return Ok((answers, Vec::new()));
    }
    let mut sessions = Sessions::default();
    for transferred in &new {
        for worker in sessions.missing(transferred) {
            let row = sqlx::query(include_str!("../sql/transfer/import_session.sql"))
                .bind(worker)
                .bind(closed_at(transferred))
                .fetch_one(&mut *conn)
                .await?;
            sessions.insert(worker, row.try_get(0)?);
        }
    }
    let newest: Option<i64> =
        sqlx::query_scalar(include_str!("../sql/transfer/newest_in_order.sql"))
            .fetch_one(&mut *conn)
            .await?;
    let first = write_requests(conn, &new).await?;
    let mut rows = Rows::default();
    for (seq, transferred) in (first..).zip(&new) {
        rows.add(seq, transferred, &sessions);
    }
    write_rows(conn, rows).await?;
    let times = new.iter().map(|one| one.request.created_at);
    let newest = newest.map(Timestamp::from_millis);
    if let Some(range) = out_of_order(newest, (first..).zip(times)) {
        sqlx::query(include_str!("../sql/transfer/extend_unordered.sql"))
            .bind(range.start())
            .bind(range.end())
            .execute(conn)
            .await?;
    }
    Ok((answers, vec![StoreEvent::Ready]))
}

/// Reads which of these executions exist. Returns their ids.
async fn existing_on_conn(
    conn: &mut SqliteConnection,
    batch: &[TransferredExecution],
) -> Result<HashSet<Vec<u8>>, DbError> {
    let ids = batch.iter().map(|transferred| Hex(transferred.request.id));
    let rows: Vec<Vec<u8>> =
        sqlx::query_scalar(include_str!("../sql/transfer/import_existing.sql"))
            .bind(json::array(ids)?)
            .fetch_all(conn)
            .await?;
    Ok(rows.into_iter().collect())
}

/// Writes the rows of `jobs_executions`. Returns the `seq` of the first.
async fn write_requests(
    conn: &mut SqliteConnection,
    new: &[&TransferredExecution],
) -> Result<i64, DbError> {
    let mut retries = RetryText::default();
    let mut rows = Vec::with_capacity(new.len());
    for transferred in new {
        let request = &transferred.request;
        rows.push(ExecutionRow(request, retries.write(&request.policy)?));
    }
    let count = i64::try_from(new.len()).unwrap_or(i64::MAX);
    let row = sqlx::query(include_str!("../sql/transfer/import_executions.sql"))
        .bind(json::array(rows)?)
        .bind(count)
        .fetch_one(conn)
        .await?;
    let last: i64 = row.try_get(0)?;
    Ok(last - count + 1)
}

/// Writes the rows of all other tables.
async fn write_rows(conn: &mut SqliteConnection, rows: Rows<'_>) -> Result<(), DbError> {
    sqlx::query(include_str!("../sql/transfer/import_rows.sql"))
        .bind(json::array(&rows.ready)?)
        .bind(json::array(&rows.scheduled)?)
        .bind(json::array(&rows.outcomes)?)
        .bind(json::array(&rows.attempts)?)
        .bind(json::array(&rows.keys)?)
        .execute(&mut *conn)
        .await?;
    if !rows.limited.is_empty() || !rows.names.is_empty() {
        write_limited(conn, &rows).await?;
    }
    if !rows.expirations.is_empty() {
        sqlx::query(include_str!("../sql/transfer/import_expirations.sql"))
            .bind(json::array(&rows.expirations)?)
            .execute(&mut *conn)
            .await?;
    }
    if !rows.erasures.is_empty() {
        sqlx::query(include_str!("../sql/transfer/import_erasures.sql"))
            .bind(json::array(&rows.erasures)?)
            .execute(&mut *conn)
            .await?;
    }
    sqlx::query(include_str!("../sql/settle/append_logs.sql"))
        .bind(json::array(&rows.logs)?)
        .execute(conn)
        .await?;
    Ok(())
}

/// Writes limits, waiters, backlog entries and unique keys.
async fn write_limited(conn: &mut SqliteConnection, rows: &Rows<'_>) -> Result<(), DbError> {
    let all = rows.limited.iter().map(|(_, limits, _)| *limits);
    let existing = lookup::look_up_in_txn(conn, all).await?;
    let limited = rows.limited.iter().map(|(seq, limits, capped)| {
        let of_this: Vec<_> = existing.of(limits).collect();
        let of_this = (!of_this.is_empty()).then_some(of_this);
        (seq, of_this, u8::from(*capped))
    });
    sqlx::query(include_str!("../sql/transfer/import_limited.sql"))
        .bind(json::array(limited)?)
        .bind(json::array(&rows.blocked)?)
        .bind(json::array(&rows.waiting)?)
        .bind(json::array(&rows.names)?)
        .execute(conn)
        .await?;
    Ok(())
}
