//! Promotion: moves executions that are due from `scheduled` to `ready`.
//!
//! The answer of the store names the time at which the next execution is due, and the timer is set
//! to it. A promotion also admits executions that wait for permits which have been released.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::timestamp;
use crate::engine::Stop;
use crate::engine::dispatcher::{BACKOFF, Dispatcher, Event};
use crate::store::{Promotion, StoreError};
use crate::time::Timestamp;

/// The most executions of one promotion.
pub(in crate::engine) const PROMOTION_LIMIT: usize = 1_000;

impl Dispatcher {
    /// Promotes due executions, if a promotion is due and none is in flight.
    pub(in crate::engine) fn promote(&mut self, now: Duration) {
        if self.promotion_in_flight || self.stop > Stop::No || now < self.timers.promote_at {
            return;
        }
        self.promotion_in_flight = true;
        // The answer and later events bring the next promotion forward.
        self.timers.promote_later(now);
        let store = Arc::clone(&self.store);
        let wall = timestamp(&*self.clock);
        self.spawn_call(async move { Event::Promoted(store.promote(wall, PROMOTION_LIMIT).await) });
    }

    pub(in crate::engine) fn on_promoted(&mut self, answer: &Result<Promotion, StoreError>) {
        self.promotion_in_flight = false;
        let now = self.clock.elapsed();
        match self.record_answer(answer) {
            Some(promotion) => {
                self.has_promoted = true;
                let wall: Timestamp = timestamp(&*self.clock);
                if let Some(due) = promotion.next_due {
                    self.timers.due_by(now, wall, due);
                }
                if promotion.promoted > 0 {
                    self.expect_work();
                }
            }
            None => self.timers.promote_at = self.timers.promote_at.min(now + BACKOFF),
        }
    }
}
