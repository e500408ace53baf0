//! The error of a pass.

use crate::ArchiveError;
use crate::store::StoreError;

/// The reason why a pass of the pruner has ended early. The next pass goes on from there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PruneError {
    /// A call to the store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Expired executions could not be archived. They are kept.
    #[error("expired executions are kept, because the archive failed")]
    Archive(#[source] ArchiveError),
}
