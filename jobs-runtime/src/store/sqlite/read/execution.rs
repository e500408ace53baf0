//! Records of executions, with their attempts.

use jobs::{AttemptOutcome, ErrorKind, ExecutionError, ExecutionId};
use serde_json::value::RawValue;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::store::sqlite::conn::error::{DbError, corrupt};
use crate::store::sqlite::conn::json;
use crate::store::sqlite::conn::json::id_from_blob;
use crate::store::{AttemptRecord, ExecutionRecord, ExecutionState, ScheduledTime};
use crate::time::Timestamp;

/// Reads an execution with its attempts. One statement reads both, so they come from one snapshot.
pub(in crate::store::sqlite) async fn execution_on_conn(
    conn: &mut SqliteConnection,
    id: ExecutionId,
) -> Result<Option<ExecutionRecord>, DbError> {
    let sql = concat!(
        "SELECT p.*, (\n",
        include_str!("../sql/read/attempts.sql"),
        ") AS attempts FROM (\n",
        include_str!("../sql/read/execution.sql"),
        "WHERE x.id = $1) AS p"
    );
    let row = sqlx::query(sql)
        .bind(id.as_bytes().as_slice())
        .fetch_optional(conn)
        .await?;
    row.map(|row| {
        let mut record = read(&row)?;
        record.attempts = read_attempts(row.try_get("attempts")?)?;
        Ok(record)
    })
    .transpose()
}

/// Reads the states of these executions. Leaves out ids that do not exist.
pub(in crate::store::sqlite) async fn states_on_conn(
    conn: &mut SqliteConnection,
    ids: &[ExecutionId],
) -> Result<Vec<ExecutionState>, DbError> {
    let rows = sqlx::query(include_str!("../sql/read/execution_states.sql"))
        .bind(json::array(ids.iter().copied().map(json::Hex))?)
        .fetch_all(conn)
        .await?;
    rows.iter()
        .map(|row| {
            Ok(ExecutionState {
                execution_id: id_from_blob(row.try_get(0)?)?,
                job_id: row.try_get(1)?,
                status: row
                    .try_get::<&str, _>(2)?
                    .parse()
                    .map_err(|error| corrupt("an execution's status", error))?,
            })
        })
        .collect()
}

/// Reads a row of `execution.sql`. Its attempts are read apart.
pub(in crate::store::sqlite) fn read(row: &SqliteRow) -> Result<ExecutionRecord, DbError> {
    let status: &str = row.try_get("execution_status")?;
    let tags: Option<&str> = row.try_get("tags")?;
    let parent_id: Option<&[u8]> = row.try_get("parent_id")?;
    let trace_parent: Option<&str> = row.try_get("trace_parent")?;
    let (triggered_by, scheduled) = ScheduledTime::split(row.try_get("triggered_by")?);
    Ok(ExecutionRecord {
        id: id_from_blob(row.try_get("id")?)?,
        job_id: row.try_get("job_id")?,
        status: status
            .parse()
            .map_err(|error| corrupt("an execution's status", error))?,
        queue: row.try_get("queue")?,
        priority: row.try_get("priority")?,
        payload: json_text("a payload", row.try_get("payload")?)?,
        result: row
            .try_get::<Option<String>, _>("result")?
            .map(|result| json_text("a result", result))
            .transpose()?,
        error: error(row.try_get("error_kind")?, row.try_get("error_message")?)?,
        progress: row.try_get("progress")?,
        progress_message: row.try_get("progress_message")?,
        attempt: row.try_get("attempt")?,
        max_attempts: row.try_get("max_attempts")?,
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
        created_by: row.try_get("created_by")?,
        item_id: row.try_get("item_id")?,
        correlation_id: row.try_get("correlation_id")?,
        tags: match tags {
            Some(tags) => {
                serde_json::from_str(tags).map_err(|error| corrupt("an execution's tags", error))?
            }
            None => Vec::new(),
        },
        parent_id: parent_id.map(id_from_blob).transpose()?,
        trace_id: trace_parent.and_then(trace_id),
    })
}

/// The fields of an attempt: number, outcome, error kind, error message, worker, started_at,
/// finished_at, retry_at.
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
                    message: message.unwrap_or_default(),
                }),
                worker,
                started_at: Timestamp::from_millis(started_at),
                finished_at: finished_at.map(Timestamp::from_millis),
                retry_at: retry_at.map(Timestamp::from_millis),
            }
        },
    );
    Ok(records.collect())
}

/// The error of these columns; `None` without a kind.
pub(in crate::store::sqlite) fn error(
    kind: Option<&str>,
    message: Option<String>,
) -> Result<Option<ExecutionError>, DbError> {
    kind.map(|kind| {
        Ok(ExecutionError {
            kind: kind
                .parse()
                .map_err(|error| corrupt("an execution's error", error))?,
            message: message.unwrap_or_default(),
        })
    })
    .transpose()
}

fn json_text(what: &str, text: String) -> Result<Box<RawValue>, DbError> {
    RawValue::from_string(text).map_err(|error| corrupt(what, error))
}

/// Reads a time from a column that may be NULL.
pub(in crate::store::sqlite) fn time(
    row: &SqliteRow,
    column: &str,
) -> Result<Option<Timestamp>, DbError> {
    Ok(row
        .try_get::<Option<i64>, _>(column)?
        .map(Timestamp::from_millis))
}

/// The trace id of a W3C `traceparent`: `00-<trace id>-<span id>-<flags>`.
fn trace_id(trace_parent: &str) -> Option<String> {
    trace_parent.split('-').nth(1).map(str::to_owned)
}
