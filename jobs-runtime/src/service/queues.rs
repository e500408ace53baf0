//! The queues: those that something is in, and those that jobs name.

use std::collections::BTreeMap;

use super::JobService;
use super::suggest::near_misses;
use crate::store::{QueueRecord, StoreError};

/// What became of a request to pause or resume a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueueAnswer {
    /// It is as was asked.
    Changed,
    /// It was so before.
    Unchanged,
    /// No job names it, and nothing is in it; these look like it.
    Unknown {
        /// Queues that there are.
        near: Vec<String>,
    },
}

impl JobService {
    /// Every queue that a known job names, that something waits or runs in, or that is paused, by
    /// name.
    ///
    /// # Errors
    /// The store's.
    pub async fn queues(&self) -> Result<Vec<QueueRecord>, StoreError> {
        let found = self.inner.store.queues().await?;
        let found = found.into_iter().map(|found| (found.queue.clone(), found));
        let mut queues: BTreeMap<String, QueueRecord> = found.collect();
        for job in self.jobs().await? {
            let queue = &job.descriptor().queue;
            if !queues.contains_key(queue) {
                queues.insert(queue.clone(), QueueRecord::empty(queue.clone()));
            }
        }
        Ok(queues.into_values().collect())
    }

    /// Lets nothing be claimed from a queue any more, until it is resumed. What runs goes on.
    ///
    /// # Errors
    /// The store's.
    pub async fn pause(&self, queue: &str) -> Result<QueueAnswer, StoreError> {
        if let Some(unknown) = self.unknown_queue(queue).await? {
            return Ok(unknown);
        }
        let changed = self.inner.store.pause(queue.to_owned(), self.now()).await?;
        Ok(QueueAnswer::of(changed))
    }

    /// Lets a paused queue be claimed from again.
    ///
    /// # Errors
    /// The store's.
    pub async fn resume(&self, queue: &str) -> Result<QueueAnswer, StoreError> {
        if let Some(unknown) = self.unknown_queue(queue).await? {
            return Ok(unknown);
        }
        let changed = self.inner.store.resume(queue.to_owned()).await?;
        Ok(QueueAnswer::of(changed))
    }

    /// A slip in a name would pause nothing, and look as if it had.
    async fn unknown_queue(&self, queue: &str) -> Result<Option<QueueAnswer>, StoreError> {
        let queues = self.queues().await?;
        let names = || queues.iter().map(|known| known.queue.as_str());
        Ok(
            (!names().any(|known| known == queue)).then(|| QueueAnswer::Unknown {
                near: near_misses(queue, names()),
            }),
        )
    }
}

impl QueueAnswer {
    fn of(changed: bool) -> Self {
        match changed {
            true => Self::Changed,
            false => Self::Unchanged,
        }
    }
}

impl QueueRecord {
    fn empty(queue: String) -> Self {
        Self {
            queue,
            paused_at: None,
            ready: 0,
            blocked: 0,
            running: 0,
        }
    }
}
