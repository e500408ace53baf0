//! Log lines of attempts.

use serde_json::value::RawValue;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::store::sqlite::conn::error::{Fault, corrupt};
use crate::store::sqlite::conn::json;
use crate::store::sqlite::settle::KnownFence;
use crate::store::{
    Fence, LogBatch, LogLevel, LogLine, LogPage, LogPlace, LogQuery, LogRecord, WriteAnswer,
};
use crate::time::Timestamp;

/// seq, attempt, line, at, level, target, message, fields
pub(in crate::store::sqlite) type LogRow<'l> =
    (i64, u32, u32, i64, u8, &'l str, &'l str, Option<&'l str>);

/// A row of `logs_append.sql` and `settle_logs.sql`.
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

/// Writes the lines of those attempts whose lease holds, or that their own session has ended.
pub(in crate::store::sqlite) async fn append_in_txn(
    conn: &mut SqliteConnection,
    batches: &[LogBatch],
) -> Result<Vec<WriteAnswer>, Fault> {
    let known = KnownFence::look(conn, batches.iter().map(|batch| batch.fence)).await?;
    let answers: Vec<_> = known.iter().map(KnownFence::answer).collect();
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

/// A part of an execution's log; `None` if there is no such execution.
pub(in crate::store::sqlite) async fn page_on_conn(
    conn: &mut SqliteConnection,
    query: &LogQuery,
) -> Result<Option<LogPage>, Fault> {
    let after = query.after.unwrap_or(LogPlace {
        attempt: 0,
        line: 0,
    });
    // One more than fits tells whether there is more.
    let wanted = i64::try_from(query.limit).unwrap_or(i64::MAX - 1) + 1;
    let rows = sqlx::query(include_str!("../sql/read/logs.sql"))
        .bind(query.execution_id.as_bytes().as_slice())
        .bind(after.attempt)
        .bind(after.line)
        .bind(query.attempt)
        .bind(query.level.map_or(0, LogLevel::severity))
        .bind(wanted)
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

/// A line of an attempt whose number stands in column `at`, the rest behind it.
pub(in crate::store::sqlite) fn read(
    attempt: u32,
    row: &SqliteRow,
    at: usize,
) -> Result<LogRecord, Fault> {
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
