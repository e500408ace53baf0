//! Why a store did not answer.

use std::error::Error;
use std::time::Duration;

use jobs::ExecutionId;

/// A failure of a store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The store cannot be reached, opened or written.
    #[error("the store at {location} is unavailable: {reason}")]
    Unavailable {
        /// Which store.
        location: String,
        /// What it said, with the way out where there is one.
        reason: String,
    },
    /// A call did not end within its deadline. Whether it took effect is unknown; repeat it with
    /// the same words.
    #[error("the store did not answer within {0:?}")]
    Timeout(Duration),
    /// The layout is newer than this program, or was changed by hand.
    #[error("the store's layout does not fit this program: {0}")]
    Layout(String),
    /// An idempotency key was used with another payload.
    #[error("idempotency key `{key}` was used with another payload")]
    IdempotencyConflict {
        /// The place in the batch.
        index: usize,
        /// The key.
        key: String,
        /// The execution that the key names.
        execution_id: ExecutionId,
    },
    /// Another execution lives under the same unique key, and the next one is to be refused.
    #[error("execution {execution_id} lives under the same unique key")]
    UniqueConflict {
        /// The place in the batch.
        index: usize,
        /// The one that lives.
        execution_id: ExecutionId,
    },
    /// As many executions of the job wait as may.
    #[error("{max_waiting} executions of job `{job_id}` may wait, and the batch would exceed that")]
    QueueFull {
        /// The place in the batch.
        index: usize,
        /// The job.
        job_id: String,
        /// What is allowed.
        max_waiting: u32,
    },
    /// The session has been taken over by another.
    #[error("the session was taken over by another worker")]
    SessionLost,
    /// A caller's transaction is on another database than this store.
    #[error("wrong_database: the transaction is on {found}, the store is {expected}")]
    WrongDatabase {
        /// Where the transaction writes.
        found: String,
        /// Where the store is.
        expected: String,
    },
    /// A caller's transaction cannot be written to; says the way out.
    #[error("the transaction cannot be joined: {0}")]
    Transaction(String),
    /// A row holds what this program cannot read.
    #[error("{what} in the store cannot be read: {reason}")]
    Corrupt {
        /// Which value.
        what: String,
        /// Why.
        reason: String,
    },
    /// The database refused a statement.
    #[error("the database refused a statement")]
    Database(#[source] Box<dyn Error + Send + Sync>),
}

impl StoreError {
    /// Whether the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Unavailable { .. } | Self::Timeout(_) | Self::Database(_)
        )
    }

    /// The same failure for another of several callers: of the same kind, so that each of them does with it what
    /// that kind asks for.
    pub(in crate::store) fn again(&self) -> Self {
        match self {
            Self::Unavailable { location, reason } => Self::Unavailable {
                location: location.clone(),
                reason: reason.clone(),
            },
            Self::Timeout(after) => Self::Timeout(*after),
            Self::Layout(what) => Self::Layout(what.clone()),
            Self::SessionLost => Self::SessionLost,
            Self::Corrupt { what, reason } => Self::Corrupt {
                what: what.clone(),
                reason: reason.clone(),
            },
            Self::Transaction(reason) => Self::Transaction(reason.clone()),
            Self::WrongDatabase { found, expected } => Self::WrongDatabase {
                found: found.clone(),
                expected: expected.clone(),
            },
            Self::IdempotencyConflict {
                index,
                key,
                execution_id,
            } => Self::IdempotencyConflict {
                index: *index,
                key: key.clone(),
                execution_id: *execution_id,
            },
            Self::UniqueConflict {
                index,
                execution_id,
            } => Self::UniqueConflict {
                index: *index,
                execution_id: *execution_id,
            },
            Self::QueueFull {
                index,
                job_id,
                max_waiting,
            } => Self::QueueFull {
                index: *index,
                job_id: job_id.clone(),
                max_waiting: *max_waiting,
            },
            Self::Database(source) => {
                Self::Database(crate::error::chain(&**source).to_string().into())
            }
        }
    }
}
