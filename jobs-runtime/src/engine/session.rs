//! The session that every lease of this worker hangs on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::Stop;
use super::dispatcher::{BACKOFF, Dispatcher, Event};
use super::executor::interrupt::Cause;
use super::outcome::Conclusion;
use super::slots::{LaneKind, What};
use crate::clock::timestamp;
use crate::store::{Caps, Claim, Claimed, Renewal, SessionId, SessionInfo, StoreError};

/// A session while it is believed to live.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) id: SessionId,
    /// When the last renewal that succeeded was *sent*: the store cannot have seen it earlier.
    renewed_at: Duration,
    pub(super) hold: Arc<Hold>,
}

/// Until when a session is known to hold what it has, for those on other threads.
#[derive(Debug, Default)]
pub(crate) struct Hold(AtomicU64);

impl Hold {
    fn lasts_until(&self, end: Duration) {
        let micros = u64::try_from(end.as_micros()).unwrap_or(u64::MAX);
        self.0.store(micros, Ordering::Release);
    }

    /// Whether it is over, as far as is known.
    pub(crate) fn is_over(&self, now: Duration) -> bool {
        now >= Duration::from_micros(self.0.load(Ordering::Acquire))
    }
}

impl Session {
    fn new(id: SessionId, opened_at: Duration, patience: Duration) -> Self {
        let mut session = Self {
            id,
            renewed_at: opened_at,
            hold: Arc::default(),
        };
        session.renewed(opened_at, patience);
        session
    }

    fn renewed(&mut self, sent_at: Duration, patience: Duration) {
        self.renewed_at = sent_at;
        self.hold.lasts_until(self.gives_up_at(patience));
    }

    /// When the worker must drop what it runs, because others might soon take it over.
    pub(super) fn gives_up_at(&self, patience: Duration) -> Duration {
        self.renewed_at + patience
    }
}

impl Dispatcher {
    /// Opens a session where there is none, renews the one there is, and lets go of one that could
    /// not be renewed for too long.
    pub(super) fn keep_session(&mut self, now: Duration) {
        let patience = self.config.patience();
        if let Some(session) = &self.session
            && now >= session.gives_up_at(patience)
        {
            tracing::warn!(session = %session.id, "could not renew for {patience:?}, dropping what runs");
            self.lose_session();
        }
        if self.contacting || self.closing || self.closed {
            return;
        }
        let store = Arc::clone(&self.store);
        match &self.session {
            None if self.stop == Stop::No => {
                let info = self.session_info();
                self.contacting = true;
                self.call(async move { Event::Opened(store.open_session(info).await, now) });
            }
            Some(session) if now >= self.timers.renew_at => {
                let id = session.id;
                let wall = timestamp(&*self.clock);
                self.contacting = true;
                self.call(async move { Event::Renewed(id, store.renew(id, wall).await, now) });
            }
            _ => {}
        }
    }

    pub(super) fn on_opened(&mut self, answer: Result<SessionId, StoreError>, sent_at: Duration) {
        if let Some(id) = self.note(&answer) {
            self.contacting = false;
            self.health.renewed();
            self.claim_number = 0;
            let patience = self.config.patience();
            self.session = Some(Session::new(*id, sent_at, patience));
            let now = self.clock.elapsed();
            self.timers.renewed(now);
            self.hope_again(now);
            return;
        }
        if self.stop > Stop::No {
            self.contacting = false;
            return;
        }
        // A session that was opened without our knowing is empty; its opener never renews it, and
        // it is cleared away like any other that stands still.
        let clock = Arc::clone(&self.clock);
        let store = Arc::clone(&self.store);
        let info = self.session_info();
        self.call(async move {
            clock.sleep(BACKOFF).await;
            let sent_at = clock.elapsed();
            let opened_at = timestamp(&*clock);
            let info = SessionInfo { opened_at, ..info };
            Event::Opened(store.open_session(info).await, sent_at)
        });
    }

    fn session_info(&self) -> SessionInfo {
        let ids = self.lanes.iter().flat_map(|lane| &lane.job_ids);
        SessionInfo {
            worker: self.config.worker.clone(),
            opened_at: timestamp(&*self.clock),
            job_ids: ids.cloned().collect(),
            queues: self.config.queues.clone(),
            labels: self.config.labels.clone(),
            slot_caps: self.shares.told(&self.plan),
        }
    }

    pub(super) fn on_renewed(
        &mut self,
        id: SessionId,
        answer: Result<Renewal, StoreError>,
        sent_at: Duration,
    ) {
        self.contacting = false;
        let renewal = self.note(&answer).copied();
        let Some(session) = self.session.as_mut().filter(|session| session.id == id) else {
            return;
        };
        let now = self.clock.elapsed();
        match renewal {
            Some(Renewal::Renewed) => {
                self.health.renewed();
                session.renewed(sent_at, self.config.patience());
                self.timers.renewed(now);
            }
            Some(Renewal::Lost) => {
                tracing::warn!(session = %id, "refused to renew: another worker has taken over");
                self.session_refused();
            }
            None => {
                // While the store cannot be written, nobody's beat can change: standing still
                // proves nothing about the others.
                self.watch.forget();
                self.timers.renew_soon(now);
            }
        }
    }

    /// The store knows the session as another's by now.
    pub(super) fn session_refused(&mut self) {
        self.health.refused(|refused| refused.sessions += 1);
        self.lose_session();
    }

    /// Drops everything that hangs on the session: others may run it by now.
    pub(super) fn lose_session(&mut self) {
        self.session = None;
        self.health.session_lost();
        self.watch.forget();
        // If the leases hold after all, these need not wait for a take-over; if not, the store
        // refuses to give them back.
        for place in 0..self.lanes.len() {
            for claimed in self.lanes[place].take_backlog() {
                self.conclude_unstarted(&claimed, Conclusion::Released);
            }
        }
        for running in self.running.values() {
            running.interrupt.raise(Cause::LeaseLost);
        }
    }

    /// Asks for as much as the lanes have room for.
    pub(super) fn claim(&mut self) {
        let Some(session) = self.session.as_ref().map(|session| session.id) else {
            return;
        };
        if self.stop > Stop::No || self.outbox.is_stuck() {
            return;
        }
        let now = self.clock.elapsed();
        for place in 0..self.lanes.len() {
            let lane = &mut self.lanes[place];
            let kind = lane.kind;
            let Some((what, limit, only)) = lane.next_claim(now, &self.config.only) else {
                continue;
            };
            let room = lane.room_for_limited(what);
            self.claim_number += 1;
            let mut claim = Claim {
                session,
                number: self.claim_number,
                job_ids: lane.job_ids.clone(),
                queues: self.config.queues.clone(),
                except: Vec::new(),
                only,
                limit,
                caps: Caps {
                    limited: (room < limit).then_some(room),
                    ..Caps::default()
                },
                now: timestamp(&*self.clock),
            };
            self.shares.restrict(&mut claim, &self.plan);
            self.send_claim((kind, what), claim, Duration::ZERO);
        }
    }

    fn send_claim(&self, lane: (LaneKind, What), claim: Claim, wait: Duration) {
        let store = Arc::clone(&self.store);
        let clock = Arc::clone(&self.clock);
        self.call(async move {
            if !wait.is_zero() {
                clock.sleep(wait).await;
            }
            let sent_at = clock.elapsed();
            let answer = store.claim(claim.clone()).await;
            Event::Claimed(lane, claim, answer, sent_at)
        });
    }

    pub(super) fn on_claimed(
        &mut self,
        (kind, what): (LaneKind, What),
        claim: Claim,
        answer: Result<Vec<Claimed>, StoreError>,
        sent_at: Duration,
    ) {
        self.note(&answer);
        let now = self.clock.elapsed();
        let current = self.session.as_ref().is_some_and(|s| s.id == claim.session);
        if !current {
            // Leased to a session that was given up: given back, if that still holds.
            for claimed in answer.unwrap_or_default() {
                self.conclude_unstarted(&claimed, Conclusion::Released);
            }
            return;
        }
        match answer {
            Ok(claimed) => {
                self.health.claimed();
                let left_some = self.shares.may_have_left_some(&claim, &claimed);
                let (taken, limit) = (claimed.len(), claim.limit);
                let claimed = self.within_shares(claimed);
                let lane = self.lane(kind);
                // What was passed over is left out of the next claim, which finds what stands behind.
                if taken >= limit || left_some && taken > 0 {
                    lane.hope_for(what);
                } else if left_some {
                    lane.leave_some();
                }
                if taken == 0 {
                    lane.found_nothing(now.saturating_sub(sent_at), now);
                }
                lane.queue(claimed, now);
            }
            Err(StoreError::SessionLost) => self.session_refused(),
            // It may have been leased all the same: ask again with the same number.
            Err(error) if error.is_transient() => {
                self.lane(kind).hope_for(what);
                return self.send_claim((kind, what), claim, BACKOFF);
            }
            Err(_) => {}
        }
        self.lane(kind).claiming = false;
    }

    /// Gives back what there is no share of.
    fn within_shares(&mut self, claimed: Vec<Claimed>) -> Vec<Claimed> {
        if self.shares.is_empty() {
            return claimed;
        }
        let mut within = Vec::with_capacity(claimed.len());
        for claimed in claimed {
            match self.shares.take(&claimed, &self.plan) {
                true => within.push(claimed),
                false => self.conclude_unstarted(&claimed, Conclusion::Released),
            }
        }
        within
    }

    fn hope_again(&mut self, now: Duration) {
        self.timers.promote_now(now);
        for lane in &mut self.lanes {
            lane.claiming = false;
            lane.hope();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_lasts_from_the_sending_of_what_renewed_it() {
        let seconds = Duration::from_secs;
        assert!(Hold::default().is_over(Duration::ZERO), "nobody holds it");
        let mut session = Session::new(SessionId(1), seconds(10), seconds(24));
        let hold = Arc::clone(&session.hold);
        assert!(!hold.is_over(seconds(33)));
        assert!(hold.is_over(seconds(34)));
        session.renewed(seconds(20), seconds(24));
        assert!(!hold.is_over(seconds(43)));
        assert!(hold.is_over(session.gives_up_at(seconds(24))));
    }
}
