//! Retention of a runtime: its archive, its pruner, and the loop that prunes by itself.

use std::sync::Arc;

use super::foundation::Foundation;
use crate::ArchiveWriter;
use crate::background_loop::BackgroundLoop;
use crate::engine::RetentionParts;
use crate::retention::{Archiver, Pruner, RetentionSettings};

/// The archive of a runtime.
pub(super) enum ArchiveChoice {
    None,
    Writer(Arc<dyn ArchiveWriter>),
    #[cfg(feature = "archive")]
    Directory(std::path::PathBuf),
}

impl Foundation {
    /// Creates the archiver, if the settings name an archive.
    pub(super) fn archiver(&self, archive: ArchiveChoice) -> Option<Archiver> {
        let writer: Arc<dyn ArchiveWriter> = match archive {
            ArchiveChoice::None => return None,
            ArchiveChoice::Writer(writer) => writer,
            #[cfg(feature = "archive")]
            ArchiveChoice::Directory(path) => {
                let clock = Arc::clone(&self.clock);
                Arc::new(crate::ArchiveDirectory::new(path, clock, &self.entropy))
            }
        };
        Some(Archiver::new(writer, self.health.archive()))
    }

    /// Creates the pruner that the application calls.
    pub(super) fn pruner(&self, settings: RetentionSettings, archiver: Option<Archiver>) -> Pruner {
        Pruner::new(
            Arc::clone(&self.store),
            Arc::clone(&self.clock),
            settings,
            archiver,
            self.holder("prune"),
        )
    }

    /// Starts the loop that prunes by itself.
    pub(super) fn start_retention(
        &self,
        settings: RetentionSettings,
        archiver: Option<Archiver>,
    ) -> BackgroundLoop {
        let parts = RetentionParts {
            store: Arc::clone(&self.store),
            clock: Arc::clone(&self.clock),
            entropy: Arc::clone(&self.entropy),
            settings,
            archiver,
            publications: self.service.fingerprints(),
        };
        parts.start()
    }
}
