//! A store in memory that does what the doorkeeper says, put to random stories.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use super::plan::{LimitId, LimitState, PermitEvent, PermitPlan, Reach, Waiter};
use super::{Behind, PermitAllocator, PermitQuery};
use crate::store::contract::limit::{LimitRule, Rate};
use crate::time::Timestamp;

/// Limits 1 to 3 are per key, 4 and 5 common ones.
const PER_KEY: [LimitId; 3] = [1, 2, 3];
const COMMON: LimitId = 4;
const RATE: LimitId = 5;

/// What a store keeps, as far as limits are concerned.
#[derive(Debug, Default)]
struct Kept {
    now: Timestamp,
    limits: BTreeMap<LimitId, LimitState>,
    door: BTreeMap<i64, Waiter>,
    held: BTreeMap<i64, Waiter>,
    ready: BTreeMap<i64, Waiter>,
    /// When those that are ready were let in.
    admitted_at: BTreeMap<i64, Timestamp>,
    leased: BTreeMap<i64, Waiter>,
    events: Vec<(LimitId, PermitEvent)>,
    starts: BTreeMap<LimitId, Vec<Timestamp>>,
    next: i64,
}

impl Kept {
    fn new(keys: u32, common: u32, rate: Rate) -> Self {
        let mut kept = Self::default();
        let rules = PER_KEY
            .map(|id| (id, 0, LimitRule::Concurrent { count: keys }))
            .into_iter()
            .chain([
                (COMMON, 1, LimitRule::Concurrent { count: common }),
                (RATE, 0, LimitRule::Rate(rate)),
            ]);
        for (id, stage, rule) in rules {
            let state = LimitState {
                id,
                rule,
                stage,
                in_use: 0,
                tat: 0,
                check_at: None,
                reach: Reach::ANYWHERE,
            };
            kept.limits.insert(id, state);
        }
        kept
    }

    fn enqueue(&mut self, rank: i64, limits: Vec<LimitId>) {
        self.next += 1;
        let held = Waiter {
            seq: self.next,
            rank,
            limits,
            passed: 0,
            arrived_at: 0,
        };
        self.door.insert(held.seq, held);
    }

    fn promote(&mut self) {
        let door = self.door.values().cloned().collect();
        let due = self
            .limits
            .values()
            .filter(|limit| limit.check_at.is_some_and(|check_at| check_at <= self.now));
        let due: Vec<_> = due.map(|limit| limit.id).collect();
        let events = std::mem::take(&mut self.events);
        let mut keeper = PermitAllocator::new(self.now, door, events, due);
        loop {
            match keeper.next() {
                PermitQuery::Limits(ids) => {
                    let limits = ids.iter().filter_map(|id| self.limits.get(id)).cloned();
                    keeper.add_limits(limits.collect());
                }
                PermitQuery::Standing(asked) => {
                    let mut standing = Vec::new();
                    for (limit, most) in &asked {
                        let here = self.held.values().filter(|it| it.at() == Some(*limit));
                        let mut here: Vec<_> = here.cloned().collect();
                        here.sort_unstable_by_key(Waiter::order);
                        standing.extend(here.into_iter().take(*most).map(|it| (*limit, it)));
                    }
                    keeper.add_waiters(&asked, standing);
                }
                PermitQuery::Ready(asked) => {
                    let mut worst = Vec::new();
                    for Behind {
                        limit,
                        most,
                        place,
                        between: (first, last),
                    } in &asked
                    {
                        let here = self.ready.values().filter(|it| {
                            it.limits.last() == Some(limit)
                                && it.place() > *place
                                && (*first..=*last).contains(&it.seq)
                        });
                        let mut here: Vec<_> = here.cloned().collect();
                        here.sort_unstable_by_key(|it| std::cmp::Reverse(it.place()));
                        worst.extend(here.into_iter().take(*most).map(|it| (*limit, it)));
                    }
                    keeper.displace(&asked, worst);
                }
                PermitQuery::Nothing => break,
            }
        }
        self.write(keeper.close());
    }

    fn write(&mut self, plan: PermitPlan) {
        for displaced in plan.displaced {
            assert!(self.ready.remove(&displaced.seq).is_some());
            self.held.insert(displaced.seq, displaced);
        }
        for held in plan.blocked {
            self.door.remove(&held.seq);
            self.held.insert(held.seq, held);
        }
        for ready in plan.admitted {
            assert!(
                self.door
                    .remove(&ready.seq)
                    .or(self.held.remove(&ready.seq))
                    .is_some()
            );
            self.admitted_at.insert(ready.seq, plan.now);
            self.ready.insert(ready.seq, ready);
        }
        for limit in plan.limits {
            self.limits.insert(limit.id, limit);
        }
        assert!(self.door.is_empty(), "everybody at the door was looked at");
    }

    /// By a claim that was asked for so long ago.
    fn claim(&mut self, most: usize, ago: u64) {
        let asked_at = Timestamp::from_millis(self.now.as_millis() - ago as i64);
        let mut order: Vec<_> = self.ready.values().map(Waiter::place).collect();
        order.sort_unstable();
        for (_, seq) in order.into_iter().take(most) {
            let claimed = self.ready.remove(&seq).expect("it is ready");
            for limit in &claimed.limits {
                if matches!(self.limits[limit].rule, LimitRule::Rate(_)) {
                    let start = asked_at.max(self.admitted_at[&seq]);
                    self.events.push((*limit, PermitEvent::Started(1, start)));
                    self.starts.entry(*limit).or_default().push(start);
                }
            }
            self.leased.insert(seq, claimed);
        }
    }

    fn end(&mut self, nth: usize) {
        let Some(seq) = pick(&self.leased, nth) else {
            return;
        };
        let ended = self.leased.remove(&seq).expect("it is leased");
        let ended = ended
            .limits
            .iter()
            .map(|limit| (*limit, PermitEvent::Ended(1)));
        self.events.extend(ended);
    }

    fn cancel(&mut self, nth: usize) {
        let Some(seq) = pick(&self.ready, nth).or_else(|| pick(&self.held, nth)) else {
            return;
        };
        let ready = self.ready.remove(&seq);
        let passed = ready.as_ref().map(|it| it.limits.len());
        let gone = ready.or_else(|| self.held.remove(&seq)).expect("it waits");
        let unused = gone.limits.iter().take(passed.unwrap_or(gone.passed));
        self.events
            .extend(unused.map(|limit| (*limit, PermitEvent::Unused(1))));
    }

    /// Permits of a limit that executions have.
    fn out(&self, limit: LimitId) -> u64 {
        let has = |held: &&Waiter| held.limits.contains(&limit);
        let ready = self.ready.values().filter(has).count();
        let leased = match self.limits[&limit].rule {
            LimitRule::Concurrent { .. } => self.leased.values().filter(has).count(),
            LimitRule::Rate(_) => 0,
        };
        let waiting = self.held.values().filter(|held| {
            let passed = held.limits.iter().take(held.passed);
            passed.into_iter().any(|id| *id == limit)
        });
        (ready + leased + waiting.count()) as u64
    }

    /// What holds after every promotion.
    fn check(&self) {
        let mut seen = BTreeSet::new();
        for place in [&self.held, &self.ready, &self.leased] {
            assert!(
                place.keys().all(|seq| seen.insert(*seq)),
                "each stands in one place"
            );
        }
        for limit in self.limits.values() {
            let out = self.out(limit.id);
            assert_eq!(limit.in_use, out, "permits of {limit:?}");
            if let LimitRule::Concurrent { count } = limit.rule {
                assert!(out <= count.into(), "{out} at once under {limit:?}");
            }
            let waits = self.held.values().any(|held| held.at() == Some(limit.id));
            if limit.room(self.now) > 0 {
                assert!(!waits, "there is room under {limit:?}, and somebody waits");
            }
            if waits && matches!(limit.rule, LimitRule::Rate(_)) {
                let by_time = limit.check_at.is_some();
                assert!(
                    by_time || limit.in_use > 0,
                    "nobody looks at {limit:?} again"
                );
            }
        }
    }

    /// Nobody who waits at a last limit is more urgent than one that is ready by its permit.
    fn check_order(&self) {
        for held in self.held.values() {
            if held.passed + 1 < held.limits.len() {
                continue;
            }
            let by_the_same = self.ready.values();
            let by_the_same = by_the_same.filter(|ready| ready.limits.last() == held.limits.last());
            for ready in by_the_same {
                assert!(
                    ready.place() < held.place(),
                    "{ready:?} goes before {held:?}"
                );
            }
        }
    }
}

fn pick(from: &BTreeMap<i64, Waiter>, nth: usize) -> Option<i64> {
    from.keys().nth(nth % from.len().max(1)).copied()
}

#[derive(Clone, Debug)]
enum Step {
    Enqueue { rank: i64, kind: usize },
    Claim { most: usize, ago: u64 },
    End(usize),
    Cancel(usize),
    Wait(u64),
    Promote,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_i64..4, 0_usize..6).prop_map(|(rank, kind)| Step::Enqueue { rank, kind }),
        3 => (1_usize..5, 0_u64..300).prop_map(|(most, ago)| Step::Claim { most, ago }),
        3 => (0_usize..9).prop_map(Step::End),
        1 => (0_usize..9).prop_map(Step::Cancel),
        2 => (1_u64..400).prop_map(Step::Wait),
        4 => Just(Step::Promote),
    ]
}

proptest! {
    /// Permits are never given out twice, never more than there are, and never kept back.
    #[test]
    fn permits_are_exact(
        keys in 1_u32..4,
        common in 1_u32..6,
        per_second in 1_u32..40,
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let rate = Rate { count: per_second, period_ms: 1_000 };
        let mut kept = Kept::new(keys, common, rate);
        for step in steps {
            match step {
                Step::Enqueue { rank, kind } => kept.enqueue(rank, match kind {
                    0..3 => vec![PER_KEY[kind]],
                    3 => vec![PER_KEY[0], COMMON],
                    4 => vec![RATE, COMMON],
                    _ => vec![RATE],
                }),
                Step::Claim { most, ago } => kept.claim(most, ago),
                Step::End(nth) => kept.end(nth),
                Step::Cancel(nth) => kept.cancel(nth),
                Step::Wait(millis) => kept.now = kept.now.after(Duration::from_millis(millis)),
                Step::Promote => {
                    kept.promote();
                    kept.check();
                }
            }
        }
        kept.promote();
        kept.check();
        for starts in kept.starts.values_mut() {
            starts.sort_unstable();
            for (first, at) in starts.iter().enumerate() {
                let end = at.after(Duration::from_secs(1));
                let within = starts[first..].iter().take_while(|start| **start < end);
                prop_assert!(within.count() <= per_second as usize);
            }
        }
    }

    /// Under one limit, strictly by urgency and age, whenever somebody comes.
    #[test]
    fn the_more_urgent_goes_first(
        count in 1_u32..4,
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let mut kept = Kept::new(count, 1, Rate { count: 1, period_ms: 1_000 });
        for step in steps {
            match step {
                Step::Enqueue { rank, .. } => kept.enqueue(rank, vec![PER_KEY[0]]),
                Step::Claim { most, ago } => kept.claim(most, ago),
                Step::End(nth) => kept.end(nth),
                Step::Cancel(nth) => kept.cancel(nth),
                Step::Wait(_) | Step::Promote => {
                    kept.promote();
                    kept.check();
                    kept.check_order();
                }
            }
        }
    }
}
