//! Enqueueing jobs and awaiting their results.

mod backend;
mod enqueue;
mod execution;
#[cfg(feature = "_sqlx")]
mod transaction;

use std::fmt;
use std::sync::Arc;

use crate::{ExecutionId, Job};

pub use backend::{Backend, Due, EnqueueRequest, Enqueued, Finished, TriggeredBy};
pub use enqueue::{Enqueue, EnqueueError, Many, One, Violation, Violations};
pub use execution::{Execution, ResultError};
#[cfg(feature = "_sqlx")]
pub use transaction::{EnqueueIn, Transaction, TransactionRef};

/// Enqueues jobs. Cheap to clone.
///
/// Made by a runtime: `jobs_runtime::connect(url)`, `runtime.client()`, or inside a handler
/// [`JobContext::enqueue`](crate::JobContext::enqueue).
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
}

impl Client {
    /// A client of this backend; for runtimes and test kits.
    pub fn new(backend: Arc<dyn Backend>) -> Self {
        Self { backend }
    }

    /// Enqueues one execution; `.await` the returned builder.
    pub fn enqueue<J: Job>(&self, job: J) -> Enqueue<One<J::Output>> {
        Enqueue::new(self.clone(), [job])
    }

    /// Enqueues one execution per payload in one batch: all of them or none.
    pub fn enqueue_all<J: Job>(
        &self,
        jobs: impl IntoIterator<Item = J>,
    ) -> Enqueue<Many<J::Output>> {
        Enqueue::new(self.clone(), jobs)
    }

    /// A handle to an execution enqueued earlier, here or elsewhere.
    ///
    /// Whether it exists and is of job `J` shows when its result is awaited.
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
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}
