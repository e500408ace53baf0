//! Log lines of attempts: append and read.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::value::RawValue;

use crate::store::decode::records;
use crate::store::postgres::conn::error::DbError;
use crate::store::postgres::conn::operation::{Operation, Outcome, TxMode, without_events};
use crate::store::postgres::conn::text::encode;
use crate::store::postgres::conn::tx::Tx;
use crate::store::postgres::settle::fence;
use crate::store::postgres::settle::fence::FenceState;
use crate::store::postgres::uuid_of;
use crate::store::{Fence, LogBatch, LogLevel, LogLine, LogPage, LogQuery, WriteAnswer};

/// Writes log lines of attempts whose fence was checked.
pub(in crate::store::postgres) async fn append<'l>(
    tx: &mut Tx<'_>,
    lines: impl Iterator<Item = (Fence, &'l [Arc<LogLine>])>,
) -> Result<(), DbError> {
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
    let target: Vec<_> = lines.iter().map(|(_, line)| encode(&line.target)).collect();
    let message: Vec<_> = lines
        .iter()
        .map(|(_, line)| encode(&line.message))
        .collect();
    let fields: Vec<_> = lines
        .iter()
        .map(|(_, line)| line.fields.as_deref().map(RawValue::get))
        .collect();
    let query = tx
        .query(&tx.sql.settle_append_logs)
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
    tx.execute(query).await?;
    Ok(())
}

/// Writes the log lines of attempts whose lease is valid, or that the same session has ended.
pub(in crate::store::postgres) struct AppendLogs(pub(in crate::store::postgres) Vec<LogBatch>);

#[async_trait]
impl Operation for AppendLogs {
    type Output = Vec<WriteAnswer>;
    const TX_MODE: TxMode = TxMode::Transaction;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Vec<WriteAnswer>>, DbError> {
        let Self(batches) = self;
        let fences: Vec<Fence> = batches.iter().map(|batch| batch.fence).collect();
        // A handler's open transaction may hold a lease. It must not delay the others.
        let locked = fence::locked_elsewhere(tx, &fences).await?;
        let free = fences.iter().zip(&locked).filter(|(_, locked)| !**locked);
        let free: Vec<Fence> = free.map(|(fence, _)| *fence).collect();
        let mut known = fence::look_up(tx, &free).await?.into_iter();
        let answers = locked.into_iter().map(|locked| {
            let known = if locked { None } else { known.next() };
            known.map_or(WriteAnswer::Locked, FenceState::answer)
        });
        let answers: Vec<_> = answers.collect();
        let written = batches.iter().zip(&answers);
        let written = written
            .filter(|(_, answer)| !matches!(**answer, WriteAnswer::Stale | WriteAnswer::Locked));
        append(
            tx,
            written.map(|(batch, _)| (batch.fence, &batch.lines[..])),
        )
        .await?;
        Ok(without_events(answers))
    }
}

/// Reads a page of an execution's log; `None` for an unknown execution.
pub(in crate::store::postgres) struct ReadLogs(pub(in crate::store::postgres) LogQuery);

#[async_trait]
impl Operation for ReadLogs {
    type Output = Option<LogPage>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Option<LogPage>>, DbError> {
        let Self(query) = self;
        let (after, most) = records::log_page_start(query);
        let statement = tx
            .query(&tx.sql.read_logs)
            .bind(uuid_of(&query.execution_id))
            .bind(i64::from(after.attempt))
            .bind(i64::from(after.line))
            .bind(query.attempt.map(i64::from))
            .bind(i16::from(query.level.map_or(0, LogLevel::severity)))
            .bind(most);
        let rows = tx.fetch(statement).await?;
        Ok(without_events(records::log_page(&rows, query)?))
    }
}
