//! The archiver: writes expired executions to the archive before they are deleted.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::error::PruneError;
use crate::health::ArchiveHealth;
use crate::store::{Expired, Store};
use crate::{ArchiveWriter, ArchivedExecution};

/// Executions that one batch reads at most.
const LARGEST_BATCH: usize = 500;

/// Executions of the first batch. A batch reads at most twice as many as the one before it could
/// use, so that long executions are not read in vain.
const FIRST_BATCH: usize = 8;

/// Writes executions to an archive.
#[derive(Clone)]
pub(crate) struct Archiver {
    writer: Arc<dyn ArchiveWriter>,
    health: ArchiveHealth,
    /// Executions that the next batch reads at most.
    batch: Arc<AtomicUsize>,
}

/// The result of a batch.
pub(super) struct Archived {
    /// The number of executions at the beginning of the batch that are done with.
    pub(super) examined: usize,
    /// Those of them that are written. Others are gone, have run again or were erased since the
    /// search, or cannot be read by this program.
    pub(super) written: Vec<Expired>,
}

impl Archiver {
    pub(crate) fn new(writer: Arc<dyn ArchiveWriter>, health: ArchiveHealth) -> Self {
        Self {
            writer,
            health,
            batch: Arc::new(AtomicUsize::new(FIRST_BATCH)),
        }
    }

    /// Writes the first executions of a batch, which is not empty.
    pub(super) async fn archive(
        &self,
        store: &dyn Store,
        batch: &[Expired],
    ) -> Result<Archived, PruneError> {
        let most = self.batch.load(Ordering::Relaxed);
        let batch = &batch[..batch.len().min(most)];
        let read = store.read_expired(batch.to_vec()).await?;
        let last = read.iter().map(|execution| execution.request.id);
        let last: Option<usize> = last
            .filter_map(|id| batch.iter().position(|one| one.execution_id == id))
            .max();
        let executions = read.into_iter().filter_map(ArchivedExecution::of);
        let mut read: HashMap<_, _> = executions.map(|one| (one.id(), one)).collect();
        // A short answer ends with the last execution that fits. Unreadable executions alone have
        // no such end.
        let examined = last.map_or(batch.len(), |last| last + 1);
        if batch.len() == most || examined < batch.len() {
            let next = (2 * examined).min(LARGEST_BATCH);
            self.batch.store(next, Ordering::Relaxed);
        }
        let batch = &batch[..examined];
        let (mut written, mut executions) = (Vec::new(), Vec::new());
        for one in batch {
            let Some(execution) = read.remove(&one.execution_id) else {
                continue;
            };
            let is_same = execution.finished_at() == one.finished_at
                && execution.status() == one.status
                && execution.is_erased() == one.is_erased;
            if is_same {
                written.push(one.clone());
                executions.push(execution);
            }
        }
        if !executions.is_empty() {
            match self.writer.write(&executions).await {
                Ok(()) => self.health.wrote(executions.len() as u64),
                Err(error) => {
                    self.health.failed(crate::error::chain(&error).to_string());
                    return Err(PruneError::Archive(error));
                }
            }
        }
        Ok(Archived { examined, written })
    }
}
