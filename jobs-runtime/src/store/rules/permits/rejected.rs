//! Finds the executions of a permit plan whose rows the database rejects.

use super::{PermitPlan, Waiter};
use crate::time::Timestamp;

/// A bisection of a [`PermitPlan`]. The store writes each part in a savepoint, reports whether the
/// database rejects it, and rolls it back.
#[derive(Debug)]
pub(in crate::store) struct PlanBisection {
    now: Timestamp,
    /// The parts to try, the next one last.
    untried: Vec<Vec<(Target, Waiter)>>,
    trying: Vec<(Target, Waiter)>,
    rejected: Vec<i64>,
    most: usize,
}

/// The list of the plan that an execution is in.
#[derive(Clone, Copy, Debug)]
enum Target {
    Admitted,
    Blocked,
}

impl PlanBisection {
    /// Starts a search for up to `most` rejected executions.
    pub(in crate::store) fn of(plan: PermitPlan, most: usize) -> Self {
        let to = |target| move |waiter| (target, waiter);
        let all = plan.admitted.into_iter().map(to(Target::Admitted));
        let all = all.chain(plan.blocked.into_iter().map(to(Target::Blocked)));
        Self {
            now: plan.now,
            untried: vec![all.collect()],
            trying: Vec::new(),
            rejected: Vec::new(),
            most,
        }
    }

    /// Returns the next part to try, without limits; `None` when the search is over.
    pub(in crate::store) fn next(&mut self) -> Option<PermitPlan> {
        if self.rejected.len() >= self.most {
            return None;
        }
        self.trying = self.untried.pop()?;
        let mut part = PermitPlan {
            now: self.now,
            ..PermitPlan::default()
        };
        for (target, waiter) in &self.trying {
            let list = match target {
                Target::Admitted => &mut part.admitted,
                Target::Blocked => &mut part.blocked,
            };
            list.push(waiter.clone());
        }
        Some(part)
    }

    /// Reports that the database rejects the last part.
    pub(in crate::store) fn reject(&mut self) {
        let mut first = std::mem::take(&mut self.trying);
        match first.as_slice() {
            [] => {}
            [(_, waiter)] => self.rejected.push(waiter.seq),
            _ => {
                let second = first.split_off(first.len() / 2);
                self.untried.extend([second, first]);
            }
        }
    }

    /// Returns the seqs of the rejected executions.
    pub(in crate::store) fn rejected(self) -> Vec<i64> {
        self.rejected
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiters(seqs: &[i64]) -> Vec<Waiter> {
        let waiter = |seq: &i64| Waiter {
            seq: *seq,
            rank: 50,
            limits: vec![1],
            passed: 0,
            arrived_at: 0,
        };
        seqs.iter().map(waiter).collect()
    }

    /// Rejects every part that contains one of `bad`. Returns the executions that the search finds
    /// and the number of parts it tries.
    fn search(plan: PermitPlan, bad: &[i64], most: usize) -> (Vec<i64>, usize) {
        let mut bisection = PlanBisection::of(plan, most);
        let mut parts = 0;
        while let Some(part) = bisection.next() {
            parts += 1;
            assert!(part.limits.is_empty());
            let mut all = [part.admitted, part.blocked].concat().into_iter();
            if all.any(|waiter| bad.contains(&waiter.seq)) {
                bisection.reject();
            }
        }
        (bisection.rejected(), parts)
    }

    fn plan() -> PermitPlan {
        PermitPlan {
            admitted: waiters(&[1, 2, 3]),
            blocked: waiters(&[4, 5, 6]),
            ..PermitPlan::default()
        }
    }

    #[test]
    fn rejected_executions_are_found_in_every_list() {
        for bad in [&[][..], &[2], &[4], &[5], &[1, 6], &[1, 2, 3, 4, 5, 6]] {
            assert_eq!(search(plan(), bad, 9).0, bad);
        }
        assert_eq!(search(PermitPlan::default(), &[1], 9), (vec![], 1));
    }

    #[test]
    fn the_search_stops_at_the_bound() {
        let (found, parts) = search(plan(), &[1, 2, 3, 4, 5, 6], 2);
        assert_eq!(found, [1, 2]);
        assert!(parts < 8, "{parts}");
    }
}
