//! Claims and take-overs, and the fences that they return.

use super::super::model::{ClaimCall, ExpectedClaim};
use super::{Checked, Runner, check_equal, store_error};
use crate::conformance::fixtures::*;

impl Runner {
    pub(in crate::conformance::model_test) async fn claim(
        &mut self,
        handle: u8,
        claim: Claim,
        again: bool,
    ) -> Checked {
        let answer = self.at(handle).claim(claim.clone()).await;
        match (self.model.claim(&claim), answer) {
            (ExpectedClaim::Lost, Err(StoreError::SessionLost)) => Ok(()),
            (_, Err(error)) => Err(store_error(error)),
            (ExpectedClaim::Lost, Ok(claimed)) => {
                Err(format!("claim: {claimed:?}, but the session is lost"))
            }
            (ExpectedClaim::Leases(leased, ClaimCall::Repeated), Ok(claimed)) => {
                self.check_claimed("claim", &claimed, &leased)
            }
            // A store may remember a claim that took nothing: repeated, it takes nothing again.
            (ExpectedClaim::Leases(..), Ok(claimed)) if claimed.is_empty() && again => Ok(()),
            (ExpectedClaim::Leases(chosen, ClaimCall::First), Ok(claimed)) => {
                self.model.lease(&claim, &chosen);
                self.check_claimed("claim", &claimed, &chosen)
            }
        }
    }

    pub(in crate::conformance::model_test) async fn take_over(
        &mut self,
        handle: u8,
        dead: SessionBeat,
        renewals: u32,
        claim: Claim,
    ) -> Checked {
        let answer = self.at(handle).take_over(dead.clone(), claim.clone()).await;
        match (self.model.take_over(dead.session, renewals, &claim), answer) {
            (ExpectedClaim::Lost, Err(StoreError::SessionLost)) => Ok(()),
            (_, Err(error)) => Err(store_error(error)),
            (ExpectedClaim::Lost, Ok(taken)) => {
                Err(format!("take_over: {taken:?}, but the session is lost"))
            }
            (ExpectedClaim::Leases(leased, ClaimCall::Repeated), Ok(taken)) => {
                self.check_claimed("take_over", &taken, &leased)
            }
            (ExpectedClaim::Leases(left, ClaimCall::First), Ok(taken)) => {
                // The store chooses the leases; their number is given.
                let mut moved = Vec::new();
                for taken in &taken {
                    match self.model.find(taken.execution_id) {
                        Some(n) if left.contains(&n) && !moved.contains(&n) => moved.push(n),
                        _ => return Err(format!("take_over: {taken:?} has no lease to take over")),
                    }
                }
                check_equal("take_over", &moved.len(), &left.len().min(claim.limit))?;
                self.model
                    .move_leases(dead.session, renewals, &claim, &moved);
                self.check_claimed("take_over", &taken, &moved)
            }
        }
    }

    /// Compares the claimed attempts with the expected ones and records their fences.
    pub(in crate::conformance::model_test) fn check_claimed(
        &mut self,
        what: &str,
        claimed: &[Claimed],
        expected: &[usize],
    ) -> Checked {
        for claimed in claimed {
            let found = self.model.find(claimed.execution_id);
            if !found.is_some_and(|n| self.model.check_row(claimed.fence.row, n)) {
                return Err(format!(
                    "{what}: {claimed:?} has the row number of another execution"
                ));
            }
            let fence = (claimed.fence, claimed.execution_id);
            if !self.fences.contains(&fence) {
                self.fences.push(fence);
            }
        }
        // Earlier losses are known after a take-over only.
        let knows_losses = what == "take_over";
        let shown = |mut one: Claimed| {
            one.lost_before &= knows_losses;
            format!("{one:?}")
        };
        let actual: Vec<_> = claimed.iter().cloned().map(shown).collect();
        let rows = claimed.iter().map(|one| one.fence.row);
        let expected: Vec<_> = expected
            .iter()
            .zip(rows.chain(std::iter::repeat(0)))
            .map(|(n, row)| {
                let claimed = self.model.claimed(*n, row);
                claimed.map_or_else(String::new, shown)
            })
            .collect();
        check_equal(what, &actual, &expected)
    }
}
