//! When the dispatcher does what nobody asks for.

use std::time::Duration;

use crate::time::Timestamp;

/// How often what a hint may have missed is looked for.
const POLL: Duration = Duration::from_secs(5);

/// How often a running worker asks for cancellations and writes progress.
const ATTEND: Duration = Duration::from_millis(250);

/// The longest trust in a distant due time: the wall clock may be set.
const FAR: Duration = Duration::from_secs(60);

/// The next moments of every periodic task, on the clock that never goes back.
#[derive(Debug)]
pub(crate) struct Timers {
    renewal: Duration,
    pub(crate) renew_at: Duration,
    pub(crate) poll_at: Duration,
    pub(crate) attend_at: Duration,
    pub(crate) promote_at: Duration,
    pub(crate) watch_at: Duration,
}

impl Timers {
    /// Everything is due now, except the renewal of a session that was just opened.
    pub(crate) fn new(now: Duration, renewal: Duration) -> Self {
        Self {
            renewal,
            renew_at: now + renewal,
            poll_at: now + POLL,
            attend_at: now,
            promote_at: now,
            watch_at: now,
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
        self.poll_at = now + POLL.mul_f64(0.75 + chance / 2.0);
    }

    pub(crate) fn attended(&mut self, now: Duration) {
        self.attend_at = now + ATTEND;
    }

    pub(crate) fn watched(&mut self, now: Duration) {
        self.watch_at = now + self.renewal;
    }

    /// Plans the next promotion for when the next execution is due by the wall clock.
    pub(crate) fn due(&mut self, now: Duration, wall: Timestamp, due: Option<Timestamp>) {
        let wait = due.map_or(FAR, |due| due.since(wall).min(FAR));
        self.promote_at = now + wait;
    }

    /// Like [`due`](Self::due), but never later than planned.
    pub(crate) fn due_by(&mut self, now: Duration, wall: Timestamp, due: Timestamp) {
        let planned = self.promote_at;
        self.due(now, wall, Some(due));
        self.promote_at = self.promote_at.min(planned);
    }

    pub(crate) fn promote_now(&mut self, now: Duration) {
        self.promote_at = now;
    }
}
