//! Claims and take-overs.

use super::{ClaimCall, Execution, ExpectedClaim, Lease, Model, Session, State};
use crate::conformance::fixtures::*;

impl Model {
    /// Returns the expected answer to a claim. The model changes by [`lease`](Self::lease).
    pub(in crate::conformance::model_test) fn claim(&self, claim: &Claim) -> ExpectedClaim {
        match self.session(claim.session) {
            Some(session) if session.open => {
                if session.last_claim >= claim.number {
                    return ExpectedClaim::Leases(self.leased_to_claim(claim), ClaimCall::Repeated);
                }
            }
            _ => return ExpectedClaim::Lost,
        }
        let wanted = |n: &usize| {
            let Execution {
                new,
                state,
                deleted,
                ..
            } = &self.executions[*n];
            matches!(state, State::Ready)
                && !deleted
                && claim.job_ids.contains(&new.job_id)
                && (claim.queues.is_empty() || claim.queues.contains(&new.queue))
                && (claim.only.is_empty() || claim.only.contains(&new.id))
        };
        let mut chosen: Vec<_> = (0..self.executions.len()).filter(wanted).collect();
        self.sort_by_priority(&mut chosen);
        chosen.truncate(claim.limit);
        ExpectedClaim::Leases(chosen, ClaimCall::First)
    }

    fn sort_by_priority(&self, executions: &mut [usize]) {
        executions.sort_by_key(|n| (std::cmp::Reverse(self.executions[*n].new.priority), *n));
    }

    fn leased_to_claim(&self, claim: &Claim) -> Vec<usize> {
        let mut leased =
            self.where_lease(|lease| (lease.session, lease.claim) == (claim.session, claim.number));
        self.sort_by_priority(&mut leased);
        leased
    }

    /// Leases these executions to a claim.
    pub(in crate::conformance::model_test) fn lease(&mut self, claim: &Claim, chosen: &[usize]) {
        for n in chosen {
            let execution = &mut self.executions[*n];
            execution.attempt += 1;
            execution.state = State::Leased(Lease {
                session: claim.session,
                claim: claim.number,
                executed_by: claim.session,
                claimed_at: claim.now,
                progress: 0,
                message: None,
                cancel_requested_at: None,
            });
        }
        self.record_claim(claim, !chosen.is_empty());
    }

    fn record_claim(&mut self, claim: &Claim, took: bool) {
        if let Some(session) = self.session_mut(claim.session).filter(|_| took) {
            session.last_claim = claim.number;
        }
    }

    /// Returns the leases that a take-over may move: the store moves any of them, up to the limit.
    /// `renewals` is the number of renewals at which the session was observed.
    pub(in crate::conformance::model_test) fn take_over(
        &self,
        dead: SessionId,
        renewals: u32,
        claim: &Claim,
    ) -> ExpectedClaim {
        match self.claim(claim) {
            ExpectedClaim::Leases(_, ClaimCall::First) => match self.session(dead) {
                Some(dead) if dead.renewals == renewals => {
                    ExpectedClaim::Leases(self.leased_by(dead.id), ClaimCall::First)
                }
                _ => ExpectedClaim::Leases(Vec::new(), ClaimCall::First),
            },
            answer => answer,
        }
    }

    /// Closes the session if it has not renewed since, and moves leases to a claim.
    pub(in crate::conformance::model_test) fn move_leases(
        &mut self,
        dead: SessionId,
        renewals: u32,
        claim: &Claim,
        moved: &[usize],
    ) {
        for n in moved {
            if let State::Leased(lease) = &mut self.executions[*n].state {
                (lease.session, lease.claim) = (claim.session, claim.number);
            }
        }
        self.record_claim(claim, !moved.is_empty());
        let has_same_beat = |dead: &&mut Session| dead.renewals == renewals;
        if let Some(dead) = self.session_mut(dead).filter(has_same_beat) {
            dead.open = false;
        }
    }

    /// Returns a leased execution as a claim returns it.
    pub(in crate::conformance::model_test) fn claimed(
        &self,
        n: usize,
        row: i64,
    ) -> Option<Claimed> {
        let execution = &self.executions[n];
        let State::Leased(lease) = &execution.state else {
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
            tags: execution.new.tags.clone(),
            run_at: execution.new.run_at.unwrap_or(execution.new.created_at),
            trace_parent: execution.new.trace_parent.clone(),
            claimed_at: lease.claimed_at,
            cancel_requested: lease.cancel_requested_at.is_some(),
            lost_before: execution.has_lost_attempt(),
            unreadable: None,
        })
    }
}
