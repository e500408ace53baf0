//! Errors of a benchmark.

use crate::StartError;
use crate::store::{ParseDatabaseUrlError, StoreError};

/// An error that ends a benchmark.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BenchError {
    /// The store's URL is invalid.
    #[error(transparent)]
    Url(#[from] ParseDatabaseUrlError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The runtime did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// An execution was not accepted.
    #[error(transparent)]
    Enqueue(#[from] jobs::EnqueueError),
    /// The database's counters could not be read.
    #[error("cannot read the counters of the database")]
    Monitor(#[from] sqlx::Error),
    /// A connection to the HTTP interface failed.
    #[error("the HTTP interface does not answer")]
    Http(#[from] std::io::Error),
    /// The archive of a trial could not be written or read.
    #[cfg(feature = "archive")]
    #[error(transparent)]
    Archive(#[from] crate::ArchiveError),
    /// The HTTP interface rejected a trigger.
    #[error("the HTTP interface answered {0}")]
    Rejected(String),
    /// The store has another number of succeeded executions than the trial enqueued.
    #[error("{found} of {expected} executions succeeded")]
    Missing {
        /// Succeeded executions in the store.
        found: u64,
        /// Executions that the trial enqueued.
        expected: u64,
    },
    /// The bulk operation retried another number of executions than there were.
    #[error("{found} of {expected} executions were retried")]
    Retried {
        /// Executions that the operation changed.
        found: u64,
        /// Failed executions before the operation.
        expected: u64,
    },
    /// The scenario cannot run on this store.
    #[error("{0}")]
    Unsupported(&'static str),
}
