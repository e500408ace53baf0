//! The two kinds of places where handlers run, and who waits for one.

use std::collections::VecDeque;
use std::time::Duration;

use crate::store::{Claimed, Fence};

/// How often, at the present pace, the store should be asked for more.
const ROUND_TRIP: Duration = Duration::from_millis(20);

/// The most executions leased ahead of a free slot.
const PREFETCH_LIMIT: usize = 1_000;

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
    slots: usize,
    taken: usize,
    /// What was claimed, and when.
    backlog: VecDeque<(Duration, Claimed)>,
    /// Hints are not followed before this: following them costs more than they bring.
    rest_until: Duration,
    pace: Pace,
}

impl Lane {
    pub(crate) fn new(kind: LaneKind, slots: usize, job_ids: Vec<String>) -> Self {
        Self {
            kind,
            hopeful: !job_ids.is_empty(),
            claiming: false,
            slots,
            taken: 0,
            backlog: VecDeque::new(),
            rest_until: Duration::ZERO,
            pace: Pace::default(),
            job_ids,
        }
    }

    /// How many executions a claim may ask for now: the free slots, and a little more when they
    /// are freed so fast that they would idle for the round trip.
    pub(crate) fn wanted(&self) -> usize {
        let room = self.slots + self.pace.prefetch(self.slots);
        let free = room.saturating_sub(self.taken + self.backlog.len());
        // A few at a time would be a transaction for each few: wait until a quarter is free.
        if self.backlog.is_empty() || free * 4 >= room {
            free
        } else {
            0
        }
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
            self.rest_until = now + took * 4;
        }
    }

    /// When hints are followed again, if any are waiting to be.
    pub(crate) fn rests_until(&self, now: Duration) -> Option<Duration> {
        (self.hopeful && !self.claiming && self.rest_until > now).then_some(self.rest_until)
    }

    /// Whether a claim is worth sending.
    pub(crate) fn may_claim(&self, now: Duration) -> bool {
        self.hopeful && !self.claiming && now >= self.rest_until
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
        let (_, next) = self.backlog.pop_front()?;
        self.taken += 1;
        Some(next)
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

    /// Takes a slot whether one is free or not: an attempt goes on that had lent its own.
    pub(crate) fn retake(&mut self) {
        self.taken += 1;
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

    #[test]
    fn claims_ahead_for_short_attempts_only() {
        let mut lane = Lane::new(LaneKind::Async, 8, vec!["job".to_owned()]);
        assert_eq!(lane.wanted(), 8);
        lane.observe(Duration::from_secs(10));
        assert_eq!(lane.wanted(), 8);
        for _ in 0..200 {
            lane.observe(Duration::from_micros(5));
        }
        assert_eq!(lane.wanted(), 8 + PREFETCH_LIMIT);
    }
}
