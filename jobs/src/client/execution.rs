//! A handle to an execution.

use std::error::Error;
use std::fmt;
use std::marker::PhantomData;

use serde::de::DeserializeOwned;

use super::backend::{Enqueued, Finished};
use crate::{Client, ExecutionError, ExecutionId};

/// An execution that was enqueued, and the type of its result.
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

    /// Its name.
    pub fn id(&self) -> ExecutionId {
        self.enqueued.execution_id
    }

    /// Whether this enqueue created it; `false` when its idempotency key had been used before, when
    /// it lives already under its unique key, or when it waits and has taken over the payload.
    pub fn triggered(&self) -> bool {
        self.enqueued.triggered
    }
}

impl<T: DeserializeOwned> Execution<T> {
    /// Waits until the execution is final and returns its result.
    ///
    /// # Errors
    /// The stored failure, a cancellation, or why the result could not be read.
    pub async fn result(&self) -> Result<T, ResultError> {
        match self.client.backend().finished(self.id()).await? {
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

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResultError {
    /// The execution failed for good.
    #[error("the execution failed: {0}")]
    Failed(ExecutionError),
    /// The execution was cancelled.
    #[error("the execution was cancelled")]
    Cancelled,
    /// There is no such execution.
    #[error("no execution {0}")]
    Unknown(ExecutionId),
    /// The stored result is not of the expected type.
    #[error("the stored result is not of the expected type")]
    Decode(#[from] serde_json::Error),
    /// The store did not answer.
    #[error("the store did not answer")]
    Store(#[source] Box<dyn Error + Send + Sync>),
}
