//! Log lines of attempts: writing and reading.

use serde_json::value::RawValue;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::store::sqlite::conn::error::{DbError, corrupt};
use crate::store::sqlite::conn::json;
use crate::store::sqlite::settle::FenceState;
use crate::store::{
    Fence, LogBatch, LogLevel, LogLine, LogPage, LogPlace, LogQuery, LogRecord, WriteAnswer,
};
use crate::time::Timestamp;

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
    let after = query.after.unwrap_or(LogPlace {
        attempt: 0,
        line: 0,
    });
    // One row more than the limit shows whether another page follows.
    let rows_read = i64::try_from(query.limit).unwrap_or(i64::MAX - 1) + 1;
    let rows = sqlx::query(include_str!("../sql/read/logs.sql"))
        .bind(query.execution_id.as_bytes().as_slice())
        .bind(after.attempt)
        .bind(after.line)
        .bind(query.attempt)
        .bind(query.level.map_or(0, LogLevel::severity))
        .bind(rows_read)
        .fetch_all(conn)
        .await?;
    if rows.is_empty() {
        return Ok(None);
    }
    let mut lines = Vec::with_capacity(rows.len());
    for row in &rows {
        if let Some(attempt) = row.try_get(0)? {
            lines.push(read(attempt, row, 0)?);
        }
    }
    let more = lines.len() > query.limit;
    lines.truncate(query.limit);
    let last = lines.last().map(|last| LogPlace {
        attempt: last.attempt,
        line: last.line.line,
    });
    Ok(Some(LogPage {
        lines,
        after: last.or(query.after),
        more,
    }))
}

/// Reads a line of an attempt. Column `at` has the attempt's number; the other fields follow it.
pub(in crate::store::sqlite) fn read(
    attempt: u32,
    row: &SqliteRow,
    at: usize,
) -> Result<LogRecord, DbError> {
    let fields: Option<String> = row.try_get(at + 6)?;
    Ok(LogRecord {
        attempt,
        line: LogLine {
            line: row.try_get(at + 1)?,
            at: Timestamp::from_millis(row.try_get(at + 2)?),
            level: LogLevel::of_severity(row.try_get(at + 3)?),
            target: row.try_get(at + 4)?,
            message: row.try_get(at + 5)?,
            fields: fields
                .map(RawValue::from_string)
                .transpose()
                .map_err(|error| corrupt("the fields of a log line", error))?,
        },
    })
}
