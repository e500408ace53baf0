//! What the doorkeeper knows: limits, the permits of theirs that are out, and who waits for one.

use crate::store::contract::limit::{LimitRule, Reservation};
use crate::time::Timestamp;

/// The store's own key of a limit.
pub(in crate::store) type LimitId = i64;

/// The place in the order of claims: rank and the store's own key.
pub(in crate::store) type Place = (i64, i64);

/// The place in the line before a limit: rank, arrived_at and the store's own key.
pub(in crate::store) type Order = (i64, i64, i64);

/// Where those may be who are ready by a limit's permits, so that nobody looks for them where they are not: never
/// too small, and begun anew when all permits are back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct Reach {
    /// The first and the last number of those let in.
    pub(in crate::store) first: i64,
    pub(in crate::store) last: i64,
    /// The rank of the least urgent.
    pub(in crate::store) rank: i64,
}

impl Reach {
    /// Where nothing is known of it.
    pub(in crate::store) const ANYWHERE: Self = Self {
        first: 0,
        last: i64::MAX,
        rank: i64::MAX,
    };

    fn of((rank, seq): Place) -> Self {
        Self {
            first: seq,
            last: seq,
            rank,
        }
    }

    fn add(&mut self, (rank, seq): Place) {
        self.first = self.first.min(seq);
        self.last = self.last.max(seq);
        self.rank = self.rank.max(rank);
    }

    /// The part of it that is behind a place: the numbers between which somebody may stand there.
    pub(super) fn behind(self, place: Place) -> Option<(i64, i64)> {
        let (rank, seq) = place;
        let first = match rank == self.rank {
            true => self.first.max(seq),
            false => self.first,
        };
        (place < (self.rank, self.last)).then_some((first, self.last))
    }
}

/// An execution that is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) struct Waiter {
    /// The store's own key of the execution.
    pub(in crate::store) seq: i64,
    /// 100 - priority.
    pub(in crate::store) rank: i64,
    /// The limits that it has to pass, in their order.
    pub(in crate::store) limits: Vec<LimitId>,
    /// How many of them it has passed.
    pub(in crate::store) passed: usize,
    /// When it came to where it stands, in milliseconds, if it has passed a limit or is ready; else 0. No
    /// permit that it has was given later: whoever brings an older time, having waited for the store, lets
    /// nobody start before that.
    pub(in crate::store) arrived_at: i64,
}

impl Waiter {
    /// Before this it does not start, if it is let in at `now`.
    pub(in crate::store) fn starts_from(&self, now: Timestamp) -> i64 {
        self.arrived_at.max(now.as_millis())
    }

    /// Among equally urgent ones the oldest goes first; behind a limit, who came first: there one key's
    /// backlog, older than anything else, would use up whatever is common to all.
    pub(super) fn order(&self) -> Order {
        (self.rank, self.arrived_at, self.seq)
    }

    /// Where it stands, or stood, among those that are ready.
    pub(in crate::store) fn place(&self) -> Place {
        (self.rank, self.seq)
    }

    /// Those that are ready behind this place make room for it. By its age alone nobody does, once it has
    /// passed a limit.
    pub(super) fn displaces_behind(&self) -> Place {
        match self.arrived_at {
            0 => self.place(),
            _ => (self.rank, i64::MAX),
        }
    }

    /// The limit that it waits at.
    pub(in crate::store) fn at(&self) -> Option<LimitId> {
        self.limits.get(self.passed).copied()
    }
}

/// A limit as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) struct LimitState {
    pub(in crate::store) id: LimitId,
    pub(in crate::store) rule: LimitRule,
    /// Whether executions pass it first or second.
    pub(in crate::store) stage: u8,
    /// Permits that are out.
    pub(in crate::store) in_use: u64,
    /// When a rate expects its next start, in microseconds.
    pub(in crate::store) tat: i64,
    /// When somebody shall look at it, though nothing is noted that has become of a permit.
    pub(in crate::store) check_at: Option<Timestamp>,
    /// Where those are who have its permits, as far as they are not claimed.
    pub(in crate::store) reach: Reach,
}

/// What happened to a limit's permits since somebody was let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum PermitEvent {
    /// Attempts started, at this time.
    Started(u64, Timestamp),
    /// Attempts ended.
    Ended(u64),
    /// Executions that were let in left without an attempt.
    Unused(u64),
    /// Nothing starts before this time.
    Pause(Timestamp),
}

impl PermitEvent {
    /// Out of the word that it is stored as, how many, and the time if it has one.
    pub(in crate::store) fn of_parts(
        kind: &str,
        count: u64,
        at: Option<Timestamp>,
    ) -> Option<Self> {
        Some(match (kind, at) {
            ("started", Some(at)) => Self::Started(count, at),
            ("ended", _) => Self::Ended(count),
            ("unused", _) => Self::Unused(count),
            ("pause", Some(until)) => Self::Pause(until),
            _ => return None,
        })
    }
}

impl LimitState {
    /// Gives a permit to one that stands there.
    pub(super) fn grant(&mut self, place: Place) {
        match self.in_use {
            0 => self.reach = Reach::of(place),
            _ => self.reach.add(place),
        }
        self.in_use += 1;
    }

    /// A permit goes from one that is ready to another.
    pub(super) fn hand_on(&mut self, place: Place) {
        self.reach.add(place);
    }

    /// Nobody is ready behind this place.
    pub(super) fn none_behind(&mut self, (rank, _): Place) {
        self.reach.rank = self.reach.rank.min(rank);
    }

    /// Counts in what has happened.
    pub(in crate::store) fn note(&mut self, event: PermitEvent) {
        let is_rate = matches!(self.rule, LimitRule::Rate(_));
        match event {
            PermitEvent::Started(count, at) => {
                if let LimitRule::Rate(rate) = self.rule {
                    self.in_use = self.in_use.saturating_sub(count);
                    self.tat = rate.after(self.tat, micros(at), count);
                }
            }
            PermitEvent::Ended(count) if !is_rate => {
                self.in_use = self.in_use.saturating_sub(count);
            }
            PermitEvent::Unused(count) => self.in_use = self.in_use.saturating_sub(count),
            PermitEvent::Pause(until) => {
                if let LimitRule::Rate(rate) = self.rule {
                    // So that nothing falls together with what was tolerated before.
                    let tolerated = (rate.burst() - 1).saturating_mul(rate.interval());
                    let tat = micros(until).saturating_add_unsigned(tolerated);
                    self.tat = self.tat.max(tat);
                }
            }
            PermitEvent::Ended(_) => {}
        }
    }

    /// Takes starts out of a rate, and says whether anything was taken.
    pub(in crate::store) fn reserve(
        &mut self,
        cost: u32,
        now: Timestamp,
        latest: Timestamp,
    ) -> (Reservation, bool) {
        let LimitRule::Rate(rate) = self.rule else {
            return (Reservation::At(now), false);
        };
        let starts = u64::from(cost.max(1));
        let free = rate.free_at(self.tat, micros(now), starts);
        let at = Timestamp::from_millis(free.saturating_add(999).div_euclid(1_000)).max(now);
        if at > latest {
            return (Reservation::TooLate(at), false);
        }
        self.tat = rate.after(self.tat, micros(now), starts);
        (Reservation::At(at), true)
    }

    /// How many permits there are.
    pub(super) fn room(&self, now: Timestamp) -> u64 {
        let allowed = match self.rule {
            LimitRule::Concurrent { count } => u64::from(count),
            LimitRule::Rate(rate) => rate.allowed(self.tat, micros(now)),
        };
        allowed.saturating_sub(self.in_use)
    }

    /// When time alone makes room; `None` if only others can.
    pub(in crate::store) fn room_at(&self, now: Timestamp) -> Option<Timestamp> {
        let LimitRule::Rate(rate) = self.rule else {
            return None;
        };
        let next = self.in_use + 1;
        (next <= rate.burst()).then(|| {
            let free = rate.free_at(self.tat, micros(now), next);
            // Rounded up: a moment too early would let nobody in.
            Timestamp::from_millis(free.saturating_add(999).div_euclid(1_000))
        })
    }
}

fn micros(at: Timestamp) -> i64 {
    at.as_millis().saturating_mul(1_000)
}

/// What is to be written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::store) struct PermitPlan {
    /// When this was decided.
    pub(in crate::store) now: Timestamp,
    /// Those that become ready, none of which starts before its arrived_at. Their rows among the held go.
    pub(in crate::store) admitted: Vec<Waiter>,
    /// Those that wait from now on where they say; some of them stood elsewhere before.
    pub(in crate::store) blocked: Vec<Waiter>,
    /// Those that were ready and are held again.
    pub(in crate::store) displaced: Vec<Waiter>,
    /// Limits as they are now.
    pub(in crate::store) limits: Vec<LimitState>,
}
