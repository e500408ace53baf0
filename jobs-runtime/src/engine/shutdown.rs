//! Shutdown of a worker: drain, release, close.
//!
//! `cli/commands/run.rs` turns the first SIGTERM or SIGINT into [`Stop::Drain`] and the second into
//! [`Stop::Now`]; an application calls `Runtime::shutdown` and `Runtime::shutdown_now`.
//!
//! ```text
//!   running ── Drain ──▶ draining ──▶ asking ──▶ releasing ──▶ closing ──▶ closed
//!      │                    │           ▲  │          │           ▲
//!      └──────── Now ───────┴───────────┘  └──────────┴───────────┘ every attempt has ended
//! ```
//!
//! * Draining: the worker claims nothing and releases its prefetched executions. Running attempts
//!   may end.
//! * Asking: running attempts are asked to end, and have a grace.
//! * Releasing: handlers that have not returned are dropped and their executions released; no
//!   attempt is spent. The store takes the last settlements.
//! * Closing: the session is closed. If the store does not answer, the worker ends without closing
//!   it, and another worker takes it over.
//!
//! The whole stop takes `drain` at most. Its last fifth (one to five seconds) belongs to the store.
//! The grace is the fifth before it, or `grace` if that is shorter.

use std::time::Duration;

use super::call::{Shared, StoreCall};
use super::config::EngineConfig;
use super::maintenance::PROMOTION_LIMIT;
use crate::store::SessionId;

/// The shortest and the longest time that the store has for the last settlements.
const FINAL_FLUSH: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(5));

/// The urgency of a shutdown request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stop {
    /// No request.
    #[default]
    No,
    /// Stop claiming, let running attempts end, and release the rest before the drain is over.
    Drain,
    /// Release all running attempts now.
    Now,
}

/// The lengths of the last phases of a stop.
#[derive(Clone, Copy, Debug)]
struct StopTimes {
    drain: Duration,
    grace: Duration,
    flush: Duration,
}

impl StopTimes {
    fn new(drain: Duration, grace: Duration) -> Self {
        let (shortest, longest) = FINAL_FLUSH;
        Self {
            drain: drain.max(shortest),
            grace: grace.min(drain / 5),
            flush: (drain / 5).clamp(shortest, longest),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Running,
    Draining,
    Asking,
    Releasing,
    Closing,
    Closed,
}

/// The interruption of running attempts by a shutdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interruption {
    /// Handlers are asked to end.
    Ask,
    /// Handlers are dropped at once, except for blocking ones, which are asked.
    ReleaseAsync,
    /// All handlers are dropped.
    ReleaseAll,
}

/// The part that ends the worker.
#[derive(Debug)]
pub(super) struct Shutdown {
    asked: Stop,
    phase: Phase,
    /// The end of the phase.
    deadline: Duration,
    /// The end of the stop.
    ends_at: Duration,
    times: StopTimes,
}

impl Shutdown {
    pub(super) fn new(config: &EngineConfig) -> Self {
        Self {
            asked: Stop::No,
            phase: Phase::Running,
            deadline: Duration::MAX,
            ends_at: Duration::MAX,
            times: StopTimes::new(config.drain, config.grace),
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

    /// The time at which the stop is over, whatever happens.
    pub(super) fn ends_at(&self) -> Duration {
        self.ends_at
    }

    /// Takes a request. One that is not more urgent than an earlier one has no effect.
    pub(super) fn ask(&mut self, asked: Stop, now: Duration) {
        if asked <= self.asked {
            return;
        }
        self.asked = asked;
        let StopTimes {
            drain,
            grace,
            flush,
        } = self.times;
        match asked {
            Stop::No => {}
            Stop::Drain => {
                self.phase = Phase::Draining;
                self.ends_at = now + drain;
                self.deadline = self.ends_at.saturating_sub(flush + grace);
            }
            Stop::Now => {
                self.ends_at = self.ends_at.min(now + grace + flush);
                self.phase = self.phase.max(Phase::Draining);
                // Later phases are short already.
                self.deadline = if self.phase <= Phase::Asking {
                    now
                } else {
                    self.ends_at
                };
            }
        }
    }

    /// Ends the phase whose deadline has come, and says how running attempts are interrupted.
    pub(super) fn advance(&mut self, now: Duration) -> Option<Interruption> {
        if self.is_running() || now < self.deadline {
            return None;
        }
        match self.phase {
            Phase::Draining => {
                self.phase = Phase::Asking;
                self.deadline = self.ends_at.saturating_sub(self.times.flush);
                Some(if self.asked == Stop::Now {
                    Interruption::ReleaseAsync
                } else {
                    Interruption::Ask
                })
            }
            Phase::Asking => {
                self.phase = Phase::Releasing;
                self.deadline = self.ends_at;
                Some(Interruption::ReleaseAll)
            }
            // The store does not answer: another worker takes the remaining leases over.
            _ => {
                self.phase = Phase::Closed;
                None
            }
        }
    }

    /// Every attempt is settled. Returns `true` if the session is to be closed now.
    pub(super) fn close(&mut self) -> bool {
        let closes = !self.is_running() && self.phase < Phase::Closing;
        if closes {
            self.phase = Phase::Closing;
            self.deadline = self.ends_at;
        }
        closes
    }

    /// The session is closed, or there is none.
    pub(super) fn closed(&mut self) {
        self.phase = Phase::Closed;
    }
}

/// Closes the session.
pub(super) fn close_session(session: SessionId, shared: &Shared) -> StoreCall<()> {
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

    fn shutdown(drain: u64) -> Shutdown {
        Shutdown::new(&EngineConfig {
            drain: Duration::from_secs(drain),
            ..EngineConfig::default()
        })
    }

    #[test]
    fn a_stop_asks_releases_and_ends_within_the_drain() {
        use Interruption::{Ask, ReleaseAll};
        for (drain, asks, releases) in [(25, 15, 20), (10, 6, 8), (60, 45, 55), (1, 0, 0)] {
            let seconds = |seconds| Duration::from_secs(100 + seconds);
            let mut shutdown = shutdown(drain);
            assert_eq!(shutdown.advance(seconds(0)), None);
            shutdown.ask(Stop::Drain, seconds(0));
            assert_eq!(shutdown.advance(seconds(asks)), Some(Ask), "{drain}");
            assert_eq!(
                shutdown.advance(seconds(releases)),
                Some(ReleaseAll),
                "{drain}"
            );
            assert!(!shutdown.is_closed());
            assert_eq!(shutdown.next_wake(), Some(seconds(drain)), "{drain}");
            assert_eq!(shutdown.advance(seconds(drain)), None);
            assert!(shutdown.is_closed(), "without an answer of the store");
        }
    }

    #[test]
    fn a_second_request_releases_at_once_and_never_extends_the_stop() {
        let seconds = Duration::from_secs;
        let mut shutdown = shutdown(25);
        shutdown.ask(Stop::Drain, seconds(0));
        shutdown.ask(Stop::Now, seconds(20));
        assert_eq!(
            shutdown.advance(seconds(20)),
            Some(Interruption::ReleaseAsync)
        );
        assert_eq!(
            shutdown.advance(seconds(20)),
            Some(Interruption::ReleaseAll)
        );
        assert!(shutdown.close() && !shutdown.close(), "once");
        assert_eq!(shutdown.next_wake(), Some(seconds(25)));
    }
}
