//! Why nothing was measured.

use crate::StartError;
use crate::store::{ParseDatabaseUrlError, StoreError};

/// A trial that did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BenchError {
    /// The store that was named is none.
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
    /// The database did not say what it had done.
    #[error("the database does not tell what it does")]
    Gauge(#[from] sqlx::Error),
    /// A connection to the HTTP interface failed.
    #[error("the HTTP interface does not answer")]
    Http(#[from] std::io::Error),
    /// The HTTP interface refused a trigger.
    #[error("the HTTP interface answered {0}")]
    Refused(String),
    /// The store does not hold what the trial has done.
    #[error("the store holds {found} succeeded executions of {expected}")]
    Missing {
        /// How many there are.
        found: u64,
        /// How many were enqueued.
        expected: u64,
    },
    /// The scenario makes no sense there.
    #[error("{0}")]
    Senseless(&'static str),
}
