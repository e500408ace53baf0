//! Records for readers: executions, states, log lines, jobs, processes.

use serde_json::value::RawValue;

use super::words::{error, json_text, log_unreadable, trace_id};
use super::{Columns, corrupt, readable_rows};
use crate::store::{
    Erasure, ExecutionRecord, ExecutionState, LimitRecord, LogLevel, LogLine, LogPage, LogPlace,
    LogQuery, LogRecord, ProcessRecord, PublishedJob, RecentOutcome, ScheduledTime, SessionId,
    SessionPublication,
};
use crate::time::Timestamp;

/// Reads a row of `read/execution.sql`, without the attempts.
pub(in crate::store) fn execution<R: Columns>(row: &R) -> Result<ExecutionRecord, R::Error> {
    let result = row.opt_json("result")?;
    let (triggered_by, scheduled) = ScheduledTime::split(row.text("triggered_by")?);
    let duration = row.opt_integer("duration_ms")?;
    Ok(ExecutionRecord {
        id: row.id("id")?,
        job_id: row.text("job_id")?,
        status: row.word("execution_status")?,
        queue: row.text("queue")?,
        priority: row.integer("priority")?,
        payload: json_text("payload", row.json("payload")?)?,
        result: result.map(|text| json_text("result", text)).transpose()?,
        error: error(
            row.opt_json("error_kind")?.as_deref(),
            row.opt_text("error_message")?,
        ),
        progress: row.integer("progress")?,
        progress_message: row.opt_text("progress_message")?,
        attempt: row.integer("attempt")?,
        max_attempts: row.integer("max_attempts")?,
        attempts: Vec::new(),
        created_at: row.time("created_at")?,
        run_at: row.time("run_at")?,
        expires_at: row.opt_time("expires_at")?,
        started_at: row.opt_time("started_at")?,
        finished_at: row.opt_time("finished_at")?,
        cancel_requested_at: row.opt_time("cancel_requested_at")?,
        duration_ms: duration.map(|millis| u64::try_from(millis).unwrap_or(0)),
        triggered_by,
        scheduled,
        created_by: row.opt_text("created_by")?,
        item_id: row.opt_text("item_id")?,
        correlation_id: row.opt_text("correlation_id")?,
        tags: row.opt_texts("tags")?.unwrap_or_default(),
        parent_id: row.opt_id("parent_id")?,
        trace_id: row.opt_text("trace_parent")?.as_deref().and_then(trace_id),
        erased: erasure(row)?,
    })
}

/// Reads the erasure of an execution, if it was erased.
pub(in crate::store) fn erasure<R: Columns>(row: &R) -> Result<Option<Erasure>, R::Error> {
    let at = row.opt_integer("erased_at")?;
    let by = row.opt_text("erased_by")?;
    Ok(at.map(|at| Erasure {
        at: Timestamp::from_millis(at),
        by,
    }))
}

/// Reads the rows of `read/execution_states.sql`.
pub(in crate::store) fn states<R: Columns>(rows: &[R]) -> Result<Vec<ExecutionState>, R::Error> {
    readable_rows("an execution", rows, |row| {
        Ok(ExecutionState {
            execution_id: row.id("id")?,
            job_id: row.text("job_id")?,
            queue: row.text("queue")?,
            status: row.word("execution_status")?,
        })
    })
}

/// Reads the rows of `read/recent_outcomes.sql`.
pub(in crate::store) fn recent_outcomes<R: Columns>(
    rows: &[R],
) -> Result<Vec<RecentOutcome>, R::Error> {
    readable_rows("an outcome", rows, |row| {
        Ok(RecentOutcome {
            job_id: row.text("job_id")?,
            status: row.word("status")?,
            attempt: row.integer("attempt")?,
            created_at: row.time("created_at")?,
            due_at: row.time("run_at")?,
            started_at: row.opt_time("started_at")?,
            finished_at: row.time("finished_at")?,
        })
    })
}

/// The first and the last job of a list of limits, for the range of its statement.
pub(in crate::store) fn job_range(job_id: Option<String>) -> (String, String) {
    match job_id {
        Some(job_id) => (job_id.clone(), job_id),
        None => (String::new(), char::MAX.to_string()),
    }
}

/// The number at which the executions that wait for a limit are no longer counted.
pub(in crate::store) const MAX_WAITERS: i64 = 1_000;

/// Reads the rows of `limits/list.sql`.
pub(in crate::store) fn limits<R: Columns>(rows: &[R]) -> Result<Vec<LimitRecord>, R::Error> {
    readable_rows("a limit", rows, |row| {
        let period = row.opt_integer("period_ms")?;
        let paused_until = row.time("paused_until")?;
        Ok(LimitRecord {
            key: row.text("key")?,
            job_id: row.text("job_id")?,
            kind: row.json("kind")?,
            count: row.integer("count")?,
            period_ms: period.map(i64::unsigned_abs),
            in_use: row.integer("in_use")?,
            waiting: row.integer("waiting")?,
            paused_until: (paused_until > Timestamp::default()).then_some(paused_until),
        })
    })
}

/// Reads the columns of a log line.
pub(in crate::store) fn log_line<R: Columns>(row: &R) -> Result<LogRecord, R::Error> {
    let fields = row.opt_json("fields")?.map(RawValue::from_string);
    Ok(LogRecord {
        attempt: row.integer("attempt")?,
        line: LogLine {
            line: row.integer("line")?,
            at: row.time("at")?,
            level: LogLevel::of_severity(row.integer("level")?),
            target: row.text("target")?,
            message: row.text("message")?,
            fields: fields
                .transpose()
                .map_err(|error| corrupt("fields", error))?,
        },
    })
}

/// Returns the first place of a page of log lines, and the number of rows to read for it. One row
/// more than the page has shows whether another page follows.
pub(in crate::store) fn log_page_start(query: &LogQuery) -> (LogPlace, i64) {
    let start = LogPlace {
        attempt: 0,
        line: 0,
    };
    let rows = i64::try_from(query.limit).unwrap_or(i64::MAX - 1) + 1;
    (query.after.unwrap_or(start), rows)
}

/// Reads the rows of `read/logs.sql`; `None` if the execution does not exist.
pub(in crate::store) fn log_page<R: Columns>(
    rows: &[R],
    query: &LogQuery,
) -> Result<Option<LogPage>, R::Error> {
    if rows.is_empty() {
        return Ok(None);
    }
    let mut lines = Vec::with_capacity(rows.len());
    for row in rows {
        // An execution without lines has one row of NULLs.
        if row.opt_integer("attempt")?.is_some() {
            lines.push(log_line(row)?);
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

/// Reads publications.
pub(in crate::store) fn jobs<R: Columns>(rows: &[R]) -> Result<Vec<PublishedJob>, R::Error> {
    readable_rows("a publication", rows, |row| {
        let descriptor = serde_json::from_str(&row.json("descriptor")?);
        Ok(PublishedJob {
            descriptor: match descriptor {
                Ok(descriptor) => descriptor,
                Err(error) => {
                    let what = format!("the descriptor of job `{}`", row.text("job_id")?);
                    return Err(corrupt(&what, error).into());
                }
            },
            fingerprint: row.json("fingerprint")?,
            published_at: row.time("published_at")?,
        })
    })
}

/// Reads the rows of `session/publications.sql`.
pub(in crate::store) fn session_publications<R: Columns>(
    rows: &[R],
) -> Result<Vec<SessionPublication>, R::Error> {
    readable_rows("a publication", rows, |row| {
        Ok(SessionPublication {
            session: SessionId(row.integer("session")?),
            job_id: row.text("job_id")?,
            fingerprint: row.json("fingerprint")?,
            published_at: row.time("published_at")?,
        })
    })
}

/// Reads the rows of `session/processes.sql`. Slot caps that this program does not know are left
/// out.
pub(in crate::store) fn processes<R: Columns>(rows: &[R]) -> Result<Vec<ProcessRecord>, R::Error> {
    let process = |row: &R| -> Result<_, R::Error> {
        let session = SessionId(row.integer("id")?);
        let slot_caps = row.opt_json("slot_caps")?;
        let external = row.opt_json("external")?;
        let external = external.and_then(|text| serde_json::from_str(&text).ok());
        let slot_caps = slot_caps.map_or(Ok(Vec::new()), |text| serde_json::from_str(&text));
        Ok(ProcessRecord {
            session,
            worker: row.text("worker")?,
            opened_at: row.time("opened_at")?,
            renewed_at: row.time("renewed_at")?,
            job_ids: row.opt_texts("job_ids")?,
            queues: row.opt_texts("queues")?,
            labels: row.opt_texts("labels")?.unwrap_or_default(),
            running: row.integer("running")?,
            slot_caps: slot_caps.unwrap_or_else(|error| {
                log_unreadable(
                    format_args!("session {session}"),
                    "slot caps",
                    &error.to_string(),
                );
                Vec::new()
            }),
            external,
        })
    };
    rows.iter().map(process).collect()
}
