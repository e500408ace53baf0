//! Random sequences of actions against the allocator, with a store in memory that writes its plans.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use super::plan::{LimitId, LimitState, PermitEvent, PermitPlan, Waiter};
use super::{PermitAllocator, PermitQuery};
use crate::store::{LimitRule, Rate};
use crate::time::Timestamp;

/// Limits 1 to 3 are per key, 4 and 5 are common.
const PER_KEY: [LimitId; 3] = [1, 2, 3];
const COMMON: LimitId = 4;
const RATE: LimitId = 5;

/// The rows of a store that concern limits.
#[derive(Debug, Default)]
struct Rows {
    now: Timestamp,
    limits: BTreeMap<LimitId, LimitState>,
    new_waiters: BTreeMap<i64, Waiter>,
    blocked: BTreeMap<i64, Waiter>,
    ready: BTreeMap<i64, Waiter>,
    /// The admission times of ready executions.
    admitted_at: BTreeMap<i64, Timestamp>,
    leased: BTreeMap<i64, Waiter>,
    events: Vec<(LimitId, PermitEvent)>,
    starts: BTreeMap<LimitId, Vec<Timestamp>>,
    next: i64,
}

impl Rows {
    fn new(keys: u32, common: u32, rate: Rate) -> Self {
        let mut rows = Self::default();
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
                paused_until: Timestamp::default(),
                check_at: None,
            };
            rows.limits.insert(id, state);
        }
        rows
    }

    fn enqueue(&mut self, rank: i64, limits: Vec<LimitId>) {
        self.next += 1;
        let waiter = Waiter {
            seq: self.next,
            rank,
            limits,
            passed: 0,
            arrived_at: 0,
        };
        self.new_waiters.insert(waiter.seq, waiter);
    }

    fn promote(&mut self) {
        let new_waiters = self.new_waiters.values().cloned().collect();
        let due = self
            .limits
            .values()
            .filter(|limit| limit.check_at.is_some_and(|check_at| check_at <= self.now));
        let due: Vec<_> = due.map(|limit| limit.id).collect();
        let events = std::mem::take(&mut self.events);
        let mut allocator = PermitAllocator::new(self.now, new_waiters, events, due);
        loop {
            match allocator.next_query() {
                PermitQuery::Limits(ids) => {
                    let limits = ids.iter().filter_map(|id| self.limits.get(id)).cloned();
                    allocator.add_limits(limits.collect());
                }
                PermitQuery::Waiters(asked) => {
                    let mut found = Vec::new();
                    for (limit, most) in &asked {
                        let here = self.blocked.values();
                        let here = here.filter(|it| it.waits_at() == Some(*limit));
                        let mut here: Vec<_> = here.cloned().collect();
                        here.sort_unstable_by_key(Waiter::order);
                        found.extend(here.into_iter().take(*most).map(|it| (*limit, it)));
                    }
                    allocator.add_waiters(&asked, found);
                }
                PermitQuery::Done => break,
            }
        }
        self.write(allocator.into_plan());
    }

    fn write(&mut self, plan: PermitPlan) {
        for waiter in plan.blocked {
            self.new_waiters.remove(&waiter.seq);
            self.blocked.insert(waiter.seq, waiter);
        }
        for ready in plan.admitted {
            assert!(
                self.new_waiters
                    .remove(&ready.seq)
                    .or(self.blocked.remove(&ready.seq))
                    .is_some()
            );
            self.admitted_at.insert(ready.seq, plan.now);
            self.ready.insert(ready.seq, ready);
        }
        for limit in plan.limits {
            self.limits.insert(limit.id, limit);
        }
        assert!(self.new_waiters.is_empty(), "every new waiter was handled");
    }

    /// Claims up to `most` executions, with a claim time that lies `ago` milliseconds back. Their
    /// handlers begin `delay` milliseconds after the times from which the starts count.
    fn claim(&mut self, most: usize, ago: u64, delay: u64) {
        let asked_at = Timestamp::from_millis(self.now.as_millis() - ago as i64);
        let mut order: Vec<_> = self.ready.values().map(|it| (it.rank, it.seq)).collect();
        order.sort_unstable();
        for (_, seq) in order.into_iter().take(most) {
            let claimed = self.ready.remove(&seq).expect("it is ready");
            for limit in &claimed.limits {
                if matches!(self.limits[limit].rule, LimitRule::Rate(_)) {
                    let start = asked_at.max(self.admitted_at[&seq]);
                    self.events.push((*limit, PermitEvent::Started(1, start)));
                    let begun = start.after(Duration::from_millis(delay));
                    self.starts.entry(*limit).or_default().push(begun);
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
        let Some(seq) = pick(&self.ready, nth).or_else(|| pick(&self.blocked, nth)) else {
            return;
        };
        let ready = self.ready.remove(&seq);
        let passed = ready.as_ref().map(|it| it.limits.len());
        let gone = ready
            .or_else(|| self.blocked.remove(&seq))
            .expect("it is waiting");
        let unused = gone.limits.iter().take(passed.unwrap_or(gone.passed));
        self.events
            .extend(unused.map(|limit| (*limit, PermitEvent::Unused(1))));
    }

    /// Counts the permits of a limit that executions hold.
    fn in_use(&self, limit: LimitId) -> u64 {
        let has_limit = |waiter: &&Waiter| waiter.limits.contains(&limit);
        let ready = self.ready.values().filter(has_limit).count();
        let leased = match self.limits[&limit].rule {
            LimitRule::Concurrent { .. } => self.leased.values().filter(has_limit).count(),
            LimitRule::Rate(_) => 0,
        };
        let waiting = self.blocked.values().filter(|waiter| {
            let passed = waiter.limits.iter().take(waiter.passed);
            passed.into_iter().any(|id| *id == limit)
        });
        (ready + leased + waiting.count()) as u64
    }

    /// Checks the invariants that hold after every promotion.
    fn check(&self) {
        let mut seen = BTreeSet::new();
        for table in [&self.blocked, &self.ready, &self.leased] {
            assert!(
                table.keys().all(|seq| seen.insert(*seq)),
                "each execution is in one table"
            );
        }
        for limit in self.limits.values() {
            let in_use = self.in_use(limit.id);
            assert_eq!(limit.in_use, in_use, "permits of {limit:?}");
            if let LimitRule::Concurrent { count } = limit.rule {
                assert!(in_use <= count.into(), "{in_use} in use of {limit:?}");
            }
            let mut waiters = self.blocked.values();
            let has_waiter = waiters.any(|waiter| waiter.waits_at() == Some(limit.id));
            if limit.free_permits(self.now) > 0 {
                assert!(!has_waiter, "{limit:?} has a free permit and a waiter");
            }
            if has_waiter && matches!(limit.rule, LimitRule::Rate(_)) {
                let is_checked = limit.check_at.is_some();
                assert!(
                    is_checked || limit.in_use > 0,
                    "{limit:?} is never checked again"
                );
            }
        }
    }
}

fn pick(from: &BTreeMap<i64, Waiter>, nth: usize) -> Option<i64> {
    from.keys().nth(nth % from.len().max(1)).copied()
}

#[derive(Clone, Debug)]
enum Action {
    Enqueue { rank: i64, kind: usize },
    Claim { most: usize, ago: u64, delay: u64 },
    End(usize),
    Cancel(usize),
    Wait(u64),
    Promote,
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        4 => (0_i64..4, 0_usize..6).prop_map(|(rank, kind)| Action::Enqueue { rank, kind }),
        3 => (1_usize..5, 0_u64..300, 0_u64..=50)
            .prop_map(|(most, ago, delay)| Action::Claim { most, ago, delay }),
        3 => (0_usize..9).prop_map(Action::End),
        1 => (0_usize..9).prop_map(Action::Cancel),
        2 => (1_u64..400).prop_map(Action::Wait),
        4 => Just(Action::Promote),
    ]
}

proptest! {
    /// The permits in use are those that executions hold, within the limits. A free permit has no
    /// waiter. Handlers that begin 50 ms after their claims at most keep the rate of a second.
    #[test]
    fn permits_are_exact(
        keys in 1_u32..4,
        common in 1_u32..6,
        per_second in 1_u32..40,
        actions in prop::collection::vec(action(), 1..120),
    ) {
        let rate = Rate { count: per_second, period_ms: 1_000 };
        let mut rows = Rows::new(keys, common, rate);
        for action in actions {
            match action {
                Action::Enqueue { rank, kind } => rows.enqueue(rank, match kind {
                    0..3 => vec![PER_KEY[kind]],
                    3 => vec![PER_KEY[0], COMMON],
                    4 => vec![RATE, COMMON],
                    _ => vec![RATE],
                }),
                Action::Claim { most, ago, delay } => rows.claim(most, ago, delay),
                Action::End(nth) => rows.end(nth),
                Action::Cancel(nth) => rows.cancel(nth),
                Action::Wait(millis) => rows.now = rows.now.after(Duration::from_millis(millis)),
                Action::Promote => {
                    rows.promote();
                    rows.check();
                }
            }
        }
        rows.promote();
        rows.check();
        for starts in rows.starts.values_mut() {
            starts.sort_unstable();
            for (first, at) in starts.iter().enumerate() {
                let end = at.after(Duration::from_secs(1));
                let within = starts[first..].iter().take_while(|start| **start < end);
                prop_assert!(within.count() <= per_second as usize);
            }
        }
    }

    /// Under one limit, a promotion admits the most urgent waiters, and takes no permit back.
    #[test]
    fn the_most_urgent_waiters_are_admitted_first(
        count in 1_u32..4,
        actions in prop::collection::vec(action(), 1..80),
    ) {
        let mut rows = Rows::new(count, 1, Rate { count: 1, period_ms: 1_000 });
        for action in actions {
            match action {
                Action::Enqueue { rank, .. } => rows.enqueue(rank, vec![PER_KEY[0]]),
                Action::Claim { most, ago, delay } => rows.claim(most, ago, delay),
                Action::End(nth) => rows.end(nth),
                Action::Cancel(nth) => rows.cancel(nth),
                Action::Wait(_) | Action::Promote => {
                    let before: BTreeSet<_> = rows.ready.keys().copied().collect();
                    rows.promote();
                    rows.check();
                    let place = |waiter: &Waiter| (waiter.rank, waiter.seq);
                    let first = rows.blocked.values().map(place).min();
                    let after = &rows.ready;
                    prop_assert!(before.iter().all(|seq| after.contains_key(seq)));
                    let admitted = after.values().filter(|it| !before.contains(&it.seq));
                    let last = admitted.map(place).max();
                    prop_assert!(first.is_none() || last < first, "{last:?} before {first:?}");
                }
            }
        }
    }
}
