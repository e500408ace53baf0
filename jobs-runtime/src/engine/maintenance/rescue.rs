//! Rescue: takes over the leases of a lost worker, one that no longer renews its session.
//!
//! Every renewal changes the *beat* of a session. A session counts as dead when this worker has
//! observed the same beat for a whole lease, on its own monotonic clock, and could renew its own
//! session all that time. Timestamps are never compared. A wrong wall clock, a suspended machine or
//! a restart of the store therefore cannot make a live execution run twice.
//!
//! A take-over closes the dead session and moves its leases to this worker, a slice at a time. Each
//! attempt is settled as [`Exit::Lost`]: it is retried by the execution's own policy.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::timestamp;
use crate::engine::Stop;
use crate::engine::dispatcher::{BACKOFF, Dispatcher, Event};
use crate::engine::outcome::Exit;
use crate::store::{Caps, Claim, Claimed, SessionBeat, SessionId, StoreError};

/// The most leases of one take-over call.
const LEASES_PER_TAKE_OVER: usize = 500;

/// The beats of the other sessions, as this worker has observed them.
#[derive(Debug, Default)]
pub(in crate::engine) struct LivenessMonitor {
    observed: HashMap<SessionId, Observed>,
    asking: bool,
}

#[derive(Debug)]
struct Observed {
    beat: i64,
    /// The time at which this beat was first observed, on the monotonic clock.
    since: Duration,
    is_being_taken_over: bool,
}

impl LivenessMonitor {
    /// Discards all observations: while this worker cannot renew, they prove nothing.
    pub(in crate::engine) fn reset(&mut self) {
        self.observed.clear();
    }

    /// A take-over of this session has ended, with or without effect.
    fn take_over_ended(&mut self, session: SessionId) {
        if let Some(observed) = self.observed.get_mut(&session) {
            observed.is_being_taken_over = false;
        }
    }

    /// True while a call that reads the beats is in flight.
    pub(in crate::engine) fn is_asking(&self) -> bool {
        self.asking
    }

    /// Records the beats and returns the sessions whose beat has not changed for a whole lease.
    fn observe(
        &mut self,
        beats: Vec<SessionBeat>,
        own: SessionId,
        now: Duration,
        lease: Duration,
    ) -> Vec<SessionBeat> {
        let mut before = std::mem::take(&mut self.observed);
        let mut dead = Vec::new();
        for beat in beats.into_iter().filter(|beat| beat.session != own) {
            let mut observed = match before.remove(&beat.session) {
                Some(observed) if observed.beat == beat.beat => observed,
                _ => Observed {
                    beat: beat.beat,
                    since: now,
                    is_being_taken_over: false,
                },
            };
            let session = beat.session;
            if !observed.is_being_taken_over && now.saturating_sub(observed.since) >= lease {
                observed.is_being_taken_over = true;
                dead.push(beat);
            }
            self.observed.insert(session, observed);
        }
        dead
    }
}

impl Dispatcher {
    /// Reads the beats of the other sessions, if that is due.
    pub(in crate::engine) fn monitor_sessions(&mut self, now: Duration) {
        if self.liveness.asking || self.stop > Stop::No || now < self.timers.liveness_at {
            return;
        }
        self.liveness.asking = true;
        self.timers.liveness_checked(now);
        let store = Arc::clone(&self.store);
        self.spawn_call(async move { Event::SessionBeats(store.sessions().await) });
    }

    pub(in crate::engine) fn on_session_beats(
        &mut self,
        answer: Result<Vec<SessionBeat>, StoreError>,
    ) {
        self.liveness.asking = false;
        if self.record_answer(&answer).is_none() {
            return self.liveness.reset();
        }
        let (Ok(beats), Some(own)) = (answer, self.session.as_ref().map(|s| s.id)) else {
            return;
        };
        let now = self.clock.elapsed();
        for dead in self.liveness.observe(beats, own, now, self.config.lease) {
            tracing::warn!(
                session = %dead.session,
                worker = dead.worker,
                "a worker no longer renews its session: taking over its leases",
            );
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
            limit: LEASES_PER_TAKE_OVER,
            caps: Caps::default(),
            now: timestamp(&*self.clock),
        };
        self.take_overs_in_flight += 1;
        self.send_take_over(dead, claim, Duration::ZERO);
    }

    fn send_take_over(&self, dead: SessionBeat, claim: Claim, wait: Duration) {
        let store = Arc::clone(&self.store);
        let clock = Arc::clone(&self.clock);
        self.spawn_call(async move {
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
        self.record_answer(&answer);
        self.take_overs_in_flight -= 1;
        if self.session.as_ref().is_none_or(|s| s.id != claim.session) {
            return;
        }
        match answer {
            Ok(leases) => {
                for lease in &leases {
                    let exit = match &lease.unreadable {
                        Some(reason) => Exit::Unreadable(reason.clone()),
                        None => Exit::Lost,
                    };
                    self.settle_unstarted(lease, exit);
                }
                if leases.len() >= claim.limit {
                    self.take_over(dead);
                } else {
                    // If the store ignored the call because a later claim overtook its number, the
                    // session is still listed at the next round and is taken over again.
                    self.liveness.take_over_ended(dead.session);
                }
            }
            Err(StoreError::SessionLost) => self.on_session_lost(),
            Err(error) if error.is_transient() => {
                self.take_overs_in_flight += 1;
                self.send_take_over(dead, claim, BACKOFF);
            }
            Err(_) => self.liveness.take_over_ended(dead.session),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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

    fn dead_at(monitor: &mut LivenessMonitor, seconds: u64, beats: &[(i64, i64)]) -> Vec<i64> {
        let beats = beats.iter().map(|&(s, b)| beat(s, b)).collect();
        monitor
            .observe(beats, SessionId(1), Duration::from_secs(seconds), LEASE)
            .into_iter()
            .map(|dead| dead.session.0)
            .collect()
    }

    #[test]
    fn a_session_whose_beat_stands_still_for_a_lease_is_dead_once() {
        let mut monitor = LivenessMonitor::default();
        assert!(dead_at(&mut monitor, 0, &[(1, 1), (2, 1), (3, 1)]).is_empty());
        assert!(dead_at(&mut monitor, 20, &[(1, 1), (2, 1), (3, 2)]).is_empty());
        assert_eq!(dead_at(&mut monitor, 31, &[(1, 1), (2, 1), (3, 2)]), [2]);
        assert_eq!(dead_at(&mut monitor, 60, &[(1, 1), (2, 1), (3, 2)]), [3]);
    }

    #[test]
    fn observations_before_an_outage_are_discarded() {
        let mut monitor = LivenessMonitor::default();
        dead_at(&mut monitor, 0, &[(2, 1)]);
        monitor.reset();
        assert!(dead_at(&mut monitor, 100, &[(2, 1)]).is_empty());
        assert_eq!(dead_at(&mut monitor, 130, &[(2, 1)]), [2]);
    }
}
