//! The interface between clients and runtimes.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use crate::{BoxFuture, EnqueueError, ExecutionError, ExecutionId, Priority, ResultError};

/// The runtime behind a [`Client`](crate::Client).
pub trait Backend: Send + Sync + 'static {
    /// Validates and stores a batch: every request or none.
    ///
    /// The answers are in the order of the requests.
    fn enqueue(
        &self,
        requests: Vec<EnqueueRequest>,
    ) -> BoxFuture<'_, Result<Vec<Enqueued>, EnqueueError>>;

    /// Like [`enqueue`](Self::enqueue), in the caller's transaction.
    ///
    /// The executions exist once the caller commits.
    #[cfg(feature = "_sqlx")]
    fn enqueue_in<'a>(
        &'a self,
        tx: crate::TransactionRef<'a>,
        requests: Vec<EnqueueRequest>,
    ) -> BoxFuture<'a, Result<Vec<Enqueued>, EnqueueError>> {
        let _ = (tx, requests);
        let reason = "this runtime does not enqueue in transactions".to_owned();
        Box::pin(std::future::ready(Err(EnqueueError::Transaction(reason))))
    }

    /// Tells the runtime that a transaction used by [`enqueue_in`](Self::enqueue_in) is committed.
    ///
    /// The call is a hint to poll for work at once.
    #[cfg(feature = "_sqlx")]
    fn committed(&self) {}

    /// Waits until the execution is final.
    fn finished(&self, execution_id: ExecutionId) -> BoxFuture<'_, Result<Finished, ResultError>>;
}

/// One execution to create, with every option of an enqueue.
#[derive(Clone, Debug)]
pub struct EnqueueRequest {
    /// The job's id, or one of its former ids.
    pub job_id: Cow<'static, str>,
    /// The payload, as JSON text.
    pub payload: String,
    /// The priority; `None` for the job's own.
    pub priority: Option<Priority>,
    /// The time at which the execution becomes available.
    pub due: Due,
    /// The time after which the execution is cancelled if its first attempt has not started,
    /// counted from the time at which it is due; `None` for the job's own.
    pub expires: Option<Duration>,
    /// The idempotency key: requests of one job with the same key create one execution.
    pub idempotency_key: Option<String>,
    /// The caller's id for a group of related executions. Children inherit it.
    pub correlation_id: Option<String>,
    /// The caller's id for the thing that the execution works on.
    pub item_id: Option<String>,
    /// The user or program that asked for the execution.
    pub created_by: Option<String>,
    /// Tags to find the execution by, in addition to the job's own.
    pub tags: Vec<String>,
    /// The execution whose handler enqueued this one.
    pub parent_id: Option<ExecutionId>,
    /// The number that tells this child from the other children of its parent. With `None`, or with
    /// an idempotency key, no earlier attempt's child is looked for.
    pub child: Option<ChildNumber>,
    /// The interface that the request came through.
    pub triggered_by: TriggeredBy,
    /// The trace that the execution continues: a W3C `traceparent`, followed by a space and the
    /// `tracestate` if there is one.
    pub trace_parent: Option<String>,
}

impl EnqueueRequest {
    /// Creates a request without options.
    pub fn new(job_id: impl Into<Cow<'static, str>>, payload: String) -> Self {
        Self {
            job_id: job_id.into(),
            payload,
            priority: None,
            due: Due::Now,
            expires: None,
            idempotency_key: None,
            correlation_id: None,
            item_id: None,
            created_by: None,
            tags: Vec::new(),
            parent_id: None,
            child: None,
            triggered_by: TriggeredBy::Code,
            trace_parent: None,
        }
    }
}

/// The number of a child among the equal children of its parent.
///
/// Two attempts that enqueue the same job with the same payload under the same number mean the same
/// execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChildNumber {
    /// The attempt of the parent.
    pub attempt: u32,
    /// The number of enqueues of the same job and payload before this one in the attempt.
    pub number: u32,
}

/// The time at which an execution becomes available.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Due {
    /// At once.
    #[default]
    Now,
    /// This long after the enqueue, by the store's clock.
    After(Duration),
    /// At this time, or at once if it has passed.
    At(SystemTime),
}

/// The interface through which an execution was enqueued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TriggeredBy {
    /// A [`Client`](crate::Client) in a program.
    Code,
    /// The handler of another execution, its parent.
    Parent,
    /// The HTTP interface.
    Http,
    /// The command line.
    Cli,
    /// A schedule.
    Schedule,
    /// The function `enqueue` of a PostgreSQL store.
    Sql,
}

impl TriggeredBy {
    /// The name, as stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Parent => "parent",
            Self::Http => "http",
            Self::Cli => "cli",
            Self::Schedule => "schedule",
            Self::Sql => "sql",
        }
    }
}

/// The answer to an [`EnqueueRequest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enqueued {
    /// The new execution, or the existing one with the same idempotency, unique or debounce key.
    pub execution_id: ExecutionId,
    /// `true` if this request created the execution.
    pub triggered: bool,
}

/// The end of an execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finished {
    /// The execution succeeded with this result, as JSON text.
    Succeeded(String),
    /// The execution failed for good.
    Failed(ExecutionError),
    /// The execution was cancelled.
    Cancelled,
}
