//! Handles to enqueued executions: the id, and waiting for the result.

use std::error::Error;
use std::fmt;
use std::marker::PhantomData;

use serde::de::DeserializeOwned;

use super::backend::{Enqueued, Finished};
use crate::error::Verdict;
use crate::{Client, ErrorKind, ExecutionError, ExecutionId};

/// A handle to an execution with a result of type `T`.
pub struct Execution<T> {
    client: Client,
    enqueued: Enqueued,
    result: PhantomData<fn() -> T>,
}

impl<T> Execution<T> {
    pub(crate) fn new(client: Client, enqueued: Enqueued) -> Self {
        Self {
            client,
            enqueued,
            result: PhantomData,
        }
    }

    /// The execution's id.
    pub fn id(&self) -> ExecutionId {
        self.enqueued.execution_id
    }

    /// Returns `true` if this enqueue created the execution.
    ///
    /// Returns `false` if the enqueue found an execution with the same idempotency key, unique key
    /// or debounce key, and for handles made by [`Client::execution`].
    pub fn triggered(&self) -> bool {
        self.enqueued.triggered
    }
}

impl<T: DeserializeOwned> Execution<T> {
    /// Waits until the execution is final and returns its result.
    ///
    /// # Errors
    /// The execution failed or was cancelled, or its result cannot be read. In a handler:
    /// [`AttemptEnds`](ResultError::AttemptEnds) if the attempt should end before that.
    pub async fn result(&self) -> Result<T, ResultError> {
        let finished = self.client.backend().finished(self.id());
        let finished = match self.client.cancelled() {
            None => finished.await,
            Some(attempt) => match attempt.run_until_cancelled(finished).await {
                Some(finished) => finished,
                None => return Err(ResultError::AttemptEnds),
            },
        };
        match finished? {
            Finished::Succeeded(json) => Ok(serde_json::from_str(&json)?),
            Finished::Failed(error) => Err(ResultError::Failed(error)),
            Finished::Cancelled => Err(ResultError::Cancelled),
        }
    }
}

impl<T> fmt::Debug for Execution<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Execution")
            .field("id", &self.id())
            .field("triggered", &self.triggered())
            .finish()
    }
}

/// The error of an execution's [`result`](Execution::result).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResultError {
    /// The execution failed for good.
    #[error("{}", failed_text(.0))]
    Failed(#[source] ExecutionError),
    /// The execution was cancelled.
    #[error("the execution was cancelled")]
    Cancelled,
    /// The attempt that waited should end: it is cancelled, close to its timeout, or its worker
    /// stops. The awaited execution goes on.
    #[error("the attempt ends before the execution that it waits for")]
    AttemptEnds,
    /// No execution has this id.
    #[error("no execution {0}")]
    Unknown(ExecutionId),
    /// The stored result is not of the expected type.
    #[error("the stored result is not of the expected type")]
    Decode(#[from] serde_json::Error),
    /// The store failed.
    #[error("the store failed to return the result")]
    Store(#[source] Box<dyn Error + Send + Sync>),
}

/// Tells of the failure once: the error of an execution whose child failed may say it already.
fn failed_text(error: &ExecutionError) -> String {
    const SAYS: &str = "the execution failed: ";
    let text = error.to_string();
    if text.starts_with(SAYS) {
        text
    } else {
        format!("{SAYS}{text}")
    }
}

impl ResultError {
    /// The follow-up of a handler that returns this error with `?`.
    pub(crate) fn verdict(&self) -> Verdict {
        match self {
            Self::Failed(error) => verdict_of_child(error),
            // The runtime knows why the attempt ends, and decides by that.
            Self::AttemptEnds => Verdict::Cancel,
            _ => Verdict::Retry,
        }
    }
}

/// The follow-up of a handler whose child failed with this error.
pub(crate) fn verdict_of_child(error: &ExecutionError) -> Verdict {
    match error.kind {
        // Another attempt would enqueue the same child, which would fail in the same way.
        ErrorKind::Permanent
        | ErrorKind::InvalidPayload
        | ErrorKind::InvalidResult
        | ErrorKind::Rejected => Verdict::Permanent,
        _ => Verdict::Retry,
    }
}
