//! An execution in an archive: one JSON object with everything that the store keeps of it.

use jobs::{AttemptOutcome, ExecutionError, ExecutionId, ExecutionStatus};
use serde::{Deserialize, Serialize};

use super::json_text::JsonText;
use crate::store::{
    DedupKind, EnqueueRules, Erasure, ExecutionPolicy, IdempotencyKey, Limit, LimitRule, LogLine,
    LogRecord, NewExecution, TransferredAttempt, TransferredExecution, TransferredOutcome,
    TransferredState,
};
use crate::time::Timestamp;

/// A final execution with its attempts and log lines.
///
/// Its JSON form is a line of an archive: `docs/archive.md` lists the members. `#[sensitive]`
/// fields are in it as the store keeps them.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArchivedExecution {
    id: ExecutionId,
    job_id: String,
    status: ExecutionStatus,
    queue: String,
    priority: u8,
    pub(crate) payload: JsonText,
    result: Option<JsonText>,
    error: Option<ExecutionError>,
    progress: u8,
    progress_message: Option<String>,
    created_at: Timestamp,
    run_at: Option<Timestamp>,
    finished_at: Timestamp,
    /// The number of the last attempt; 0 without one.
    attempt: u32,
    /// Every attempt. The last one has the number `attempt`.
    attempts: Vec<ArchivedAttempt>,
    logs: Vec<ArchivedLine>,
    policy: ExecutionPolicy,
    triggered_by: String,
    created_by: Option<String>,
    correlation_id: Option<String>,
    item_id: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    parent_id: Option<ExecutionId>,
    trace_parent: Option<String>,
    erased: Option<ArchivedErasure>,
    #[serde(default)]
    limits: Vec<ArchivedLimit>,
    #[serde(default)]
    keys: Vec<ArchivedKey>,
    /// The job has `max_waiting`.
    #[serde(default)]
    capped: bool,
    /// The last attempt has ended the execution, so it is the last one of `attempts`.
    ended_by_attempt: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ArchivedAttempt {
    number: u32,
    outcome: AttemptOutcome,
    worker: Option<String>,
    started_at: Option<Timestamp>,
    finished_at: Timestamp,
    retry_at: Option<Timestamp>,
    error: Option<ExecutionError>,
    progress: u8,
    progress_message: Option<String>,
    /// The result of an attempt that an operator has retried.
    result: Option<JsonText>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct ArchivedLine {
    attempt: u32,
    line: u32,
    at: Timestamp,
    level: String,
    target: String,
    message: String,
    fields: Option<JsonText>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct ArchivedErasure {
    at: Timestamp,
    by: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ArchivedLimit {
    key: String,
    job_id: String,
    rule: LimitRule,
}

/// A key that named the execution: `idempotency`, `unique` or `debounce`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ArchivedKey {
    kind: String,
    key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    payload_digest: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
}

impl ArchivedExecution {
    /// Returns the id.
    pub fn id(&self) -> ExecutionId {
        self.id
    }

    /// Returns the job id under which it was enqueued.
    pub fn job_id(&self) -> &str {
        &self.job_id
    }

    /// Returns the final status.
    pub fn status(&self) -> ExecutionStatus {
        self.status
    }

    /// Returns the time at which it became final.
    pub fn finished_at(&self) -> Timestamp {
        self.finished_at
    }

    /// Returns whether its payload was erased.
    pub fn is_erased(&self) -> bool {
        self.erased.is_some()
    }

    /// The messages of errors, progress and log lines.
    #[cfg(feature = "cli")]
    pub(crate) fn texts_mut(&mut self) -> impl Iterator<Item = &mut String> {
        let attempts = self.attempts.iter_mut().flat_map(|attempt| {
            let error = attempt.error.as_mut().map(|error| &mut error.message);
            error.into_iter().chain(&mut attempt.progress_message)
        });
        let error = self.error.as_mut().map(|error| &mut error.message);
        let lines = self.logs.iter_mut().map(|line| &mut line.message);
        attempts
            .chain(error)
            .chain(&mut self.progress_message)
            .chain(lines)
    }

    /// The results, and the fields of log lines.
    #[cfg(feature = "cli")]
    pub(crate) fn json_texts_mut(&mut self) -> impl Iterator<Item = &mut JsonText> {
        let attempts = self.attempts.iter_mut();
        let results = attempts.filter_map(|attempt| attempt.result.as_mut());
        let fields = self.logs.iter_mut().filter_map(|line| line.fields.as_mut());
        results.chain(&mut self.result).chain(fields)
    }

    /// Returns the archived form of an execution; `None` if it is not final.
    pub fn of(execution: TransferredExecution) -> Option<Self> {
        let TransferredState::Final(outcome) = execution.state else {
            return None;
        };
        let outcome = *outcome;
        let request = execution.request;
        let mut attempts: Vec<_> = execution.attempts.into_iter().map(attempt).collect();
        attempts.extend(last_attempt(&outcome));
        let names = execution.names.into_iter().map(|(kind, key)| ArchivedKey {
            kind: kind.as_str().to_owned(),
            key,
            payload_digest: None,
            expires_at: None,
        });
        let keys = execution.keys.into_iter().map(|key| ArchivedKey {
            kind: IDEMPOTENCY.to_owned(),
            key: key.key,
            payload_digest: Some(key.payload_digest),
            expires_at: Some(key.expires_at),
        });
        let limits = request.rules.limits.into_iter().map(|limit| ArchivedLimit {
            key: limit.key,
            job_id: limit.job_id,
            rule: limit.rule,
        });
        Some(Self {
            id: request.id,
            job_id: request.job_id,
            status: outcome.status,
            queue: request.queue,
            priority: request.priority,
            payload: JsonText(request.payload),
            result: outcome.result.map(JsonText),
            error: outcome.error,
            progress: outcome.progress,
            progress_message: outcome.progress_message,
            created_at: request.created_at,
            run_at: request.run_at,
            finished_at: outcome.finished_at,
            attempt: outcome.attempt,
            ended_by_attempt: outcome.outcome.is_some(),
            attempts,
            logs: execution.logs.into_iter().map(line).collect(),
            policy: request.policy,
            triggered_by: request.triggered_by,
            created_by: request.created_by,
            correlation_id: request.correlation_id,
            item_id: request.item_id,
            tags: request.tags,
            parent_id: request.parent_id,
            trace_parent: request.trace_parent,
            erased: execution.erased.map(|it| ArchivedErasure {
                at: it.at,
                by: it.by,
            }),
            limits: limits.collect(),
            capped: request.rules.max_waiting.is_some(),
            keys: names.chain(keys).collect(),
        })
    }

    /// Returns the execution as a store imports it.
    pub fn into_transferred(mut self) -> TransferredExecution {
        let last = if self.ended_by_attempt {
            self.attempts.pop()
        } else {
            None
        };
        let mut execution = TransferredExecution {
            request: NewExecution {
                queue: self.queue,
                priority: self.priority,
                payload: self.payload.0,
                policy: self.policy,
                run_at: self.run_at,
                correlation_id: self.correlation_id,
                item_id: self.item_id,
                created_by: self.created_by,
                tags: self.tags,
                parent_id: self.parent_id,
                triggered_by: self.triggered_by,
                trace_parent: self.trace_parent,
                rules: EnqueueRules {
                    limits: self.limits.into_iter().map(limit).collect(),
                    max_waiting: self.capped.then_some(u32::MAX),
                    ..EnqueueRules::default()
                },
                ..NewExecution::new(self.id, &self.job_id, self.created_at)
            },
            state: TransferredState::Final(Box::new(TransferredOutcome {
                status: self.status,
                finished_at: self.finished_at,
                attempt: self.attempt,
                outcome: last.as_ref().map(|last| last.outcome),
                worker: last.as_ref().and_then(|last| last.worker.clone()),
                started_at: last.as_ref().and_then(|last| last.started_at),
                error: self.error,
                progress: self.progress,
                progress_message: self.progress_message,
                result: self.result.map(|result| result.0),
            })),
            attempts: self.attempts.into_iter().map(earlier_attempt).collect(),
            logs: self.logs.into_iter().map(log_record).collect(),
            keys: Vec::new(),
            names: Vec::new(),
            erased: self.erased.map(|it| Erasure {
                at: it.at,
                by: it.by,
            }),
        };
        for key in self.keys {
            match DedupKind::of(&key.kind) {
                Some(kind) => execution.names.push((kind, key.key)),
                None if key.kind == IDEMPOTENCY => execution.keys.push(IdempotencyKey {
                    key: key.key,
                    payload_digest: key.payload_digest.unwrap_or_default(),
                    expires_at: key.expires_at.unwrap_or_default(),
                }),
                // A newer program wrote it.
                None => {}
            }
        }
        execution
    }
}

/// The kind of an idempotency key among `keys`.
const IDEMPOTENCY: &str = "idempotency";

fn attempt(attempt: TransferredAttempt) -> ArchivedAttempt {
    ArchivedAttempt {
        number: attempt.number,
        outcome: attempt.outcome,
        worker: Some(attempt.worker),
        started_at: Some(attempt.started_at),
        finished_at: attempt.finished_at,
        retry_at: attempt.retry_at,
        error: attempt.error,
        progress: attempt.progress,
        progress_message: attempt.progress_message,
        result: attempt.result.map(JsonText),
    }
}

/// The attempt that has ended the execution, if one has. Its result is that of the execution.
fn last_attempt(outcome: &TransferredOutcome) -> Option<ArchivedAttempt> {
    Some(ArchivedAttempt {
        number: outcome.attempt,
        outcome: outcome.outcome?,
        worker: outcome.worker.clone(),
        started_at: outcome.started_at,
        finished_at: outcome.finished_at,
        retry_at: None,
        error: outcome.error.clone(),
        progress: outcome.progress,
        progress_message: outcome.progress_message.clone(),
        result: None,
    })
}

fn earlier_attempt(attempt: ArchivedAttempt) -> TransferredAttempt {
    TransferredAttempt {
        number: attempt.number,
        outcome: attempt.outcome,
        worker: attempt.worker.unwrap_or_default(),
        started_at: attempt.started_at.unwrap_or(attempt.finished_at),
        finished_at: attempt.finished_at,
        retry_at: attempt.retry_at,
        error: attempt.error,
        progress: attempt.progress,
        progress_message: attempt.progress_message,
        result: attempt.result.map(|result| result.0),
    }
}

fn limit(limit: ArchivedLimit) -> Limit {
    Limit {
        key: limit.key,
        job_id: limit.job_id,
        rule: limit.rule,
    }
}

fn line(LogRecord { attempt, line }: LogRecord) -> ArchivedLine {
    ArchivedLine {
        attempt,
        line: line.line,
        at: line.at,
        level: line.level.as_str().to_owned(),
        target: line.target,
        message: line.message,
        fields: line.fields.map(|fields| JsonText(fields.get().to_owned())),
    }
}

fn log_record(archived: ArchivedLine) -> LogRecord {
    let fields = archived.fields.map(|fields| fields.to_raw());
    LogRecord {
        attempt: archived.attempt,
        line: LogLine {
            line: archived.line,
            at: archived.at,
            level: archived
                .level
                .parse()
                .unwrap_or(crate::store::LogLevel::Info),
            target: archived.target,
            message: archived.message,
            fields,
        },
    }
}
