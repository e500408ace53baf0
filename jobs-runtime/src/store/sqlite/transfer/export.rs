//! Export: reads whole executions.

use std::collections::HashMap;
use std::hash::BuildHasher;

use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::store::rules::retry_text::RetryText;
use crate::store::sqlite::conn::error::{DbError, corrupt};
use crate::store::sqlite::conn::json::id_from_blob;
use crate::store::sqlite::limits;
use crate::store::sqlite::read::execution::{error, time};
use crate::store::sqlite::read::logs;
use crate::store::{
    Cursor, DedupKind, EnqueueRules, Export, IdempotencyKey, Limit, NewExecution,
    TransferredAttempt, TransferredExecution, TransferredOutcome, TransferredState,
};
use crate::time::Timestamp;

/// A page ends once its payloads and results exceed this many bytes, even below its limit.
const PAGE_BYTES: usize = 4 << 20;

/// Reads a page. Its statements do not share a snapshot, because a store is exported at rest.
pub(super) async fn page_on_conn(
    conn: &mut SqliteConnection,
    after: Option<Cursor>,
    limit: usize,
) -> Result<Export, DbError> {
    let rows = sqlx::query(include_str!("../sql/transfer/export_executions.sql"))
        .bind(after.map_or(0, |after| after.0))
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(&mut *conn)
        .await?;
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
        return Ok(Export {
            executions,
            next: None,
        });
    };
    let places: HashMap<_, _> = numbers.iter().copied().zip(0..).collect();
    for row in &rows_between(
        conn,
        include_str!("../sql/transfer/export_attempts.sql"),
        first,
        last,
    )
    .await?
    {
        let place = place(&places, row)?;
        executions[place].attempts.push(read_attempt(row)?);
    }
    for row in &rows_between(
        conn,
        include_str!("../sql/transfer/export_logs.sql"),
        first,
        last,
    )
    .await?
    {
        let place = place(&places, row)?;
        let line = logs::read(row.try_get(1)?, row, 1)?;
        executions[place].logs.push(line);
    }
    for row in &rows_between(
        conn,
        include_str!("../sql/transfer/export_keys.sql"),
        first,
        last,
    )
    .await?
    {
        let place = place(&places, row)?;
        executions[place].keys.push(IdempotencyKey {
            key: row.try_get(1)?,
            payload_digest: row.try_get(2)?,
            expires_at: Timestamp::from_millis(row.try_get(3)?),
        });
    }
    for row in &rows_between(
        conn,
        include_str!("../sql/transfer/export_limits.sql"),
        first,
        last,
    )
    .await?
    {
        let place = place(&places, row)?;
        executions[place].request.rules.limits.push(Limit {
            rule: limits::rule(row, 1)?,
            key: row.try_get(4)?,
            job_id: row.try_get(5)?,
        });
    }
    for row in &rows_between(
        conn,
        include_str!("../sql/transfer/export_dedup_keys.sql"),
        first,
        last,
    )
    .await?
    {
        let place = place(&places, row)?;
        let kind: &str = row.try_get(1)?;
        let kind = DedupKind::of(kind).ok_or_else(|| corrupt("a unique key", kind))?;
        executions[place].names.push((kind, row.try_get(2)?));
    }
    Ok(Export {
        executions,
        next: Some(Cursor(last)),
    })
}

/// Reads the rows of the executions with `seq` from `first` to `last`.
async fn rows_between(
    conn: &mut SqliteConnection,
    sql: &'static str,
    first: i64,
    last: i64,
) -> Result<Vec<SqliteRow>, DbError> {
    let rows = sqlx::query(sql).bind(first).bind(last);
    Ok(rows.fetch_all(conn).await?)
}

/// The index in the page of the execution that a row belongs to.
fn place<S: BuildHasher>(
    places: &HashMap<i64, usize, S>,
    row: &SqliteRow,
) -> Result<usize, DbError> {
    let seq: i64 = row.try_get(0)?;
    let place = places.get(&seq).copied();
    place.ok_or_else(|| corrupt("a row of an execution", "its execution is missing"))
}

fn read_execution(
    row: &SqliteRow,
    retries: &mut RetryText,
) -> Result<TransferredExecution, DbError> {
    let tags: Option<&str> = row.try_get("tags")?;
    let parent_id: Option<&[u8]> = row.try_get("parent_id")?;
    let created_at = Timestamp::from_millis(row.try_get("created_at")?);
    let run_at = Timestamp::from_millis(row.try_get("run_at")?);
    let request = NewExecution {
        id: id_from_blob(row.try_get("id")?)?,
        job_id: row.try_get("job_id")?,
        queue: row.try_get("queue")?,
        priority: row.try_get("priority")?,
        payload: row.try_get("payload")?,
        policy: retries.read(
            row.try_get::<Option<i64>, _>("timeout_ms")?
                .map(|millis| u64::try_from(millis).unwrap_or(0)),
            row.try_get("max_attempts")?,
            row.try_get("retry")?,
        )?,
        created_at,
        run_at: (run_at != created_at).then_some(run_at),
        idempotency_key: None,
        correlation_id: row.try_get("correlation_id")?,
        item_id: row.try_get("item_id")?,
        created_by: row.try_get("created_by")?,
        tags: tags
            .map(serde_json::from_str)
            .transpose()
            .map_err(|error| corrupt("an execution's tags", error))?
            .unwrap_or_default(),
        parent_id: parent_id.map(id_from_blob).transpose()?,
        triggered_by: row.try_get("triggered_by")?,
        trace_parent: row.try_get("trace_parent")?,
        rules: EnqueueRules {
            // The store keeps whether the job has a maximum, not its number.
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

/// Reads the state of an execution from the table that holds it.
fn read_state(row: &SqliteRow) -> Result<TransferredState, DbError> {
    Ok(match row.try_get("place")? {
        Some("queued") => TransferredState::Queued {
            attempt: row.try_get("attempt")?,
            spent: row.try_get("spent")?,
        },
        Some("scheduled") => TransferredState::Scheduled {
            run_at: Timestamp::from_millis(row.try_get("due_at")?),
            attempt: row.try_get("attempt")?,
            spent: row.try_get("spent")?,
        },
        Some("running") => TransferredState::Running,
        Some("final") => TransferredState::Final(Box::new(TransferredOutcome {
            status: word("an execution's status", row.try_get("status")?)?,
            finished_at: Timestamp::from_millis(row.try_get("finished_at")?),
            attempt: row.try_get("attempt")?,
            outcome: row
                .try_get::<Option<&str>, _>("outcome")?
                .map(|text| word("an attempt's outcome", text))
                .transpose()?,
            worker: row.try_get("worker")?,
            started_at: time(row, "started_at")?,
            error: error(row.try_get("error_kind")?, row.try_get("error_message")?)?,
            progress: row.try_get("progress")?,
            progress_message: row.try_get("progress_message")?,
            result: row.try_get("result")?,
        })),
        _ => return Err(corrupt("an execution", "it is in no state")),
    })
}

fn read_attempt(row: &SqliteRow) -> Result<TransferredAttempt, DbError> {
    Ok(TransferredAttempt {
        number: row.try_get(1)?,
        outcome: word("an attempt's outcome", row.try_get(2)?)?,
        worker: row.try_get(3)?,
        started_at: Timestamp::from_millis(row.try_get(4)?),
        finished_at: Timestamp::from_millis(row.try_get(5)?),
        retry_at: row
            .try_get::<Option<i64>, _>(6)?
            .map(Timestamp::from_millis),
        error: error(row.try_get(7)?, row.try_get(8)?)?,
        progress: row.try_get(9)?,
        progress_message: row.try_get(10)?,
        result: row.try_get(11)?,
    })
}

/// Parses a word that is stored as text.
fn word<T>(what: &str, text: &str) -> Result<T, DbError>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error: T::Err| corrupt(what, error))
}
