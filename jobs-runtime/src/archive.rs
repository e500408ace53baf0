//! Archive: final executions as JSON Lines, written before retention deletes them.
//!
//! A pass of the pruner hands each batch to the [`ArchiveWriter`] and deletes what the writer has
//! taken. The bundled writer is [`ArchiveDirectory`]: a file a day and process, compressed with
//! zstd. [`ArchiveReader`] reads such a directory, for the commands `archive read`, `grep` and
//! `restore`.
//!
//! | module | contents |
//! |---|---|
//! | `record` | an execution as one JSON object |
//! | `json_text` | stored JSON texts inside of that object |
//! | `directory` | the bundled writer |
//! | `manifest` | the summary beside each file |
//! | `reader` | files, lines, and the newest line of each execution |
//! | `restore` | archived executions, back in a store |
//!
//! The folder may import the store contract and the clock. It must not import the engine, the
//! service, retention or a particular store.

#[cfg(feature = "archive")]
mod directory;
mod json_text;
#[cfg(feature = "archive")]
mod manifest;
#[cfg(feature = "archive")]
mod reader;
mod record;
#[cfg(all(feature = "archive", feature = "cli"))]
pub(crate) mod restore;
#[cfg(all(test, feature = "archive"))]
mod tests;

use std::error::Error;
use std::fmt;

use async_trait::async_trait;

#[cfg(feature = "archive")]
pub use directory::ArchiveDirectory;
#[cfg(all(feature = "archive", feature = "cli"))]
pub(crate) use directory::check_directory;
#[cfg(feature = "archive")]
pub use manifest::{ArchiveManifest, ArchivedJob};
#[cfg(feature = "archive")]
pub use reader::{ArchiveFile, ArchiveFilter, ArchiveReader};
pub use record::ArchivedExecution;

/// A place that keeps executions after their retention.
///
/// The runtime calls it before it deletes a batch, by
/// [`RuntimeBuilder::archive`](crate::RuntimeBuilder::archive).
#[async_trait]
pub trait ArchiveWriter: Send + Sync + 'static {
    /// Writes executions. When the call returns, they survive a crash of the machine: the caller
    /// deletes them next.
    ///
    /// The same execution can come again, after a crash between this call and the deletion. The
    /// writer identifies it by its id. The line with the latest end is the valid one.
    ///
    /// # Errors
    /// The executions are not safe. They stay in the store, and come again with a later pass.
    async fn write(&self, batch: &[ArchivedExecution]) -> Result<(), ArchiveError>;
}

/// The reason why an archive could not be written or read.
#[derive(Debug)]
pub struct ArchiveError {
    context: String,
    cause: Box<dyn Error + Send + Sync>,
}

impl ArchiveError {
    /// An error with the attempted action, such as `cannot write FILE`, and its cause.
    pub fn new(context: impl Into<String>, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            context: context.into(),
            cause: cause.into(),
        }
    }
}

impl fmt::Display for ArchiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.context)
    }
}

impl Error for ArchiveError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.cause)
    }
}
