//! Errors of a store.

use std::error::Error;
use std::time::Duration;

use jobs::ExecutionId;

/// An error of a store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The store cannot be reached, opened or written.
    #[error("the store at {location} is unavailable: {reason}")]
    Unavailable {
        /// The URL of the store, without its password.
        location: String,
        /// The reason and, if there is one, the remedy.
        reason: String,
    },
    /// The server refuses the user of the URL: it does not exist, its password is wrong, or it may
    /// not connect from here.
    #[error("the store at {location} refuses the user: {reason}")]
    Refused {
        /// The URL of the store, without its password.
        location: String,
        /// The reason and the remedy.
        reason: String,
    },
    /// The store was moved away: it accepts no new executions and no sessions.
    #[error(
        "{location} was moved to {to}: point the program there, or run `migrate --reopen` to use \
         the old store again"
    )]
    Moved {
        /// The URL of the store, without its password.
        location: String,
        /// The store that has its executions now.
        to: String,
    },
    /// A call exceeded its deadline. It may have taken effect; repeat it with the same arguments.
    #[error("the store did not answer within {0:?}")]
    Timeout(Duration),
    /// The layout is newer than this program, or was changed by hand.
    #[error("the store's layout does not fit this program: {0}")]
    Layout(String),
    /// The idempotency key names an execution with another payload.
    #[error("idempotency key `{key}` was used with another payload")]
    IdempotencyConflict {
        /// The execution's index in the batch.
        index: usize,
        /// The idempotency key.
        key: String,
        /// The execution that the idempotency key names.
        execution_id: ExecutionId,
    },
    /// A live execution has the same unique key, and the rule for a conflict is to reject.
    #[error("execution {execution_id} is live and has the same unique key")]
    UniqueConflict {
        /// The execution's index in the batch.
        index: usize,
        /// The live execution.
        execution_id: ExecutionId,
    },
    /// The batch would exceed the job's `max_waiting`.
    #[error("{max_waiting} executions of job `{job_id}` may wait, and the batch would exceed that")]
    QueueFull {
        /// The execution's index in the batch.
        index: usize,
        /// The job.
        job_id: String,
        /// The largest number of waiting executions.
        max_waiting: u32,
    },
    /// The session is closed: another worker has taken it over.
    #[error("the session was taken over by another worker")]
    SessionLost,
    /// The caller's transaction is on another database than the store.
    #[error("wrong_database: the transaction is on {found}, the store is {expected}")]
    WrongDatabase {
        /// The database of the transaction.
        found: String,
        /// The database of the store.
        expected: String,
    },
    /// The caller's transaction cannot be written to. The text says why and names the remedy.
    #[error("the transaction cannot be joined: {0}")]
    Transaction(String),
    /// A row holds a value that this program cannot read.
    #[error("{what} in the store cannot be read: {reason}")]
    Corrupt {
        /// The value.
        what: String,
        /// The reason.
        reason: String,
    },
    /// The database rejected a statement.
    #[error("the database rejected a statement")]
    Database(#[source] Box<dyn Error + Send + Sync>),
}

impl StoreError {
    /// Returns `true` if the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Unavailable { .. } | Self::Refused { .. } | Self::Timeout(_) | Self::Database(_)
        )
    }

    /// Copies the error for each caller of a batch that failed as a whole. The kind is the same, so
    /// that each caller can react to it. The source of a database error is kept as text.
    pub(in crate::store) fn for_each_caller(&self) -> Self {
        match self {
            Self::Unavailable { location, reason } => Self::Unavailable {
                location: location.clone(),
                reason: reason.clone(),
            },
            Self::Refused { location, reason } => Self::Refused {
                location: location.clone(),
                reason: reason.clone(),
            },
            Self::Moved { location, to } => Self::Moved {
                location: location.clone(),
                to: to.clone(),
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
