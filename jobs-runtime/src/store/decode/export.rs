//! Pages of an export: whole executions, put together from the rows of several statements.

use std::collections::{HashMap, HashSet};

use super::words::error;
use super::{Columns, corrupt, readable, records};
use crate::store::rules::retry_text::RetryText;
use crate::store::{
    Cursor, DedupKind, EnqueueRules, Export, IdempotencyKey, Limit, LimitRule, NewExecution,
    PausedRate, Rate, StoreError, TransferredAttempt, TransferredExecution, TransferredOutcome,
    TransferredState,
};
use crate::time::Timestamp;

/// A page ends after this many bytes of payloads, results and log lines, whatever its limit.
const PAGE_BYTES: usize = 4 << 20;

/// A page of an export that is being read.
#[derive(Default)]
pub(in crate::store) struct ExportedPage {
    executions: Vec<TransferredExecution>,
    /// The place of each seq. Executions that this program cannot read have none.
    places: HashMap<i64, usize>,
    /// The seqs of the page, also those that this program cannot read.
    seqs: Vec<i64>,
    /// The places of executions with a row that this program cannot read.
    incomplete: HashSet<usize>,
}

impl ExportedPage {
    /// Reads the rows of `transfer/export_executions.sql`, in ascending order of seq.
    pub(in crate::store) fn of<R: Columns>(rows: &[R]) -> Result<Self, R::Error> {
        let mut page = Self::default();
        let mut retries = RetryText::default();
        let mut bytes = 0;
        for row in rows {
            if bytes > PAGE_BYTES {
                break;
            }
            let seq = row.integer("seq")?;
            page.seqs.push(seq);
            let name = format_args!("the execution in row {seq}");
            let Some(execution) = readable(name, execution(row, &mut retries))? else {
                continue;
            };
            bytes += execution.request.payload.len();
            let log_bytes: Option<i64> = row.opt_integer("log_bytes")?;
            bytes += usize::try_from(log_bytes.unwrap_or(0)).unwrap_or(0);
            if let TransferredState::Final(outcome) = &execution.state {
                bytes += outcome.result.as_ref().map_or(0, String::len);
            }
            page.places.insert(seq, page.executions.len());
            page.executions.push(execution);
        }
        Ok(page)
    }

    /// Returns the seqs of the page, in ascending order.
    pub(in crate::store) fn seqs(&self) -> Vec<i64> {
        self.seqs.clone()
    }

    pub(in crate::store) fn add_attempts<R: Columns>(
        &mut self,
        rows: &[R],
    ) -> Result<(), R::Error> {
        self.add(rows, attempt, |execution| &mut execution.attempts)
    }

    pub(in crate::store) fn add_logs<R: Columns>(&mut self, rows: &[R]) -> Result<(), R::Error> {
        self.add(rows, records::log_line, |execution| &mut execution.logs)
    }

    pub(in crate::store) fn add_keys<R: Columns>(&mut self, rows: &[R]) -> Result<(), R::Error> {
        self.add(rows, key, |execution| &mut execution.keys)
    }

    pub(in crate::store) fn add_limits<R: Columns>(&mut self, rows: &[R]) -> Result<(), R::Error> {
        self.add(rows, limit, |execution| &mut execution.request.rules.limits)
    }

    pub(in crate::store) fn add_names<R: Columns>(&mut self, rows: &[R]) -> Result<(), R::Error> {
        self.add(rows, dedup_key, |execution| &mut execution.names)
    }

    fn add<R: Columns, T>(
        &mut self,
        rows: &[R],
        read: fn(&R) -> Result<T, R::Error>,
        list: fn(&mut TransferredExecution) -> &mut Vec<T>,
    ) -> Result<(), R::Error> {
        for row in rows {
            let seq = row.integer("seq")?;
            if let Some(&place) = self.places.get(&seq) {
                let name = format_args!("a row of the execution in row {seq}");
                match readable(name, read(row))? {
                    Some(one) => list(&mut self.executions[place]).push(one),
                    None => drop(self.incomplete.insert(place)),
                }
            }
        }
        Ok(())
    }

    /// Ends the page, without the executions that lack a row.
    pub(in crate::store) fn into_complete(self) -> Vec<TransferredExecution> {
        let executions = self.executions.into_iter().enumerate();
        let complete = executions.filter(|(place, _)| !self.incomplete.contains(place));
        complete.map(|(_, execution)| execution).collect()
    }

    /// Ends the page.
    pub(in crate::store) fn into_export(self) -> Export {
        Export {
            executions: self.executions,
            next: self.seqs.last().copied().map(Cursor),
        }
    }
}

fn execution<R: Columns>(
    row: &R,
    retries: &mut RetryText,
) -> Result<TransferredExecution, R::Error> {
    let (created_at, run_at) = (row.time("created_at")?, row.time("run_at")?);
    let timeout_ms = row.opt_integer("timeout_ms")?;
    let request = NewExecution {
        queue: row.text("queue")?,
        priority: row.integer("priority")?,
        payload: row.json("payload")?,
        policy: retries.read(
            timeout_ms.map(|millis| u64::try_from(millis).unwrap_or(0)),
            row.integer("max_attempts")?,
            &row.json("retry")?,
        )?,
        run_at: (run_at != created_at).then_some(run_at),
        expires_at: row.opt_time("expires_at")?,
        correlation_id: row.opt_text("correlation_id")?,
        item_id: row.opt_text("item_id")?,
        created_by: row.opt_text("created_by")?,
        tags: row.opt_texts("tags")?.unwrap_or_default(),
        parent_id: row.opt_id("parent_id")?,
        triggered_by: row.text("triggered_by")?,
        trace_parent: row.opt_text("trace_parent")?,
        rules: EnqueueRules {
            // The job states its own number at its next enqueue.
            max_waiting: row.flag("capped")?.then_some(u32::MAX),
            ..EnqueueRules::default()
        },
        ..NewExecution::new(row.id("id")?, &row.text("job_id")?, created_at)
    };
    Ok(TransferredExecution {
        request,
        state: state(row)?,
        attempts: Vec::new(),
        logs: Vec::new(),
        keys: Vec::new(),
        names: Vec::new(),
        erased: records::erasure(row)?,
    })
}

fn state<R: Columns>(row: &R) -> Result<TransferredState, R::Error> {
    Ok(match row.opt_json("place")?.as_deref() {
        Some("queued") => TransferredState::Queued {
            attempt: row.integer("attempt")?,
            spent: row.integer("spent")?,
        },
        Some("scheduled") => TransferredState::Scheduled {
            run_at: row.time("due_at")?,
            attempt: row.integer("attempt")?,
            spent: row.integer("spent")?,
        },
        Some("running") => TransferredState::Running,
        Some("final") => TransferredState::Final(Box::new(TransferredOutcome {
            status: row.word("status")?,
            finished_at: row.time("finished_at")?,
            attempt: row.integer("attempt")?,
            outcome: row.opt_word("outcome")?,
            worker: row.opt_text("worker")?,
            started_at: row.opt_time("started_at")?,
            error: error(
                row.opt_json("error_kind")?.as_deref(),
                row.opt_text("error_message")?,
            ),
            progress: row.integer("progress")?,
            progress_message: row.opt_text("progress_message")?,
            result: row.opt_json("result")?,
        })),
        _ => return Err(corrupt("an execution", "it has no state").into()),
    })
}

fn attempt<R: Columns>(row: &R) -> Result<TransferredAttempt, R::Error> {
    Ok(TransferredAttempt {
        number: row.integer("attempt")?,
        outcome: row.word("outcome")?,
        worker: row.text("worker")?,
        started_at: row.time("started_at")?,
        finished_at: row.time("finished_at")?,
        retry_at: row.opt_time("retry_at")?,
        error: error(
            row.opt_json("error_kind")?.as_deref(),
            row.opt_text("error_message")?,
        ),
        progress: row.integer("progress")?,
        progress_message: row.opt_text("progress_message")?,
        result: row.opt_json("result")?,
    })
}

fn key<R: Columns>(row: &R) -> Result<IdempotencyKey, R::Error> {
    Ok(IdempotencyKey {
        key: row.text("key")?,
        payload_digest: row.text("payload_digest")?,
        expires_at: row.time("expires_at")?,
    })
}

fn limit<R: Columns>(row: &R) -> Result<Limit, R::Error> {
    let (kind, count) = (row.json("kind")?, row.integer("count")?);
    Ok(Limit {
        rule: rule(&kind, count, row.opt_integer("period_ms")?)?,
        key: row.text("key")?,
        job_id: row.text("job_id")?,
    })
}

/// Reads the rule of a limit.
pub(in crate::store) fn rule(
    kind: &str,
    count: i64,
    period_ms: Option<i64>,
) -> Result<LimitRule, StoreError> {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    match kind {
        "concurrent" => Ok(LimitRule::Concurrent { count }),
        "rate" => Ok(LimitRule::Rate(Rate {
            count,
            period_ms: period_ms.and_then(|it| it.try_into().ok()).unwrap_or(1),
        })),
        other => Err(corrupt("a limit", format!("its kind is `{other}`"))),
    }
}

/// Reads the rows of `transfer/paused_rates.sql`.
pub(in crate::store) fn paused_rates<R: Columns>(rows: &[R]) -> Result<Vec<PausedRate>, R::Error> {
    let rates = rows.iter().map(|row| {
        Ok(PausedRate {
            limit: limit(row)?,
            stage: row.integer("stage")?,
            until: Timestamp::from_millis(row.integer("until")?),
        })
    });
    rates.collect()
}

fn dedup_key<R: Columns>(row: &R) -> Result<(DedupKind, String), R::Error> {
    let kind = row.json("kind")?;
    let kind = DedupKind::of(&kind).ok_or_else(|| corrupt("a unique key", &kind))?;
    Ok((kind, row.text("key")?))
}
