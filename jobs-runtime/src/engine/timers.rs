//! Timers of the dispatcher's periodic tasks.

use std::time::Duration;

use super::EngineConfig;
use crate::time::Timestamp;

/// The next time of every periodic task, on the monotonic clock.
#[derive(Debug)]
pub(crate) struct Timers {
    renewal: Duration,
    poll: Duration,
    pub(crate) renew_at: Duration,
    pub(crate) poll_at: Duration,
    pub(crate) heartbeat_at: Duration,
    pub(crate) promote_at: Duration,
    pub(crate) liveness_at: Duration,
    pub(crate) age_at: Duration,
}

impl Timers {
    /// Timers under which every task is due now, except the renewal and the poll.
    pub(crate) fn new(now: Duration, config: &EngineConfig) -> Self {
        let (renewal, poll) = (config.renewal_interval(), config.poll);
        Self {
            renewal,
            poll,
            renew_at: now + renewal,
            poll_at: now + poll,
            heartbeat_at: now,
            promote_at: now,
            liveness_at: now,
            age_at: now,
        }
    }

    pub(crate) fn renewed(&mut self, now: Duration) {
        self.renew_at = now + self.renewal;
    }

    pub(crate) fn renew_soon(&mut self, now: Duration) {
        self.renew_at = now + self.renewal / 10;
    }

    pub(crate) fn polled(&mut self, now: Duration, chance: f64) {
        // The jitter keeps the workers of a fleet from polling at the same time.
        self.poll_at = now + self.poll.mul_f64(0.75 + chance / 2.0);
    }

    pub(crate) fn heartbeat_sent(&mut self, now: Duration) {
        self.heartbeat_at = now + self.poll / 20;
    }

    pub(crate) fn liveness_checked(&mut self, now: Duration) {
        self.liveness_at = now + self.renewal;
    }

    /// Sets the next promotion to twelve poll intervals from now, even if no execution is known to
    /// become due: the wall clock may be set forward meanwhile.
    pub(crate) fn promote_later(&mut self, now: Duration) {
        self.promote_at = now + self.poll * 12;
    }

    /// Brings the next promotion forward to the time at which an execution is due.
    pub(crate) fn due_by(&mut self, now: Duration, wall: Timestamp, due: Timestamp) {
        self.promote_at = self.promote_at.min(now + due.since(wall));
    }

    pub(crate) fn promote_now(&mut self, now: Duration) {
        self.promote_at = now;
    }
}
