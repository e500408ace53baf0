//! Permits of attempts that were settled while their handler still runs.
//!
//! Such an attempt keeps its permits until its handler returns. The permits are released after two
//! events, in any order: the store has taken the settlement that retains them, and the handler has
//! returned.

use std::collections::HashMap;
use std::sync::Arc;

use super::dispatcher::{BACKOFF, Dispatcher, Event};
use crate::store::{Fence, Settlement, StoreError, WriteAnswer};

/// The events that have happened for one attempt.
#[derive(Debug, Default)]
struct Seen {
    settled: bool,
    handler_returned: bool,
}

/// The attempts that retain permits.
#[derive(Debug, Default)]
pub(super) struct RetainedPermits {
    attempts: HashMap<Fence, Seen>,
    /// Attempts whose permits can be released.
    due: Vec<Fence>,
    release_in_flight: bool,
}

impl RetainedPermits {
    /// The settlement of this attempt retains its permits.
    pub(super) fn retain(&mut self, fence: Fence) {
        self.attempts.entry(fence).or_default();
    }

    /// The handler of this attempt has returned. No effect if the attempt retains no permits.
    pub(super) fn handler_returned(&mut self, fence: Fence) {
        self.update(fence, |seen| seen.handler_returned = true);
    }

    /// The store has answered to the settlement.
    pub(super) fn settled(&mut self, settlement: &Settlement, answer: WriteAnswer) {
        if !settlement.retains_permits() {
            return;
        }
        match answer {
            WriteAnswer::Settled | WriteAnswer::AlreadyMine => {
                self.update(settlement.fence, |seen| seen.settled = true);
            }
            // The lease and its permits belong to another worker.
            WriteAnswer::Stale | WriteAnswer::Rejected => {
                self.attempts.remove(&settlement.fence);
            }
            WriteAnswer::Locked => {}
        }
    }

    fn update(&mut self, fence: Fence, update: impl FnOnce(&mut Seen)) {
        let Some(seen) = self.attempts.get_mut(&fence) else {
            return;
        };
        update(seen);
        if seen.settled && seen.handler_returned {
            self.attempts.remove(&fence);
            self.due.push(fence);
        }
    }
}

impl Dispatcher {
    /// Releases the permits that are due, one call at a time.
    pub(super) fn release_retained_permits(&mut self) {
        if self.retained_permits.release_in_flight || self.retained_permits.due.is_empty() {
            return;
        }
        self.retained_permits.release_in_flight = true;
        let fences = std::mem::take(&mut self.retained_permits.due);
        let store = Arc::clone(&self.store);
        self.spawn_call(async move {
            let answer = store.release_permits(fences.clone()).await;
            Event::PermitsReleased(fences, answer)
        });
    }

    pub(super) fn on_permits_released(
        &mut self,
        fences: Vec<Fence>,
        answer: Result<(), StoreError>,
    ) {
        self.retained_permits.release_in_flight = false;
        if self.record_answer(&answer).is_some() {
            return;
        }
        // Repeated until the store answers. The end of the session releases them too, but late.
        self.retained_permits.release_in_flight = true;
        let store = Arc::clone(&self.store);
        let clock = Arc::clone(&self.clock);
        self.spawn_call(async move {
            clock.sleep(BACKOFF).await;
            let answer = store.release_permits(fences.clone()).await;
            Event::PermitsReleased(fences, answer)
        });
    }
}
