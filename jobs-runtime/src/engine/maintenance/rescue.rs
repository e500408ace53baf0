//! Rescue of lost workers: takes over the leases of a dead session, which its worker no longer
//! renews.
//!
//! Every renewal changes the *beat* (the heartbeat) of a session. The liveness monitor watches the
//! beats of other sessions. A session counts as dead when its beat has stood still for its whole
//! lease, which the store keeps with it: workers may have different settings. This worker measures
//! that on its own monotonic clock, and discards its observations when it loses its own session or
//! cannot read the beats.
//!
//! A store may know that a process has ended: SQLite's workers share a kernel, which drops the lock
//! of a session with its process. Such a session is dead at once.
//!
//! The monitor compares no timestamps. So no wrong wall clock, suspension of this machine or
//! restart of the store makes a session look dead that still renews. A worker that was itself
//! suspended may resume a handler after the take-over: the fence rejects its writes.
//!
//! A take-over closes the dead session and moves its leases to this worker, at most
//! [`LEASES_PER_TAKE_OVER`] a call. Each attempt is settled as `Exit::Lost`, one whose row cannot
//! be read as `Exit::Unreadable`. After a lost attempt, the execution's retry list decides what
//! follows.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::engine::call::{BACKOFF, CallTimer, Shared, StoreCall};
use crate::engine::session::{SessionKeeper, SessionLost};
use crate::store::{Caps, Claim, Claimed, SessionBeat, SessionId, StoreError};

/// The most leases of one take-over call.
const LEASES_PER_TAKE_OVER: usize = 500;

/// The beats of the other sessions, as this worker has observed them.
#[derive(Debug, Default)]
struct LivenessMonitor {
    observed: HashMap<SessionId, Observed>,
}

#[derive(Debug)]
struct Observed {
    beat: i64,
    /// The time at which this beat was first observed, on the monotonic clock.
    since: Duration,
    is_being_taken_over: bool,
}

impl LivenessMonitor {
    /// A take-over of this session has ended, with or without effect.
    fn take_over_ended(&mut self, session: SessionId) {
        if let Some(observed) = self.observed.get_mut(&session) {
            observed.is_being_taken_over = false;
        }
    }

    /// Records the beats and returns the sessions whose beat has not changed for their whole lease.
    fn observe(
        &mut self,
        beats: Vec<SessionBeat>,
        own: SessionId,
        now: Duration,
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
            let is_silent = now.saturating_sub(observed.since) >= beat.lease;
            if !observed.is_being_taken_over && (beat.is_dead || is_silent) {
                observed.is_being_taken_over = true;
                dead.push(beat);
            }
            self.observed.insert(session, observed);
        }
        dead
    }
}

/// The answer of the store to a call of the rescue.
#[derive(Debug)]
pub(in crate::engine) enum RescueAnswer {
    Beats(Result<Vec<SessionBeat>, StoreError>),
    TakenOver(Box<(SessionBeat, Claim)>, Result<Vec<Claimed>, StoreError>),
}

/// A take-over that is to be sent at a time. With a claim, it repeats a call without an answer.
#[derive(Debug)]
struct TakeOver {
    at: Duration,
    dead: SessionBeat,
    unanswered: Option<Claim>,
}

/// The task that takes over the leases of lost workers.
pub(in crate::engine) struct Rescue {
    monitor: LivenessMonitor,
    timer: CallTimer,
    interval: Duration,
    take_overs: Vec<TakeOver>,
    /// The number of take-overs without an answer.
    in_flight: usize,
    /// The last answer listed no other session, and the store has sent no event since.
    is_alone: bool,
    /// The store has sent an event since the beats were asked for.
    is_changed: bool,
    shared: Arc<Shared>,
}

impl Rescue {
    pub(super) fn new(now: Duration, shared: &Arc<Shared>) -> Self {
        Self {
            monitor: LivenessMonitor::default(),
            timer: CallTimer::new(now),
            // A store may know at once that a process has ended.
            interval: shared.config.renewal_interval().min(shared.config.poll),
            take_overs: Vec::new(),
            in_flight: 0,
            is_alone: false,
            is_changed: false,
            shared: Arc::clone(shared),
        }
    }

    /// Discards all observations: while this worker cannot renew, they prove nothing.
    pub(in crate::engine) fn reset(&mut self) {
        self.monitor.observed.clear();
        self.take_overs.clear();
        self.is_alone = false;
    }

    /// True if a take-over without an answer may lease executions to this session.
    pub(in crate::engine) fn is_taking_over(&self) -> bool {
        self.in_flight > 0
    }

    /// True if no other worker is known to share the store.
    pub(in crate::engine) fn is_alone(&self) -> bool {
        self.is_alone
    }

    /// The store has changed: another worker may share it now.
    pub(in crate::engine) fn store_changed(&mut self) {
        self.is_alone = false;
        self.is_changed = true;
    }

    pub(super) fn next_wake(&self) -> Option<Duration> {
        let take_overs = self.take_overs.iter().map(|take_over| take_over.at);
        take_overs.chain(self.timer.next_wake()).min()
    }

    /// Reads the beats of the other sessions and sends take-overs, if they are due.
    pub(super) fn start(
        &mut self,
        now: Duration,
        session: &mut SessionKeeper,
    ) -> Vec<StoreCall<RescueAnswer>> {
        let mut calls = Vec::new();
        if self.timer.is_due(now) {
            self.timer.sent(now + self.interval);
            self.is_changed = false;
            calls.push(
                self.shared
                    .call(|store| async move { RescueAnswer::Beats(store.sessions().await) }),
            );
        }
        let due = self.take_overs.extract_if(.., |due| due.at <= now);
        for take_over in due.collect::<Vec<_>>() {
            let dead = take_over.dead;
            let claim = take_over.unanswered;
            let claim = claim.or_else(|| self.take_over_claim(session));
            let Some(claim) = claim else {
                continue;
            };
            self.in_flight += 1;
            calls.push(self.shared.call(|store| async move {
                let answer = store.take_over(dead.clone(), claim.clone()).await;
                RescueAnswer::TakenOver(Box::new((dead, claim)), answer)
            }));
        }
        calls
    }

    /// Returns the leases that were taken over.
    ///
    /// # Errors
    /// Another worker has taken this worker's session over.
    pub(super) fn on(
        &mut self,
        answer: RescueAnswer,
        session: &SessionKeeper,
    ) -> Result<Vec<Claimed>, SessionLost> {
        match answer {
            RescueAnswer::Beats(answer) => {
                self.timer.answered();
                self.shared.record(&answer);
                match answer {
                    Ok(beats) => self.on_beats(beats, session),
                    Err(_) => self.reset(),
                }
                Ok(Vec::new())
            }
            RescueAnswer::TakenOver(call, answer) => {
                self.in_flight = self.in_flight.saturating_sub(1);
                let (dead, claim) = *call;
                self.shared.record(&answer);
                if session.id() != Some(claim.session) {
                    return Ok(Vec::new());
                }
                self.on_taken_over(dead, claim, answer)
            }
        }
    }

    fn on_beats(&mut self, beats: Vec<SessionBeat>, session: &SessionKeeper) {
        let Some(own) = session.id() else {
            return;
        };
        let now = self.shared.now();
        self.is_alone = !self.is_changed && beats.iter().all(|beat| beat.session == own);
        for dead in self.monitor.observe(beats, own, now) {
            tracing::warn!(
                session = %dead.session,
                worker = dead.worker,
                "a worker has ended or no longer renews its session: taking over its leases",
            );
            self.take_over(now, dead, None);
        }
    }

    fn take_over(&mut self, at: Duration, dead: SessionBeat, unanswered: Option<Claim>) {
        self.take_overs.push(TakeOver {
            at,
            dead,
            unanswered,
        });
    }

    fn on_taken_over(
        &mut self,
        dead: SessionBeat,
        claim: Claim,
        answer: Result<Vec<Claimed>, StoreError>,
    ) -> Result<Vec<Claimed>, SessionLost> {
        let now = self.shared.now();
        match answer {
            Ok(leases) if leases.len() >= claim.limit => {
                self.take_over(now, dead, None);
                Ok(leases)
            }
            Ok(leases) => {
                // A later claim may have overtaken the number of the call, so the store ignored it.
                // Then the next round still lists the session and takes it over again.
                self.monitor.take_over_ended(dead.session);
                Ok(leases)
            }
            Err(StoreError::SessionLost) => Err(SessionLost),
            Err(error) => {
                if error.is_transient() {
                    self.take_over(now + BACKOFF, dead, Some(claim));
                } else {
                    self.monitor.take_over_ended(dead.session);
                }
                Ok(Vec::new())
            }
        }
    }

    /// The claim of a take-over: it names no jobs, because it takes every lease.
    fn take_over_claim(&self, session: &mut SessionKeeper) -> Option<Claim> {
        let (session, number) = session.next_claim()?;
        Some(Claim {
            session,
            number,
            job_ids: Vec::new(),
            queues: Vec::new(),
            except: Vec::new(),
            only: Vec::new(),
            limit: LEASES_PER_TAKE_OVER,
            caps: Caps::default(),
            now: self.shared.wall(),
        })
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
            // Each session has a longer lease than the one before.
            lease: LEASE * u32::try_from(session - 1).expect("a small number"),
            is_dead: false,
        }
    }

    fn dead_at(monitor: &mut LivenessMonitor, seconds: u64, beats: &[(i64, i64)]) -> Vec<i64> {
        let beats = beats.iter().map(|&(s, b)| beat(s, b)).collect();
        monitor
            .observe(beats, SessionId(1), Duration::from_secs(seconds))
            .into_iter()
            .map(|dead| dead.session.0)
            .collect()
    }

    #[test]
    fn a_session_whose_beat_stands_still_for_its_lease_is_dead_once() {
        let mut monitor = LivenessMonitor::default();
        assert!(dead_at(&mut monitor, 0, &[(1, 1), (2, 1), (3, 1)]).is_empty());
        assert!(dead_at(&mut monitor, 20, &[(1, 1), (2, 1), (3, 2)]).is_empty());
        assert_eq!(dead_at(&mut monitor, 31, &[(1, 1), (2, 1), (3, 2)]), [2]);
        assert!(dead_at(&mut monitor, 60, &[(1, 1), (2, 1), (3, 2)]).is_empty());
        assert_eq!(dead_at(&mut monitor, 80, &[(1, 1), (2, 1), (3, 2)]), [3]);
    }

    #[test]
    fn a_session_of_an_ended_process_is_dead_at_once() {
        let mut monitor = LivenessMonitor::default();
        let ended = SessionBeat {
            is_dead: true,
            ..beat(2, 1)
        };
        for expected in [1, 0] {
            let beats = vec![ended.clone(), beat(3, 1)];
            let dead = monitor.observe(beats, SessionId(1), Duration::ZERO);
            assert_eq!(dead.len(), expected, "it is taken over once");
        }
    }

    #[test]
    fn observations_before_an_outage_are_discarded() {
        let mut monitor = LivenessMonitor::default();
        dead_at(&mut monitor, 0, &[(2, 1)]);
        monitor.observed.clear();
        assert!(dead_at(&mut monitor, 100, &[(2, 1)]).is_empty());
        assert_eq!(dead_at(&mut monitor, 130, &[(2, 1)]), [2]);
    }
}
