//! Log lines about attempts: a warning for each failure, an error for the last one of an execution.
//!
//! The setting `log_attempts` adds a line at level INFO for each start and each other end. All
//! lines have the target `jobs_runtime::attempts`.

use jobs::{AttemptOutcome, ExecutionId};

use crate::store::{Next, Settlement};

/// The target of the lines.
const TARGET: &str = "jobs_runtime::attempts";

/// The most characters of an error message. The store keeps all of it.
const MESSAGE_CHARS: usize = 1_000;

/// Logs the start of an attempt.
pub(super) fn started(job: &str, execution: ExecutionId, attempt: u32) {
    tracing::info!(target: TARGET, job, %execution, attempt, "attempt started");
}

/// Logs the end of an attempt: a failure always, another outcome if `logs_all`.
pub(crate) fn ended(job: &str, settlement: &Settlement, logs_all: bool) {
    let execution = settlement.execution_id;
    let attempt = settlement.fence.attempt;
    let end = &settlement.end;
    let took = end.finished_at.since(end.started_at);
    let outcome = end.outcome;
    let is_failure = matches!(
        outcome,
        AttemptOutcome::Failed
            | AttemptOutcome::TimedOut
            | AttemptOutcome::Panicked
            | AttemptOutcome::Lost
    );
    if let (AttemptOutcome::Released, Some(error)) = (outcome, &end.error) {
        let error = shortened(&error.message);
        tracing::warn!(target: TARGET, job, %execution, attempt, error, "attempt released");
        return;
    }
    if !is_failure {
        if logs_all {
            tracing::info!(target: TARGET, job, %execution, attempt, %outcome, ?took, "attempt ended");
        }
        return;
    }
    let (kind, error) = match &end.error {
        Some(error) => (error.kind.as_str(), shortened(&error.message)),
        None => (outcome.as_str(), ""),
    };
    match &settlement.next {
        Next::RetryAt(next) => tracing::warn!(
            target: TARGET,
            job, %execution, attempt, kind, error, ?took, %next,
            "attempt failed"
        ),
        Next::Fail => tracing::error!(
            target: TARGET,
            job, %execution, attempt, kind, error, ?took,
            "execution failed: no attempt follows"
        ),
        _ => tracing::warn!(
            target: TARGET,
            job, %execution, attempt, kind, error, ?took,
            "attempt failed"
        ),
    }
}

/// The first part of a message.
fn shortened(message: &str) -> &str {
    match message.char_indices().nth(MESSAGE_CHARS) {
        Some((end, _)) => &message[..end],
        None => message,
    }
}
