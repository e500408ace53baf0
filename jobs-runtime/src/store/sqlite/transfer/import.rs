//! Writing executions down as they were elsewhere.

use std::collections::HashSet;

use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use crate::store::rules::execution_rows::{ExecutionRow, Hex};
use crate::store::rules::retry_text::RetryText;
use crate::store::sqlite::conn::error::Fault;
use crate::store::sqlite::conn::json;
use crate::store::sqlite::limits::lookup;
use crate::store::transfer::rows::{Rows, Sessions};
use crate::store::{StoreError, TransferredExecution, TransferredState};

/// Writes those that do not exist yet and says which those were.
pub(super) async fn write_in_txn(
    conn: &mut SqliteConnection,
    batch: &[TransferredExecution],
) -> Result<Vec<bool>, Fault> {
    let known = known_on_conn(conn, batch).await?;
    let is_new = |archived: &TransferredExecution| {
        !known.contains(archived.request.id.as_bytes().as_slice())
    };
    let answers: Vec<_> = batch.iter().map(is_new).collect();
    let new: Vec<_> = batch.iter().filter(|archived| is_new(archived)).collect();
    if new
        .iter()
        .any(|archived| archived.state == TransferredState::Running)
    {
        return Err(Fault::Store(StoreError::Transaction(
            "an execution is running: leases cannot be moved".to_owned(),
        )));
    }
    if new.is_empty() {
        return Ok(answers);
    }
    let mut sessions = Sessions::default();
    for archived in &new {
        for worker in sessions.missing(archived) {
            let row = sqlx::query(include_str!("../sql/transfer/import_session.sql"))
                .bind(worker)
                .bind(archived.request.created_at.as_millis())
                .fetch_one(&mut *conn)
                .await?;
            sessions.insert(worker, row.try_get(0)?);
        }
    }
    let first = write_requests(conn, &new).await?;
    let mut rows = Rows::default();
    for (seq, archived) in (first..).zip(&new) {
        rows.add(seq, archived, &sessions);
    }
    write_rows(conn, rows).await?;
    Ok(answers)
}

async fn known_on_conn(
    conn: &mut SqliteConnection,
    batch: &[TransferredExecution],
) -> Result<HashSet<Vec<u8>>, Fault> {
    let ids = batch.iter().map(|archived| Hex(archived.request.id));
    let rows: Vec<Vec<u8>> = sqlx::query_scalar(include_str!("../sql/transfer/import_known.sql"))
        .bind(json::array(ids)?)
        .fetch_all(conn)
        .await?;
    Ok(rows.into_iter().collect())
}

/// Writes what was asked for and says the number of the first.
async fn write_requests(
    conn: &mut SqliteConnection,
    new: &[&TransferredExecution],
) -> Result<i64, Fault> {
    let mut retries = RetryText::default();
    let mut rows = Vec::with_capacity(new.len());
    for archived in new {
        let request = &archived.request;
        rows.push(ExecutionRow(request, retries.write(&request.policy)?));
    }
    let count = i64::try_from(new.len()).unwrap_or(i64::MAX);
    let row = sqlx::query(include_str!("../sql/transfer/import.sql"))
        .bind(json::array(rows)?)
        .bind(count)
        .fetch_one(conn)
        .await?;
    let last: i64 = row.try_get(0)?;
    Ok(last - count + 1)
}

async fn write_rows(conn: &mut SqliteConnection, rows: Rows<'_>) -> Result<(), Fault> {
    sqlx::query(include_str!("../sql/transfer/import_places.sql"))
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
    sqlx::query(include_str!("../sql/settle/append_logs.sql"))
        .bind(json::array(&rows.logs)?)
        .execute(conn)
        .await?;
    Ok(())
}

/// Writes what limits hold, and the keys by which executions are the same.
async fn write_limited(conn: &mut SqliteConnection, rows: &Rows<'_>) -> Result<(), Fault> {
    let all = rows.limited.iter().map(|(_, limits, _)| *limits);
    let known = lookup::known_in_txn(conn, all).await?;
    let limited = rows.limited.iter().map(|(seq, limits, capped)| {
        let of_this: Vec<_> = known.of(limits).collect();
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
