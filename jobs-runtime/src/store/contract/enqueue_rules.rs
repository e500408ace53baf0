//! Rules that the store applies when it creates an execution: limits, uniqueness, debouncing and
//! the largest backlog.

use jobs::{ExecutionStatus, OnConflict};

use crate::store::Limit;

/// The rules of a new execution.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnqueueRules {
    /// The limits whose permits the execution needs, in the order in which it gets them.
    pub limits: Vec<Limit>,
    /// The unique key, if the job has one.
    pub unique: Option<UniqueKey>,
    /// The debounce key, if the job has one.
    pub debounce: Option<DebounceKey>,
    /// The largest number of waiting executions of the job, pending ones included. A batch that
    /// would exceed it is rejected.
    pub max_waiting: Option<u32>,
}

/// A key that one live execution of a job has at a time.
///
/// With [`OnConflict::Replace`] a running execution does not count: a new one is created and may
/// run beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UniqueKey {
    /// A digest of the payload fields that make two executions equal.
    pub key: String,
    /// The time, from its creation on, in which an execution counts as live in every status.
    pub within_ms: Option<u64>,
    /// The rule for a further execution with the same key.
    pub on_conflict: OnConflict,
    /// The statuses that count as live: some of pending, queued and running.
    pub live: Vec<ExecutionStatus>,
}

/// A key under which one execution of a job is not due yet: further ones are merged into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DebounceKey {
    /// A digest of the payload fields that make two executions equal.
    pub key: String,
    /// The delay after the newest enqueue. [`NewExecution::run_at`](crate::store::NewExecution)
    /// has the time that results from it.
    pub delay_ms: u64,
    /// The largest delay after the first enqueue.
    pub at_most_ms: Option<u64>,
}
