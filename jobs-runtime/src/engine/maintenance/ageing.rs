//! Ageing: raises the priority of executions that have waited too long in their queue.
//!
//! Claims follow priorities strictly, so an execution of low priority can wait for ever behind
//! urgent ones. If a queue has an age, an execution that has been due for that long gets the most
//! urgent priority, by the same edit that an operator can make. The order of claims stays the same.

use std::sync::Arc;
use std::time::Duration;

use jobs::Priority;

use crate::clock::timestamp;
use crate::engine::Stop;
use crate::engine::dispatcher::{BACKOFF, Dispatcher, Event};
use crate::store::{ExecutionEdit, StoreError};

/// The most executions of one queue that are raised per round. Each one is a write of its own, and
/// raising a whole queue would change nothing.
const RAISED_PER_ROUND: usize = 100;

/// The shortest interval between two rounds.
const MIN_INTERVAL: Duration = Duration::from_secs(1);

impl Dispatcher {
    /// The interval between two rounds: a tenth of the shortest age, at least [`MIN_INTERVAL`].
    fn ageing_interval(&self) -> Duration {
        let shortest = self.config.ageing.values().min();
        shortest.map_or(Duration::MAX, |age| (*age / 10).max(MIN_INTERVAL))
    }

    /// True if a queue has an age and no shutdown was requested.
    pub(in crate::engine) fn has_ageing(&self) -> bool {
        !self.config.ageing.is_empty() && self.stop == Stop::No
    }

    /// Raises executions that have reached their queue's age, if a round is due.
    pub(in crate::engine) fn raise_aged(&mut self, now: Duration) {
        if !self.has_ageing() || self.ageing_in_flight || now < self.timers.age_at {
            return;
        }
        self.ageing_in_flight = true;
        self.timers.age_at = now + self.ageing_interval();
        let store = Arc::clone(&self.store);
        let wall = timestamp(&*self.clock);
        let queues = self.config.ageing.clone();
        self.spawn_call(async move {
            let aged = async {
                for (queue, age) in queues {
                    let since = wall.before(age);
                    let old = store.waiting_since(queue, since, RAISED_PER_ROUND).await?;
                    for id in old {
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
            };
            Event::Aged(aged.await)
        });
    }

    pub(in crate::engine) fn on_aged(&mut self, aged: &Result<(), StoreError>) {
        self.ageing_in_flight = false;
        if self.record_answer(aged).is_none() {
            self.timers.age_at = self.clock.elapsed() + BACKOFF;
        }
    }
}
