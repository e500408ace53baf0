//! Who of those that a doorkeeper has decided about the database refuses.

use super::{PermitPlan, Waiter};
use crate::time::Timestamp;

/// Tries ever smaller parts of an [`PermitPlan`], until who is refused stands alone. The store writes each
/// part by itself, says whether the database refused it, and takes it back.
#[derive(Debug)]
pub(in crate::store) struct Trial {
    now: Timestamp,
    /// The next one last.
    untried: Vec<Vec<(Place, Waiter)>>,
    trying: Vec<(Place, Waiter)>,
    refused: Vec<i64>,
    most: usize,
}

/// Where an execution is written to.
#[derive(Clone, Copy, Debug)]
enum Place {
    Ready,
    Waiter,
    Displaced,
}

impl Trial {
    /// Looks for up to `most` who are refused.
    pub(in crate::store) fn of(plan: PermitPlan, most: usize) -> Self {
        let to = |place| move |held| (place, held);
        let all = plan.admitted.into_iter().map(to(Place::Ready));
        let all = all.chain(plan.blocked.into_iter().map(to(Place::Waiter)));
        let all = all.chain(plan.displaced.into_iter().map(to(Place::Displaced)));
        Self {
            now: plan.now,
            untried: vec![all.collect()],
            trying: Vec::new(),
            refused: Vec::new(),
            most,
        }
    }

    /// What to try next: executions alone, limits stay as they are. `None` if that is over.
    pub(in crate::store) fn next(&mut self) -> Option<PermitPlan> {
        if self.refused.len() >= self.most {
            return None;
        }
        self.trying = self.untried.pop()?;
        let mut part = PermitPlan {
            now: self.now,
            ..PermitPlan::default()
        };
        for (place, held) in &self.trying {
            let list = match place {
                Place::Ready => &mut part.admitted,
                Place::Waiter => &mut part.blocked,
                Place::Displaced => &mut part.displaced,
            };
            list.push(held.clone());
        }
        Some(part)
    }

    /// The database refused that.
    pub(in crate::store) fn refuse(&mut self) {
        let mut first = std::mem::take(&mut self.trying);
        match first.as_slice() {
            [] => {}
            [(_, held)] => self.refused.push(held.seq),
            _ => {
                let second = first.split_off(first.len() / 2);
                self.untried.extend([second, first]);
            }
        }
    }

    /// The store's own keys of those who were refused alone.
    pub(in crate::store) fn refused(self) -> Vec<i64> {
        self.refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(seqs: &[i64]) -> Vec<Waiter> {
        let held = |seq: &i64| Waiter {
            seq: *seq,
            rank: 50,
            limits: vec![1],
            passed: 0,
            arrived_at: 0,
        };
        seqs.iter().map(held).collect()
    }

    /// Refuses every part with one of these, and says who was found, and in how many parts.
    fn tried(plan: PermitPlan, bad: &[i64], most: usize) -> (Vec<i64>, usize) {
        let mut trial = Trial::of(plan, most);
        let mut parts = 0;
        while let Some(part) = trial.next() {
            parts += 1;
            assert!(part.limits.is_empty());
            let mut all = [part.admitted, part.blocked, part.displaced]
                .concat()
                .into_iter();
            if all.any(|held| bad.contains(&held.seq)) {
                trial.refuse();
            }
        }
        (trial.refused(), parts)
    }

    fn plan() -> PermitPlan {
        PermitPlan {
            admitted: held(&[1, 2, 3]),
            blocked: held(&[4]),
            displaced: held(&[5, 6]),
            ..PermitPlan::default()
        }
    }

    #[test]
    fn who_is_refused_is_found_wherever_he_was_to_go() {
        for bad in [&[][..], &[2], &[4], &[5], &[1, 6], &[1, 2, 3, 4, 5, 6]] {
            assert_eq!(tried(plan(), bad, 9).0, bad);
        }
        assert_eq!(tried(PermitPlan::default(), &[1], 9), (vec![], 1));
    }

    #[test]
    fn no_more_are_looked_for_than_asked() {
        let (found, parts) = tried(plan(), &[1, 2, 3, 4, 5, 6], 2);
        assert_eq!(found, [1, 2]);
        assert!(parts < 8, "{parts}");
    }
}
