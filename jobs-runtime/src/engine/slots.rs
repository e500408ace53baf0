//! The two kinds of places where handlers run, and who waits for one.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use jobs::ExecutionId;

use crate::store::{Claimed, Fence};

/// How often, at the present pace, the store should be asked for more.
const ROUND_TRIP: Duration = Duration::from_millis(20);

/// The most executions leased ahead of a free slot.
const PREFETCH_LIMIT: usize = 1_000;

/// How many awaited executions a claim names at most.
const AWAITED_LIMIT: usize = 1_000;

/// How long a claimed execution may wait for a slot before another worker gets its chance.
const PATIENCE: Duration = Duration::from_secs(1);

/// A claim that finds nothing and takes longer than this has walked through what others wait for.
const LONG_WALK: Duration = Duration::from_millis(20);

/// Where a handler runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum LaneKind {
    /// On the application's runtime.
    Async,
    /// On its blocking pool.
    Blocking,
}

impl LaneKind {
    pub(crate) const ALL: [Self; 2] = [Self::Async, Self::Blocking];
}

/// What a claim is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// Slots that nobody has.
    Anything,
    /// Slots that are lent.
    Awaited,
}

/// The slots of one kind, and what has been claimed for them.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) kind: LaneKind,
    /// The ids that may be claimed for it.
    pub(crate) job_ids: Vec<String>,
    /// Whether there is reason to believe that the store has something for it.
    pub(crate) hopeful: bool,
    /// Whether a claim for it is on its way.
    pub(crate) claiming: bool,
    /// Whether there is reason to believe that the store has something that is awaited here.
    pub(crate) hopeful_for_awaited: bool,
    /// Whether a claim may have passed over what could be taken when a slot is free again.
    left_some: bool,
    /// Whether a slot came free while a claim was under way.
    freed_meanwhile: bool,
    slots: usize,
    /// Slots at work.
    taken: usize,
    /// Slots of attempts that wait for other executions.
    lent: usize,
    /// What they wait for, and how often.
    awaited: HashMap<ExecutionId, usize>,
    /// What was claimed, and when.
    backlog: VecDeque<(Duration, Claimed)>,
    /// Hints are not followed before this: following them costs more than they bring.
    paused_until: Duration,
    pace: Pace,
}

impl Lane {
    pub(crate) fn new(kind: LaneKind, slots: usize, job_ids: Vec<String>) -> Self {
        Self {
            kind,
            hopeful: !job_ids.is_empty(),
            claiming: false,
            hopeful_for_awaited: false,
            left_some: false,
            freed_meanwhile: false,
            slots,
            taken: 0,
            lent: 0,
            awaited: HashMap::new(),
            backlog: VecDeque::new(),
            paused_until: Duration::ZERO,
            pace: Pace::default(),
            job_ids,
        }
    }

    /// How many executions a claim may ask for now: the free slots, and a little more when they
    /// are freed so fast that they would idle for the round trip.
    pub(crate) fn wanted(&self) -> usize {
        let room = self.slots + self.pace.prefetch(self.slots);
        let free = room.saturating_sub(self.taken + self.lent + self.backlog.len());
        // A few at a time would be a transaction for each few: wait until a quarter is free.
        if self.backlog.is_empty() || free * 4 >= room {
            free
        } else {
            0
        }
    }

    /// How many of what such a claim brings can start at once.
    pub(crate) fn free_slots(&self, what: What) -> usize {
        match what {
            What::Anything => self
                .slots
                .saturating_sub(self.taken + self.lent + self.backlog.len()),
            What::Awaited => self.slots.saturating_sub(self.taken).min(self.lent),
        }
    }

    /// How many of what such a claim brings may hold permits: those that start at once, or as good as.
    pub(crate) fn room_for_limited(&self, what: What) -> usize {
        let ahead = match what {
            What::Anything if self.pace.is_short() => self.pace.prefetch(self.slots),
            _ => 0,
        };
        self.free_slots(what) + ahead
    }

    /// An attempt has ended: what was passed over may be taken now.
    pub(crate) fn slot_came_free(&mut self) {
        self.hopeful |= std::mem::take(&mut self.left_some);
        self.freed_meanwhile |= self.claiming;
    }

    /// A claim may have passed over something.
    pub(crate) fn leave_some(&mut self) {
        match self.freed_meanwhile {
            true => self.hopeful = true,
            false => self.left_some = true,
        }
    }

    /// What is awaited here and may be claimed for a slot that is lent: so many of these ids.
    pub(crate) fn wanted_awaited(&self) -> (usize, Vec<ExecutionId>) {
        let idle = self.slots.saturating_sub(self.taken).min(self.lent);
        if idle == 0 {
            return (0, Vec::new());
        }
        let waits = |id: &ExecutionId| !self.backlog.iter().any(|(_, c)| c.execution_id == *id);
        let ids = self.awaited.keys().copied().filter(waits);
        (idle, ids.take(AWAITED_LIMIT).collect())
    }

    /// Keeps what was claimed until a slot is free.
    pub(crate) fn queue(&mut self, claimed: impl IntoIterator<Item = Claimed>, now: Duration) {
        let claimed = claimed.into_iter().map(|claimed| (now, claimed));
        self.backlog.extend(claimed);
    }

    /// Notes what a claim that found nothing took. One that had to walk through a long queue of
    /// other workers' jobs is not repeated at every hint: a fifth of the time is enough.
    pub(crate) fn found_nothing(&mut self, took: Duration, now: Duration) {
        if took > LONG_WALK {
            self.paused_until = now + took * 4;
        }
    }

    /// When hints are followed again, if any are waiting to be.
    pub(crate) fn rests_until(&self, now: Duration) -> Option<Duration> {
        let hopeful = self.hopeful || self.hopeful_for_awaited;
        (hopeful && !self.claiming && self.paused_until > now).then_some(self.paused_until)
    }

    /// There may be something for it.
    pub(crate) fn hope(&mut self) {
        self.hopeful = !self.job_ids.is_empty();
        self.hopeful_for_awaited = self.lent > 0;
    }

    /// There may be more of what was claimed.
    pub(crate) fn hope_for(&mut self, what: What) {
        match what {
            What::Anything => self.hopeful = true,
            What::Awaited => self.hopeful_for_awaited = true,
        }
    }

    /// The claim that is worth sending now, if one is: for what, how many, and of which executions
    /// alone. What comes in from now on makes the lane hopeful again.
    pub(crate) fn next_claim(
        &mut self,
        now: Duration,
        only: &[ExecutionId],
    ) -> Option<(What, usize, Vec<ExecutionId>)> {
        if self.claiming || now < self.paused_until {
            return None;
        }
        self.freed_meanwhile = false;
        let (limit, mut awaited) = match self.hopeful_for_awaited {
            true => self.wanted_awaited(),
            false => (0, Vec::new()),
        };
        if limit > 0 {
            self.hopeful_for_awaited = false;
            if !only.is_empty() {
                awaited.retain(|id| only.contains(id));
            }
            if !awaited.is_empty() {
                self.claiming = true;
                return Some((What::Awaited, limit, awaited));
            }
        }
        let limit = self.wanted();
        if !self.hopeful || limit == 0 {
            return None;
        }
        self.hopeful = false;
        self.claiming = true;
        Some((What::Anything, limit, only.to_vec()))
    }

    /// What has waited too long for a slot: attempts here take longer than was thought.
    pub(crate) fn take_stale(&mut self, now: Duration) -> Vec<Claimed> {
        let mut stale = Vec::new();
        while let Some((since, _)) = self.backlog.front()
            && now.saturating_sub(*since) > PATIENCE
        {
            stale.extend(self.backlog.pop_front().map(|(_, claimed)| claimed));
        }
        if !stale.is_empty() {
            self.pace = Pace::default();
        }
        stale
    }

    /// The next execution and a slot for it, if both are there.
    pub(crate) fn take_next(&mut self) -> Option<Claimed> {
        if self.taken >= self.slots {
            return None;
        }
        let next = match self.taken + self.lent < self.slots {
            true => self.backlog.pop_front(),
            // Lent slots are for what is awaited.
            false => {
                let is_awaited = |c: &Claimed| self.awaited.contains_key(&c.execution_id);
                let place = self.backlog.iter().position(|(_, c)| is_awaited(c));
                place.and_then(|place| self.backlog.remove(place))
            }
        };
        self.taken += usize::from(next.is_some());
        next.map(|(_, claimed)| claimed)
    }

    /// Everything that has not been started.
    pub(crate) fn take_backlog(&mut self) -> Vec<Claimed> {
        self.backlog.drain(..).map(|(_, claimed)| claimed).collect()
    }

    /// Whether something waits for a slot.
    pub(crate) fn has_backlog(&self) -> bool {
        !self.backlog.is_empty()
    }

    /// Takes a waiting execution out, whose cancellation was requested.
    pub(crate) fn cancel(&mut self, fence: Fence) -> Option<Claimed> {
        let place = self
            .backlog
            .iter()
            .position(|(_, claimed)| claimed.fence == fence)?;
        self.backlog.remove(place).map(|(_, claimed)| claimed)
    }

    /// Gives a slot back.
    pub(crate) fn free(&mut self) {
        self.taken = self.taken.saturating_sub(1);
    }

    /// Lends a slot to what its attempt awaits; to more of it, if it is lent already.
    pub(crate) fn lend(&mut self, to: ExecutionId, is_first: bool) {
        *self.awaited.entry(to).or_default() += 1;
        self.hopeful_for_awaited = true;
        if is_first {
            self.free();
            self.lent += 1;
        }
    }

    /// Awaits an execution no longer; after the last one the attempt goes on and takes its slot back,
    /// whether one is free or not.
    pub(crate) fn reclaim(&mut self, from: ExecutionId, is_last: bool) {
        self.forget(from);
        if is_last {
            self.lent = self.lent.saturating_sub(1);
            self.taken += 1;
        }
    }

    /// Gives back the slot of an attempt that is gone, lent or not.
    pub(crate) fn leave(&mut self, awaits: &[ExecutionId]) {
        awaits.iter().for_each(|id| self.forget(*id));
        match awaits.is_empty() {
            true => self.free(),
            false => self.lent = self.lent.saturating_sub(1),
        }
    }

    fn forget(&mut self, awaited: ExecutionId) {
        if let Some(count) = self.awaited.get_mut(&awaited) {
            *count -= 1;
            if *count == 0 {
                self.awaited.remove(&awaited);
            }
        }
    }

    /// Whether nothing waits for a slot and nothing more is hoped for.
    pub(crate) fn is_idle(&self) -> bool {
        self.backlog.is_empty() && !self.hopeful && !self.claiming
    }

    /// Notes what an attempt took, to know how far ahead to claim.
    pub(crate) fn observe(&mut self, took: Duration) {
        self.pace.observe(took);
    }
}

/// The moving average of what attempts take.
#[derive(Debug, Default)]
struct Pace {
    average: Option<f64>,
}

impl Pace {
    fn observe(&mut self, took: Duration) {
        let seconds = took.as_secs_f64();
        self.average = Some(match self.average {
            Some(average) => average * 0.9 + seconds * 0.1,
            None => seconds,
        });
    }

    /// Whether attempts are over before the store could be asked again: then what holds a permit waits
    /// less for a slot here than there.
    fn is_short(&self) -> bool {
        self.average
            .is_some_and(|average| average <= ROUND_TRIP.as_secs_f64())
    }

    /// What the slots get through during one round trip to the store. Nothing before the first
    /// observation, and nothing for attempts that take long: another worker may be idle.
    fn prefetch(&self, slots: usize) -> usize {
        let Some(average) = self.average else {
            return 0;
        };
        // An attempt that takes no measurable time would ask for an infinite number.
        let average = average.max(1e-6);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a small positive estimate, bounded below"
        )]
        let during_round_trip = (ROUND_TRIP.as_secs_f64() / average * slots as f64) as usize;
        during_round_trip.min(PREFETCH_LIMIT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A slot is lent to what is awaited, and to nobody else.
    #[test]
    fn lent_slots_are_for_what_is_awaited() {
        let id = |n| ExecutionId::from_bytes([n; 16]);
        let mut lane = Lane::new(LaneKind::Async, 2, vec!["job".to_owned()]);
        lane.queue((1..=4).map(claimed), Duration::ZERO);
        assert!(lane.take_next().is_some() && lane.take_next().is_some());
        assert!(lane.take_next().is_none(), "both are taken");
        lane.lend(id(9), true);
        assert!(lane.take_next().is_none(), "the next in the queue is not");
        assert_eq!(lane.wanted_awaited(), (1, vec![id(9)]));
        lane.queue([claimed(9)], Duration::ZERO);
        assert_eq!(lane.wanted_awaited().1, []);
        let next = lane.take_next().map(|next| next.execution_id);
        assert_eq!(next, Some(id(9)));
        // It ends, and who awaited it goes on and ends as well.
        lane.leave(&[]);
        lane.reclaim(id(9), true);
        assert!(lane.take_next().is_none(), "both are taken");
        lane.leave(&[]);
        assert_eq!(lane.take_next().map(|next| next.execution_id), Some(id(3)));
    }

    fn claimed(n: u8) -> Claimed {
        Claimed {
            fence: Fence {
                session: crate::store::SessionId(1),
                claim: 1,
                row: i64::from(n),
                attempt: 1,
            },
            execution_id: ExecutionId::from_bytes([n; 16]),
            job_id: "job".to_owned(),
            queue: "default".to_owned(),
            limits: None,
            payload: "{}".to_owned(),
            policy: crate::store::ExecutionPolicy {
                timeout_ms: None,
                max_attempts: 1,
                retry_delays_ms: Vec::new(),
                retry_jitter: 0.0,
            },
            spent: 0,
            correlation_id: None,
            claimed_at: crate::time::Timestamp::default(),
            cancel_requested: false,
            unreadable: None,
        }
    }

    #[test]
    fn claims_ahead_for_short_attempts_only() {
        let mut lane = Lane::new(LaneKind::Async, 8, vec!["job".to_owned()]);
        assert_eq!(lane.wanted(), 8);
        lane.observe(Duration::from_secs(10));
        assert_eq!(lane.wanted(), 8);
        assert_eq!(lane.room_for_limited(What::Anything), 8);
        for _ in 0..200 {
            lane.observe(Duration::from_micros(5));
        }
        assert_eq!(lane.wanted(), 8 + PREFETCH_LIMIT);
        assert_eq!(lane.room_for_limited(What::Anything), 8 + PREFETCH_LIMIT);
        assert_eq!(lane.room_for_limited(What::Awaited), 0);
    }
}
