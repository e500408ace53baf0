//! Log lines of attempts: writing and reading.

use serde_json::value::RawValue;
use sqlx::sqlite::SqliteConnection;

use crate::store::decode::records;
use crate::store::sqlite::conn::error::DbError;
use crate::store::sqlite::conn::json;
use crate::store::sqlite::settle::FenceState;
use crate::store::{Fence, LogBatch, LogLevel, LogLine, LogPage, LogQuery, WriteAnswer};

/// The fields of a stored line: seq, attempt, line, at, level, target, message, fields.
pub(in crate::store::sqlite) type LogRow<'l> =
    (i64, u32, u32, i64, u8, &'l str, &'l str, Option<&'l str>);

/// A row for `append_logs.sql` and `final_logs.sql`.
pub(in crate::store::sqlite) fn row(fence: Fence, line: &LogLine) -> LogRow<'_> {
    (
        fence.row,
        fence.attempt,
        line.line,
        line.at.as_millis(),
        line.level.severity(),
        &line.target,
        &line.message,
        line.fields.as_deref().map(RawValue::get),
    )
}

/// Writes log lines. The attempt must have a lease, or its end must be recorded by the same
/// session.
pub(in crate::store::sqlite) async fn append_in_txn(
    conn: &mut SqliteConnection,
    batches: &[LogBatch],
) -> Result<Vec<WriteAnswer>, DbError> {
    let fences = FenceState::look_up(conn, batches.iter().map(|batch| batch.fence)).await?;
    let answers: Vec<_> = fences.iter().map(FenceState::answer).collect();
    let written = batches.iter().zip(&answers);
    let rows = written
        .filter(|(_, answer)| **answer != WriteAnswer::Stale)
        .flat_map(|(batch, _)| batch.lines.iter().map(|line| row(batch.fence, line)));
    sqlx::query(include_str!("../sql/settle/append_logs.sql"))
        .bind(json::array(rows)?)
        .execute(conn)
        .await?;
    Ok(answers)
}

/// Reads a page of an execution's log; `None` if the execution does not exist.
pub(in crate::store::sqlite) async fn page_on_conn(
    conn: &mut SqliteConnection,
    query: &LogQuery,
) -> Result<Option<LogPage>, DbError> {
    let (after, most) = records::log_page_start(query);
    let rows = sqlx::query(include_str!("../sql/read/logs.sql"))
        .bind(query.execution_id.as_bytes().as_slice())
        .bind(after.attempt)
        .bind(after.line)
        .bind(query.attempt)
        .bind(query.level.map_or(0, LogLevel::severity))
        .bind(most)
        .fetch_all(conn)
        .await?;
    records::log_page(&rows, query)
}
