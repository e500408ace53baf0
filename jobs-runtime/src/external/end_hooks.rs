//! Calls of the application's `on_finish` hooks for external attempts.
//!
//! The server that settles an attempt calls its hooks, one after the other in one task, as a worker
//! does for linked attempts. The start of an external attempt calls no hook: an `on_start` hook
//! runs on the thread of the handler.

use std::borrow::Cow;
use std::sync::{Mutex, PoisonError};

use tokio::sync::mpsc;

use super::Inner;
use crate::hooks::{AttemptEnded, HookLabels, Hooks};
use crate::store::{Claimed, Settlement};

/// The most ended attempts that wait for slow hooks. Further ones are dropped and logged.
const QUEUE_LIMIT: usize = 10_000;

/// The hooks, and the ended attempts that wait for them.
pub(super) struct EndHooks {
    hooks: Hooks,
    queue: mpsc::Sender<AttemptEnded>,
    /// The other end, until the task starts.
    waiting: Mutex<Option<mpsc::Receiver<AttemptEnded>>>,
}

impl EndHooks {
    pub(super) fn new(hooks: Hooks) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE_LIMIT);
        Self {
            hooks,
            queue,
            waiting: Mutex::new(Some(waiting)),
        }
    }

    /// Starts the task. It ends with the queue.
    pub(super) fn start(inner: &Inner) {
        let this = &inner.end_hooks;
        let mut waiting = this.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mut ended) = waiting.take().filter(|_| this.hooks.has_end_hooks()) {
            let hooks = this.hooks.clone();
            inner.spawn(async move {
                while let Some(ended) = ended.recv().await {
                    hooks.ended(&ended);
                }
            });
        }
    }

    /// Calls the hooks for a settlement that the store has taken.
    pub(super) fn settled(&self, claimed: &Claimed, settlement: &Settlement) {
        if !self.hooks.has_end_hooks() {
            return;
        }
        let job_id = Cow::Owned(claimed.job_id.clone());
        let ended = AttemptEnded::of(job_id, HookLabels::of(claimed), settlement);
        if self.queue.try_send(ended).is_err() {
            tracing::warn!(
                execution = %settlement.execution_id,
                "hooks are too slow: they are not called for this attempt"
            );
        }
    }
}
