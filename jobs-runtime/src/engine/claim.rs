//! Claims: requests for leases on ready executions.
//!
//! [`slots`](super::slots) decides when a claim is worth sending and how much it asks for;
//! [`slot_caps`](super::slot_caps) restricts it. A claim carries a number. After a lost answer the
//! same claim is sent again with the same number, and the store returns what it leased the first
//! time.

use std::sync::Arc;
use std::time::Duration;

use super::Stop;
use super::dispatcher::{BACKOFF, Dispatcher, Event};
use super::outcome::Exit;
use super::slots::{ClaimPurpose, SlotKind};
use crate::clock::timestamp;
use crate::store::{Caps, Claim, Claimed, StoreError};

impl Dispatcher {
    /// Sends a claim for each kind of slot, if one is worth it.
    pub(super) fn send_claims(&mut self) {
        let Some(session) = self.session.as_ref().map(|session| session.id) else {
            return;
        };
        if self.stop > Stop::No || self.completer.is_backed_up() {
            return;
        }
        let now = self.clock.elapsed();
        for index in 0..self.slots.len() {
            let slots = &mut self.slots[index];
            let kind = slots.kind;
            let Some((purpose, limit, only)) = slots.next_claim(now, &self.config.only) else {
                continue;
            };
            let limited = slots.limited_cap(purpose);
            self.claim_number += 1;
            let mut claim = Claim {
                session,
                number: self.claim_number,
                job_ids: slots.job_ids.clone(),
                queues: self.config.queues.clone(),
                except: Vec::new(),
                only,
                limit,
                caps: Caps {
                    limited: (limited < limit).then_some(limited),
                    ..Caps::default()
                },
                now: timestamp(&*self.clock),
            };
            self.slot_caps.restrict(&mut claim, &self.handlers);
            self.send_claim((kind, purpose), claim, Duration::ZERO);
        }
    }

    fn send_claim(&self, target: (SlotKind, ClaimPurpose), claim: Claim, wait: Duration) {
        let store = Arc::clone(&self.store);
        let clock = Arc::clone(&self.clock);
        self.spawn_call(async move {
            if !wait.is_zero() {
                clock.sleep(wait).await;
            }
            let sent_at = clock.elapsed();
            let answer = store.claim(claim.clone()).await;
            Event::Claimed(target, claim, answer, sent_at)
        });
    }

    pub(super) fn on_claimed(
        &mut self,
        (kind, purpose): (SlotKind, ClaimPurpose),
        claim: Claim,
        answer: Result<Vec<Claimed>, StoreError>,
        sent_at: Duration,
    ) {
        self.record_answer(&answer);
        let now = self.clock.elapsed();
        let is_current = self
            .session
            .as_ref()
            .is_some_and(|session| session.id == claim.session);
        if !is_current {
            // The worker has given that session up. Its leases are released if they still hold.
            for claimed in answer.unwrap_or_default() {
                self.settle_unstarted(&claimed, Exit::Released);
            }
            return;
        }
        match answer {
            Ok(claimed) => {
                self.health.claimed();
                let may_have_skipped = self.slot_caps.may_have_skipped(&claim, &claimed);
                let (taken, limit) = (claimed.len(), claim.limit);
                let claimed = self.within_slot_caps(claimed);
                let slots = self.slots_of(kind);
                // The caps of the next claim exclude what this one skipped, so it may find more.
                if taken >= limit || may_have_skipped && taken > 0 {
                    slots.expect_more(purpose);
                } else if may_have_skipped {
                    slots.note_skipped();
                }
                if taken == 0 {
                    slots.on_empty_claim(now.saturating_sub(sent_at), now);
                }
                slots.add_to_backlog(claimed, now);
            }
            Err(StoreError::SessionLost) => self.on_session_lost(),
            // The store may have leased executions: the same claim is sent again.
            Err(error) if error.is_transient() => {
                self.slots_of(kind).expect_more(purpose);
                return self.send_claim((kind, purpose), claim, BACKOFF);
            }
            Err(_) => {}
        }
        self.slots_of(kind).claim_in_flight = false;
    }

    /// Releases the executions that exceed a slot cap.
    fn within_slot_caps(&mut self, claimed: Vec<Claimed>) -> Vec<Claimed> {
        if self.slot_caps.is_empty() {
            return claimed;
        }
        let mut within = Vec::with_capacity(claimed.len());
        for claimed in claimed {
            if self.slot_caps.take(&claimed, &self.handlers) {
                within.push(claimed);
            } else {
                self.settle_unstarted(&claimed, Exit::Released);
            }
        }
        within
    }
}
