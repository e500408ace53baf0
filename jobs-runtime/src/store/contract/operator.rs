//! Operators' actions on executions, their answers, and the list of queues.

use async_trait::async_trait;
use jobs::{ExecutionId, ExecutionStatus};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::store::{EnqueueRules, StoreError};
use crate::time::Timestamp;

/// The answer to a cancellation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelAnswer {
    /// The execution was waiting and is cancelled.
    Cancelled,
    /// The execution is running; its worker will receive the request.
    Requested,
    /// The execution is already final.
    Final(ExecutionStatus),
    /// There is no such execution.
    Unknown,
}

/// The answer to an operator's retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAnswer {
    /// The execution is queued again.
    Queued,
    /// The execution has neither failed nor been cancelled, so it cannot be retried.
    NotRetryable(ExecutionStatus),
    /// The payload of the execution was erased, so it cannot be retried.
    Erased,
    /// There is no such execution.
    Unknown,
}

/// The answer to a deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeleteAnswer {
    /// The execution is deleted.
    Deleted,
    /// The execution is not final, so it cannot be deleted.
    NotFinal(ExecutionStatus),
    /// There is no such execution. It may have been deleted before.
    Unknown,
}

/// An edit of a waiting execution. `None` leaves a value as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExecutionEdit {
    /// The new priority, 0–100.
    pub priority: Option<u8>,
    /// The new time at which the execution becomes ready.
    pub run_at: Option<Timestamp>,
    /// The new payload: JSON text that the caller has validated.
    pub payload: Option<String>,
    /// The new queue.
    pub queue: Option<String>,
}

/// The answer to an edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EditAnswer {
    /// All of the edit is applied.
    Changed,
    /// The execution runs or is final, so it cannot be edited.
    NotWaiting(ExecutionStatus),
    /// There is no such execution.
    Unknown,
}

/// A queue, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueueRecord {
    /// The queue's name.
    pub queue: String,
    /// The time since which the queue is paused; `None` if it is not paused.
    pub paused_at: Option<Timestamp>,
    /// The person or program that paused it, if it is known.
    pub paused_by: Option<String>,
    /// The reason for the pause, if one was given.
    pub pause_reason: Option<String>,
    /// The number of pending executions, counted up to a bound.
    pub pending: u64,
    /// The number of ready executions, counted up to a bound.
    pub ready: u64,
    /// The number of executions that limits block, counted up to a bound.
    pub blocked: u64,
    /// The number of running executions.
    pub running: u64,
    /// The time at which the oldest of the examined ready executions was due; `None` without any.
    pub oldest_due_at: Option<Timestamp>,
    /// The values that have reached their bound: `pending`, `ready`, `blocked`, `oldestDueAt`. Such
    /// a number is a lower bound, and an execution may be older; the other values are exact.
    pub at_least: Vec<String>,
}

/// A pause of a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuePause {
    /// The time from which claims skip the queue.
    pub since: Timestamp,
    /// The person or program that paused it.
    pub by: Option<String>,
    /// The reason, for people.
    pub reason: Option<String>,
}

impl QueuePause {
    /// A pause without a name and a reason.
    pub const fn at(since: Timestamp) -> Self {
        Self {
            since,
            by: None,
            reason: None,
        }
    }
}

/// The part of a store by which an operator changes executions and queues. Errors: see
/// [`Store`](crate::store::Store).
#[async_trait]
pub trait OperatorStore: Send + Sync {
    /// Cancels a waiting execution at once, or requests the cancellation of a running one.
    ///
    /// Atomic. Repeatable: the second call answers with the state that the first has left.
    async fn cancel(&self, id: ExecutionId, now: Timestamp) -> Result<CancelAnswer, StoreError>;

    /// Retries a failed or cancelled execution at once, with `payload` if one is given.
    ///
    /// The execution gets a fresh retry budget; its attempt numbers go on. The outcome of its last
    /// run stays with the attempt. Atomic. A repeated call answers [`RetryAnswer::NotRetryable`].
    ///
    /// The unique key and `max_waiting` of `rules` hold as for a new execution. The execution is
    /// the newest one under that key from then on.
    ///
    /// # Errors
    /// [`StoreError::UniqueConflict`] if another execution is live under the unique key,
    /// [`StoreError::QueueFull`] if `max_waiting` executions wait.
    async fn retry(
        &self,
        id: ExecutionId,
        payload: Option<String>,
        rules: EnqueueRules,
        now: Timestamp,
    ) -> Result<RetryAnswer, StoreError>;

    /// Deletes a final execution with its attempts, its log and its idempotency keys.
    ///
    /// Its row number and its attempts' numbers are never used again. Atomic. A repeated call
    /// answers [`DeleteAnswer::Unknown`].
    async fn delete(&self, id: ExecutionId) -> Result<DeleteAnswer, StoreError>;

    /// Edits a waiting execution: applies all of the edit or nothing. Repeatable.
    ///
    /// An execution that is blocked or ready keeps its permits only if its priority, its time and
    /// its queue stay.
    async fn edit(
        &self,
        id: ExecutionId,
        edit: ExecutionEdit,
        now: Timestamp,
    ) -> Result<EditAnswer, StoreError>;

    /// Pauses a queue: claims take nothing from it until it is resumed. Returns `true` if the
    /// queue was not paused before; otherwise the first pause stays. Repeatable.
    async fn pause(&self, queue: String, pause: QueuePause) -> Result<bool, StoreError>;

    /// Resumes a queue: claims take from it again. Returns `true` if the queue was paused.
    /// Repeatable.
    async fn resume(&self, queue: String) -> Result<bool, StoreError>;
}
