//! Ageing: what has waited for long enough comes before everything else in its queue.
//!
//! Priorities are strict: what is urgent is claimed first, however long the rest waits. Where a queue has an
//! age, an execution that has waited for so long since it was due becomes the most urgent there is, as if
//! somebody had changed its priority. That bounds what anything waits for, and needs no other order of claims.

use std::sync::Arc;
use std::time::Duration;

use jobs::Priority;

use crate::clock::timestamp;
use crate::engine::Stop;
use crate::engine::dispatcher::{BACKOFF, Dispatcher, Event};
use crate::store::{ExecutionEdit, StoreError};

/// How many of a queue become urgent at a look: each is a write of its own, and where everything is old
/// nothing is won by making all of it urgent.
const AT_ONCE: usize = 100;

/// How often it is looked: within a tenth of the shortest age, but no more often than this.
const PAUSE: Duration = Duration::from_secs(1);

impl Dispatcher {
    /// How long until the next look.
    fn ageing_pause(&self) -> Duration {
        let shortest = self.config.ageing.values().min();
        shortest.map_or(Duration::MAX, |age| (*age / 10).max(PAUSE))
    }

    /// Whether any queue has an age.
    pub(in crate::engine) fn has_ageing(&self) -> bool {
        !self.config.ageing.is_empty() && self.stop == Stop::No
    }

    /// Looks for what has become old.
    pub(in crate::engine) fn age(&mut self, now: Duration) {
        if !self.has_ageing() || self.ageing || now < self.timers.age_at {
            return;
        }
        self.ageing = true;
        self.timers.age_at = now + self.ageing_pause();
        let store = Arc::clone(&self.store);
        let wall = timestamp(&*self.clock);
        let queues = self.config.ageing.clone();
        self.call(async move {
            let aged = async {
                for (queue, age) in queues {
                    let since = wall.before(age);
                    let old = store.waiting_since(queue, since, AT_ONCE).await?;
                    for id in old {
                        let urgent = ExecutionEdit {
                            priority: Some(Priority::Critical.value()),
                            ..ExecutionEdit::default()
                        };
                        match store.edit(id, urgent, wall).await {
                            // One that the database will not have changed holds up no other.
                            Err(error @ StoreError::Database(_)) => {
                                tracing::warn!(execution = %id, %error, "it does not become urgent");
                            }
                            // Whoever was claimed meanwhile has no need of it.
                            changed => drop(changed?),
                        }
                    }
                }
                Ok(())
            };
            Event::Aged(aged.await)
        });
    }

    pub(in crate::engine) fn on_aged(&mut self, aged: &Result<(), StoreError>) {
        self.ageing = false;
        if self.note(aged).is_none() {
            self.timers.age_at = self.clock.elapsed() + BACKOFF;
        }
    }
}
