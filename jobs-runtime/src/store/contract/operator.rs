//! Operators' actions on executions, their answers, and the list of queues.

use jobs::ExecutionStatus;
use schemars::JsonSchema;
use serde::Serialize;

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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueueRecord {
    /// The queue's name.
    pub queue: String,
    /// The time since which the queue is paused; `None` if it is not paused.
    pub paused_at: Option<Timestamp>,
    /// The number of ready executions, counted up to a bound.
    pub ready: u64,
    /// The number of executions that limits block, counted up to a bound.
    pub blocked: u64,
    /// The number of running executions.
    pub running: u64,
}
