//! Claims and take-overs.

use super::{Asked, Claiming, Execution, Lease, Model, Place, Session};
use crate::conformance::fixtures::*;

impl Model {
    /// What a claim shall answer. Nothing changes before [`lease`](Self::lease).
    pub(in crate::conformance::model_test) fn claim(&self, claim: &Claim) -> Claiming {
        match self.session(claim.session) {
            Some(session) if session.open => {
                if session.last_claim >= claim.number {
                    return Claiming::Holds(self.held(claim), Asked::Before);
                }
            }
            _ => return Claiming::Lost,
        }
        let wanted = |n: &usize| {
            let Execution {
                new,
                place,
                deleted,
                ..
            } = &self.executions[*n];
            matches!(place, Place::Ready)
                && !deleted
                && claim.job_ids.contains(&new.job_id)
                && (claim.queues.is_empty() || claim.queues.contains(&new.queue))
                && (claim.only.is_empty() || claim.only.contains(&new.id))
        };
        let mut chosen: Vec<_> = (0..self.executions.len()).filter(wanted).collect();
        self.by_urgency(&mut chosen);
        chosen.truncate(claim.limit);
        Claiming::Holds(chosen, Asked::Now)
    }

    fn by_urgency(&self, executions: &mut [usize]) {
        executions.sort_by_key(|n| (std::cmp::Reverse(self.executions[*n].new.priority), *n));
    }

    fn held(&self, claim: &Claim) -> Vec<usize> {
        let mut held =
            self.where_lease(|lease| (lease.session, lease.claim) == (claim.session, claim.number));
        self.by_urgency(&mut held);
        held
    }

    /// Leases these to a claim.
    pub(in crate::conformance::model_test) fn lease(&mut self, claim: &Claim, chosen: &[usize]) {
        for n in chosen {
            let execution = &mut self.executions[*n];
            execution.attempt += 1;
            execution.place = Place::Leased(Lease {
                session: claim.session,
                claim: claim.number,
                executed_by: claim.session,
                claimed_at: claim.now,
                progress: 0,
                message: None,
                cancel_requested_at: None,
            });
        }
        self.note_claim(claim, !chosen.is_empty());
    }

    fn note_claim(&mut self, claim: &Claim, took: bool) {
        if let Some(session) = self.session_mut(claim.session).filter(|_| took) {
            session.last_claim = claim.number;
        }
    }

    /// What is left to take over from a session that was watched at `renewals`: any so many of
    /// these.
    pub(in crate::conformance::model_test) fn take_over(
        &self,
        dead: SessionId,
        renewals: u32,
        claim: &Claim,
    ) -> Claiming {
        match self.claim(claim) {
            Claiming::Holds(_, Asked::Now) => match self.session(dead) {
                Some(dead) if dead.renewals == renewals => {
                    Claiming::Holds(self.leased_by(dead.id), Asked::Now)
                }
                _ => Claiming::Holds(Vec::new(), Asked::Now),
            },
            answer => answer,
        }
    }

    /// Closes who stood still, and moves leases to a claim.
    pub(in crate::conformance::model_test) fn move_leases(
        &mut self,
        dead: SessionId,
        renewals: u32,
        claim: &Claim,
        moved: &[usize],
    ) {
        for n in moved {
            if let Place::Leased(lease) = &mut self.executions[*n].place {
                (lease.session, lease.claim) = (claim.session, claim.number);
            }
        }
        self.note_claim(claim, !moved.is_empty());
        let stood_still = |dead: &&mut Session| dead.renewals == renewals;
        if let Some(dead) = self.session_mut(dead).filter(stood_still) {
            dead.open = false;
        }
    }

    /// A leased execution as it is handed out.
    pub(in crate::conformance::model_test) fn claimed(
        &self,
        n: usize,
        row: i64,
    ) -> Option<Claimed> {
        let execution = &self.executions[n];
        let Place::Leased(lease) = &execution.place else {
            return None;
        };
        Some(Claimed {
            fence: Fence {
                session: lease.session,
                claim: lease.claim,
                row,
                attempt: execution.attempt,
            },
            execution_id: execution.new.id,
            job_id: execution.new.job_id.clone(),
            queue: execution.new.queue.clone(),
            limits: (!execution.new.rules.limits.is_empty()).then(PermitToken::default),
            payload: execution.new.payload.clone(),
            policy: execution.new.policy.clone(),
            spent: execution.spent,
            correlation_id: execution.new.correlation_id.clone(),
            claimed_at: lease.claimed_at,
            cancel_requested: lease.cancel_requested_at.is_some(),
            unreadable: None,
        })
    }
}
