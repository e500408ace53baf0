//! Who is let in: the rules by which held executions get their permits, on every store.
//!
//! A store runs it within one transaction, of which there is only one at a time in the whole fleet:
//! it hands over those at the door and the permits that came back, then looks up what the doorkeeper
//! asks for until it asks no more, and writes down what has changed.
//!
//! ```text
//! loop { next(): Limits → learn(..)   Standing → line_up(..)   Ready → displace(..)   Nothing }, close()
//! ```
//!
//! Limits are gone through in the order in which executions pass them, first those that divide by a
//! key: so that who waits at a common limit has already passed its own, and a key with a long
//! backlog stands there with no more than its permits. Within a limit the most urgent goes first,
//! the oldest among equals; behind another limit, who came there first, so that no key's backlog takes
//! more than its share of what is common to all. Who arrives while all permits are out, more urgent
//! than one that has a permit and has not been claimed, takes its place.

mod permits;
mod straight;
mod trial;

use std::collections::{BTreeMap, BTreeSet, HashMap};

pub(in crate::store) use permits::{
    Entrance, Held, LimitId, LimitState, Order, PermitEvent, Place, Reach,
};
pub(in crate::store) use straight::OpenDoors;
pub(in crate::store) use trial::Trial;

use crate::time::Timestamp;

/// At most so many are looked up at a limit at a time.
const LOOK: usize = 1_000;

/// Passing orders: the first and the second limit of a job.
const STAGES: u8 = 2;

/// What the doorkeeper has to know before it goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) enum Need {
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
struct Desk {
    state: LimitState,
    /// Who waits here, as far as that is known.
    queue: BTreeSet<Order>,
    /// Who of them has just come here, and may be more urgent than who is ready.
    newcomers: BTreeSet<Order>,
    /// Whether more may wait than is known.
    more: bool,
}

impl Desk {
    /// Whether its turn is in this stage.
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
pub(in crate::store) struct Doorkeeper {
    now: Timestamp,
    stage: u8,
    phase: Phase,
    /// Those at the door, until the limits are known.
    door: Vec<Held>,
    events: BTreeMap<LimitId, Vec<PermitEvent>>,
    unknown: BTreeSet<LimitId>,
    /// Limits that were looked for and are not there: they hold nobody.
    gone: BTreeSet<LimitId>,
    desks: BTreeMap<LimitId, Desk>,
    held: HashMap<i64, Held>,
    /// Whose place has changed.
    moved: BTreeSet<i64>,
    ready: Vec<Held>,
    displaced: Vec<Held>,
}

impl Doorkeeper {
    /// For those who stand at the door, for permits that have come back, and for limits that are to
    /// be looked at because it is time.
    pub(in crate::store) fn new(
        now: Timestamp,
        door: Vec<Held>,
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
            desks: BTreeMap::new(),
            held: HashMap::new(),
            ready: Vec::new(),
            displaced: Vec::new(),
        }
    }

    /// What it has to be told next.
    pub(in crate::store) fn next(&mut self) -> Need {
        loop {
            if !self.unknown.is_empty() {
                return Need::Limits(self.unknown.iter().copied().collect());
            }
            for held in std::mem::take(&mut self.door) {
                self.go_on(held);
            }
            if self.stage == STAGES {
                return Need::Nothing;
            }
            match self.phase {
                Phase::LineUp => {
                    self.phase = Phase::LetIn;
                    let now = self.now;
                    let asked: Vec<_> = self
                        .here()
                        .map(|(id, desk)| {
                            let room = usize::try_from(desk.state.room(now)).unwrap_or(LOOK);
                            // One more tells whether somebody is left.
                            (*id, room.saturating_add(1).min(LOOK))
                        })
                        .collect();
                    if !asked.is_empty() {
                        return Need::Standing(asked);
                    }
                }
                Phase::LetIn => {
                    self.phase = Phase::Displace;
                    self.let_in();
                }
                Phase::Displace => {
                    self.phase = Phase::Over;
                    let asked = self.behind_newcomers();
                    if !asked.is_empty() {
                        return Need::Ready(asked);
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
    pub(in crate::store) fn learn(&mut self, limits: Vec<LimitState>) {
        for mut state in limits {
            for event in self.events.remove(&state.id).unwrap_or_default() {
                state.note(event);
            }
            self.unknown.remove(&state.id);
            let desk = Desk {
                queue: BTreeSet::new(),
                newcomers: BTreeSet::new(),
                more: false,
                state,
            };
            self.desks.insert(desk.state.id, desk);
        }
        self.gone.append(&mut self.unknown);
    }

    /// Takes in who waits at the limits that were asked about.
    pub(in crate::store) fn line_up(
        &mut self,
        asked: &[(LimitId, usize)],
        standing: Vec<(LimitId, Held)>,
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
            let unknown = next.filter(|id| !self.desks.contains_key(id) && !self.gone.contains(id));
            self.unknown.extend(unknown);
            if let Some(desk) = self.desks.get_mut(&limit) {
                desk.queue.insert(held.order());
                self.held.insert(held.seq, held);
            }
        }
        for (limit, wanted) in asked {
            if let Some(desk) = self.desks.get_mut(limit) {
                desk.more = counts.get(limit).is_some_and(|count| count >= wanted);
            }
        }
    }

    /// Whoever may have to make room for the first who has just come to a limit of this stage.
    fn behind_newcomers(&self) -> Vec<Behind> {
        let desks = self.desks.iter();
        let here = desks.filter(|(_, desk)| desk.is_of(self.stage));
        let behind = here.filter_map(|(limit, desk)| {
            let first = self.held.get(&desk.newcomers.first()?.2)?;
            let place = first.displaces_behind();
            Some(Behind {
                limit: *limit,
                most: desk.newcomers.len().min(LOOK),
                place,
                between: desk.state.reach.behind(place)?,
            })
        });
        behind.collect()
    }

    /// Takes in who is ready behind newcomers, the last first, and lets them change places.
    pub(in crate::store) fn displace(&mut self, asked: &[Behind], ready: Vec<(LimitId, Held)>) {
        let found: BTreeSet<_> = ready.iter().map(|(limit, _)| *limit).collect();
        for Behind { limit, place, .. } in asked {
            let desk = self.desks.get_mut(limit);
            if let Some(desk) = desk.filter(|_| !found.contains(limit)) {
                desk.state.none_behind(*place);
            }
        }
        let mut passing = Vec::new();
        for (limit, mut last) in ready {
            if last.limits.last() != Some(&limit) {
                continue;
            }
            let Some(desk) = self.desks.get_mut(&limit) else {
                continue;
            };
            let Some(first) = desk.newcomers.first().copied() else {
                continue;
            };
            let makes_room = self.held.get(&first.2);
            if makes_room.is_some_and(|first| first.displaces_behind() < last.place()) {
                desk.newcomers.remove(&first);
                desk.queue.remove(&first);
                desk.state.hand_on((first.0, first.2));
                // The permit was given no later than it was let in.
                passing.push((first, last.turn));
                last.passed = last.limits.len().saturating_sub(1);
                if last.passed == 0 {
                    last.turn = 0;
                }
                desk.queue.insert(last.order());
                self.displaced.push(last);
            }
        }
        self.pass(passing);
    }

    /// What has changed.
    pub(in crate::store) fn close(self) -> Entrance {
        let now = self.now;
        let mut held: Vec<Held> = self.held.into_values().collect();
        held.retain(|held| self.moved.contains(&held.seq));
        held.sort_unstable_by_key(|held| held.seq);
        let limits = self.desks.into_values().map(|desk| {
            let mut state = desk.state;
            let waited_for = desk.more || !desk.queue.is_empty();
            state.look_at = match (waited_for, state.room(now)) {
                (false, _) => None,
                (true, 0) => state.room_at(now),
                (true, _) => Some(now),
            };
            state
        });
        Entrance {
            now,
            limits: limits.collect(),
            ready: self.ready,
            displaced: self.displaced,
            held,
        }
    }

    /// The limits of this stage.
    fn here(&mut self) -> impl Iterator<Item = (&LimitId, &mut Desk)> {
        let stage = self.stage;
        self.desks
            .iter_mut()
            .filter(move |(_, desk)| desk.is_of(stage))
    }

    /// Hands out the permits of this stage's limits.
    fn let_in(&mut self) {
        let now = self.now;
        let mut passing = Vec::new();
        for (_, desk) in self.here() {
            let room = usize::try_from(desk.state.room(now)).unwrap_or(usize::MAX);
            let count = room.min(desk.queue.len());
            for _ in 0..count {
                if let Some(order) = desk.queue.pop_first() {
                    desk.state.grant((order.0, order.2));
                    passing.push((order, 0));
                }
            }
            desk.newcomers.retain(|order| desk.queue.contains(order));
        }
        self.pass(passing);
        // Who has another limit before it is not ready once it has passed this one: it takes the
        // place of nobody who is.
        let held = &self.held;
        let stage = self.stage;
        let is_last = |order: &Order| {
            held.get(&order.2)
                .is_some_and(|held| held.passed + 1 >= held.limits.len())
        };
        for desk in self.desks.values_mut() {
            if desk.is_of(stage) {
                desk.newcomers.retain(is_last);
            }
        }
    }

    /// Lets these go on from where they are, with permits that were given at these times if not now.
    fn pass(&mut self, passing: Vec<(Order, i64)>) {
        for ((_, _, seq), given) in passing {
            if let Some(mut held) = self.held.remove(&seq) {
                held.passed += 1;
                held.turn = held.starts_from(self.now).max(given);
                self.moved.insert(seq);
                self.go_on(held);
            }
        }
    }

    /// To the next limit, or in.
    fn go_on(&mut self, mut held: Held) {
        while let Some(limit) = held.at() {
            if let Some(desk) = self.desks.get_mut(&limit) {
                desk.queue.insert(held.order());
                desk.newcomers.insert(held.order());
                self.held.insert(held.seq, held);
                return;
            }
            held.passed += 1;
        }
        self.ready.push(held);
    }
}

#[cfg(test)]
mod tests;
