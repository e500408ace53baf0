//! Log lines of attempts.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::value::RawValue;
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::store::postgres::conn::error::{Fault, corrupt};
use crate::store::postgres::conn::operation::{Done, Shape, Transition, quietly};
use crate::store::postgres::conn::text;
use crate::store::postgres::conn::text::stored;
use crate::store::postgres::conn::tx::Db;
use crate::store::postgres::settle::fence;
use crate::store::postgres::settle::fence::KnownFence;
use crate::store::postgres::{number, uuid_of};
use crate::store::{
    Fence, LogBatch, LogLevel, LogLine, LogPage, LogPlace, LogQuery, LogRecord, WriteAnswer,
};
use crate::time::Timestamp;

/// Writes lines of attempts that may write.
pub(in crate::store::postgres) async fn append<'l>(
    db: &mut Db<'_>,
    lines: impl Iterator<Item = (Fence, &'l [Arc<LogLine>])>,
) -> Result<(), Fault> {
    let lines: Vec<(Fence, &LogLine)> = lines
        .flat_map(|(fence, lines)| lines.iter().map(move |line| (fence, &**line)))
        .collect();
    if lines.is_empty() {
        return Ok(());
    }
    let column = |value: fn(&Fence, &LogLine) -> i32| -> Vec<i32> {
        lines
            .iter()
            .map(|(fence, line)| value(fence, line))
            .collect()
    };
    let seq: Vec<i64> = lines.iter().map(|(fence, _)| fence.row).collect();
    let at: Vec<i64> = lines.iter().map(|(_, line)| line.at.as_millis()).collect();
    let level: Vec<i16> = lines
        .iter()
        .map(|(_, line)| i16::from(line.level.severity()))
        .collect();
    let target: Vec<_> = lines.iter().map(|(_, line)| stored(&line.target)).collect();
    let message: Vec<_> = lines
        .iter()
        .map(|(_, line)| stored(&line.message))
        .collect();
    let fields: Vec<_> = lines
        .iter()
        .map(|(_, line)| line.fields.as_deref().map(RawValue::get))
        .collect();
    let query = db
        .query(&db.sql.settle_append_logs)
        .bind(seq)
        .bind(column(|fence, _| {
            i32::try_from(fence.attempt).unwrap_or(i32::MAX)
        }))
        .bind(column(|_, line| {
            i32::try_from(line.line).unwrap_or(i32::MAX)
        }))
        .bind(at)
        .bind(level)
        .bind(target)
        .bind(message)
        .bind(fields);
    db.execute(query).await?;
    Ok(())
}

/// Writes the lines of those attempts whose lease holds, or that their own session has ended.
pub(in crate::store::postgres) struct Append(pub(in crate::store::postgres) Vec<LogBatch>);

#[async_trait]
impl Transition for Append {
    type Answer = Vec<WriteAnswer>;
    const SHAPE: Shape = Shape::Transaction;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<Vec<WriteAnswer>>, Fault> {
        let Self(batches) = self;
        let fences: Vec<Fence> = batches.iter().map(|batch| batch.fence).collect();
        let known = fence::look(db, &fences).await?;
        let answers: Vec<_> = known.into_iter().map(KnownFence::answer).collect();
        let written = batches.iter().zip(&answers);
        let written = written.filter(|(_, answer)| **answer != WriteAnswer::Stale);
        append(
            db,
            written.map(|(batch, _)| (batch.fence, &batch.lines[..])),
        )
        .await?;
        Ok(quietly(answers))
    }
}

/// A part of an execution's log; `None` if there is no such execution.
pub(in crate::store::postgres) struct Page(pub(in crate::store::postgres) LogQuery);

#[async_trait]
impl Transition for Page {
    type Answer = Option<LogPage>;
    const SHAPE: Shape = Shape::Statement;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<Option<LogPage>>, Fault> {
        let Self(query) = self;
        let after = query.after.unwrap_or(LogPlace {
            attempt: 0,
            line: 0,
        });
        // One more than fits tells whether there is more.
        let wanted = i64::try_from(query.limit).unwrap_or(i64::MAX - 1) + 1;
        let statement = db
            .query(&db.sql.read_logs)
            .bind(uuid_of(&query.execution_id))
            .bind(i64::from(after.attempt))
            .bind(i64::from(after.line))
            .bind(query.attempt.map(i64::from))
            .bind(i16::from(query.level.map_or(0, LogLevel::severity)))
            .bind(wanted);
        let rows = db.fetch(statement).await?;
        if rows.is_empty() {
            return Ok(quietly(None));
        }
        let mut lines = Vec::with_capacity(rows.len());
        for row in &rows {
            if let Some(attempt) = row.try_get::<Option<i32>, _>(0)? {
                lines.push(read(attempt, row, 0)?);
            }
        }
        let more = lines.len() > query.limit;
        lines.truncate(query.limit);
        let last = lines.last().map(|last| LogPlace {
            attempt: last.attempt,
            line: last.line.line,
        });
        Ok(quietly(Some(LogPage {
            lines,
            after: last.or(query.after),
            more,
        })))
    }
}

/// A line of an attempt whose number stands in column `at`, the rest behind it.
pub(in crate::store::postgres) fn read(
    attempt: i32,
    row: &PgRow,
    at: usize,
) -> Result<LogRecord, Fault> {
    let fields: Option<String> = row.try_get(at + 6)?;
    let level: i16 = row.try_get(at + 3)?;
    Ok(LogRecord {
        attempt: number("an attempt's number", attempt)?,
        line: LogLine {
            line: number("a line's number", row.try_get::<i32, _>(at + 1)?)?,
            at: Timestamp::from_millis(row.try_get(at + 2)?),
            level: LogLevel::of_severity(u8::try_from(level).unwrap_or(0)),
            target: text::read(row.try_get(at + 4)?),
            message: text::read(row.try_get(at + 5)?),
            fields: fields
                .map(RawValue::from_string)
                .transpose()
                .map_err(|error| corrupt("the fields of a log line", error))?,
        },
    })
}
