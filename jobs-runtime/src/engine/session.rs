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

use super::call::{BACKOFF, CallTimer, Shared, StoreCall};
use crate::clock::timestamp;
use crate::store::{Renewal, SessionId, SessionInfo, StoreError};

/// An open session.
#[derive(Debug)]
struct Session {
    id: SessionId,
    /// The number of the last claim or take-over.
    claim_number: i64,
    /// The time at which the last successful renewal was *sent*: a lower bound of the time at which
    /// the store recorded it.
    renewed_at: Duration,
    lease_deadline: Arc<LeaseDeadline>,
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
            claim_number: 0,
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
    fn drops_at(&self, drop_after: Duration) -> Duration {
        self.renewed_at + drop_after
    }
}

/// Another worker has taken the session over, as the store has answered.
#[derive(Debug)]
pub(super) struct SessionLost;

/// The answer of the store to an opening or a renewal. Durations are the times at which calls were
/// sent.
#[derive(Debug)]
pub(super) enum SessionAnswer {
    Opened(Result<SessionId, StoreError>, Duration),
    Renewed(SessionId, Result<Renewal, StoreError>, Duration),
}

/// The effect of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SessionChange {
    None,
    Opened,
    /// The store did not answer to a renewal.
    NotRenewed,
    /// Another worker has taken the session over.
    Lost,
}

/// The part that opens and renews the session.
pub(super) struct SessionKeeper {
    session: Option<Session>,
    /// The opening if there is no session, else the renewal.
    call: CallTimer,
    /// The session is being closed: it is neither renewed nor replaced.
    is_closing: bool,
    renewal_interval: Duration,
    drop_after: Duration,
    shared: Arc<Shared>,
}

impl SessionKeeper {
    pub(super) fn new(now: Duration, shared: &Arc<Shared>) -> Self {
        Self {
            session: None,
            call: CallTimer::new(now),
            is_closing: false,
            renewal_interval: shared.config.renewal_interval(),
            drop_after: shared.config.drop_after(),
            shared: Arc::clone(shared),
        }
    }

    /// The open session.
    pub(super) fn id(&self) -> Option<SessionId> {
        self.session.as_ref().map(|session| session.id)
    }

    /// True while a session is being opened.
    pub(super) fn is_opening(&self) -> bool {
        self.session.is_none() && self.call.is_in_flight()
    }

    /// The time until which the leases of the session hold.
    pub(super) fn lease_deadline(&self) -> Arc<LeaseDeadline> {
        let session = self.session.as_ref();
        session
            .map(|s| Arc::clone(&s.lease_deadline))
            .unwrap_or_default()
    }

    /// Time was skipped while no other worker could take the session over: a renewal that was due
    /// meanwhile is due now, and the lease counts from now.
    pub(super) fn skip_to(&mut self, now: Duration) {
        if let Some(session) = self.session.as_mut().filter(|_| self.call.is_due(now)) {
            session.renewed(now, self.drop_after);
        }
    }

    /// The session and the number of its next claim or take-over.
    pub(super) fn next_claim(&mut self) -> Option<(SessionId, i64)> {
        let session = self.session.as_mut()?;
        session.claim_number += 1;
        Some((session.id, session.claim_number))
    }

    /// True if no renewal has succeeded for too long: the session must be given up.
    pub(super) fn has_expired(&self, now: Duration) -> bool {
        let session = self.session.as_ref();
        session.is_some_and(|session| now >= session.drops_at(self.drop_after))
    }

    /// True if a session may be opened or renewed. While the worker shuts down, it opens none.
    fn has_call(&self, may_open: bool) -> bool {
        !self.is_closing && (may_open || self.session.is_some())
    }

    pub(super) fn next_wake(&self, may_open: bool) -> Option<Duration> {
        let session = self.session.as_ref();
        let drops_at = session.map(|session| session.drops_at(self.drop_after));
        let call = self.call.next_wake().filter(|_| self.has_call(may_open));
        drops_at.into_iter().chain(call).min()
    }

    /// Opens a session if there is none, or renews it, if that is due.
    pub(super) fn start(
        &mut self,
        now: Duration,
        may_open: bool,
        info: impl FnOnce() -> SessionInfo,
    ) -> Option<StoreCall<SessionAnswer>> {
        if !self.has_call(may_open) || !self.call.is_due(now) {
            return None;
        }
        self.call.sent(now + self.renewal_interval);
        let wall = timestamp(&*self.shared.clock);
        Some(match self.id() {
            Some(id) => self.shared.call(|store| async move {
                SessionAnswer::Renewed(id, store.renew(id, wall).await, now)
            }),
            None => {
                let info = info();
                self.shared.call(|store| async move {
                    SessionAnswer::Opened(store.open_session(info).await, now)
                })
            }
        })
    }

    pub(super) fn on(&mut self, answer: SessionAnswer) -> SessionChange {
        self.call.answered();
        let now = self.shared.now();
        match answer {
            SessionAnswer::Opened(answer, sent_at) => match self.shared.record(&answer) {
                Some(id) => {
                    self.shared.health.renewed();
                    self.session = Some(Session::new(*id, sent_at, self.drop_after));
                    self.call.set(now + self.renewal_interval);
                    SessionChange::Opened
                }
                // If the store opened a session whose answer was lost, that session is empty and is
                // never renewed: another worker takes it over like that of a lost worker.
                None => {
                    self.call.set(now + BACKOFF);
                    SessionChange::None
                }
            },
            SessionAnswer::Renewed(id, answer, sent_at) => {
                let renewal = self.shared.record(&answer).copied();
                let Some(session) = self.session.as_mut().filter(|session| session.id == id) else {
                    return SessionChange::None;
                };
                match renewal {
                    Some(Renewal::Renewed) => {
                        self.shared.health.renewed();
                        session.renewed(sent_at, self.drop_after);
                        self.call.set(now + self.renewal_interval);
                        SessionChange::None
                    }
                    Some(Renewal::Lost) => SessionChange::Lost,
                    None => {
                        self.call.set(now + self.renewal_interval / 10);
                        SessionChange::NotRenewed
                    }
                }
            }
        }
    }

    /// Gives the session up; another one may be opened at once.
    pub(super) fn lose(&mut self, now: Duration) {
        self.session = None;
        self.call.set(now);
    }

    /// Stops the renewals: the session is about to be closed. Returns the session, if one is open.
    pub(super) fn stop(&mut self) -> Option<SessionId> {
        self.is_closing = true;
        self.id()
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
    /// A renewal that is due while the session is closed must not wake the loop again and again.
    #[tokio::test]
    async fn a_session_that_is_being_closed_is_not_renewed() {
        let seconds = Duration::from_secs;
        let mut keeper = SessionKeeper::new(seconds(10), &Shared::in_memory().await);
        keeper.session = Some(Session::new(SessionId(1), seconds(0), seconds(24)));
        assert_eq!(keeper.next_wake(false), Some(seconds(10)));
        assert_eq!(keeper.stop(), Some(SessionId(1)));
        assert_eq!(keeper.next_wake(false), Some(seconds(24)), "only its end");
        keeper.lose(seconds(24));
        assert_eq!(keeper.next_wake(true), None, "no session replaces it");
    }
}
