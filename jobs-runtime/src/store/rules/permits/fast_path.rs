//! The fast path at enqueue: new executions that take their permits in the transaction that creates
//! them.
//!
//! It applies to limits that have free permits and no waiters, while no other transaction runs the
//! allocator. An execution that gets the permits of all of its limits is ready at once. Every other
//! one becomes a new waiter for the allocator.

use std::cmp::Reverse;

use super::plan::{LimitId, LimitState};
use crate::store::NewExecution;
use crate::store::rules::dedup::is_delayed;
use crate::time::Timestamp;

/// The free permits of limits without waiters.
#[derive(Debug, Default)]
pub(in crate::store) struct FreePermits {
    /// Sorted by the limit's id.
    limits: Vec<FreeLimit>,
}

/// The free permits of one limit.
#[derive(Debug)]
struct FreeLimit {
    limit: LimitId,
    left: u64,
    taken: u64,
}

impl FreePermits {
    /// Computes the free permits of limits that have no waiters. All permit events of the limits
    /// must have been applied to their states, except events that release permits.
    pub(in crate::store) fn new<'l>(
        now: Timestamp,
        limits: impl IntoIterator<Item = &'l LimitState>,
    ) -> Self {
        let free = |limit: &LimitState| FreeLimit {
            limit: limit.id,
            left: limit.free_permits(now),
            taken: 0,
        };
        let mut limits: Vec<_> = limits.into_iter().map(free).collect();
        limits.sort_unstable_by_key(|free| free.limit);
        Self { limits }
    }

    fn index_of(&self, limit: LimitId) -> Option<usize> {
        self.limits
            .binary_search_by_key(&limit, |free| free.limit)
            .ok()
    }

    /// Takes a permit of each of these limits and returns `true`, or takes none.
    fn take(&mut self, limits: &[LimitId]) -> bool {
        let has_enough = |id: &LimitId| {
            let wanted = limits.iter().filter(|other| *other == id).count() as u64;
            self.index_of(*id)
                .is_some_and(|index| self.limits[index].left >= wanted)
        };
        if limits.is_empty() || !limits.iter().all(has_enough) {
            return false;
        }
        for id in limits {
            if let Some(index) = self.index_of(*id) {
                self.limits[index].left -= 1;
                self.limits[index].taken += 1;
            }
        }
        true
    }

    /// Admits the due ones among these executions, which have these limits, the most urgent first.
    /// Returns for each execution whether it is admitted.
    pub(in crate::store) fn admit(
        &mut self,
        new: &[&NewExecution],
        limits: &[impl AsRef<[LimitId]>],
    ) -> Vec<bool> {
        let mut order: Vec<usize> = (0..new.len()).collect();
        order.retain(|index| !is_delayed(new[*index]));
        order.sort_by_key(|index| Reverse(new[*index].priority));
        let mut admitted = vec![false; new.len()];
        for index in order {
            admitted[index] = self.take(limits[index].as_ref());
        }
        admitted
    }

    /// Returns the number of permits taken per limit, sorted by the limit's id.
    pub(in crate::store) fn taken(&self) -> Vec<(LimitId, u64)> {
        let taken = self.limits.iter().filter(|free| free.taken > 0);
        taken.map(|free| (free.limit, free.taken)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jobs::ExecutionId;

    use super::*;
    use crate::store::{LimitRule, Rate};

    fn limit(id: LimitId, rule: LimitRule, in_use: u64) -> LimitState {
        LimitState {
            id,
            rule,
            stage: 0,
            in_use,
            tat: 0,
            paused_until: Timestamp::default(),
            check_at: None,
        }
    }

    fn execution(priority: u8, run_at: Option<Timestamp>) -> NewExecution {
        NewExecution {
            priority,
            run_at,
            ..NewExecution::new(
                ExecutionId::from_bytes([0; 16]),
                "job",
                Timestamp::from_millis(1_000_000),
            )
        }
    }

    #[test]
    fn the_most_urgent_executions_take_the_free_permits() {
        let now = Timestamp::from_millis(1_000_000);
        let rate = Rate {
            count: 10,
            period_ms: 1_000,
        };
        let mut free = FreePermits::new(
            now,
            &[
                limit(1, LimitRule::Concurrent { count: 3 }, 1),
                limit(2, LimitRule::Concurrent { count: 10 }, 0),
                limit(4, LimitRule::Rate(rate), 0),
            ],
        );
        let new = [
            execution(50, None),
            execution(90, None),
            execution(99, Some(now.after(Duration::from_secs(1)))),
            execution(80, None),
            execution(70, None),
            execution(100, None),
        ];
        let limits = [vec![1], vec![1, 2], vec![1], vec![1, 2], vec![3], vec![2]];
        let admitted = free.admit(&new.each_ref(), &limits);
        // The third is delayed; the fifth has a limit that is not free.
        assert_eq!(admitted, [false, true, false, true, false, true]);
        assert_eq!(free.taken(), [(1, 2), (2, 3)]);
        assert!(free.take(&[4]));
        assert!(!free.take(&[4]), "a rate of ten per second has no burst");
    }

    #[test]
    fn an_execution_that_lacks_one_permit_takes_none() {
        let mut free = FreePermits::new(
            Timestamp::from_millis(0),
            &[
                limit(1, LimitRule::Concurrent { count: 1 }, 0),
                limit(2, LimitRule::Concurrent { count: 1 }, 1),
            ],
        );
        assert!(!free.take(&[1, 2]));
        assert!(
            !free.take(&[1, 1]),
            "two permits of a limit that has one left"
        );
        assert!(free.take(&[1]));
        assert!(!free.take(&[1]));
    }
}
