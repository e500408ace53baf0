//! When the dispatcher does what nobody asks for.

use std::time::Duration;

use super::EngineConfig;
use crate::time::Timestamp;

/// The next moments of every periodic task, on the clock that never goes back.
#[derive(Debug)]
pub(crate) struct Timers {
    renewal: Duration,
    poll: Duration,
    pub(crate) renew_at: Duration,
    pub(crate) poll_at: Duration,
    pub(crate) attend_at: Duration,
    pub(crate) promote_at: Duration,
    pub(crate) watch_at: Duration,
    pub(crate) age_at: Duration,
}

impl Timers {
    /// Everything is due now, except the renewal of a session that was just opened.
    pub(crate) fn new(now: Duration, config: &EngineConfig) -> Self {
        let (renewal, poll) = (config.renewal(), config.poll);
        Self {
            renewal,
            poll,
            renew_at: now + renewal,
            poll_at: now + poll,
            attend_at: now,
            promote_at: now,
            watch_at: now,
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
        // Spread, so that the workers of a fleet do not come all at once.
        self.poll_at = now + self.poll.mul_f64(0.75 + chance / 2.0);
    }

    pub(crate) fn attended(&mut self, now: Duration) {
        self.attend_at = now + self.poll / 20;
    }

    pub(crate) fn watched(&mut self, now: Duration) {
        self.watch_at = now + self.renewal;
    }

    /// Plans the next promotion for a distant time: the wall clock may be set, so it is looked at
    /// again even if nothing is known to become due.
    pub(crate) fn promote_later(&mut self, now: Duration) {
        self.promote_at = now + self.poll * 12;
    }

    /// Plans the next promotion for when an execution is due by the wall clock, unless one is
    /// planned before that.
    pub(crate) fn due_by(&mut self, now: Duration, wall: Timestamp, due: Timestamp) {
        self.promote_at = self.promote_at.min(now + due.since(wall));
    }

    pub(crate) fn promote_now(&mut self, now: Duration) {
        self.promote_at = now;
    }
}
