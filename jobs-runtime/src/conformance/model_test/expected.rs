//! Expected records: the model's executions as readers see them.

use serde_json::value::RawValue;

use super::model::{Execution, Model, State};
use crate::conformance::fixtures::*;

impl Model {
    /// Returns the record of an execution, with its attempts.
    pub(super) fn record(&self, execution: &Execution) -> ExecutionRecord {
        let Execution {
            new, state, past, ..
        } = execution;
        let mut attempts: Vec<_> = past.iter().map(|ended| ended.record.clone()).collect();
        let last = attempts.last().cloned();
        let retry_at = last.as_ref().and_then(|last| last.retry_at);
        let mut record = ExecutionRecord {
            erased: None,
            id: new.id,
            job_id: new.job_id.clone(),
            status: execution.status(),
            queue: new.queue.clone(),
            priority: new.priority,
            payload: raw(&new.payload),
            result: None,
            error: last
                .as_ref()
                .filter(|_| retry_at.is_some())
                .and_then(|last| last.error.clone()),
            progress: 0,
            progress_message: None,
            attempt: execution.attempt,
            max_attempts: new.policy.max_attempts,
            attempts: Vec::new(),
            created_at: new.created_at,
            run_at: retry_at.or(new.run_at).unwrap_or(new.created_at),
            expires_at: new.expires_at,
            started_at: last.as_ref().map(|last| last.started_at),
            finished_at: None,
            cancel_requested_at: None,
            duration_ms: last.as_ref().and_then(duration),
            triggered_by: new.triggered_by.clone(),
            scheduled: None,
            created_by: new.created_by.clone(),
            item_id: new.item_id.clone(),
            correlation_id: new.correlation_id.clone(),
            tags: new.tags.clone(),
            parent_id: None,
            trace_id: None,
        };
        match state {
            State::Ready => {}
            State::Scheduled(at) => record.run_at = *at,
            State::Leased(lease) => {
                record.error = None;
                record.progress = lease.progress;
                record.progress_message.clone_from(&lease.message);
                record.started_at = Some(lease.claimed_at);
                record.duration_ms = None;
                record.cancel_requested_at = lease.cancel_requested_at;
                attempts.push(AttemptRecord {
                    number: execution.attempt,
                    outcome: None,
                    error: None,
                    worker: self.worker(lease.executed_by),
                    started_at: lease.claimed_at,
                    finished_at: None,
                    retry_at: None,
                });
            }
            State::Final(outcome) => {
                record.result = outcome.result.as_deref().map(raw);
                record.progress = outcome.progress;
                record.progress_message.clone_from(&outcome.message);
                record.finished_at = Some(outcome.finished_at);
                record.error = Some(cancelled_while_waiting());
                if let Some(ended) = &outcome.attempt {
                    record.error.clone_from(&ended.record.error);
                    record.started_at = Some(ended.record.started_at);
                    record.duration_ms = duration(&ended.record);
                    attempts.push(ended.record.clone());
                }
            }
        }
        record.attempts = attempts;
        record
    }
}

/// Returns a record as comparable text. Values that each store chooses itself are replaced.
pub(super) fn comparable(mut record: ExecutionRecord, retried_manually: bool) -> String {
    if record.status == ExecutionStatus::Cancelled
        && let Some(error) = record
            .error
            .as_mut()
            .filter(|e| e.kind == ErrorKind::Cancelled)
    {
        error.message = cancelled_while_waiting().message;
    }
    // Stores differ in the time at which a manual retry made it ready.
    if retried_manually && record.status != ExecutionStatus::Pending {
        record.run_at = record.created_at;
    }
    format!("{record:?}")
}

fn cancelled_while_waiting() -> ExecutionError {
    ExecutionError {
        kind: ErrorKind::Cancelled,
        message: "cancelled".to_owned(),
    }
}

fn duration(attempt: &AttemptRecord) -> Option<u64> {
    let took = attempt.finished_at?.since(attempt.started_at);
    u64::try_from(took.as_millis()).ok()
}

fn raw(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).expect("payloads and results are JSON")
}
