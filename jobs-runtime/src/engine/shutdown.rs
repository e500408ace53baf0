//! Shutdown of a worker: drain, release, close.
//!
//! `cli/commands/run.rs` turns the first SIGTERM or SIGINT into [`Stop::Drain`] and the second into
//! [`Stop::Now`]; an application calls `Runtime::shutdown` and `Runtime::shutdown_now`.
//!
//! ```text
//!   running ── Drain ──▶ draining ── drain over, or Now ──▶ releasing ──▶ closing ──▶ closed
//!                           │                                  ▲
//!                           └── every attempt has ended ───────┘
//! ```
//!
//! * Draining: the worker claims nothing and releases its prefetched executions. Running attempts
//!   may end.
//! * Releasing: running attempts are interrupted and released; no attempt is spent.
//! * Closing: the session is closed after the last settlement. If the store does not answer within
//!   [`FINAL_FLUSH`], the worker ends without closing it, and another worker takes it over.

use std::time::Duration;

use super::call::{Call, Shared};
use super::maintenance::PROMOTION_LIMIT;
use crate::store::SessionId;

/// The time that the store has for the last settlements once running attempts are interrupted.
const FINAL_FLUSH: Duration = Duration::from_secs(10);

/// The urgency of a shutdown request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stop {
    /// No request.
    #[default]
    No,
    /// Stop claiming, and let running attempts end until the drain is over.
    Drain,
    /// Release all running attempts now.
    Now,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Running,
    Draining,
    Releasing,
    Closing,
    Closed,
}

/// The part that ends the worker.
#[derive(Debug)]
pub(super) struct Shutdown {
    asked: Stop,
    phase: Phase,
    /// The end of the drain; later the end of the final flush.
    deadline: Duration,
}

impl Shutdown {
    pub(super) fn new() -> Self {
        Self {
            asked: Stop::No,
            phase: Phase::Running,
            deadline: Duration::MAX,
        }
    }

    /// True if no shutdown was requested.
    pub(super) fn is_running(&self) -> bool {
        self.phase == Phase::Running
    }

    /// True once the session is closed, or the store has not answered in time.
    pub(super) fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    /// True if a more urgent request may follow.
    pub(super) fn may_be_asked(&self) -> bool {
        self.asked < Stop::Now
    }

    pub(super) fn next_wake(&self) -> Option<Duration> {
        (!self.is_running() && !self.is_closed()).then_some(self.deadline)
    }

    /// Takes a request. One that is not more urgent than an earlier one has no effect.
    pub(super) fn ask(&mut self, asked: Stop, now: Duration, drain: Duration) {
        if asked <= self.asked {
            return;
        }
        self.asked = asked;
        if matches!(self.phase, Phase::Running | Phase::Draining) {
            self.phase = Phase::Draining;
            self.deadline = if asked == Stop::Now { now } else { now + drain };
        }
    }

    /// Ends the phase whose deadline has come. Returns `true` if running attempts are to be
    /// released now.
    pub(super) fn advance(&mut self, now: Duration) -> bool {
        if self.is_running() || now < self.deadline {
            return false;
        }
        if self.phase == Phase::Draining {
            self.phase = Phase::Releasing;
            self.asked = Stop::Now;
            self.deadline = now + FINAL_FLUSH;
            return true;
        }
        // The store does not answer: another worker takes the remaining leases over.
        self.phase = Phase::Closed;
        false
    }

    /// Every attempt is settled. Returns `true` if the session is to be closed now.
    pub(super) fn close(&mut self) -> bool {
        let closes = matches!(self.phase, Phase::Draining | Phase::Releasing);
        if closes {
            self.phase = Phase::Closing;
        }
        closes
    }

    /// The session is closed, or there is none.
    pub(super) fn closed(&mut self) {
        self.phase = Phase::Closed;
    }
}

/// Closes the session.
pub(super) fn close_session(session: SessionId, shared: &Shared) -> Call<()> {
    let wall = shared.wall();
    shared.call(|store| async move {
        if let Err(error) = store.close_session(session).await {
            tracing::debug!(
                %error,
                "could not close the session: another worker will take it over",
            );
        }
        // The last settlements released permits. This worker may be the last one, so it admits the
        // waiters that can have them.
        if let Err(error) = store.promote(wall, PROMOTION_LIMIT).await {
            tracing::debug!(%error, "could not promote at shutdown: the next worker will do it");
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shutdown_releases_once_and_ends_without_the_store() {
        let seconds = Duration::from_secs;
        let mut shutdown = Shutdown::new();
        assert_eq!(
            (shutdown.advance(seconds(0)), shutdown.next_wake()),
            (false, None)
        );
        shutdown.ask(Stop::Drain, seconds(1), seconds(30));
        assert!(!shutdown.advance(seconds(30)));
        assert!(shutdown.advance(seconds(31)), "the drain is over");
        assert!(!shutdown.advance(seconds(31)), "once");
        assert!(shutdown.close() && !shutdown.close(), "once");
        assert_eq!(shutdown.next_wake(), Some(seconds(41)));
        assert!(!shutdown.advance(seconds(41)) && shutdown.is_closed());
    }
}
