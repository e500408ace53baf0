//! The inbox: requests for executions that arrive by SQL.

use std::sync::Arc;

use async_trait::async_trait;
use jobs::{ExecutionError, ExecutionId};

use crate::store::{NewExecution, StoreError};
use crate::time::Timestamp;

/// The part of a store that takes in requests that a caller of the function `enqueue` has written.
///
/// Each committed request becomes one execution with the id that the function has returned. A
/// request that is not accepted becomes a failed execution. A request that another execution
/// answers, because of a key, becomes a cancelled one. Errors: see [`Store`](crate::store::Store).
#[async_trait]
pub trait InboxStore: Send + Sync {
    /// Returns whether a request is due.
    async fn has_received(&self, now: Timestamp) -> Result<bool, StoreError>;

    /// Takes in up to `limit` requests that are due, the oldest first, and returns what became of
    /// each. The executions are created, and the requests deleted, in one transaction.
    ///
    /// Several processes may call it at once: each takes in others. A request that the database
    /// rejects, or whose keys another transaction has locked, is postponed and holds up no other.
    async fn take_in(
        &self,
        limit: usize,
        now: Timestamp,
        resolve: Arc<dyn ResolveReceived>,
    ) -> Result<Vec<TakenIn>, StoreError>;
}

/// Applies defaults, validation, limits and keys to requests.
#[async_trait]
pub trait ResolveReceived: Send + Sync {
    /// Returns one resolution per request, in order. May be called again with the same requests.
    ///
    /// # Errors
    /// None of the requests is taken in.
    async fn resolve(&self, requests: &[Received]) -> Result<Vec<Resolution>, StoreError>;
}

/// A request by SQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The id that the execution gets.
    pub id: ExecutionId,
    /// The time of the call, by the server's clock.
    pub enqueued_at: Timestamp,
    /// The job id.
    pub job_id: String,
    /// The payload: JSON text.
    pub payload: String,
    /// The priority, 0–100.
    pub priority: Option<u8>,
    /// The time at which it becomes ready.
    pub run_at: Option<Timestamp>,
    /// The time after which it expires, in milliseconds. May be negative.
    pub expires_ms: Option<i64>,
    /// The idempotency key.
    pub idempotency_key: Option<String>,
    /// The correlation id.
    pub correlation_id: Option<String>,
    /// The item id.
    pub item_id: Option<String>,
    /// The user or program that created it.
    pub created_by: Option<String>,
    /// The tags.
    pub tags: Vec<String>,
    /// The trace context.
    pub trace_parent: Option<String>,
}

/// What shall become of a request.
#[derive(Clone, Debug)]
pub enum Resolution {
    /// The execution is created, unless a key or the backlog forbids it.
    Enqueue(Box<NewExecution>),
    /// The execution is created as a failed one.
    Reject(Box<NewExecution>, ExecutionError),
    /// The request is looked at again at this time, for this reason.
    Postpone(Timestamp, String),
}

/// A request that was taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenIn {
    /// The execution.
    pub execution_id: ExecutionId,
    /// The job.
    pub job_id: String,
    /// True if the execution was created for a worker. False if it was created as failed or
    /// cancelled, or if the request was postponed.
    pub created: bool,
}
