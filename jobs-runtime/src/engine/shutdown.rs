//! Shutdown of a worker: drain, release, close.
//!
//! The command line turns the first SIGTERM or SIGINT into [`Stop::Drain`] and the second into
//! [`Stop::Now`]; an application calls `Runtime::shutdown` and `Runtime::shutdown_now`.
//!
//! ```text
//!   running ── Drain ──▶ draining ── drain over, or Now ──▶ releasing ──▶ closing ──▶ closed
//!                           │                                  ▲
//!                           └── every attempt has ended ───────┘
//! ```
//!
//! * Draining: the worker claims nothing and releases its backlog. Running attempts may end.
//! * Releasing: running attempts are interrupted and released; no attempt is spent.
//! * Closing: the session is closed after the last settlement. If the store does not answer within
//!   [`FINAL_FLUSH`], the worker ends without closing it, and another worker takes it over.

use std::sync::Arc;
use std::time::Duration;

use super::Stop;
use super::dispatcher::{Dispatcher, Event};
use super::executor::interrupt::Cause;
use super::maintenance::promotion::PROMOTION_LIMIT;
use super::outcome::Exit;
use crate::clock::timestamp;

/// The time that the store has for the last settlements once running attempts are interrupted.
const FINAL_FLUSH: Duration = Duration::from_secs(10);

impl Dispatcher {
    pub(super) fn on_stop(&mut self, asked: Stop) {
        if asked <= self.stop {
            return;
        }
        self.stop = asked;
        let now = self.clock.elapsed();
        self.drain_until = Some(match asked {
            Stop::Drain => now + self.config.drain,
            _ => now,
        });
    }

    /// Advances a shutdown: releases the backlog, after the drain also the running attempts, and
    /// closes the session after the last settlement.
    pub(super) fn advance_shutdown(&mut self, now: Duration) {
        let Some(until) = self.drain_until else {
            return;
        };
        for index in 0..self.slots.len() {
            for claimed in self.slots[index].take_backlog() {
                self.settle_unstarted(&claimed, Exit::Released);
            }
        }
        if now >= until {
            // The drain is over: the next deadline is that of the last settlements.
            self.drain_until = Some(now + FINAL_FLUSH);
            if self.stop < Stop::Now {
                self.stop = Stop::Now;
            } else if self.has_given_back {
                // The store does not answer: another worker takes the remaining leases over.
                self.is_closed = true;
            }
            self.has_given_back = true;
            for running in self.running.values() {
                running.interrupt.raise(Cause::GiveBack);
            }
        }
        let all_settled = self.running.is_empty() && self.completer.is_empty();
        let claiming = self.slots.iter().any(|slots| slots.claim_in_flight);
        // A session that is being opened is awaited and closed too: otherwise it would stay open
        // until another worker takes it over.
        let opening = self.session.is_none() && self.session_call_in_flight;
        if all_settled && !claiming && !opening && !self.is_closing {
            self.is_closing = true;
            match self.session.as_ref().map(|session| session.id) {
                Some(session) => {
                    let store = Arc::clone(&self.store);
                    let wall = timestamp(&*self.clock);
                    self.spawn_call(async move {
                        if let Err(error) = store.close_session(session).await {
                            tracing::debug!(
                                %error,
                                "could not close the session: another worker will take it over",
                            );
                        }
                        // The last settlements released permits. This worker may be the last one,
                        // so it admits the waiters that can have them.
                        if let Err(error) = store.promote(wall, PROMOTION_LIMIT).await {
                            tracing::debug!(
                                %error,
                                "could not promote at shutdown: the next worker will do it",
                            );
                        }
                        Event::SessionClosed
                    });
                }
                None => self.is_closed = true,
            }
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.is_closed
    }
}
