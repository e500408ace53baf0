//! Promotion: moves executions that are due from `scheduled` to `ready`.
//!
//! The answer of the store names the time at which the next execution is due, and the timer is set
//! to it. A promotion also admits executions that wait for permits which have been released.

use std::sync::Arc;
use std::time::Duration;

use crate::engine::call::{BACKOFF, CallTimer, Shared, StoreCall};
use crate::store::{Promotion as Promoted, StoreError};
use crate::time::Timestamp;

/// The most executions of one promotion.
pub(in crate::engine) const PROMOTION_LIMIT: usize = 1_000;

/// The task that promotes due executions.
pub(in crate::engine) struct Promotion {
    timer: CallTimer,
    /// The longest time between two promotions, even if no execution is known to become due: the
    /// wall clock may be set forward meanwhile.
    interval: Duration,
    /// The time at which an execution is due, as far as it is known.
    due_at: Option<Duration>,
    /// A promotion has been answered. Until then, due executions may be unknown.
    has_promoted: bool,
    shared: Arc<Shared>,
}

impl Promotion {
    pub(super) fn new(now: Duration, shared: &Arc<Shared>) -> Self {
        Self {
            timer: CallTimer::new(now),
            interval: shared.config.poll * 12,
            due_at: None,
            has_promoted: false,
            shared: Arc::clone(shared),
        }
    }

    /// True if every execution is known to be promoted that was due at the last answer.
    pub(in crate::engine) fn is_settled(&self) -> bool {
        self.has_promoted && !self.timer.is_in_flight()
    }

    pub(super) fn next_wake(&self) -> Option<Duration> {
        self.timer.next_wake()
    }

    /// The time at which an execution is due, without polls.
    pub(super) fn next_due(&self) -> Option<Duration> {
        self.due_at
    }

    /// Makes a promotion due now.
    pub(in crate::engine) fn hurry(&mut self, now: Duration) {
        self.timer.bring_forward(now);
    }

    /// Brings the next promotion forward to the time at which an execution is due.
    pub(in crate::engine) fn due_by(&mut self, due: Timestamp) {
        let wait = due.since(self.shared.wall());
        self.bring_forward(self.shared.now() + wait);
    }

    fn bring_forward(&mut self, at: Duration) {
        self.timer.bring_forward(at);
        self.due_at = Some(self.due_at.map_or(at, |earlier| earlier.min(at)));
    }

    pub(super) fn start(
        &mut self,
        now: Duration,
    ) -> Option<StoreCall<Result<Promoted, StoreError>>> {
        if !self.timer.is_due(now) {
            return None;
        }
        // The answer and later events bring the next promotion forward.
        self.timer.sent(now + self.interval);
        self.due_at = None;
        let wall = self.shared.wall();
        Some(
            self.shared
                .call(|store| async move { store.promote(wall, PROMOTION_LIMIT).await }),
        )
    }

    /// Returns `true` if executions have become ready.
    pub(super) fn on(&mut self, answer: &Result<Promoted, StoreError>) -> bool {
        self.timer.answered();
        let Some(promoted) = self.shared.record(answer) else {
            self.bring_forward(self.shared.now() + BACKOFF);
            return false;
        };
        self.has_promoted = true;
        if let Some(due) = promoted.next_due {
            self.due_by(due);
        }
        promoted.promoted > 0
    }
}
