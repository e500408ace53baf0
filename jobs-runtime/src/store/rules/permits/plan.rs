//! Data of the permit allocator: waiters, limits with their permits in use, events, and the plan.

use std::time::Duration;

use crate::store::{LimitRule, Rate, Reservation};
use crate::time::Timestamp;

/// The longest time for which a limit with waiters is left without a look.
pub(super) const CHECK_INTERVAL: Duration = Duration::from_secs(60);

/// The most that a stored time of a rate may lie ahead, beyond its burst. It covers a wait of
/// `ctx.limit`, or [`CHECK_INTERVAL`], and a minute for a call that waited for the store. A time
/// beyond it was written by a wrong clock.
pub(in crate::store) const MAX_AHEAD: Duration = Duration::from_secs(120);

/// The id of a limit's row.
pub(in crate::store) type LimitId = i64;

/// The sort key of a limit's waiters: rank, `arrived_at` and seq of an execution.
pub(super) type QueueOrder = (i64, i64, i64);

/// An execution that waits for permits, or has just been admitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) struct Waiter {
    /// The `seq` of the execution.
    pub(in crate::store) seq: i64,
    /// The rank: 100 - priority.
    pub(in crate::store) rank: i64,
    /// Its limits, in the order in which it passes them.
    pub(in crate::store) limits: Vec<LimitId>,
    /// The number of its limits that it has passed. It holds their permits, except those of limits
    /// that no longer exist.
    pub(in crate::store) passed: usize,
    /// The time in milliseconds at which it arrived at its present limit, or was admitted; 0 while
    /// it has passed no limit. It is never before the grant time of a permit that it holds. So a
    /// promotion that runs with an older time, because it has waited for the store, cannot make an
    /// execution start before its grant.
    pub(in crate::store) arrived_at: i64,
}

impl Waiter {
    /// Returns the earliest start in milliseconds if it is admitted at `now`.
    pub(in crate::store) fn earliest_start(&self, now: Timestamp) -> i64 {
        self.arrived_at.max(now.as_millis())
    }

    /// Returns its sort key among the waiters of its limit. Equally urgent waiters are sorted by
    /// age at the first limit and by arrival at the second: sorted by age, the old backlog of one
    /// key would use all permits of a common limit.
    pub(super) fn order(&self) -> QueueOrder {
        (self.rank, self.arrived_at, self.seq)
    }

    /// Returns the limit that it waits at; `None` if it has passed all.
    pub(in crate::store) fn waits_at(&self) -> Option<LimitId> {
        self.limits.get(self.passed).copied()
    }
}

/// The stored state of a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) struct LimitState {
    pub(in crate::store) id: LimitId,
    pub(in crate::store) rule: LimitRule,
    /// The stage: 0 if executions pass it first, 1 if second.
    pub(in crate::store) stage: u8,
    /// The number of permits in use.
    pub(in crate::store) in_use: u64,
    /// The theoretical arrival time of a rate's next start (GCRA), in microseconds.
    pub(in crate::store) tat: i64,
    /// The rate is paused until this time: no execution gets its permit before.
    pub(in crate::store) paused_until: Timestamp,
    /// The time at which a promotion has to look at the limit, even without a permit event.
    pub(in crate::store) check_at: Option<Timestamp>,
}

/// A change of a limit's permits that the allocator has not counted yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "postgres"),
    allow(
        dead_code,
        reason = "SQLite has one writer, which changes the counts itself"
    )
)]
pub(in crate::store) enum PermitEvent {
    /// This number of attempts started, at this time.
    Started(u64, Timestamp),
    /// This number of attempts ended.
    Ended(u64),
    /// This number of executions left without an attempt, for example by cancellation.
    Unused(u64),
    /// The rate is paused until this time.
    Pause(Timestamp),
}

#[cfg(feature = "postgres")]
impl PermitEvent {
    /// Reads an event from its stored kind, count and time; `None` for an unknown kind.
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
    /// Applies an event.
    pub(in crate::store) fn apply(&mut self, event: PermitEvent) {
        let is_rate = matches!(self.rule, LimitRule::Rate(_));
        match event {
            PermitEvent::Started(count, at) => {
                if let LimitRule::Rate(rate) = self.rule {
                    self.in_use = self.in_use.saturating_sub(count);
                    self.tat = rate.of_claims().after(self.tat, micros(at), count);
                }
            }
            PermitEvent::Ended(count) if !is_rate => {
                self.in_use = self.in_use.saturating_sub(count);
            }
            PermitEvent::Unused(count) => self.in_use = self.in_use.saturating_sub(count),
            PermitEvent::Pause(until) if is_rate => {
                self.paused_until = self.paused_until.max(until);
            }
            PermitEvent::Ended(_) | PermitEvent::Pause(_) => {}
        }
    }

    /// Sets a job's `tat` right if it was written by a wrong clock.
    pub(super) fn correct(&mut self, now: Timestamp) {
        if let LimitRule::Rate(rate) = self.rule {
            self.correct_tat(rate.of_claims(), now);
        }
    }

    /// Moves a `tat` that lies too far ahead back to that of a burst at `now`. Returns `true` if it
    /// has changed.
    fn correct_tat(&mut self, rate: Rate, now: Timestamp) -> bool {
        let after_burst = rate.after(0, micros(now), rate.burst());
        let ahead = i64::try_from(MAX_AHEAD.as_micros()).unwrap_or(i64::MAX);
        let is_wrong = self.tat > after_burst.saturating_add(ahead);
        if is_wrong {
            self.tat = after_burst;
        }
        is_wrong
    }

    /// Reserves `cost` starts of a rate. The second value is `true` if the state has changed.
    pub(in crate::store) fn reserve(
        &mut self,
        cost: u32,
        now: Timestamp,
        latest: Timestamp,
    ) -> (Reservation, bool) {
        let LimitRule::Rate(rate) = self.rule else {
            return (Reservation::At(now), false);
        };
        let corrected = self.correct_tat(rate, now);
        let starts = u64::from(cost.max(1));
        let tat = self.tat_of(rate, now);
        let free = rate.free_at(tat, micros(now), starts);
        let at = Timestamp::from_millis(free.saturating_add(999).div_euclid(1_000)).max(now);
        if at > latest {
            return (Reservation::TooLate(at), corrected);
        }
        self.tat = rate.after(tat, micros(now), starts);
        (Reservation::At(at), true)
    }

    /// Returns the `tat` that counts at `now`: during a pause, no start is free before its end.
    fn tat_of(&self, rate: Rate, now: Timestamp) -> i64 {
        if self.paused_until <= now {
            return self.tat;
        }
        // The burst tolerance does not shorten the pause.
        let tolerated = (rate.burst() - 1).saturating_mul(rate.interval());
        let end = micros(self.paused_until).saturating_add_unsigned(tolerated);
        self.tat.max(end)
    }

    /// Returns the number of free permits.
    pub(super) fn free_permits(&self, now: Timestamp) -> u64 {
        let allowed = match self.rule {
            LimitRule::Concurrent { count } => u64::from(count),
            LimitRule::Rate(rate) => {
                let rate = rate.of_claims();
                rate.allowed(self.tat_of(rate, now), micros(now))
            }
        };
        allowed.saturating_sub(self.in_use)
    }

    /// Returns the time at which a rate has its next free permit, if no execution starts before it.
    /// `None` if a permit becomes free only by an event.
    pub(in crate::store) fn next_free_at(&self, now: Timestamp) -> Option<Timestamp> {
        let LimitRule::Rate(rate) = self.rule else {
            return None;
        };
        let rate = rate.of_claims();
        let next = self.in_use + 1;
        (next <= rate.burst()).then(|| {
            let free = rate.free_at(self.tat_of(rate, now), micros(now), next);
            // Rounded up: at an earlier time the permit would not be free yet.
            Timestamp::from_millis(free.saturating_add(999).div_euclid(1_000))
        })
    }
}

fn micros(at: Timestamp) -> i64 {
    at.as_millis().saturating_mul(1_000)
}

/// The changes that a run of the allocator has decided.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::store) struct PermitPlan {
    /// The time of the run.
    pub(in crate::store) now: Timestamp,
    /// Executions that become ready, each not to start before its
    /// [earliest start](Waiter::earliest_start). Their rows in `blocked` are deleted.
    pub(in crate::store) admitted: Vec<Waiter>,
    /// Executions that wait at their [limit](Waiter::waits_at), new or moved from another limit.
    pub(in crate::store) blocked: Vec<Waiter>,
    /// The new states of the limits.
    pub(in crate::store) limits: Vec<LimitState>,
}

impl PermitPlan {
    /// Divides the plan into one plan per execution, without limits. Returns each with the seq of
    /// its execution.
    pub(in crate::store) fn rows(self) -> impl Iterator<Item = (i64, Self)> {
        let now = self.now;
        let row = move |list: fn(&mut Self) -> &mut Vec<Waiter>| {
            move |waiter: Waiter| {
                let mut plan = Self {
                    now,
                    ..Self::default()
                };
                let seq = waiter.seq;
                list(&mut plan).push(waiter);
                (seq, plan)
            }
        };
        let admitted = self.admitted.into_iter().map(row(|it| &mut it.admitted));
        let blocked = self.blocked.into_iter().map(row(|it| &mut it.blocked));
        admitted.chain(blocked)
    }
}
