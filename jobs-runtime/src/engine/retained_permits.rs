//! Permits that stay out because a handler has outlived its attempt, until it really ends.
//!
//! Two things have to have happened before they are given back, in any order: the store has taken
//! the settlement that keeps them, and the handler has returned.

use std::collections::HashMap;
use std::sync::Arc;

use super::dispatcher::{BACKOFF, Dispatcher, Event};
use crate::store::{Fence, Settlement, StoreError, WriteAnswer};

/// What has happened so far.
#[derive(Debug, Default)]
struct Stage {
    settled: bool,
    returned: bool,
}

/// The attempts whose permits are kept.
#[derive(Debug, Default)]
pub(super) struct RetainedPermits {
    stages: HashMap<Fence, Stage>,
    due: Vec<Fence>,
    returning: bool,
}

impl RetainedPermits {
    /// A settlement will keep the permits of this attempt.
    pub(super) fn keep(&mut self, fence: Fence) {
        self.stages.entry(fence).or_default();
    }

    /// The handler of this attempt has returned, whether its permits are kept or not.
    pub(super) fn returned(&mut self, fence: Fence) {
        self.change(fence, |stage| stage.returned = true);
    }

    /// The store has answered to the settlement.
    pub(super) fn settled(&mut self, settlement: &Settlement, answer: WriteAnswer) {
        if !settlement.retains_permits() {
            return;
        }
        match answer {
            WriteAnswer::Settled | WriteAnswer::AlreadyMine => {
                self.change(settlement.fence, |stage| stage.settled = true);
            }
            // Another has the lease, and its permits.
            WriteAnswer::Stale | WriteAnswer::Rejected => {
                drop(self.stages.remove(&settlement.fence))
            }
            WriteAnswer::Locked => {}
        }
    }

    fn change(&mut self, fence: Fence, change: impl FnOnce(&mut Stage)) {
        let Some(stage) = self.stages.get_mut(&fence) else {
            return;
        };
        change(stage);
        if stage.settled && stage.returned {
            self.stages.remove(&fence);
            self.due.push(fence);
        }
    }
}

impl Dispatcher {
    /// Gives back what is due.
    pub(super) fn give_back_permits(&mut self) {
        if self.kept.returning || self.kept.due.is_empty() {
            return;
        }
        self.kept.returning = true;
        let fences = std::mem::take(&mut self.kept.due);
        let store = Arc::clone(&self.store);
        self.call(async move {
            let answer = store.release_permits(fences.clone()).await;
            Event::Unstuck(fences, answer)
        });
    }

    pub(super) fn on_unstuck(&mut self, fences: Vec<Fence>, answer: Result<(), StoreError>) {
        self.kept.returning = false;
        if self.note(&answer).is_some() {
            return;
        }
        // Said again until it is heard: the end of the session would do it as well, but late.
        self.kept.returning = true;
        let store = Arc::clone(&self.store);
        let clock = Arc::clone(&self.clock);
        self.call(async move {
            clock.sleep(BACKOFF).await;
            let answer = store.release_permits(fences.clone()).await;
            Event::Unstuck(fences, answer)
        });
    }
}
