//! Claims, take-overs and the fences that they hand out.

use super::super::model::{Asked, Claiming};
use super::{Play, Played, broken, same};
use crate::conformance::fixtures::*;

impl Play {
    pub(in crate::conformance::model_test) async fn claim(
        &mut self,
        handle: u8,
        claim: Claim,
        again: bool,
    ) -> Played {
        let answer = self.at(handle).claim(claim.clone()).await;
        match (self.model.claim(&claim), answer) {
            (Claiming::Lost, Err(StoreError::SessionLost)) => Ok(()),
            (_, Err(error)) => Err(broken(error)),
            (Claiming::Lost, Ok(claimed)) => {
                Err(format!("claim: {claimed:?}, but the session is lost"))
            }
            (Claiming::Holds(held, Asked::Before), Ok(claimed)) => {
                self.handed_out("claim", &claimed, &held)
            }
            // A number that took nothing may be known for that: it takes nothing again.
            (Claiming::Holds(..), Ok(claimed)) if claimed.is_empty() && again => Ok(()),
            (Claiming::Holds(chosen, Asked::Now), Ok(claimed)) => {
                self.model.lease(&claim, &chosen);
                self.handed_out("claim", &claimed, &chosen)
            }
        }
    }

    pub(in crate::conformance::model_test) async fn take_over(
        &mut self,
        handle: u8,
        dead: SessionBeat,
        renewals: u32,
        claim: Claim,
    ) -> Played {
        let answer = self.at(handle).take_over(dead.clone(), claim.clone()).await;
        match (self.model.take_over(dead.session, renewals, &claim), answer) {
            (Claiming::Lost, Err(StoreError::SessionLost)) => Ok(()),
            (_, Err(error)) => Err(broken(error)),
            (Claiming::Lost, Ok(taken)) => {
                Err(format!("take_over: {taken:?}, but the session is lost"))
            }
            (Claiming::Holds(held, Asked::Before), Ok(taken)) => {
                self.handed_out("take_over", &taken, &held)
            }
            (Claiming::Holds(left, Asked::Now), Ok(taken)) => {
                // Which of them is the store's choice, how many is not.
                let mut moved = Vec::new();
                for taken in &taken {
                    match self.model.find(taken.execution_id) {
                        Some(n) if left.contains(&n) && !moved.contains(&n) => moved.push(n),
                        _ => return Err(format!("take_over: {taken:?} was not to be had")),
                    }
                }
                same("take_over", &moved.len(), &left.len().min(claim.limit))?;
                self.model
                    .move_leases(dead.session, renewals, &claim, &moved);
                self.handed_out("take_over", &taken, &moved)
            }
        }
    }

    /// Compares what was handed out and remembers its fences.
    pub(in crate::conformance::model_test) fn handed_out(
        &mut self,
        what: &str,
        claimed: &[Claimed],
        expected: &[usize],
    ) -> Played {
        for claimed in claimed {
            let known = self.model.find(claimed.execution_id);
            if !known.is_some_and(|n| self.model.learn(claimed.fence.row, n)) {
                return Err(format!("{what}: {claimed:?} is not what its row was"));
            }
            let handed = (claimed.fence, claimed.execution_id);
            if !self.fences.contains(&handed) {
                self.fences.push(handed);
            }
        }
        let told: Vec<_> = claimed.iter().map(|one| format!("{one:?}")).collect();
        let rows = claimed.iter().map(|one| one.fence.row);
        let expected: Vec<_> = expected
            .iter()
            .zip(rows.chain(std::iter::repeat(0)))
            .map(|(n, row)| {
                let claimed = self.model.claimed(*n, row);
                claimed.map_or_else(String::new, |one| format!("{one:?}"))
            })
            .collect();
        same(what, &told, &expected)
    }
}
