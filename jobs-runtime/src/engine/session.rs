//! The session of a worker: opening, renewal and loss.
//!
//! All leases of a worker belong to its session. The worker renews the session three times per
//! lease. If no renewal succeeds for four fifths of a lease, the worker drops its running attempts,
//! because another worker may take the leases over soon. It then opens a new session.
//!
//! ```text
//!   none ── open ──▶ open ── renew ──▶ open
//!     ▲                │
//!     └────────────────┴── renewal answered `Lost`, or none succeeded in time
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::Stop;
use super::dispatcher::{BACKOFF, Dispatcher, Event};
use super::executor::interrupt::Cause;
use super::outcome::Exit;
use crate::clock::timestamp;
use crate::store::{Renewal, SessionId, SessionInfo, StoreError};

/// An open session.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) id: SessionId,
    /// The time at which the last successful renewal was *sent*: a lower bound of the time at which
    /// the store recorded it.
    renewed_at: Duration,
    pub(super) lease_deadline: Arc<LeaseDeadline>,
}

/// The time until which the leases of a session are known to hold, in microseconds of the monotonic
/// clock. Attempts read it from other threads.
#[derive(Debug, Default)]
pub(crate) struct LeaseDeadline(AtomicU64);

impl LeaseDeadline {
    fn set(&self, end: Duration) {
        let micros = u64::try_from(end.as_micros()).unwrap_or(u64::MAX);
        self.0.store(micros, Ordering::Release);
    }

    /// True if the leases may have ended.
    pub(crate) fn has_passed(&self, now: Duration) -> bool {
        now >= Duration::from_micros(self.0.load(Ordering::Acquire))
    }
}

impl Session {
    fn new(id: SessionId, opened_at: Duration, drop_after: Duration) -> Self {
        let mut session = Self {
            id,
            renewed_at: opened_at,
            lease_deadline: Arc::default(),
        };
        session.renewed(opened_at, drop_after);
        session
    }

    fn renewed(&mut self, sent_at: Duration, drop_after: Duration) {
        self.renewed_at = sent_at;
        self.lease_deadline.set(self.drops_at(drop_after));
    }

    /// The time at which the worker drops its running attempts, unless a renewal succeeds before.
    pub(super) fn drops_at(&self, drop_after: Duration) -> Duration {
        self.renewed_at + drop_after
    }
}

impl Dispatcher {
    /// Opens a session if there is none, renews it when that is due, and drops it if no renewal has
    /// succeeded for too long.
    pub(super) fn keep_session(&mut self, now: Duration) {
        let drop_after = self.config.drop_after();
        if let Some(session) = &self.session
            && now >= session.drops_at(drop_after)
        {
            tracing::warn!(
                session = %session.id,
                "could not renew the session for {drop_after:?}: dropping running attempts",
            );
            self.lose_session();
        }
        if self.session_call_in_flight || self.is_closing || self.is_closed {
            return;
        }
        let store = Arc::clone(&self.store);
        match &self.session {
            None if self.stop == Stop::No => {
                let info = self.session_info();
                self.session_call_in_flight = true;
                self.spawn_call(async move {
                    Event::SessionOpened(store.open_session(info).await, now)
                });
            }
            Some(session) if now >= self.timers.renew_at => {
                let id = session.id;
                let wall = timestamp(&*self.clock);
                self.session_call_in_flight = true;
                self.spawn_call(async move {
                    Event::SessionRenewed(id, store.renew(id, wall).await, now)
                });
            }
            _ => {}
        }
    }

    pub(super) fn on_session_opened(
        &mut self,
        answer: Result<SessionId, StoreError>,
        sent_at: Duration,
    ) {
        if let Some(id) = self.record_answer(&answer) {
            self.session_call_in_flight = false;
            self.health.renewed();
            self.claim_number = 0;
            let drop_after = self.config.drop_after();
            self.session = Some(Session::new(*id, sent_at, drop_after));
            let now = self.clock.elapsed();
            self.timers.renewed(now);
            self.restart_claims(now);
            return;
        }
        if self.stop > Stop::No {
            self.session_call_in_flight = false;
            return;
        }
        // If the store opened a session whose answer was lost, that session is empty and is never
        // renewed: another worker takes it over like that of a lost worker.
        let clock = Arc::clone(&self.clock);
        let store = Arc::clone(&self.store);
        let info = self.session_info();
        self.spawn_call(async move {
            clock.sleep(BACKOFF).await;
            let sent_at = clock.elapsed();
            let opened_at = timestamp(&*clock);
            let info = SessionInfo { opened_at, ..info };
            Event::SessionOpened(store.open_session(info).await, sent_at)
        });
    }

    fn session_info(&self) -> SessionInfo {
        let ids = self.slots.iter().flat_map(|slots| &slots.job_ids);
        SessionInfo {
            worker: self.config.worker.clone(),
            opened_at: timestamp(&*self.clock),
            job_ids: ids.cloned().collect(),
            queues: self.config.queues.clone(),
            labels: self.config.labels.clone(),
            slot_caps: self.slot_caps.published(&self.handlers),
        }
    }

    pub(super) fn on_session_renewed(
        &mut self,
        id: SessionId,
        answer: Result<Renewal, StoreError>,
        sent_at: Duration,
    ) {
        self.session_call_in_flight = false;
        let renewal = self.record_answer(&answer).copied();
        let Some(session) = self.session.as_mut().filter(|session| session.id == id) else {
            return;
        };
        let now = self.clock.elapsed();
        match renewal {
            Some(Renewal::Renewed) => {
                self.health.renewed();
                session.renewed(sent_at, self.config.drop_after());
                self.timers.renewed(now);
            }
            Some(Renewal::Lost) => {
                tracing::warn!(session = %id, "lost the session: another worker has taken it over");
                self.on_session_lost();
            }
            None => {
                // While the store rejects writes, no worker can renew: a beat that stands still
                // says nothing about the other workers.
                self.liveness.reset();
                self.timers.renew_soon(now);
            }
        }
    }

    /// The store has answered that another worker has taken the session over.
    pub(super) fn on_session_lost(&mut self) {
        self.health.refused(|refused| refused.sessions += 1);
        self.lose_session();
    }

    /// Drops the session, releases the backlog and interrupts all running attempts: another worker
    /// may run them by now.
    pub(super) fn lose_session(&mut self) {
        self.session = None;
        self.health.session_lost();
        self.liveness.reset();
        // If the leases still hold, the release makes a take-over unnecessary; if not, the store
        // rejects it.
        for index in 0..self.slots.len() {
            for claimed in self.slots[index].take_backlog() {
                self.settle_unstarted(&claimed, Exit::Released);
            }
        }
        for running in self.running.values() {
            running.interrupt.raise(Cause::LeaseLost);
        }
    }

    fn restart_claims(&mut self, now: Duration) {
        self.timers.promote_now(now);
        for slots in &mut self.slots {
            slots.claim_in_flight = false;
            slots.expect_work();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_deadline_counts_from_the_sending_of_the_renewal() {
        let seconds = Duration::from_secs;
        assert!(
            LeaseDeadline::default().has_passed(Duration::ZERO),
            "no session, no lease"
        );
        let mut session = Session::new(SessionId(1), seconds(10), seconds(24));
        let lease_deadline = Arc::clone(&session.lease_deadline);
        assert!(!lease_deadline.has_passed(seconds(33)));
        assert!(lease_deadline.has_passed(seconds(34)));
        session.renewed(seconds(20), seconds(24));
        assert!(!lease_deadline.has_passed(seconds(43)));
        assert!(lease_deadline.has_passed(session.drops_at(seconds(24))));
    }
}
