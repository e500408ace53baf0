//! Permits of attempts that were settled while their handler still runs.
//!
//! Such an attempt keeps its permits until its handler returns. The permits are released after two
//! events, in any order: the store has taken the settlement that retains them, and the handler has
//! returned.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::call::{BACKOFF, CallTimer, Shared, StoreCall};
use crate::store::{Fence, Settlement, StoreError, WriteAnswer};

/// The events that have happened for one attempt.
#[derive(Debug, Default)]
struct Seen {
    settled: bool,
    handler_returned: bool,
}

/// The answer of the store to a release.
#[derive(Debug)]
pub(super) struct PermitsReleased(Vec<Fence>, Result<(), StoreError>);

/// The attempts that retain permits.
pub(super) struct RetainedPermits {
    attempts: HashMap<Fence, Seen>,
    /// Attempts whose permits can be released.
    due: Vec<Fence>,
    call: CallTimer,
    shared: Arc<Shared>,
}

impl RetainedPermits {
    pub(super) fn new(now: Duration, shared: &Arc<Shared>) -> Self {
        Self {
            attempts: HashMap::new(),
            due: Vec::new(),
            call: CallTimer::new(now),
            shared: Arc::clone(shared),
        }
    }

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

    /// The time of the next release, if permits can be released.
    pub(super) fn next_wake(&self) -> Option<Duration> {
        self.call.next_wake().filter(|_| !self.due.is_empty())
    }

    /// Releases the permits that are due, one call at a time.
    pub(super) fn start(&mut self, now: Duration) -> Option<StoreCall<PermitsReleased>> {
        if self.due.is_empty() || !self.call.is_due(now) {
            return None;
        }
        self.call.sent(now);
        let fences = std::mem::take(&mut self.due);
        Some(self.shared.call(|store| async move {
            let answer = store.release_permits(fences.clone()).await;
            PermitsReleased(fences, answer)
        }))
    }

    pub(super) fn on(&mut self, PermitsReleased(fences, answer): PermitsReleased) {
        self.call.answered();
        if self.shared.record(&answer).is_none() {
            // Repeated until the store answers. The end of the session releases them too, but late.
            self.due.extend(fences);
            self.call.set(self.shared.now() + BACKOFF);
        }
    }
}
