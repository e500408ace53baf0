//! Ageing: raises the priority of executions that have waited too long in their queue.
//!
//! Claims follow priorities strictly, so an execution of low priority can wait for ever behind
//! urgent ones. If a queue has an age, an execution that has been ready for that long gets the most
//! urgent priority. An operator can make the same edit. The order of claims stays the same.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jobs::Priority;

use crate::engine::call::{BACKOFF, CallTimer, Shared, StoreCall};
use crate::store::{ExecutionEdit, Store, StoreError};
use crate::time::Timestamp;

/// The most executions of one queue that are raised per round. Each one is a write of its own, and
/// raising a whole queue would change nothing.
const RAISED_PER_ROUND: usize = 100;

/// The shortest interval between two rounds.
const MIN_INTERVAL: Duration = Duration::from_secs(1);

/// The task that raises aged executions.
pub(super) struct Ageing {
    timer: CallTimer,
    /// The age of each queue that has one.
    queues: BTreeMap<String, Duration>,
    /// A tenth of the shortest age, at least [`MIN_INTERVAL`].
    interval: Duration,
    shared: Arc<Shared>,
}

impl Ageing {
    pub(super) fn new(now: Duration, shared: &Arc<Shared>) -> Self {
        let queues = shared.config.ageing.clone();
        let shortest = queues.values().min().copied().unwrap_or_default();
        Self {
            timer: CallTimer::new(now),
            queues,
            interval: (shortest / 10).max(MIN_INTERVAL),
            shared: Arc::clone(shared),
        }
    }

    pub(super) fn next_wake(&self) -> Option<Duration> {
        self.timer.next_wake().filter(|_| !self.queues.is_empty())
    }

    pub(super) fn start(&mut self, now: Duration) -> Option<StoreCall<Result<(), StoreError>>> {
        if self.queues.is_empty() || !self.timer.is_due(now) {
            return None;
        }
        self.timer.sent(now + self.interval);
        let (queues, wall) = (self.queues.clone(), self.shared.wall());
        Some(self.shared.call(|store| raise_aged(store, queues, wall)))
    }

    pub(super) fn on(&mut self, answer: &Result<(), StoreError>) {
        self.timer.answered();
        if self.shared.record(answer).is_none() {
            self.timer.set(self.shared.now() + BACKOFF);
        }
    }
}

/// Raises the executions that have reached their queue's age.
async fn raise_aged(
    store: Arc<dyn Store>,
    queues: BTreeMap<String, Duration>,
    wall: Timestamp,
) -> Result<(), StoreError> {
    for (queue, age) in queues {
        let since = wall.before(age);
        for id in store.waiting_since(queue, since, RAISED_PER_ROUND).await? {
            let urgent = ExecutionEdit {
                priority: Some(Priority::Critical.value()),
                ..ExecutionEdit::default()
            };
            match store.edit(id, urgent, wall).await {
                // A row that the database rejects must not hold up the others.
                Err(error @ StoreError::Database(_)) => {
                    tracing::warn!(
                        execution = %id,
                        %error,
                        "could not raise the priority of an execution that waits long",
                    );
                }
                // An execution that was claimed meanwhile is not edited.
                edited => drop(edited?),
            }
        }
    }
    Ok(())
}
