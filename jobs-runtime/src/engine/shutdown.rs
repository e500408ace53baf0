//! Coming to an end: drain, then give back.

use std::sync::Arc;
use std::time::Duration;

use super::Stop;
use super::dispatcher::{Dispatcher, Event};
use super::executor::interrupt::Cause;
use super::maintenance::promotion::PROMOTION_LIMIT;
use super::outcome::Conclusion;
use crate::clock::timestamp;

/// What the store gets to hear the last words, once everything has ended.
const LAST_WORDS: Duration = Duration::from_secs(10);

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

    /// Gives back what was not started, and after the drain also what still runs.
    pub(super) fn keep_stopping(&mut self, now: Duration) {
        let Some(until) = self.drain_until else {
            return;
        };
        for place in 0..self.lanes.len() {
            for claimed in self.lanes[place].take_backlog() {
                self.conclude_unstarted(&claimed, Conclusion::Released);
            }
        }
        if now >= until {
            // From here on the limit is the one for the last words.
            self.drain_until = Some(now + LAST_WORDS);
            if self.stop < Stop::Now {
                self.stop = Stop::Now;
            } else if self.gave_back {
                // The store does not listen: others will take over what is left.
                self.closed = true;
            }
            self.gave_back = true;
            for running in self.running.values() {
                running.interrupt.raise(Cause::GiveBack);
            }
        }
        let silent = self.running.is_empty() && self.outbox.is_empty();
        let claiming = self.lanes.iter().any(|lane| lane.claiming);
        // A session that is just being opened is closed as well, rather than left to the others.
        let opening = self.session.is_none() && self.contacting;
        if silent && !claiming && !opening && !self.closing {
            self.closing = true;
            match self.session.as_ref().map(|session| session.id) {
                Some(session) => {
                    let store = Arc::clone(&self.store);
                    let wall = timestamp(&*self.clock);
                    self.call(async move {
                        if let Err(error) = store.close_session(session).await {
                            tracing::debug!(%error, "the session is left to be taken over");
                        }
                        // Permits that came back with the last ends: nobody else may be there to hand them on.
                        if let Err(error) = store.promote(wall, PROMOTION_LIMIT).await {
                            tracing::debug!(%error, "who waits is left to be let in by others");
                        }
                        Event::Closed
                    });
                }
                None => self.closed = true,
            }
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.closed
    }
}
