//! Who needs no doorkeeper: new executions for which there is room at once.
//!
//! Where the store can tell, in the transaction that creates an execution and with nobody else letting
//! in meanwhile, that all of its limits have a permit left and nobody waits there, it is ready from
//! the beginning. Everybody else goes to the door.

use std::cmp::Reverse;

use super::plan::{LimitId, LimitState};
use crate::store::NewExecution;
use crate::store::rules::dedup::is_delayed;
use crate::time::Timestamp;

/// The limits at which nobody waits, and what is left of them.
#[derive(Debug, Default)]
pub(in crate::store) struct FreePermits {
    /// In the order of the limits.
    doors: Vec<FreeLimit>,
}

/// Permits that are left, and those taken.
#[derive(Debug)]
struct FreeLimit {
    limit: LimitId,
    left: u64,
    taken: u64,
}

impl FreePermits {
    /// At these limits nobody waits, and nothing has happened to their permits that is not counted in,
    /// save that some have come back.
    pub(in crate::store) fn new<'l>(
        now: Timestamp,
        limits: impl IntoIterator<Item = &'l LimitState>,
    ) -> Self {
        let door = |limit: &LimitState| FreeLimit {
            limit: limit.id,
            left: limit.room(now),
            taken: 0,
        };
        let mut doors: Vec<_> = limits.into_iter().map(door).collect();
        doors.sort_unstable_by_key(|door| door.limit);
        Self { doors }
    }

    fn place(&self, limit: LimitId) -> Option<usize> {
        self.doors
            .binary_search_by_key(&limit, |door| door.limit)
            .ok()
    }

    /// Takes a permit of each of these limits, or none.
    fn enter(&mut self, limits: &[LimitId]) -> bool {
        let is_open = |id: &LimitId| {
            let wanted = limits.iter().filter(|other| *other == id).count() as u64;
            self.place(*id)
                .is_some_and(|place| self.doors[place].left >= wanted)
        };
        if limits.is_empty() || !limits.iter().all(is_open) {
            return false;
        }
        for id in limits {
            if let Some(place) = self.place(*id) {
                self.doors[place].left -= 1;
                self.doors[place].taken += 1;
            }
        }
        true
    }

    /// Lets in what is due of these executions, which have these limits, the most urgent first; answers
    /// for each of them.
    pub(in crate::store) fn admit(
        &mut self,
        new: &[&NewExecution],
        limits: &[impl AsRef<[LimitId]>],
    ) -> Vec<bool> {
        let mut order: Vec<usize> = (0..new.len()).collect();
        order.retain(|place| !is_delayed(new[*place]));
        order.sort_by_key(|place| Reverse(new[*place].priority));
        let mut entered = vec![false; new.len()];
        for place in order {
            entered[place] = self.enter(limits[place].as_ref());
        }
        entered
    }

    /// How many permits of which limits were taken, in the order of the limits.
    pub(in crate::store) fn taken(&self) -> Vec<(LimitId, u64)> {
        let doors = self.doors.iter().filter(|door| door.taken > 0);
        doors.map(|door| (door.limit, door.taken)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jobs::ExecutionId;

    use super::super::Reach;
    use super::*;
    use crate::store::{EnqueueRules, ExecutionPolicy, LimitRule, Rate};

    fn limit(id: LimitId, rule: LimitRule, in_use: u64) -> LimitState {
        LimitState {
            id,
            rule,
            stage: 0,
            in_use,
            tat: 0,
            check_at: None,
            reach: Reach::ANYWHERE,
        }
    }

    fn execution(priority: u8, run_at: Option<Timestamp>) -> NewExecution {
        NewExecution {
            id: ExecutionId::from_bytes([0; 16]),
            job_id: "job".to_owned(),
            queue: "default".to_owned(),
            priority,
            payload: "{}".to_owned(),
            policy: ExecutionPolicy {
                timeout_ms: None,
                max_attempts: 1,
                retry_delays_ms: Vec::new(),
                retry_jitter: 0.0,
            },
            created_at: Timestamp::from_millis(1_000_000),
            run_at,
            idempotency_key: None,
            correlation_id: None,
            item_id: None,
            created_by: None,
            tags: Vec::new(),
            parent_id: None,
            triggered_by: "api".to_owned(),
            trace_parent: None,
            rules: EnqueueRules::default(),
        }
    }

    #[test]
    fn the_most_urgent_take_what_is_left_of_every_limit() {
        let now = Timestamp::from_millis(1_000_000);
        let rate = Rate {
            count: 10,
            period_ms: 1_000,
        };
        let mut doors = FreePermits::new(
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
        let entered = doors.admit(&new.each_ref(), &limits);
        // The third is for later; the fifth has a limit where somebody waits.
        assert_eq!(entered, [false, true, false, true, false, true]);
        assert_eq!(doors.taken(), [(1, 2), (2, 3)]);
        assert!(doors.enter(&[4]));
        assert!(!doors.enter(&[4]), "ten a second is one at a time");
    }

    #[test]
    fn who_lacks_one_permit_takes_none() {
        let mut doors = FreePermits::new(
            Timestamp::from_millis(0),
            &[
                limit(1, LimitRule::Concurrent { count: 1 }, 0),
                limit(2, LimitRule::Concurrent { count: 1 }, 1),
            ],
        );
        assert!(!doors.enter(&[1, 2]));
        assert!(!doors.enter(&[1, 1]), "two of one that is left");
        assert!(doors.enter(&[1]));
        assert!(!doors.enter(&[1]));
    }
}
