//! The permit allocator: admission control for executions with limits (`max_concurrent`,
//! `rate_limit`).
//!
//! # Example
//!
//! Executions 1, 2 and 3 of a job with `max_concurrent = 2` become due. All have the limit L.
//!
//! 1. A promotion passes the new waiters 1, 2 and 3 to [`PermitAllocator::new`].
//! 2. The allocator asks for the state of L ([`PermitQuery::Limits`]). The store answers that none
//!    of its 2 permits is in use.
//! 3. The allocator asks for the first 3 waiters of L: one more than there are free permits
//!    ([`PermitQuery::Waiters`]). The store has none yet.
//! 4. The allocator grants the permits to 1 and 2. Now 2 permits are in use, and 3 stays blocked.
//! 5. The allocator has no more queries ([`PermitQuery::Done`]). The store writes its plan: 1 and 2
//!    become ready, 3 is blocked at L.
//! 6. A worker claims 1 and 2. When 1 ends, its settlement records [`PermitEvent::Ended`] for L.
//! 7. The next promotion passes that event to a new allocator. It counts 1 permit in use, asks for
//!    2 waiters of L, receives 3, and grants it the permit.
//!
//! A permit of a `rate_limit` is in use only until the attempt starts: [`PermitEvent::Started`]
//! returns it and advances the limit's `tat`. If executions still wait, [`LimitState::check_at`]
//! has the time of the next free permit. A promotion at that time admits the next one.
//!
//! # Protocol
//!
//! In the whole fleet, one transaction at a time runs the allocator. On PostgreSQL it locks the row
//! of `allocator_lock`; on SQLite it is the only writer. The store passes in the new waiters, the
//! permit events and the limits that are due. Then it answers queries until there are no more, and
//! writes the plan:
//!
//! ```text
//! loop { match next_query() {
//!     Limits(..)  => add_limits(..),
//!     Waiters(..) => add_waiters(..),
//!     Done        => break,
//! } }
//! into_plan()
//! ```
//!
//! # Order
//!
//! * Stages: an execution passes its limits in the order of its list: limits per payload field
//!   before common ones, and a rate before `max_concurrent`. Its position in that list is a limit's
//!   stage. The allocator handles all limits of stage 0, then those of stage 1. An execution that
//!   waits for a common limit therefore already holds the permit of its own key. A key with a long
//!   backlog occupies the common limit with no more executions than it has permits.
//! * Within the first limit: the most urgent execution first, the oldest first among equals.
//! * Within the second limit: the most urgent first, then the one that arrived there first. So the
//!   backlog of one key takes no more than its share of the common limit.
//! * An admitted execution stays admitted. A more urgent one that arrives later waits for the next
//!   permit. At most as many executions go before it as the limit has permits.
//!
//! This module imports the contract and `rules/dedup`. It must never import a store.

mod fast_path;
mod plan;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};

pub(in crate::store) use fast_path::FreePermits;
pub(in crate::store) use plan::{LimitId, LimitState, MAX_AHEAD, PermitEvent, PermitPlan, Waiter};

use crate::time::Timestamp;
use plan::{CHECK_INTERVAL, QueueOrder};

/// The largest number of waiters that is looked up per limit and query.
const MAX_LOOKUP: usize = 1_000;

/// The number of stages: the first and the second limit of a job.
const STAGES: u8 = 2;

/// A query of the allocator to its store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) enum PermitQuery {
    /// The states of these limits.
    Limits(Vec<LimitId>),
    /// The first waiters of each limit, in their order: up to the given number.
    Waiters(Vec<(LimitId, usize)>),
    /// Nothing more: the plan is complete.
    Done,
}

/// A limit and its waiters, as far as they are loaded.
#[derive(Debug)]
struct LimitQueue {
    state: LimitState,
    waiters: BTreeSet<QueueOrder>,
    /// `true` if the store may have more waiters than were loaded.
    may_have_more: bool,
}

impl LimitQueue {
    fn is_of_stage(&self, stage: u8) -> bool {
        self.state.stage.min(STAGES - 1) == stage
    }
}

/// The phases of a stage.
#[derive(Clone, Copy, Debug)]
enum Phase {
    /// Asks for the waiters of the stage's limits.
    LoadWaiters,
    /// Gives the free permits to waiters, and goes on with the next stage.
    Admit,
}

/// One run of the allocator: see the module's documentation.
#[derive(Debug)]
pub(in crate::store) struct PermitAllocator {
    now: Timestamp,
    stage: u8,
    phase: Phase,
    /// New waiters, until their limits are loaded.
    new_waiters: Vec<Waiter>,
    /// Events of limits that are not loaded yet.
    events: BTreeMap<LimitId, Vec<PermitEvent>>,
    /// Limits to load.
    to_load: BTreeSet<LimitId>,
    /// Limits that the store does not have. They block no execution.
    nonexistent: BTreeSet<LimitId>,
    queues: BTreeMap<LimitId, LimitQueue>,
    /// The waiters of all queues, by `seq`.
    waiters: HashMap<i64, Waiter>,
    /// The `seq` of each waiter that has moved and must be written.
    moved: BTreeSet<i64>,
    admitted: Vec<Waiter>,
}

impl PermitAllocator {
    /// Starts a run with the new waiters, the permit events, and the limits whose
    /// [`check_at`](LimitState::check_at) has come.
    pub(in crate::store) fn new(
        now: Timestamp,
        new_waiters: Vec<Waiter>,
        events: impl IntoIterator<Item = (LimitId, PermitEvent)>,
        due: impl IntoIterator<Item = LimitId>,
    ) -> Self {
        let mut to_load: BTreeSet<_> = due.into_iter().collect();
        to_load.extend(new_waiters.iter().flat_map(|waiter| &waiter.limits));
        let mut events_of: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (limit, event) in events {
            to_load.insert(limit);
            events_of.entry(limit).or_default().push(event);
        }
        Self {
            now,
            stage: 0,
            phase: Phase::LoadWaiters,
            moved: new_waiters.iter().map(|waiter| waiter.seq).collect(),
            new_waiters,
            events: events_of,
            to_load,
            nonexistent: BTreeSet::new(),
            queues: BTreeMap::new(),
            waiters: HashMap::new(),
            admitted: Vec::new(),
        }
    }

    /// Goes on as far as the loaded data allow and returns the next query.
    pub(in crate::store) fn next_query(&mut self) -> PermitQuery {
        loop {
            if !self.to_load.is_empty() {
                return PermitQuery::Limits(self.to_load.iter().copied().collect());
            }
            for waiter in std::mem::take(&mut self.new_waiters) {
                self.advance(waiter);
            }
            if self.stage == STAGES {
                return PermitQuery::Done;
            }
            match self.phase {
                Phase::LoadWaiters => {
                    self.phase = Phase::Admit;
                    let now = self.now;
                    let asked: Vec<_> = self
                        .queues_of_stage()
                        .map(|(id, queue)| {
                            let free = queue.state.free_permits(now);
                            let free = usize::try_from(free).unwrap_or(MAX_LOOKUP);
                            // One more, to learn whether waiters remain.
                            (*id, free.saturating_add(1).min(MAX_LOOKUP))
                        })
                        .collect();
                    if !asked.is_empty() {
                        return PermitQuery::Waiters(asked);
                    }
                }
                Phase::Admit => {
                    self.admit();
                    self.phase = Phase::LoadWaiters;
                    self.stage += 1;
                }
            }
        }
    }

    /// Adds the limits that [`PermitQuery::Limits`] asked for and applies their events. Limits that
    /// the store has not returned do not exist.
    pub(in crate::store) fn add_limits(&mut self, limits: Vec<LimitState>) {
        for mut state in limits {
            for event in self.events.remove(&state.id).unwrap_or_default() {
                state.apply(event);
            }
            state.correct(self.now);
            self.to_load.remove(&state.id);
            let queue = LimitQueue {
                waiters: BTreeSet::new(),
                may_have_more: false,
                state,
            };
            self.queues.insert(queue.state.id, queue);
        }
        self.nonexistent.append(&mut self.to_load);
    }

    /// Adds the waiters that [`PermitQuery::Waiters`] asked for.
    pub(in crate::store) fn add_waiters(
        &mut self,
        asked: &[(LimitId, usize)],
        found: Vec<(LimitId, Waiter)>,
    ) {
        let mut counts: BTreeMap<LimitId, usize> = BTreeMap::new();
        for (limit, waiter) in found {
            *counts.entry(limit).or_default() += 1;
            if waiter.waits_at() != Some(limit) {
                // The row's list of limits is damaged and does not name this limit here. Settling
                // it would release no permit of this limit, so it passes without one.
                self.advance(waiter);
                continue;
            }
            let next = waiter.limits.iter().skip(waiter.passed);
            let to_load =
                next.filter(|id| !self.queues.contains_key(id) && !self.nonexistent.contains(id));
            self.to_load.extend(to_load);
            if let Some(queue) = self.queues.get_mut(&limit) {
                queue.waiters.insert(waiter.order());
                self.waiters.insert(waiter.seq, waiter);
            }
        }
        for (limit, most) in asked {
            if let Some(queue) = self.queues.get_mut(limit) {
                queue.may_have_more = counts.get(limit).is_some_and(|count| count >= most);
            }
        }
    }

    /// Returns the changes to write.
    pub(in crate::store) fn into_plan(self) -> PermitPlan {
        let now = self.now;
        let mut blocked: Vec<Waiter> = self.waiters.into_values().collect();
        blocked.retain(|waiter| self.moved.contains(&waiter.seq));
        blocked.sort_unstable_by_key(|waiter| waiter.seq);
        let limits = self.queues.into_values().map(|queue| {
            let mut state = queue.state;
            let has_waiters = queue.may_have_more || !queue.waiters.is_empty();
            state.check_at = match (has_waiters, state.free_permits(now)) {
                (false, _) => None,
                (true, 0) => {
                    let next = state.next_free_at(now);
                    next.map(|at| at.min(now.after(CHECK_INTERVAL)))
                }
                (true, _) => Some(now),
            };
            state
        });
        PermitPlan {
            now,
            limits: limits.collect(),
            admitted: self.admitted,
            blocked,
        }
    }

    fn queues_of_stage(&mut self) -> impl Iterator<Item = (&LimitId, &mut LimitQueue)> {
        let stage = self.stage;
        self.queues
            .iter_mut()
            .filter(move |(_, queue)| queue.is_of_stage(stage))
    }

    /// Gives the free permits of the stage's limits to their first waiters.
    fn admit(&mut self) {
        let now = self.now;
        let mut passing = Vec::new();
        for (_, queue) in self.queues_of_stage() {
            let free = usize::try_from(queue.state.free_permits(now)).unwrap_or(usize::MAX);
            for _ in 0..free.min(queue.waiters.len()) {
                if let Some((_, _, seq)) = queue.waiters.pop_first() {
                    queue.state.in_use += 1;
                    passing.push(seq);
                }
            }
        }
        for seq in passing {
            if let Some(mut waiter) = self.waiters.remove(&seq) {
                waiter.passed += 1;
                waiter.arrived_at = waiter.earliest_start(now);
                self.moved.insert(seq);
                self.advance(waiter);
            }
        }
    }

    /// Queues a waiter at its next limit, or admits it if there is none.
    fn advance(&mut self, mut waiter: Waiter) {
        while let Some(limit) = waiter.waits_at() {
            if let Some(queue) = self.queues.get_mut(&limit) {
                queue.waiters.insert(waiter.order());
                self.waiters.insert(waiter.seq, waiter);
                return;
            }
            waiter.passed += 1;
        }
        self.admitted.push(waiter);
    }
}
