//! Taking over from workers that do not renew any more.
//!
//! Liveness is judged by change: a session counts as dead when *this* worker, on its own clock
//! that never goes back, has watched its beat stand still for a whole lease while it could renew
//! its own session throughout. Time stamps are never compared, so neither a wrong clock nor a
//! suspended machine nor a restart of the store makes live work run twice.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::timestamp;
use crate::engine::Stop;
use crate::engine::dispatcher::{BACKOFF, Dispatcher, Event};
use crate::engine::outcome::Conclusion;
use crate::store::{Caps, Claim, Claimed, SessionBeat, SessionId, StoreError};

/// How many leases change hands at a time.
const SLICE: usize = 500;

/// What has been seen of other sessions.
#[derive(Debug, Default)]
pub(in crate::engine) struct Watch {
    seen: HashMap<SessionId, Seen>,
    asking: bool,
}

#[derive(Debug)]
struct Seen {
    beat: i64,
    /// Since when that beat stands still.
    since: Duration,
    taking_over: bool,
}

impl Watch {
    /// Starts to watch anew: what was seen proves nothing.
    pub(in crate::engine) fn forget(&mut self) {
        self.seen.clear();
    }

    /// Notes that an attempt to take a session over has ended, with or without effect.
    fn taken_over(&mut self, session: SessionId) {
        if let Some(seen) = self.seen.get_mut(&session) {
            seen.taking_over = false;
        }
    }

    /// Whether the beats are being read.
    pub(in crate::engine) fn is_asking(&self) -> bool {
        self.asking
    }

    /// Takes note of the beats and returns the sessions that stood still for a whole lease.
    fn observe(
        &mut self,
        beats: Vec<SessionBeat>,
        own: SessionId,
        now: Duration,
        lease: Duration,
    ) -> Vec<SessionBeat> {
        let mut before = std::mem::take(&mut self.seen);
        let mut dead = Vec::new();
        for beat in beats.into_iter().filter(|beat| beat.session != own) {
            let mut seen = match before.remove(&beat.session) {
                Some(seen) if seen.beat == beat.beat => seen,
                _ => Seen {
                    beat: beat.beat,
                    since: now,
                    taking_over: false,
                },
            };
            let session = beat.session;
            if !seen.taking_over && now.saturating_sub(seen.since) >= lease {
                seen.taking_over = true;
                dead.push(beat);
            }
            self.seen.insert(session, seen);
        }
        dead
    }
}

impl Dispatcher {
    /// Looks at the beats of the other sessions.
    pub(in crate::engine) fn watch_sessions(&mut self, now: Duration) {
        if self.watch.asking || self.stop > Stop::No || now < self.timers.watch_at {
            return;
        }
        self.watch.asking = true;
        self.timers.watched(now);
        let store = Arc::clone(&self.store);
        self.call(async move { Event::Sessions(store.sessions().await) });
    }

    pub(in crate::engine) fn on_sessions(&mut self, answer: Result<Vec<SessionBeat>, StoreError>) {
        self.watch.asking = false;
        if self.note(&answer).is_none() {
            return self.watch.forget();
        }
        let (Ok(beats), Some(own)) = (answer, self.session.as_ref().map(|s| s.id)) else {
            return;
        };
        let now = self.clock.elapsed();
        for dead in self.watch.observe(beats, own, now, self.config.lease) {
            tracing::warn!(session = %dead.session, worker = dead.worker, "does not renew, taking over");
            self.take_over(dead);
        }
    }

    fn take_over(&mut self, dead: SessionBeat) {
        let Some(session) = self.session.as_ref().map(|session| session.id) else {
            return;
        };
        self.claim_number += 1;
        let claim = Claim {
            session,
            number: self.claim_number,
            job_ids: Vec::new(),
            queues: Vec::new(),
            except: Vec::new(),
            only: Vec::new(),
            limit: SLICE,
            caps: Caps::default(),
            now: timestamp(&*self.clock),
        };
        self.taking_over += 1;
        self.send_take_over(dead, claim, Duration::ZERO);
    }

    fn send_take_over(&self, dead: SessionBeat, claim: Claim, wait: Duration) {
        let store = Arc::clone(&self.store);
        let clock = Arc::clone(&self.clock);
        self.call(async move {
            if !wait.is_zero() {
                clock.sleep(wait).await;
            }
            let answer = store.take_over(dead.clone(), claim.clone()).await;
            Event::TakenOver(dead, claim, answer)
        });
    }

    pub(in crate::engine) fn on_taken_over(
        &mut self,
        dead: SessionBeat,
        claim: Claim,
        answer: Result<Vec<Claimed>, StoreError>,
    ) {
        self.note(&answer);
        self.taking_over -= 1;
        if self.session.as_ref().is_none_or(|s| s.id != claim.session) {
            return;
        }
        match answer {
            Ok(leases) => {
                for lease in &leases {
                    let conclusion = match &lease.unreadable {
                        Some(reason) => Conclusion::Unreadable(reason.clone()),
                        None => Conclusion::Lost,
                    };
                    self.conclude_unstarted(lease, conclusion);
                }
                if leases.len() >= claim.limit {
                    self.take_over(dead);
                } else {
                    // Should it still be there when the beats are read next, it is tried again:
                    // a number that a later claim has overtaken takes nothing.
                    self.watch.taken_over(dead.session);
                }
            }
            Err(StoreError::SessionLost) => self.session_refused(),
            Err(error) if error.is_transient() => {
                self.taking_over += 1;
                self.send_take_over(dead, claim, BACKOFF);
            }
            Err(_) => self.watch.taken_over(dead.session),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::*;
    use crate::time::Timestamp;

    const LEASE: Duration = Duration::from_secs(30);

    fn beat(session: i64, beat: i64) -> SessionBeat {
        SessionBeat {
            session: SessionId(session),
            beat,
            worker: "w".to_owned(),
            opened_at: Timestamp::default(),
            renewed_at: Timestamp::default(),
        }
    }

    fn dead_at(watch: &mut Watch, seconds: u64, beats: &[(i64, i64)]) -> Vec<i64> {
        let beats = beats.iter().map(|&(s, b)| beat(s, b)).collect();
        watch
            .observe(beats, SessionId(1), Duration::from_secs(seconds), LEASE)
            .into_iter()
            .map(|dead| dead.session.0)
            .collect()
    }

    #[test]
    fn a_beat_that_stands_still_for_a_lease_is_dead_once() {
        let mut watch = Watch::default();
        assert!(dead_at(&mut watch, 0, &[(1, 1), (2, 1), (3, 1)]).is_empty());
        assert!(dead_at(&mut watch, 20, &[(1, 1), (2, 1), (3, 2)]).is_empty());
        assert_eq!(dead_at(&mut watch, 31, &[(1, 1), (2, 1), (3, 2)]), [2]);
        assert_eq!(dead_at(&mut watch, 60, &[(1, 1), (2, 1), (3, 2)]), [3]);
    }

    #[test]
    fn what_was_seen_before_an_outage_proves_nothing() {
        let mut watch = Watch::default();
        dead_at(&mut watch, 0, &[(2, 1)]);
        watch.forget();
        assert!(dead_at(&mut watch, 100, &[(2, 1)]).is_empty());
        assert_eq!(dead_at(&mut watch, 130, &[(2, 1)]), [2]);
    }
}
