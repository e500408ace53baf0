//! Executions: the values that a store takes at enqueue and returns to readers.

use jobs::{AttemptOutcome, ExecutionError, ExecutionId, ExecutionStatus};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::store::{EnqueueRules, Erasure, ScheduledTime};
use crate::time::Timestamp;

/// An execution to create.
#[derive(Clone, Debug)]
pub struct NewExecution {
    /// The id, chosen by the caller.
    pub id: ExecutionId,
    /// The job.
    pub job_id: String,
    /// The queue.
    pub queue: String,
    /// The priority, 0–100. A higher one is claimed first.
    pub priority: u8,
    /// The payload: JSON text, stored byte for byte.
    pub payload: String,
    /// The policy. A later change of the job's policy does not affect it.
    pub policy: ExecutionPolicy,
    /// The time of creation: the present time of the fleet's clock. Lists by time expect that it
    /// grows from enqueue to enqueue, up to an hour of difference. An import may write other times.
    pub created_at: Timestamp,
    /// The time at which it becomes ready; at once if `None`.
    pub run_at: Option<Timestamp>,
    /// The time by which its first attempt must start: it is cancelled then, and no claim takes it
    /// any more. `None` for no such time.
    pub expires_at: Option<Timestamp>,
    /// The idempotency key: a repeated enqueue with the same key answers with this execution.
    pub idempotency_key: Option<IdempotencyKey>,
    /// The correlation id: the larger process that the execution is part of.
    pub correlation_id: Option<String>,
    /// The item id: the domain object that the execution is about.
    pub item_id: Option<String>,
    /// The user or program that created it.
    pub created_by: Option<String>,
    /// The tags.
    pub tags: Vec<String>,
    /// The execution whose handler enqueued it.
    pub parent_id: Option<ExecutionId>,
    /// The way in which it was enqueued, for example `api`.
    pub triggered_by: String,
    /// The trace context of the enqueue: a W3C `traceparent`, followed by a space and the
    /// `tracestate` if there is one.
    pub trace_parent: Option<String>,
    /// The rules: limits, uniqueness, debouncing, the largest backlog.
    pub rules: EnqueueRules,
}

impl NewExecution {
    /// Returns an execution of a job without options: ready at once, with the payload `{}`, the
    /// default queue, priority and policy.
    #[must_use]
    pub fn new(id: ExecutionId, job_id: &str, created_at: Timestamp) -> Self {
        Self {
            id,
            job_id: job_id.to_owned(),
            queue: jobs::DEFAULT_QUEUE.to_owned(),
            priority: 50,
            payload: "{}".to_owned(),
            policy: ExecutionPolicy {
                timeout_ms: Some(300_000),
                max_attempts: 4,
                retry_delays_ms: vec![30_000, 60_000, 120_000],
                retry_jitter: 0.0,
            },
            created_at,
            run_at: None,
            expires_at: None,
            idempotency_key: None,
            correlation_id: None,
            item_id: None,
            created_by: None,
            tags: Vec::new(),
            parent_id: None,
            triggered_by: "code".to_owned(),
            trace_parent: None,
            rules: EnqueueRules::default(),
        }
    }
}

/// The policy of an execution's attempts.
///
/// The store keeps it with the execution, so that a process that has not linked the job can also
/// decide what follows a failure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionPolicy {
    /// The timeout of an attempt in milliseconds; `None` for no timeout.
    pub timeout_ms: Option<u64>,
    /// The retry budget: the largest number of attempts that may be spent.
    pub max_attempts: u32,
    /// The delays between attempts in milliseconds; the last one repeats.
    pub retry_delays_ms: Vec<u64>,
    /// The fraction by which delays are randomly spread, 0–1.
    #[serde(default)]
    pub retry_jitter: f32,
}

/// An idempotency key: while it is kept, it creates at most one execution per job.
#[derive(Clone, Debug)]
pub struct IdempotencyKey {
    /// The caller's text.
    pub key: String,
    /// A digest of the payload as received. Another digest under the same key is a conflict.
    pub payload_digest: String,
    /// The time until which the key is kept.
    pub expires_at: Timestamp,
}

/// The answer to the enqueue of one execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnqueueAnswer {
    /// The execution exists.
    Created,
    /// The idempotency key names this execution. Nothing was created.
    Replayed(ExecutionId),
    /// This live execution has the same unique key. Nothing was created.
    Skipped(ExecutionId),
    /// This waiting execution has the same unique or debounce key and has received the payload.
    Merged(ExecutionId),
}

/// The decision of an enqueue that is only previewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnqueuePreview {
    /// The execution would be created.
    Created,
    /// Its idempotency key names this execution.
    Replayed(ExecutionId),
    /// This live execution has the same unique key.
    Skipped(ExecutionId),
    /// This waiting execution has the same unique key and would receive the payload.
    Replaced(ExecutionId),
    /// This waiting execution has the same debounce key. It would receive the payload and be due at
    /// this time.
    Merged(ExecutionId, Timestamp),
    /// Its idempotency key names this execution, which has another payload.
    IdempotencyConflict(ExecutionId),
    /// This live execution has the same unique key, whose rule is to reject.
    UniqueConflict(ExecutionId),
    /// The job's `max_waiting` would be exceeded.
    QueueFull(u32),
}

/// The status of an execution, without its other data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionState {
    /// The execution.
    pub execution_id: ExecutionId,
    /// The job.
    pub job_id: String,
    /// The queue.
    pub queue: String,
    /// The status.
    pub status: ExecutionStatus,
}

/// An execution as readers see it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionRecord {
    /// The id.
    pub id: ExecutionId,
    /// The job id under which it was enqueued.
    pub job_id: String,
    /// The status.
    pub status: ExecutionStatus,
    /// The queue.
    pub queue: String,
    /// The priority, 0–100.
    pub priority: u8,
    /// The payload.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub payload: Box<RawValue>,
    /// The result of the handler.
    #[schemars(with = "Option<serde_json::Value>")]
    pub result: Option<Box<RawValue>>,
    /// The error with which it failed, or the error of the last attempt while it waits for a retry.
    pub error: Option<ExecutionError>,
    /// The progress, 0–100.
    pub progress: u8,
    /// The message of the last progress report.
    pub progress_message: Option<String>,
    /// The number of the running or last attempt; 0 before the first.
    pub attempt: u32,
    /// The retry budget: the largest number of attempts that may be spent.
    pub max_attempts: u32,
    /// The ended attempts, first to last, then the running one. Empty in lists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<AttemptRecord>,
    /// The time at which it was enqueued.
    pub created_at: Timestamp,
    /// The time at which it became or becomes ready; while it waits for a retry, the time of that.
    pub run_at: Timestamp,
    /// The time by which its first attempt must start; `None` after that start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The time at which the running or last attempt started.
    pub started_at: Option<Timestamp>,
    /// The time at which it became final.
    pub finished_at: Option<Timestamp>,
    /// The time at which its cancellation was requested, while it runs.
    pub cancel_requested_at: Option<Timestamp>,
    /// The duration of the last attempt.
    pub duration_ms: Option<u64>,
    /// The way in which it was enqueued, for example `api`.
    pub triggered_by: String,
    /// The schedule that created it, and the time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheduled: Option<ScheduledTime>,
    /// The user or program that created it.
    pub created_by: Option<String>,
    /// The item id: the domain object that the execution is about.
    pub item_id: Option<String>,
    /// The correlation id: the larger process that the execution is part of.
    pub correlation_id: Option<String>,
    /// The tags.
    pub tags: Vec<String>,
    /// The execution whose handler enqueued it.
    pub parent_id: Option<ExecutionId>,
    /// The id of the trace that enqueued it.
    pub trace_id: Option<String>,
    /// The erasure of its payload, if it was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub erased: Option<Erasure>,
}

/// An attempt as readers see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AttemptRecord {
    /// The number, from 1.
    pub number: u32,
    /// The outcome; `None` while it runs.
    pub outcome: Option<AttemptOutcome>,
    /// The error.
    pub error: Option<ExecutionError>,
    /// The worker that executed it.
    pub worker: String,
    /// The time at which it started.
    pub started_at: Timestamp,
    /// The time at which it ended.
    pub finished_at: Option<Timestamp>,
    /// The time at which the next attempt was due; `None` if none follows.
    pub retry_at: Option<Timestamp>,
}
