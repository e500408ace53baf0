//! Records and states of executions.

use async_trait::async_trait;
use jobs::{AttemptOutcome, ErrorKind, ExecutionError, ExecutionId};
use serde_json::value::RawValue;
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::store::postgres::conn::error::{DbError, corrupt};
use crate::store::postgres::conn::operation::{Operation, Outcome, TxMode, without_events};
use crate::store::postgres::conn::text;
use crate::store::postgres::conn::tx::Tx;
use crate::store::postgres::{number, uuid_of};
use crate::store::{AttemptRecord, ExecutionRecord, ExecutionState, ScheduledTime};
use crate::time::Timestamp;

/// Reads an execution with its attempts, in one statement and thus from one snapshot.
pub(in crate::store::postgres) struct ReadExecution(pub(in crate::store::postgres) ExecutionId);

#[async_trait]
impl Operation for ReadExecution {
    type Output = Option<ExecutionRecord>;
    const TX_MODE: TxMode = TxMode::Statement;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let query = tx.query(&tx.sql.read_execution).bind(uuid_of(&self.0));
        let rows = tx.fetch(query).await?;
        let Some(row) = rows.first() else {
            return Ok(without_events(None));
        };
        let mut record = read(row)?;
        record.attempts = read_attempts(row.try_get("attempts")?)?;
        Ok(without_events(Some(record)))
    }
}

/// Reads the states of executions.
pub(in crate::store::postgres) struct ExecutionStates(
    pub(in crate::store::postgres) Vec<ExecutionId>,
);

#[async_trait]
impl Operation for ExecutionStates {
    type Output = Vec<ExecutionState>;
    const TX_MODE: TxMode = TxMode::Statement;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let ids: Vec<Uuid> = self.0.iter().map(uuid_of).collect();
        let query = tx.query(&tx.sql.read_execution_states).bind(ids);
        let rows = tx.fetch(query).await?;
        let execution_states = rows.iter().map(|row| {
            Ok(ExecutionState {
                execution_id: id_of(row.try_get(0)?),
                job_id: text::decode(row.try_get(1)?),
                status: row
                    .try_get::<&str, _>(2)?
                    .parse()
                    .map_err(|error| corrupt("an execution's status", error))?,
            })
        });
        Ok(without_events(
            execution_states.collect::<Result<_, DbError>>()?,
        ))
    }
}

/// Converts a stored id.
pub(in crate::store::postgres) fn id_of(uuid: Uuid) -> ExecutionId {
    ExecutionId::from_bytes(*uuid.as_bytes())
}

/// Reads a row of `sql/read/execution.sql`, without its attempts.
pub(in crate::store::postgres) fn read(row: &PgRow) -> Result<ExecutionRecord, DbError> {
    let status: &str = row.try_get("status")?;
    let parent_id: Option<Uuid> = row.try_get("parent_id")?;
    let trace_parent = optional(row, "trace_parent")?;
    let triggered_by = text::decode(row.try_get("triggered_by")?);
    let (triggered_by, scheduled) = ScheduledTime::split(triggered_by);
    Ok(ExecutionRecord {
        id: id_of(row.try_get("id")?),
        job_id: text::decode(row.try_get("job_id")?),
        status: status
            .parse()
            .map_err(|error| corrupt("an execution's status", error))?,
        queue: text::decode(row.try_get("queue")?),
        priority: number("a priority", row.try_get::<i16, _>("priority")?)?,
        payload: json_text("a payload", row.try_get("payload")?)?,
        result: row
            .try_get::<Option<String>, _>("result")?
            .map(|result| json_text("a result", result))
            .transpose()?,
        error: error(row.try_get("error_kind")?, row.try_get("error_message")?)?,
        progress: number("a progress", row.try_get::<i16, _>("progress")?)?,
        progress_message: optional(row, "progress_message")?,
        attempt: number("an attempt's number", row.try_get::<i32, _>("attempt")?)?,
        max_attempts: number("a budget", row.try_get::<i64, _>("max_attempts")?)?,
        attempts: Vec::new(),
        created_at: Timestamp::from_millis(row.try_get("created_at")?),
        run_at: Timestamp::from_millis(row.try_get("run_at")?),
        started_at: time(row, "started_at")?,
        finished_at: time(row, "finished_at")?,
        cancel_requested_at: time(row, "cancel_requested_at")?,
        duration_ms: row
            .try_get::<Option<i64>, _>("duration_ms")?
            .map(|millis| u64::try_from(millis).unwrap_or(0)),
        triggered_by,
        scheduled,
        created_by: optional(row, "created_by")?,
        item_id: optional(row, "item_id")?,
        correlation_id: optional(row, "correlation_id")?,
        tags: row
            .try_get::<Option<_>, _>("tags")?
            .map(text::decode_all)
            .unwrap_or_default(),
        parent_id: parent_id.map(id_of),
        trace_id: trace_parent.as_deref().and_then(trace_id),
    })
}

/// Attempt in `sql/read/attempts.sql`: number, outcome, kind and message of the error, worker,
/// start, end, time of the retry.
type AttemptRow = (
    u32,
    Option<AttemptOutcome>,
    Option<ErrorKind>,
    Option<String>,
    String,
    i64,
    Option<i64>,
    Option<i64>,
);

fn read_attempts(text: &str) -> Result<Vec<AttemptRecord>, DbError> {
    let rows: Vec<AttemptRow> =
        serde_json::from_str(text).map_err(|error| corrupt("an execution's attempts", error))?;
    let records = rows.into_iter().map(
        |(number, outcome, kind, message, worker, started_at, finished_at, retry_at)| {
            AttemptRecord {
                number,
                outcome,
                error: kind.map(|kind| ExecutionError {
                    kind,
                    message: text::decode(message.unwrap_or_default()),
                }),
                worker: text::decode(worker),
                started_at: Timestamp::from_millis(started_at),
                finished_at: finished_at.map(Timestamp::from_millis),
                retry_at: retry_at.map(Timestamp::from_millis),
            }
        },
    );
    Ok(records.collect())
}

/// Converts the kind and message of an error.
pub(in crate::store::postgres) fn error(
    kind: Option<&str>,
    message: Option<String>,
) -> Result<Option<ExecutionError>, DbError> {
    kind.map(|kind| {
        Ok(ExecutionError {
            kind: kind
                .parse()
                .map_err(|error| corrupt("an execution's error", error))?,
            message: text::decode(message.unwrap_or_default()),
        })
    })
    .transpose()
}

fn json_text(what: &str, text: String) -> Result<Box<RawValue>, DbError> {
    RawValue::from_string(text).map_err(|error| corrupt(what, error))
}

/// Reads a time that may be NULL.
pub(in crate::store::postgres) fn time(
    row: &PgRow,
    column: &str,
) -> Result<Option<Timestamp>, DbError> {
    Ok(row
        .try_get::<Option<i64>, _>(column)?
        .map(Timestamp::from_millis))
}

/// Reads and decodes a text that may be NULL.
pub(in crate::store::postgres) fn optional(
    row: &PgRow,
    column: &str,
) -> Result<Option<String>, DbError> {
    Ok(row.try_get::<Option<String>, _>(column)?.map(text::decode))
}

/// Returns the trace id of a `traceparent`: `00-<trace id>-<span id>-<flags>`.
fn trace_id(trace_parent: &str) -> Option<String> {
    trace_parent.split('-').nth(1).map(str::to_owned)
}
