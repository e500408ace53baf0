//! The list of queues, operators' pauses of queues, and their resets of rate limits.

use std::collections::BTreeMap;

use serde_json::json;

use super::JobService;
use super::audit::Actor;
use super::suggest::similar_names;
use crate::store::{QueuePause, QueueRecord, StoreError};

/// The result of a request to pause or resume a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueueAnswer {
    /// The queue is now paused, or resumed.
    Changed,
    /// The queue was paused, or not paused, before the request.
    Unchanged,
    /// No job uses the queue, and no execution is in it.
    Unknown {
        /// Existing queues with similar names.
        near: Vec<String>,
    },
}

impl JobService {
    /// Lists the queues, sorted by name: those that a known job uses, that contain waiting or
    /// running executions, or that are paused.
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

    /// Pauses a queue: workers claim no execution of it until it is resumed. Running attempts
    /// continue.
    ///
    /// # Errors
    /// The store's.
    pub async fn pause(&self, queue: &str) -> Result<QueueAnswer, StoreError> {
        self.pause_because(queue, None).await
    }

    /// Pauses a queue, as [`pause`](Self::pause) does, and keeps the reason beside it until the
    /// queue is resumed.
    ///
    /// # Errors
    /// The store's.
    pub async fn pause_because(
        &self,
        queue: &str,
        reason: Option<String>,
    ) -> Result<QueueAnswer, StoreError> {
        if let Some(unknown) = self.unknown_queue(queue).await? {
            return Ok(unknown);
        }
        let pause = QueuePause {
            since: self.now(),
            by: Actor::name_of_current(),
            reason: reason.clone(),
        };
        let changed = self.inner.store.pause(queue.to_owned(), pause).await?;
        if changed {
            let after = match reason {
                Some(reason) => json!({"paused": true, "reason": reason}),
                None => json!({"paused": true}),
            };
            let before = json!({"paused": false});
            self.record_act("queue.pause", queue, Some(before), Some(after))
                .await;
        }
        Ok(QueueAnswer::of(changed))
    }

    /// Resumes a paused queue: workers claim its executions again.
    ///
    /// # Errors
    /// The store's.
    pub async fn resume(&self, queue: &str) -> Result<QueueAnswer, StoreError> {
        if let Some(unknown) = self.unknown_queue(queue).await? {
            return Ok(unknown);
        }
        let changed = self.inner.store.resume(queue.to_owned()).await?;
        if changed {
            let (before, after) = (json!({"paused": true}), json!({"paused": false}));
            self.record_act("queue.resume", queue, Some(before), Some(after))
                .await;
        }
        Ok(QueueAnswer::of(changed))
    }

    /// Forgets the starts and the pause of a rate limit, which is named as `explain` names it.
    /// Returns `false` if there is none.
    ///
    /// # Errors
    /// The store's.
    pub async fn reset_limit(&self, limit: &str) -> Result<bool, StoreError> {
        let reset = self.inner.store.reset_limit(limit.to_owned()).await?;
        if reset {
            self.record_act("limit.reset", limit, None, None).await;
        }
        Ok(reset)
    }

    /// Returns an answer if the queue does not exist. Pausing a misspelt name would have no effect
    /// and report success.
    async fn unknown_queue(&self, queue: &str) -> Result<Option<QueueAnswer>, StoreError> {
        let queues = self.queues().await?;
        let names = || queues.iter().map(|known| known.queue.as_str());
        Ok(
            (!names().any(|known| known == queue)).then(|| QueueAnswer::Unknown {
                near: similar_names(queue, names()),
            }),
        )
    }
}

impl QueueAnswer {
    fn of(changed: bool) -> Self {
        if changed {
            Self::Changed
        } else {
            Self::Unchanged
        }
    }
}

impl QueueRecord {
    fn empty(queue: String) -> Self {
        Self {
            queue,
            paused_at: None,
            paused_by: None,
            pause_reason: None,
            pending: 0,
            ready: 0,
            blocked: 0,
            running: 0,
            oldest_due_at: None,
            at_least: Vec::new(),
        }
    }
}
