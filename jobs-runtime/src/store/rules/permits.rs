//! Who is let in: the rules by which held executions get their permits, on every store.
//!
//! A store runs it within one transaction, of which there is only one at a time in the whole fleet:
//! it hands over those at the door and the permits that came back, then looks up what the doorkeeper
//! asks for until it asks no more, and writes down what has changed.
//!
//! ```text
//! loop { next(): Limits → add_limits(..)   Standing → add_waiters(..)   Ready → displace(..)   Nothing }, close()
//! ```
//!
//! Limits are gone through in the order in which executions pass them, first those that divide by a
//! key: so that who waits at a common limit has already passed its own, and a key with a long
//! backlog stands there with no more than its permits. Within a limit the most urgent goes first,
//! the oldest among equals; behind another limit, who came there first, so that no key's backlog takes
//! more than its share of what is common to all. Who arrives while all permits are out, more urgent
//! than one that has a permit and has not been claimed, takes its place.

use std::collections::{BTreeMap, BTreeSet, HashMap};

pub(in crate::store) use fast_path::FreePermits;
pub(in crate::store) use plan::{
    LimitId, LimitState, Order, PermitEvent, PermitPlan, Place, Reach, Waiter,
};
pub(in crate::store) use rejected::Trial;

use crate::time::Timestamp;

/// At most so many are looked up at a limit at a time.
const LOOK: usize = 1_000;

/// Passing orders: the first and the second limit of a job.
const STAGES: u8 = 2;

/// What the doorkeeper has to know before it goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) enum PermitQuery {
    /// These limits.
    Limits(Vec<LimitId>),
    /// Who waits at these: so many of the first in their order.
    Standing(Vec<(LimitId, usize)>),
    /// Who is ready by the permits of these and has not been claimed.
    Ready(Vec<Behind>),
    /// Nothing more.
    Nothing,
}

/// Of those that are ready by a limit's permits, so many of the last in the order, the last one first, of those
/// behind a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct Behind {
    pub(in crate::store) limit: LimitId,
    pub(in crate::store) most: usize,
    pub(in crate::store) place: Place,
    /// No others than those with numbers from the first to the second.
    pub(in crate::store) between: (i64, i64),
}

/// A limit that is being looked at.
#[derive(Debug)]
struct LimitQueue {
    state: LimitState,
    /// Who waits here, as far as that is known.
    queue: BTreeSet<Order>,
    /// Who of them has just come here, and may be more urgent than who is ready.
    newcomers: BTreeSet<Order>,
    /// Whether more may wait than is known.
    more: bool,
}

impl LimitQueue {
    /// Whether its arrived_at is in this stage.
    fn is_of(&self, stage: u8) -> bool {
        self.state.stage.min(STAGES - 1) == stage
    }
}

/// What is done about the limits of a stage, one after the other.
#[derive(Clone, Copy, Debug)]
enum Phase {
    LineUp,
    LetIn,
    Displace,
    Over,
}

/// See the module's documentation.
#[derive(Debug)]
pub(in crate::store) struct PermitAllocator {
    now: Timestamp,
    stage: u8,
    phase: Phase,
    /// Those at the door, until the limits are known.
    door: Vec<Waiter>,
    events: BTreeMap<LimitId, Vec<PermitEvent>>,
    unknown: BTreeSet<LimitId>,
    /// Limits that were looked for and are not there: they hold nobody.
    gone: BTreeSet<LimitId>,
    queues: BTreeMap<LimitId, LimitQueue>,
    waiters: HashMap<i64, Waiter>,
    /// Whose place has changed.
    moved: BTreeSet<i64>,
    ready: Vec<Waiter>,
    displaced: Vec<Waiter>,
}

impl PermitAllocator {
    /// For those who stand at the door, for permits that have come back, and for limits that are to
    /// be looked at because it is time.
    pub(in crate::store) fn new(
        now: Timestamp,
        door: Vec<Waiter>,
        events: impl IntoIterator<Item = (LimitId, PermitEvent)>,
        due: impl IntoIterator<Item = LimitId>,
    ) -> Self {
        let mut unknown: BTreeSet<_> = due.into_iter().collect();
        unknown.extend(door.iter().flat_map(|held| &held.limits));
        let mut sorted: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (limit, event) in events {
            unknown.insert(limit);
            sorted.entry(limit).or_default().push(event);
        }
        Self {
            now,
            stage: 0,
            phase: Phase::LineUp,
            moved: door.iter().map(|held| held.seq).collect(),
            door,
            events: sorted,
            unknown,
            gone: BTreeSet::new(),
            queues: BTreeMap::new(),
            waiters: HashMap::new(),
            ready: Vec::new(),
            displaced: Vec::new(),
        }
    }

    /// What it has to be told next.
    pub(in crate::store) fn next(&mut self) -> PermitQuery {
        loop {
            if !self.unknown.is_empty() {
                return PermitQuery::Limits(self.unknown.iter().copied().collect());
            }
            for held in std::mem::take(&mut self.door) {
                self.go_on(held);
            }
            if self.stage == STAGES {
                return PermitQuery::Nothing;
            }
            match self.phase {
                Phase::LineUp => {
                    self.phase = Phase::LetIn;
                    let now = self.now;
                    let asked: Vec<_> = self
                        .here()
                        .map(|(id, queue)| {
                            let room = usize::try_from(queue.state.room(now)).unwrap_or(LOOK);
                            // One more tells whether somebody is left.
                            (*id, room.saturating_add(1).min(LOOK))
                        })
                        .collect();
                    if !asked.is_empty() {
                        return PermitQuery::Standing(asked);
                    }
                }
                Phase::LetIn => {
                    self.phase = Phase::Displace;
                    self.admit();
                }
                Phase::Displace => {
                    self.phase = Phase::Over;
                    let asked = self.behind_newcomers();
                    if !asked.is_empty() {
                        return PermitQuery::Ready(asked);
                    }
                }
                Phase::Over => {
                    self.phase = Phase::LineUp;
                    self.stage += 1;
                }
            }
        }
    }

    /// Takes in the limits that were asked for.
    pub(in crate::store) fn add_limits(&mut self, limits: Vec<LimitState>) {
        for mut state in limits {
            for event in self.events.remove(&state.id).unwrap_or_default() {
                state.note(event);
            }
            self.unknown.remove(&state.id);
            let queue = LimitQueue {
                queue: BTreeSet::new(),
                newcomers: BTreeSet::new(),
                more: false,
                state,
            };
            self.queues.insert(queue.state.id, queue);
        }
        self.gone.append(&mut self.unknown);
    }

    /// Takes in who waits at the limits that were asked about.
    pub(in crate::store) fn add_waiters(
        &mut self,
        asked: &[(LimitId, usize)],
        standing: Vec<(LimitId, Waiter)>,
    ) {
        let mut counts: BTreeMap<LimitId, usize> = BTreeMap::new();
        for (limit, held) in standing {
            *counts.entry(limit).or_default() += 1;
            if held.at() != Some(limit) {
                // Its limits are damaged: it gets no permit that nobody would give back.
                self.go_on(held);
                continue;
            }
            let next = held.limits.iter().skip(held.passed);
            let unknown =
                next.filter(|id| !self.queues.contains_key(id) && !self.gone.contains(id));
            self.unknown.extend(unknown);
            if let Some(queue) = self.queues.get_mut(&limit) {
                queue.queue.insert(held.order());
                self.waiters.insert(held.seq, held);
            }
        }
        for (limit, wanted) in asked {
            if let Some(queue) = self.queues.get_mut(limit) {
                queue.more = counts.get(limit).is_some_and(|count| count >= wanted);
            }
        }
    }

    /// Whoever may have to make room for the first who has just come to a limit of this stage.
    fn behind_newcomers(&self) -> Vec<Behind> {
        let queues = self.queues.iter();
        let here = queues.filter(|(_, queue)| queue.is_of(self.stage));
        let behind = here.filter_map(|(limit, queue)| {
            let first = self.waiters.get(&queue.newcomers.first()?.2)?;
            let place = first.displaces_behind();
            Some(Behind {
                limit: *limit,
                most: queue.newcomers.len().min(LOOK),
                place,
                between: queue.state.reach.behind(place)?,
            })
        });
        behind.collect()
    }

    /// Takes in who is ready behind newcomers, the last first, and lets them change places.
    pub(in crate::store) fn displace(&mut self, asked: &[Behind], ready: Vec<(LimitId, Waiter)>) {
        let found: BTreeSet<_> = ready.iter().map(|(limit, _)| *limit).collect();
        for Behind { limit, place, .. } in asked {
            let queue = self.queues.get_mut(limit);
            if let Some(queue) = queue.filter(|_| !found.contains(limit)) {
                queue.state.none_behind(*place);
            }
        }
        let mut passing = Vec::new();
        for (limit, mut last) in ready {
            if last.limits.last() != Some(&limit) {
                continue;
            }
            let Some(queue) = self.queues.get_mut(&limit) else {
                continue;
            };
            let Some(first) = queue.newcomers.first().copied() else {
                continue;
            };
            let makes_room = self.waiters.get(&first.2);
            if makes_room.is_some_and(|first| first.displaces_behind() < last.place()) {
                queue.newcomers.remove(&first);
                queue.queue.remove(&first);
                queue.state.hand_on((first.0, first.2));
                // The permit was given no later than it was let in.
                passing.push((first, last.arrived_at));
                last.passed = last.limits.len().saturating_sub(1);
                if last.passed == 0 {
                    last.arrived_at = 0;
                }
                queue.queue.insert(last.order());
                self.displaced.push(last);
            }
        }
        self.pass(passing);
    }

    /// What has changed.
    pub(in crate::store) fn close(self) -> PermitPlan {
        let now = self.now;
        let mut held: Vec<Waiter> = self.waiters.into_values().collect();
        held.retain(|held| self.moved.contains(&held.seq));
        held.sort_unstable_by_key(|held| held.seq);
        let limits = self.queues.into_values().map(|queue| {
            let mut state = queue.state;
            let waited_for = queue.more || !queue.queue.is_empty();
            state.check_at = match (waited_for, state.room(now)) {
                (false, _) => None,
                (true, 0) => state.room_at(now),
                (true, _) => Some(now),
            };
            state
        });
        PermitPlan {
            now,
            limits: limits.collect(),
            admitted: self.ready,
            displaced: self.displaced,
            blocked: held,
        }
    }

    /// The limits of this stage.
    fn here(&mut self) -> impl Iterator<Item = (&LimitId, &mut LimitQueue)> {
        let stage = self.stage;
        self.queues
            .iter_mut()
            .filter(move |(_, queue)| queue.is_of(stage))
    }

    /// Hands out the permits of this stage's limits.
    fn admit(&mut self) {
        let now = self.now;
        let mut passing = Vec::new();
        for (_, queue) in self.here() {
            let room = usize::try_from(queue.state.room(now)).unwrap_or(usize::MAX);
            let count = room.min(queue.queue.len());
            for _ in 0..count {
                if let Some(order) = queue.queue.pop_first() {
                    queue.state.grant((order.0, order.2));
                    passing.push((order, 0));
                }
            }
            queue.newcomers.retain(|order| queue.queue.contains(order));
        }
        self.pass(passing);
        // Who has another limit before it is not ready once it has passed this one: it takes the
        // place of nobody who is.
        let held = &self.waiters;
        let stage = self.stage;
        let is_last = |order: &Order| {
            held.get(&order.2)
                .is_some_and(|held| held.passed + 1 >= held.limits.len())
        };
        for queue in self.queues.values_mut() {
            if queue.is_of(stage) {
                queue.newcomers.retain(is_last);
            }
        }
    }

    /// Lets these go on from where they are, with permits that were given at these times if not now.
    fn pass(&mut self, passing: Vec<(Order, i64)>) {
        for ((_, _, seq), given) in passing {
            if let Some(mut held) = self.waiters.remove(&seq) {
                held.passed += 1;
                held.arrived_at = held.starts_from(self.now).max(given);
                self.moved.insert(seq);
                self.go_on(held);
            }
        }
    }

    /// To the next limit, or in.
    fn go_on(&mut self, mut held: Waiter) {
        while let Some(limit) = held.at() {
            if let Some(queue) = self.queues.get_mut(&limit) {
                queue.queue.insert(held.order());
                queue.newcomers.insert(held.order());
                self.waiters.insert(held.seq, held);
                return;
            }
            held.passed += 1;
        }
        self.ready.push(held);
    }
}

mod fast_path;
mod plan;
mod rejected;
#[cfg(test)]
mod tests;
