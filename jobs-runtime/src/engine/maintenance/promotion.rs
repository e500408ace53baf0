//! Moving what is due into ready.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::timestamp;
use crate::engine::Stop;
use crate::engine::dispatcher::{BACKOFF, Dispatcher, Event};
use crate::store::{Promotion, StoreError};
use crate::time::Timestamp;

/// How many due executions are promoted at a time.
pub(in crate::engine) const PROMOTION_LIMIT: usize = 1_000;

impl Dispatcher {
    /// Moves what is due into ready.
    pub(in crate::engine) fn promote(&mut self, now: Duration) {
        if self.promoting || self.stop > Stop::No || now < self.timers.promote_at {
            return;
        }
        self.promoting = true;
        // What is scheduled from now on brings it forward again.
        self.timers.promote_later(now);
        let store = Arc::clone(&self.store);
        let wall = timestamp(&*self.clock);
        self.call(async move { Event::Promoted(store.promote(wall, PROMOTION_LIMIT).await) });
    }

    pub(in crate::engine) fn on_promoted(&mut self, answer: &Result<Promotion, StoreError>) {
        self.promoting = false;
        let now = self.clock.elapsed();
        match self.note(answer) {
            Some(promotion) => {
                self.promoted = true;
                let wall: Timestamp = timestamp(&*self.clock);
                if let Some(due) = promotion.next_due {
                    self.timers.due_by(now, wall, due);
                }
                if promotion.promoted > 0 {
                    self.hope();
                }
            }
            None => self.timers.promote_at = self.timers.promote_at.min(now + BACKOFF),
        }
    }
}
