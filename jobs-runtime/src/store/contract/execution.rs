//! Executions on their way into a store and out of it.

use jobs::{AttemptOutcome, ExecutionError, ExecutionId, ExecutionStatus};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::store::EnqueueRules;
use crate::time::Timestamp;

/// An execution to create.
#[derive(Clone, Debug)]
pub struct NewExecution {
    /// Its id, made by the caller.
    pub id: ExecutionId,
    /// The job.
    pub job_id: String,
    /// The queue it waits in.
    pub queue: String,
    /// 0–100, higher first.
    pub priority: u8,
    /// JSON text, kept as it is.
    pub payload: String,
    /// The policy that it runs by, whatever its job's becomes.
    pub policy: ExecutionPolicy,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it becomes ready; at once if `None`.
    pub run_at: Option<Timestamp>,
    /// What makes a repeated enqueue answer with this one.
    pub idempotency_key: Option<IdempotencyKey>,
    /// What it belongs to.
    pub correlation_id: Option<String>,
    /// The thing it is about.
    pub item_id: Option<String>,
    /// Who wanted it.
    pub created_by: Option<String>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// The execution whose handler enqueued it.
    pub parent_id: Option<ExecutionId>,
    /// The way it came in.
    pub triggered_by: String,
    /// A W3C `traceparent`.
    pub trace_parent: Option<String>,
    /// What holds it back, and what makes it the same as another.
    pub rules: EnqueueRules,
}

/// How an execution is attempted: written down with it at enqueue, so that any process can decide
/// what follows a failure, also one that has not linked the job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionPolicy {
    /// Milliseconds per attempt; `None` for as long as it likes.
    pub timeout_ms: Option<u64>,
    /// Attempts that may be spent.
    pub max_attempts: u32,
    /// Milliseconds between attempts; the last one repeats.
    pub retry_delays_ms: Vec<u64>,
    /// The share by which delays are spread, 0–1.
    #[serde(default)]
    pub retry_jitter: f32,
}

/// A key that creates at most one execution per job while it is kept.
#[derive(Clone, Debug)]
pub struct IdempotencyKey {
    /// The caller's key.
    pub key: String,
    /// A digest of the payload as it came in, to tell a repetition from a mistake.
    pub payload_digest: String,
    /// Until when the key is kept.
    pub expires_at: Timestamp,
}

/// What became of an enqueued execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnqueueAnswer {
    /// It exists now.
    Created,
    /// Its idempotency key names this one.
    Replayed(ExecutionId),
    /// This one lives under its unique key.
    Skipped(ExecutionId),
    /// This one waits under its unique or debounce key, and has its payload by now.
    Merged(ExecutionId),
}

/// Where an execution stands, and no more of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionState {
    /// The execution.
    pub execution_id: ExecutionId,
    /// Its job.
    pub job_id: String,
    /// Where it is in its life.
    pub status: ExecutionStatus,
}

/// An execution as it is read and shown.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionRecord {
    /// Its id.
    pub id: ExecutionId,
    /// The job, under the id it was enqueued by.
    pub job_id: String,
    /// Where it is in its life.
    pub status: ExecutionStatus,
    /// The queue.
    pub queue: String,
    /// 0–100.
    pub priority: u8,
    /// What the handler receives.
    pub payload: Box<RawValue>,
    /// What the handler returned.
    pub result: Option<Box<RawValue>>,
    /// The failure it ended by, or that of the last attempt while it waits for a retry.
    pub error: Option<ExecutionError>,
    /// 0–100.
    pub progress: u8,
    /// What the handler says it is doing.
    pub progress_message: Option<String>,
    /// The number of the running or last attempt; 0 before the first.
    pub attempt: u32,
    /// Attempts that may be spent.
    pub max_attempts: u32,
    /// Ended attempts, first to last, then the running one. Empty in feeds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<AttemptRecord>,
    /// When it was enqueued.
    pub created_at: Timestamp,
    /// When it became or becomes ready; for one that waits for a retry, when that is.
    pub run_at: Timestamp,
    /// When its running or last attempt began.
    pub started_at: Option<Timestamp>,
    /// When it became final.
    pub finished_at: Option<Timestamp>,
    /// When its cancellation was requested, while it runs.
    pub cancel_requested_at: Option<Timestamp>,
    /// What the last attempt took.
    pub duration_ms: Option<u64>,
    /// The way it came in.
    pub triggered_by: String,
    /// Who wanted it.
    pub created_by: Option<String>,
    /// The thing it is about.
    pub item_id: Option<String>,
    /// What it belongs to.
    pub correlation_id: Option<String>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// The execution whose handler enqueued it.
    pub parent_id: Option<ExecutionId>,
    /// The trace it belongs to.
    pub trace_id: Option<String>,
}

/// An attempt as it is read and shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AttemptRecord {
    /// From 1.
    pub number: u32,
    /// How it ended; `None` while it runs.
    pub outcome: Option<AttemptOutcome>,
    /// What went wrong.
    pub error: Option<ExecutionError>,
    /// Who executed it.
    pub worker: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// When the next one was due, if one follows.
    pub retry_at: Option<Timestamp>,
}
