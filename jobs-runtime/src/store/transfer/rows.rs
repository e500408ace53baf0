//! Rows of transferred executions, for the statements that insert them.

use std::collections::HashMap;

use jobs::ExecutionError;
use serde_json::value::RawValue;

use super::{TransferredAttempt, TransferredExecution, TransferredOutcome, TransferredState};
use crate::store::rules::execution_rows::Hex;
use crate::store::{Erasure, Limit, LogRecord};
use crate::time::Timestamp;

/// The closed sessions that an import creates for the workers of the other store, by worker.
#[derive(Default)]
pub(in crate::store) struct Sessions<'a>(HashMap<&'a str, i64>);

impl<'a> Sessions<'a> {
    /// Returns the workers of an execution that have no session yet.
    pub(in crate::store) fn missing(&self, execution: &'a TransferredExecution) -> Vec<&'a str> {
        let mut workers: Vec<_> = execution
            .attempts
            .iter()
            .map(|attempt| attempt.worker.as_str())
            .collect();
        if let TransferredState::Final(outcome) = &execution.state {
            workers.extend(outcome.worker.as_deref());
        }
        workers.retain(|worker| !self.0.contains_key(worker));
        workers.dedup();
        workers
    }

    pub(in crate::store) fn insert(&mut self, worker: &'a str, session: i64) {
        self.0.insert(worker, session);
    }

    fn of(&self, worker: Option<&str>) -> Option<i64> {
        self.0.get(worker?).copied()
    }
}

pub(in crate::store) type Text<'a> = Option<&'a str>;
/// seq, status, finished, attempt, outcome, session, started, error, progress, result
pub(in crate::store) type OutcomeRow<'a> = (
    i64,
    &'static str,
    i64,
    u32,
    Text<'static>,
    Option<i64>,
    Option<i64>,
    Text<'static>,
    Text<'a>,
    u8,
    Text<'a>,
    Text<'a>,
);
/// seq, attempt, outcome, session, started, finished, next, error, progress, result
pub(in crate::store) type AttemptRow<'a> = (
    i64,
    u32,
    &'static str,
    Option<i64>,
    i64,
    i64,
    Option<i64>,
    Text<'static>,
    Text<'a>,
    u8,
    Text<'a>,
    Text<'a>,
);

/// seq, attempt, line, at, level, target, message, fields
pub(in crate::store) type LogRow<'a> = (i64, u32, u32, i64, u8, &'a str, &'a str, Text<'a>);

/// The time at which the session of an imported attempt counts as closed. It stays as long as the
/// longest key keeps the execution.
pub(in crate::store) fn closed_at(execution: &TransferredExecution) -> i64 {
    let keys = execution.keys.iter().map(|key| key.expires_at);
    let created_at = execution.request.created_at;
    keys.fold(created_at, Timestamp::max).as_millis()
}

/// The rows beside those of the executions, as the stores' `import_places` statements read them.
#[derive(Default)]
pub(in crate::store) struct Rows<'a> {
    pub(in crate::store) ready: Vec<(i64, u32, u32)>,
    pub(in crate::store) scheduled: Vec<(i64, i64, u32, u32)>,
    pub(in crate::store) outcomes: Vec<OutcomeRow<'a>>,
    pub(in crate::store) attempts: Vec<AttemptRow<'a>>,
    pub(in crate::store) keys: Vec<(&'a str, &'a str, Hex, &'a str, i64)>,
    pub(in crate::store) logs: Vec<LogRow<'a>>,
    /// New waiters: their permits are not granted.
    pub(in crate::store) blocked: Vec<(i64, u32, u32)>,
    /// seq, limits, and whether the execution counts against `max_waiting`
    pub(in crate::store) limited: Vec<(i64, &'a [Limit], bool)>,
    pub(in crate::store) waiting: Vec<(i64, &'a str)>,
    /// job, kind, key, execution
    pub(in crate::store) names: Vec<(&'a str, &'static str, &'a str, Hex)>,
    /// seq and time of expiry
    pub(in crate::store) expirations: Vec<(i64, i64)>,
    /// seq, time and author of the erasure
    pub(in crate::store) erasures: Vec<(i64, i64, Text<'a>)>,
}

impl<'a> Rows<'a> {
    /// Adds the rows of the execution with the row number `seq`.
    pub(in crate::store) fn add(
        &mut self,
        seq: i64,
        execution: &'a TransferredExecution,
        sessions: &Sessions<'_>,
    ) {
        let rules = &execution.request.rules;
        let capped = rules.max_waiting.is_some();
        if capped || !rules.limits.is_empty() {
            self.limited.push((seq, &rules.limits, capped));
        }
        let is_waiting = matches!(
            execution.state,
            TransferredState::Queued { .. } | TransferredState::Scheduled { .. }
        );
        if capped && is_waiting {
            self.waiting.push((seq, &execution.request.job_id));
        }
        if let Some(at) = execution.request.expires_at.filter(|_| is_waiting) {
            self.expirations.push((seq, at.as_millis()));
        }
        match &execution.state {
            TransferredState::Queued { attempt, spent } if rules.limits.is_empty() => {
                self.ready.push((seq, *attempt, *spent));
            }
            TransferredState::Queued { attempt, spent } => {
                self.blocked.push((seq, *attempt, *spent));
            }
            TransferredState::Scheduled {
                run_at,
                attempt,
                spent,
            } => self
                .scheduled
                .push((seq, run_at.as_millis(), *attempt, *spent)),
            TransferredState::Final(outcome) => {
                self.outcomes.push(outcome_row(seq, outcome, sessions));
            }
            TransferredState::Running => {}
        }
        let attempts = execution.attempts.iter();
        self.attempts
            .extend(attempts.map(|attempt| attempt_row(seq, attempt, sessions)));
        self.logs
            .extend(execution.logs.iter().map(|record| log_row(seq, record)));
        if let Some(Erasure { at, by }) = &execution.erased {
            self.erasures.push((seq, at.as_millis(), by.as_deref()));
        }
        let request = &execution.request;
        let names = execution.names.iter();
        self.names.extend(names.map(|(kind, key)| {
            (
                request.job_id.as_str(),
                kind.as_str(),
                key.as_str(),
                Hex(request.id),
            )
        }));
        self.keys.extend(execution.keys.iter().map(|key| {
            (
                request.job_id.as_str(),
                key.key.as_str(),
                Hex(request.id),
                key.payload_digest.as_str(),
                key.expires_at.as_millis(),
            )
        }));
    }
}

fn outcome_row<'a>(
    seq: i64,
    outcome: &'a TransferredOutcome,
    sessions: &Sessions<'_>,
) -> OutcomeRow<'a> {
    let (kind, message) = error_columns(outcome.error.as_ref());
    (
        seq,
        outcome.status.as_str(),
        outcome.finished_at.as_millis(),
        outcome.attempt,
        outcome.outcome.map(|outcome| outcome.as_str()),
        sessions.of(outcome.worker.as_deref()),
        outcome.started_at.map(|at| at.as_millis()),
        kind,
        message,
        outcome.progress,
        outcome.progress_message.as_deref(),
        outcome.result.as_deref(),
    )
}

fn attempt_row<'a>(
    seq: i64,
    attempt: &'a TransferredAttempt,
    sessions: &Sessions<'_>,
) -> AttemptRow<'a> {
    let (kind, message) = error_columns(attempt.error.as_ref());
    (
        seq,
        attempt.number,
        attempt.outcome.as_str(),
        sessions.of(Some(&attempt.worker)),
        attempt.started_at.as_millis(),
        attempt.finished_at.as_millis(),
        attempt.retry_at.map(|at| at.as_millis()),
        kind,
        message,
        attempt.progress,
        attempt.progress_message.as_deref(),
        attempt.result.as_deref(),
    )
}

fn log_row(seq: i64, record: &LogRecord) -> LogRow<'_> {
    let LogRecord { attempt, line } = record;
    (
        seq,
        *attempt,
        line.line,
        line.at.as_millis(),
        line.level.severity(),
        &line.target,
        &line.message,
        line.fields.as_deref().map(RawValue::get),
    )
}

fn error_columns(error: Option<&ExecutionError>) -> (Text<'static>, Text<'_>) {
    let kind = error.map(|error| error.kind.as_str());
    (kind, error.map(|error| error.message.as_str()))
}
