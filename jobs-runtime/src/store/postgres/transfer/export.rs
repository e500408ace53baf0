//! Reading executions out whole.

use std::collections::HashMap;
use std::fmt::Display;
use std::str::FromStr;

use async_trait::async_trait;
use sqlx::postgres::PgRow;
use sqlx::{Row, SqlStr};
use uuid::Uuid;

use crate::store::postgres::conn::error::{Fault, corrupt};
use crate::store::postgres::conn::operation::{Done, Shape, Transition, quietly};
use crate::store::postgres::conn::text;
use crate::store::postgres::conn::tx::Db;
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

/// Reads a page. Its statements are not one snapshot: what is read out is at rest.
pub(super) struct Page {
    pub(super) after: Option<Cursor>,
    pub(super) limit: usize,
}

#[async_trait]
impl Transition for Page {
    type Answer = Export;
    const SHAPE: Shape = Shape::Statement;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<Export>, Fault> {
        let query = db
            .query(&db.sql.export)
            .bind(self.after.map_or(0, |after| after.0))
            .bind(i64::try_from(self.limit).unwrap_or(i64::MAX));
        let rows = db.fetch(query).await?;
        let mut numbers = Vec::new();
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
            numbers.push(row.try_get::<i64, _>("seq")?);
            executions.push(execution);
        }
        let (Some(&first), Some(&last)) = (numbers.first(), numbers.last()) else {
            let next = None;
            return Ok(quietly(Export { executions, next }));
        };
        let places = numbers.into_iter().zip(0..).collect();
        let page = (first, last);
        for row in &between(db, &db.sql.export_attempts, page).await? {
            executions[place(&places, row)?]
                .attempts
                .push(read_attempt(row)?);
        }
        for row in &between(db, &db.sql.export_logs, page).await? {
            let line = logs::read(row.try_get(1)?, row, 1)?;
            executions[place(&places, row)?].logs.push(line);
        }
        for row in &between(db, &db.sql.export_keys, page).await? {
            executions[place(&places, row)?].keys.push(IdempotencyKey {
                key: text::read(row.try_get(1)?),
                payload_digest: text::read(row.try_get(2)?),
                expires_at: Timestamp::from_millis(row.try_get(3)?),
            });
        }
        for row in &between(db, &db.sql.export_limits, page).await? {
            let request = &mut executions[place(&places, row)?].request;
            request.rules.limits.push(Limit {
                rule: limits::rule(row, 1)?,
                key: text::read(row.try_get(4)?),
                job_id: text::read(row.try_get(5)?),
            });
        }
        for row in &between(db, &db.sql.export_names, page).await? {
            let kind: &str = row.try_get(1)?;
            let naming = DedupKind::of(kind).ok_or_else(|| corrupt("a unique key", kind))?;
            let name = (naming, text::read(row.try_get(2)?));
            executions[place(&places, row)?].names.push(name);
        }
        let next = Some(Cursor(last));
        Ok(quietly(Export { executions, next }))
    }
}

async fn between(
    db: &mut Db<'_>,
    statement: &SqlStr,
    (first, last): (i64, i64),
) -> Result<Vec<PgRow>, Fault> {
    let query = db.query(statement).bind(first).bind(last);
    db.fetch(query).await
}

/// The place in the page of the execution that a row belongs to.
fn place(places: &HashMap<i64, usize>, row: &PgRow) -> Result<usize, Fault> {
    let seq: i64 = row.try_get(0)?;
    let place = places.get(&seq).copied();
    place.ok_or_else(|| corrupt("what is kept of an execution", "its execution is gone"))
}

fn read_execution(row: &PgRow, retries: &mut RetryText) -> Result<TransferredExecution, Fault> {
    let created_at = Timestamp::from_millis(row.try_get("created_at")?);
    let run_at = Timestamp::from_millis(row.try_get("run_at")?);
    let timeout_ms: Option<i64> = row.try_get("timeout_ms")?;
    let parent_id: Option<Uuid> = row.try_get("parent_id")?;
    let request = NewExecution {
        id: id_of(row.try_get("id")?),
        job_id: text::read(row.try_get("job_id")?),
        queue: text::read(row.try_get("queue")?),
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
            .map(text::all_read)
            .unwrap_or_default(),
        parent_id: parent_id.map(id_of),
        triggered_by: text::read(row.try_get("triggered_by")?),
        trace_parent: optional(row, "trace_parent")?,
        rules: EnqueueRules {
            // How many may wait, the job says with the next enqueue.
            max_waiting: row.try_get::<bool, _>("capped")?.then_some(u32::MAX),
            ..EnqueueRules::default()
        },
    };
    Ok(TransferredExecution {
        request,
        state: read_place(row)?,
        attempts: Vec::new(),
        logs: Vec::new(),
        keys: Vec::new(),
        names: Vec::new(),
    })
}

fn read_place(row: &PgRow) -> Result<TransferredState, Fault> {
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
        _ => return Err(corrupt("an execution", "it is in no state")),
    })
}

fn read_attempt(row: &PgRow) -> Result<TransferredAttempt, Fault> {
    Ok(TransferredAttempt {
        number: number("an attempt's number", row.try_get::<i32, _>(1)?)?,
        outcome: word("an attempt's outcome", row.try_get(2)?)?,
        worker: text::read(row.try_get(3)?),
        started_at: Timestamp::from_millis(row.try_get(4)?),
        finished_at: Timestamp::from_millis(row.try_get(5)?),
        retry_at: row
            .try_get::<Option<i64>, _>(6)?
            .map(Timestamp::from_millis),
        error: error(row.try_get(7)?, row.try_get(8)?)?,
        progress: number("a progress", row.try_get::<i16, _>(9)?)?,
        progress_message: row.try_get::<Option<String>, _>(10)?.map(text::read),
        result: row.try_get(11)?,
    })
}

fn word<T: FromStr<Err: Display>>(what: &str, text: &str) -> Result<T, Fault> {
    text.parse().map_err(|error: T::Err| corrupt(what, error))
}
