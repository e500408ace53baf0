//! What a client asks of a runtime.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use crate::{BoxFuture, EnqueueError, ExecutionError, ExecutionId, Priority, ResultError};

/// The runtime behind a [`Client`](crate::Client).
pub trait Backend: Send + Sync + 'static {
    /// Validates and stores a batch: every request or none. Answers in the order of the requests.
    fn enqueue(
        &self,
        requests: Vec<EnqueueRequest>,
    ) -> BoxFuture<'_, Result<Vec<Enqueued>, EnqueueError>>;

    /// Like [`enqueue`](Self::enqueue), within a transaction of the caller's: what it writes holds
    /// once the caller commits, and never if it does not.
    #[cfg(feature = "_sqlx")]
    fn enqueue_in<'a>(
        &'a self,
        tx: crate::TransactionRef<'a>,
        requests: Vec<EnqueueRequest>,
    ) -> BoxFuture<'a, Result<Vec<Enqueued>, EnqueueError>> {
        let _ = (tx, requests);
        let reason = "this runtime joins no transactions".to_owned();
        Box::pin(std::future::ready(Err(EnqueueError::Transaction(reason))))
    }

    /// A transaction that [`enqueue_in`](Self::enqueue_in) took part in has been committed: a hint
    /// to look at once.
    #[cfg(feature = "_sqlx")]
    fn committed(&self) {}

    /// Waits until the execution is final.
    fn finished(&self, execution_id: ExecutionId) -> BoxFuture<'_, Result<Finished, ResultError>>;
}

/// One execution to create, with every option of an enqueue.
#[derive(Clone, Debug)]
pub struct EnqueueRequest {
    /// The job.
    pub job_id: Cow<'static, str>,
    /// JSON text.
    pub payload: String,
    /// The job's own unless given.
    pub priority: Option<Priority>,
    /// When it becomes available.
    pub due: Due,
    /// The same key of the same job enqueues once.
    pub idempotency_key: Option<String>,
    /// What it belongs to, in the caller's terms.
    pub correlation_id: Option<String>,
    /// The thing it is about, in the caller's terms.
    pub item_id: Option<String>,
    /// Who wanted it.
    pub created_by: Option<String>,
    /// Words to find it by, besides the job's own.
    pub tags: Vec<String>,
    /// The execution whose handler enqueued it.
    pub parent_id: Option<ExecutionId>,
    /// The way it came in.
    pub triggered_by: TriggeredBy,
    /// The trace it continues: a W3C `traceparent`.
    pub trace_parent: Option<String>,
}

impl EnqueueRequest {
    /// A request with no options.
    pub fn new(job_id: impl Into<Cow<'static, str>>, payload: String) -> Self {
        Self {
            job_id: job_id.into(),
            payload,
            priority: None,
            due: Due::Now,
            idempotency_key: None,
            correlation_id: None,
            item_id: None,
            created_by: None,
            tags: Vec::new(),
            parent_id: None,
            triggered_by: TriggeredBy::Code,
            trace_parent: None,
        }
    }
}

/// When an execution becomes available.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Due {
    /// At once.
    #[default]
    Now,
    /// So long after the enqueue, by the store's clock.
    After(Duration),
    /// At this time; at once if it has passed.
    At(SystemTime),
}

/// The way an execution came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TriggeredBy {
    /// `enqueue` in a program.
    Code,
    /// A handler, as a child.
    Parent,
    /// The HTTP interface.
    Http,
    /// The command line.
    Cli,
}

impl TriggeredBy {
    /// The word, as stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Parent => "parent",
            Self::Http => "http",
            Self::Cli => "cli",
        }
    }
}

/// An answered request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enqueued {
    /// The execution: new, or the one that its idempotency key, its unique key or its debounce key
    /// names already.
    pub execution_id: ExecutionId,
    /// Whether this request created it.
    pub triggered: bool,
}

/// How an execution ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finished {
    /// With this result: JSON text.
    Succeeded(String),
    /// For good.
    Failed(ExecutionError),
    /// No longer wanted.
    Cancelled,
}
