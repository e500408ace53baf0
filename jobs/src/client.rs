//! Enqueueing jobs and awaiting their results.
//!
//! * `enqueue`: the builder, its errors.
//! * `item`: the items of a batch.
//! * `execution`: the handle to an execution, and its result.
//! * `backend`: the trait [`Backend`] that a runtime implements, and its requests and answers.
//! * `transaction` (feature `sqlx`): enqueueing in the application's transaction; `no_driver`
//!   without the feature.
//!
//! A client reaches the store through [`Backend`] only. The modules must never import a timer, a
//! network or the runtime. Only `transaction` may import database types.

mod backend;
mod enqueue;
mod execution;
mod item;
#[cfg(not(feature = "_sqlx"))]
mod no_driver;
#[cfg(feature = "_sqlx")]
mod transaction;

use std::fmt;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::{ExecutionId, Job};

pub use backend::{Backend, ChildNumber, Due, EnqueueRequest, Enqueued, Finished, TriggeredBy};
pub use enqueue::{Enqueue, EnqueueError, Many, One, Violation, Violations};
pub(crate) use execution::verdict_of_child;
pub use execution::{Execution, ResultError};
pub use item::EnqueueItem;
#[cfg(feature = "_sqlx")]
pub use transaction::{EnqueueIn, Transaction, TransactionRef};

/// Enqueues jobs. Cheap to clone.
///
/// Get one from `jobs_runtime::connect(url)` or `runtime.client()`. A handler enqueues by
/// [`JobContext::enqueue`](crate::JobContext::enqueue) instead.
///
/// ```no_run
/// # use jobs::{job, Client, JobError, Priority};
/// # use std::time::Duration;
/// # #[job(id = "send-mail")]
/// # async fn send_mail(to: String) -> Result<(), JobError> { let _ = to; Ok(()) }
/// # async fn demo(jobs: Client) -> Result<(), Box<dyn std::error::Error>> {
/// let execution = jobs
///     .enqueue(SendMail::new("alice@example.org"))
///     .priority(Priority::High)
///     .delay(Duration::from_secs(600))
///     .idempotency_key("signup-42")
///     .await?;
/// execution.result().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    backend: Arc<dyn Backend>,
    /// The token of the attempt whose handler uses this client.
    cancelled: Option<CancellationToken>,
}

impl Client {
    /// Creates a client of this backend; for runtimes and test kits.
    pub fn new(backend: Arc<dyn Backend>) -> Self {
        Self {
            backend,
            cancelled: None,
        }
    }

    /// Creates a client for the handler of an attempt, whose waits end with the attempt.
    pub(crate) fn of_attempt(&self, cancelled: CancellationToken) -> Self {
        Self {
            backend: Arc::clone(&self.backend),
            cancelled: Some(cancelled),
        }
    }

    /// Enqueues one execution. Set options on the returned builder, then `.await` it.
    pub fn enqueue<J: Job>(&self, job: J) -> Enqueue<One<J::Output>> {
        Enqueue::new(self.clone(), [job.into_request()].into_iter())
    }

    /// Enqueues one execution per item in one batch: all of them or none.
    ///
    /// An item is a payload, or the builder of [`enqueue`](Self::enqueue) with options of its own.
    /// An option of the batch replaces that of each item; tags are added. A batch of several jobs
    /// takes builders that are [`untyped`](Enqueue::untyped).
    ///
    /// ```no_run
    /// # use jobs::{Client, JobError, job};
    /// # use std::time::Duration;
    /// # #[job(id = "send-mail")]
    /// # async fn send_mail(to: String) -> Result<(), JobError> { drop(to); Ok(()) }
    /// # async fn demo(jobs: Client) -> Result<(), Box<dyn std::error::Error>> {
    /// jobs.enqueue_all(["alice", "bob"].map(SendMail::new)).await?;
    /// let later = |n: u64, to| jobs.enqueue(SendMail::new(to)).delay(Duration::from_secs(60 * n));
    /// jobs.enqueue_all([later(0, "carol"), later(1, "dave")]).tag("welcome").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn enqueue_all<I: EnqueueItem>(
        &self,
        items: impl IntoIterator<Item = I>,
    ) -> Enqueue<Many<I::Output>> {
        let requests = items.into_iter().map(EnqueueItem::into_request);
        Enqueue::new(self.clone(), requests)
    }

    /// Creates a handle to an execution that this or another program has enqueued.
    ///
    /// The id is checked when the result is awaited. An unknown id gives
    /// [`ResultError::Unknown`], a result of another type [`ResultError::Decode`].
    pub fn execution<J: Job>(&self, id: ExecutionId) -> Execution<J::Output> {
        Execution::new(
            self.clone(),
            Enqueued {
                execution_id: id,
                triggered: false,
            },
        )
    }

    pub(crate) fn backend(&self) -> &dyn Backend {
        &*self.backend
    }

    pub(crate) fn cancelled(&self) -> Option<&CancellationToken> {
        self.cancelled.as_ref()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}
