//! Export: executions with everything that the store keeps of them.

use std::collections::HashMap;
use std::fmt::Display;
use std::str::FromStr;

use async_trait::async_trait;
use sqlx::postgres::PgRow;
use sqlx::{Row, SqlStr};
use uuid::Uuid;

use crate::store::postgres::conn::error::{DbError, corrupt};
use crate::store::postgres::conn::operation::{Operation, Outcome, TxMode, without_events};
use crate::store::postgres::conn::text;
use crate::store::postgres::conn::tx::Tx;
use crate::store::postgres::read::execution::{error, id_of, optional, time};
use crate::store::postgres::read::logs;
use crate::store::postgres::{limits, number};
use crate::store::rules::retry_text::RetryText;
use crate::store::{
    Cursor, DedupKind, EnqueueRules, Export, IdempotencyKey, Limit, NewExecution,
    TransferredAttempt, TransferredExecution, TransferredOutcome, TransferredState,
};
use crate::time::Timestamp;

/// A page ends after this many bytes of payloads and results, whatever its limit.
const PAGE_BYTES: usize = 4 << 20;

/// Reads a page of executions. Its statements are not one snapshot: the store must be at rest.
pub(super) struct ExportPage {
    pub(super) after: Option<Cursor>,
    pub(super) limit: usize,
}

#[async_trait]
impl Operation for ExportPage {
    type Output = Export;
    const TX_MODE: TxMode = TxMode::Statement;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Export>, DbError> {
        let query = tx
            .query(&tx.sql.transfer_export_executions)
            .bind(self.after.map_or(0, |after| after.0))
            .bind(i64::try_from(self.limit).unwrap_or(i64::MAX));
        let rows = tx.fetch(query).await?;
        let mut seqs = Vec::new();
        let mut executions = Vec::new();
        let mut retries = RetryText::default();
        let mut bytes = 0;
        for row in &rows {
            if bytes > PAGE_BYTES {
                break;
            }
            let execution = read_execution(row, &mut retries)?;
            bytes += execution.request.payload.len();
            if let TransferredState::Final(outcome) = &execution.state {
                bytes += outcome.result.as_ref().map_or(0, String::len);
            }
            seqs.push(row.try_get::<i64, _>("seq")?);
            executions.push(execution);
        }
        let (Some(&first), Some(&last)) = (seqs.first(), seqs.last()) else {
            let next = None;
            return Ok(without_events(Export { executions, next }));
        };
        let places = seqs.into_iter().zip(0..).collect();
        let page = (first, last);
        for row in &rows_between(tx, &tx.sql.transfer_export_attempts, page).await? {
            executions[place(&places, row)?]
                .attempts
                .push(read_attempt(row)?);
        }
        for row in &rows_between(tx, &tx.sql.transfer_export_logs, page).await? {
            let line = logs::read(row.try_get(1)?, row, 1)?;
            executions[place(&places, row)?].logs.push(line);
        }
        for row in &rows_between(tx, &tx.sql.transfer_export_keys, page).await? {
            executions[place(&places, row)?].keys.push(IdempotencyKey {
                key: text::decode(row.try_get(1)?),
                payload_digest: text::decode(row.try_get(2)?),
                expires_at: Timestamp::from_millis(row.try_get(3)?),
            });
        }
        for row in &rows_between(tx, &tx.sql.transfer_export_limits, page).await? {
            let request = &mut executions[place(&places, row)?].request;
            request.rules.limits.push(Limit {
                rule: limits::rule(row, 1)?,
                key: text::decode(row.try_get(4)?),
                job_id: text::decode(row.try_get(5)?),
            });
        }
        for row in &rows_between(tx, &tx.sql.transfer_export_dedup_keys, page).await? {
            let kind: &str = row.try_get(1)?;
            let kind = DedupKind::of(kind).ok_or_else(|| corrupt("a unique key", kind))?;
            let dedup_key = (kind, text::decode(row.try_get(2)?));
            executions[place(&places, row)?].names.push(dedup_key);
        }
        let next = Some(Cursor(last));
        Ok(without_events(Export { executions, next }))
    }
}

/// Runs a statement for the executions of a page, by the first and last seq.
async fn rows_between(
    tx: &mut Tx<'_>,
    statement: &SqlStr,
    (first, last): (i64, i64),
) -> Result<Vec<PgRow>, DbError> {
    let query = tx.query(statement).bind(first).bind(last);
    tx.fetch(query).await
}

/// Returns the place in the page of the execution that a row belongs to.
fn place(places: &HashMap<i64, usize>, row: &PgRow) -> Result<usize, DbError> {
    let seq: i64 = row.try_get(0)?;
    let place = places.get(&seq).copied();
    place.ok_or_else(|| corrupt("a row of an execution", "its execution is missing"))
}

fn read_execution(row: &PgRow, retries: &mut RetryText) -> Result<TransferredExecution, DbError> {
    let created_at = Timestamp::from_millis(row.try_get("created_at")?);
    let run_at = Timestamp::from_millis(row.try_get("run_at")?);
    let timeout_ms: Option<i64> = row.try_get("timeout_ms")?;
    let parent_id: Option<Uuid> = row.try_get("parent_id")?;
    let request = NewExecution {
        id: id_of(row.try_get("id")?),
        job_id: text::decode(row.try_get("job_id")?),
        queue: text::decode(row.try_get("queue")?),
        priority: number("a priority", row.try_get::<i16, _>("priority")?)?,
        payload: row.try_get("payload")?,
        policy: retries.read(
            timeout_ms.map(|millis| u64::try_from(millis).unwrap_or(0)),
            number("a budget", row.try_get::<i64, _>("max_attempts")?)?,
            row.try_get("retry")?,
        )?,
        created_at,
        run_at: (run_at != created_at).then_some(run_at),
        idempotency_key: None,
        correlation_id: optional(row, "correlation_id")?,
        item_id: optional(row, "item_id")?,
        created_by: optional(row, "created_by")?,
        tags: row
            .try_get::<Option<_>, _>("tags")?
            .map(text::decode_all)
            .unwrap_or_default(),
        parent_id: parent_id.map(id_of),
        triggered_by: text::decode(row.try_get("triggered_by")?),
        trace_parent: optional(row, "trace_parent")?,
        rules: EnqueueRules {
            // The job states its own number at its next enqueue.
            max_waiting: row.try_get::<bool, _>("capped")?.then_some(u32::MAX),
            ..EnqueueRules::default()
        },
    };
    Ok(TransferredExecution {
        request,
        state: read_state(row)?,
        attempts: Vec::new(),
        logs: Vec::new(),
        keys: Vec::new(),
        names: Vec::new(),
    })
}

fn read_state(row: &PgRow) -> Result<TransferredState, DbError> {
    let attempt = || number("an attempt's number", row.try_get::<i32, _>("attempt")?);
    let spent = || number("a budget", row.try_get::<i32, _>("spent")?);
    Ok(match row.try_get("place")? {
        Some("queued") => TransferredState::Queued {
            attempt: attempt()?,
            spent: spent()?,
        },
        Some("scheduled") => TransferredState::Scheduled {
            run_at: Timestamp::from_millis(row.try_get("due_at")?),
            attempt: attempt()?,
            spent: spent()?,
        },
        Some("running") => TransferredState::Running,
        Some("final") => TransferredState::Final(Box::new(TransferredOutcome {
            status: word("an execution's status", row.try_get("status")?)?,
            finished_at: Timestamp::from_millis(row.try_get("finished_at")?),
            attempt: attempt()?,
            outcome: row
                .try_get::<Option<&str>, _>("outcome")?
                .map(|text| word("an attempt's outcome", text))
                .transpose()?,
            worker: optional(row, "worker")?,
            started_at: time(row, "started_at")?,
            error: error(row.try_get("error_kind")?, row.try_get("error_message")?)?,
            progress: number("a progress", row.try_get::<i16, _>("progress")?)?,
            progress_message: optional(row, "progress_message")?,
            result: row.try_get("result")?,
        })),
        _ => return Err(corrupt("an execution", "it has no state")),
    })
}

fn read_attempt(row: &PgRow) -> Result<TransferredAttempt, DbError> {
    Ok(TransferredAttempt {
        number: number("an attempt's number", row.try_get::<i32, _>(1)?)?,
        outcome: word("an attempt's outcome", row.try_get(2)?)?,
        worker: text::decode(row.try_get(3)?),
        started_at: Timestamp::from_millis(row.try_get(4)?),
        finished_at: Timestamp::from_millis(row.try_get(5)?),
        retry_at: row
            .try_get::<Option<i64>, _>(6)?
            .map(Timestamp::from_millis),
        error: error(row.try_get(7)?, row.try_get(8)?)?,
        progress: number("a progress", row.try_get::<i16, _>(9)?)?,
        progress_message: row.try_get::<Option<String>, _>(10)?.map(text::decode),
        result: row.try_get(11)?,
    })
}

fn word<T: FromStr<Err: Display>>(what: &str, text: &str) -> Result<T, DbError> {
    text.parse().map_err(|error: T::Err| corrupt(what, error))
}
