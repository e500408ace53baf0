//! Executor slots, and the prefetched executions: leased ones that wait for a slot.
//!
//! A worker has two [`SlotPool`]s: one for asynchronous handlers, one for blocking handlers. A slot
//! is free, busy with an attempt, or *lent*: its attempt waits for another execution, and the slot
//! may run that execution only.
//!
//! A claim asks for as many executions as slots are free. For attempts shorter than a round trip
//! to the store it asks for more, so that no slot is idle during the next claim.
//!
//! [`may_have_work`](SlotPool::may_have_work) says whether a claim is worth sending. It is set at
//! the start. A claim clears it; events and polls of the store set it again.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use jobs::ExecutionId;

use crate::store::{Claimed, Fence};

/// The round trip to the store that a claim ahead of free slots covers.
const ROUND_TRIP: Duration = Duration::from_millis(20);

/// The most executions leased ahead of a free slot.
const PREFETCH_LIMIT: usize = 1_000;

/// The most awaited executions that one claim names.
const AWAITED_LIMIT: usize = 1_000;

/// The longest wait for a slot. After it the execution is released for other workers.
const PREFETCHED_WAIT: Duration = Duration::from_secs(1);

/// The time after which an empty claim counts as slow: it has scanned a long queue of executions
/// that this worker cannot run.
const SLOW_EMPTY_CLAIM: Duration = Duration::from_millis(20);

/// The kind of a slot: where its handler runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum SlotKind {
    /// On the application's runtime.
    Async,
    /// On the blocking pool of the application's runtime.
    Blocking,
}

impl SlotKind {
    pub(crate) const ALL: [Self; 2] = [Self::Async, Self::Blocking];
}

/// The slots that a claim fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClaimPurpose {
    /// Free slots: the claim takes any execution of the pool's jobs.
    FreeSlots,
    /// Lent slots: the claim takes awaited executions only.
    LentSlots,
    /// Free slots: the claim takes executions that messages of the broker name.
    Delivered,
}

/// The slots of one kind and the executions prefetched for them.
#[derive(Debug)]
pub(crate) struct SlotPool {
    pub(crate) kind: SlotKind,
    /// The ids of the jobs that use these slots.
    pub(crate) job_ids: Vec<String>,
    /// The store may have ready executions for free slots.
    pub(crate) may_have_work: bool,
    /// A claim for this pool is in flight.
    pub(crate) claim_in_flight: bool,
    /// The store may have executions that an attempt here awaits.
    pub(crate) may_have_awaited: bool,
    /// A claim may have skipped an execution that can be taken once a slot is free.
    may_have_skipped: bool,
    /// A slot was freed while the current claim was in flight.
    freed_during_claim: bool,
    size: usize,
    /// Slots that run an attempt.
    busy: usize,
    /// Slots of attempts that wait for other executions.
    lent: usize,
    /// The executions that they wait for, with the number of waits.
    awaited: HashMap<ExecutionId, usize>,
    /// Leased executions without a slot, with the time of their claim.
    prefetched: VecDeque<(Duration, Claimed)>,
    /// No claim is sent before this time: the last one was empty and slow.
    paused_until: Duration,
    attempt_duration: AttemptDuration,
}

impl SlotPool {
    pub(crate) fn new(kind: SlotKind, size: usize, job_ids: Vec<String>) -> Self {
        Self {
            kind,
            may_have_work: !job_ids.is_empty(),
            claim_in_flight: false,
            may_have_awaited: false,
            may_have_skipped: false,
            freed_during_claim: false,
            size,
            busy: 0,
            lent: 0,
            awaited: HashMap::new(),
            prefetched: VecDeque::new(),
            paused_until: Duration::ZERO,
            attempt_duration: AttemptDuration::default(),
            job_ids,
        }
    }

    /// The number of executions that a claim may ask for now: the free slots, and those that will
    /// be freed during a round trip to the store.
    pub(crate) fn claim_limit(&self) -> usize {
        let room = self.size + self.attempt_duration.prefetch(self.size);
        let free = room.saturating_sub(self.busy + self.lent + self.prefetched.len());
        // Claims of a few executions each cost too many transactions: wait for a free quarter.
        if self.prefetched.is_empty() || free * 4 >= room {
            free
        } else {
            0
        }
    }

    /// The number of executions from such a claim that can start at once.
    pub(crate) fn startable(&self, purpose: ClaimPurpose) -> usize {
        match purpose {
            ClaimPurpose::FreeSlots | ClaimPurpose::Delivered => self
                .size
                .saturating_sub(self.busy + self.lent + self.prefetched.len()),
            ClaimPurpose::LentSlots => self.size.saturating_sub(self.busy).min(self.lent),
        }
    }

    /// The number of executions with permits that such a claim may take: those that start at once,
    /// and those that start within a round trip.
    pub(crate) fn limited_cap(&self, purpose: ClaimPurpose) -> usize {
        let ahead = match purpose {
            ClaimPurpose::FreeSlots | ClaimPurpose::Delivered
                if self.attempt_duration.is_within_round_trip() =>
            {
                self.attempt_duration.prefetch(self.size)
            }
            _ => 0,
        };
        self.startable(purpose) + ahead
    }

    /// A slot was freed: executions that a claim skipped can be taken now.
    pub(crate) fn on_slot_freed(&mut self) {
        self.may_have_work |= std::mem::take(&mut self.may_have_skipped);
        self.freed_during_claim |= self.claim_in_flight;
    }

    /// The last claim may have skipped executions.
    pub(crate) fn note_skipped(&mut self) {
        if self.freed_during_claim {
            self.may_have_work = true;
        } else {
            self.may_have_skipped = true;
        }
    }

    /// The number of awaited executions that a claim may take for lent slots, and their ids.
    pub(crate) fn awaited_to_claim(&self) -> (usize, Vec<ExecutionId>) {
        let idle = self.size.saturating_sub(self.busy).min(self.lent);
        if idle == 0 {
            return (0, Vec::new());
        }
        let waits = |id: &ExecutionId| !self.prefetched.iter().any(|(_, c)| c.execution_id == *id);
        let ids = self.awaited.keys().copied().filter(waits);
        (idle, ids.take(AWAITED_LIMIT).collect())
    }

    /// Keeps leased executions until a slot is free.
    pub(crate) fn add_prefetched(
        &mut self,
        claimed: impl IntoIterator<Item = Claimed>,
        now: Duration,
    ) {
        let claimed = claimed.into_iter().map(|claimed| (now, claimed));
        self.prefetched.extend(claimed);
    }

    /// Pauses claims after a slow claim that found nothing, so that such claims take at most a
    /// fifth of the time.
    pub(crate) fn on_empty_claim(&mut self, took: Duration, now: Duration) {
        if took > SLOW_EMPTY_CLAIM {
            self.paused_until = now + took * 4;
        }
    }

    /// The end of the pause, if a claim waits for it.
    pub(crate) fn resumes_at(&self, now: Duration) -> Option<Duration> {
        let may_have_work = self.may_have_work || self.may_have_awaited;
        (may_have_work && !self.claim_in_flight && self.paused_until > now)
            .then_some(self.paused_until)
    }

    /// True if one of these jobs uses these slots.
    pub(crate) fn serves(&self, jobs: &[String]) -> bool {
        jobs.iter().any(|job| self.job_ids.contains(job))
    }

    /// Marks the store as possibly having work for this pool.
    pub(crate) fn expect_work(&mut self) {
        self.may_have_work = !self.job_ids.is_empty();
        self.may_have_awaited = self.lent > 0;
    }

    /// Marks the store as possibly having more work of the kind that was claimed.
    pub(crate) fn expect_more(&mut self, purpose: ClaimPurpose) {
        match purpose {
            ClaimPurpose::FreeSlots => self.may_have_work = true,
            ClaimPurpose::LentSlots => self.may_have_awaited = true,
            // The messages that wait ask for it.
            ClaimPurpose::Delivered => {}
        }
    }

    /// The next claim to send, if one is worth it: its purpose, its limit, and the ids that it is
    /// restricted to. Awaited executions have precedence, then `delivered` ones, unless these are a
    /// backlog. This clears the marks; later events set them again.
    pub(crate) fn next_claim(
        &mut self,
        now: Duration,
        only: &[ExecutionId],
        delivered: Vec<ExecutionId>,
    ) -> Option<(ClaimPurpose, usize, Vec<ExecutionId>)> {
        if self.claim_in_flight || now < self.paused_until {
            return None;
        }
        self.freed_during_claim = false;
        // With `only`, an awaited execution is a child of one of them, and claimed as well.
        let (limit, awaited) = if self.may_have_awaited {
            self.awaited_to_claim()
        } else {
            (0, Vec::new())
        };
        if limit > 0 {
            self.may_have_awaited = false;
            if !awaited.is_empty() {
                self.claim_in_flight = true;
                return Some((ClaimPurpose::LentSlots, limit, awaited));
            }
        }
        let limit = self.claim_limit();
        // Several messages are a backlog: a claim of any execution also answers them.
        let is_backlog = self.may_have_work && delivered.len() > 1;
        if limit > 0 && !delivered.is_empty() && !is_backlog {
            self.claim_in_flight = true;
            return Some((ClaimPurpose::Delivered, delivered.len(), delivered));
        }
        if !self.may_have_work || limit == 0 {
            return None;
        }
        self.may_have_work = false;
        self.claim_in_flight = true;
        Some((ClaimPurpose::FreeSlots, limit, only.to_vec()))
    }

    /// Takes the executions that have waited too long for a slot. The estimate of the attempts'
    /// duration was too low and starts anew.
    pub(crate) fn take_stale(&mut self, now: Duration) -> Vec<Claimed> {
        let mut stale = Vec::new();
        while let Some((since, _)) = self.prefetched.front()
            && now.saturating_sub(*since) > PREFETCHED_WAIT
        {
            stale.extend(self.prefetched.pop_front().map(|(_, claimed)| claimed));
        }
        if !stale.is_empty() {
            self.attempt_duration = AttemptDuration::default();
        }
        stale
    }

    /// Takes the next prefetched execution and a slot for it, if there are both.
    pub(crate) fn take_next(&mut self) -> Option<Claimed> {
        if self.busy >= self.size {
            return None;
        }
        let next = if self.busy + self.lent < self.size {
            self.prefetched.pop_front()
        } else {
            // Only lent slots are left: they run awaited executions.
            let is_awaited = |c: &Claimed| self.awaited.contains_key(&c.execution_id);
            let index = self.prefetched.iter().position(|(_, c)| is_awaited(c));
            index.and_then(|index| self.prefetched.remove(index))
        };
        self.busy += usize::from(next.is_some());
        next.map(|(_, claimed)| claimed)
    }

    /// Takes all prefetched executions.
    pub(crate) fn take_prefetched(&mut self) -> Vec<Claimed> {
        self.prefetched
            .drain(..)
            .map(|(_, claimed)| claimed)
            .collect()
    }

    pub(crate) fn has_prefetched(&self) -> bool {
        !self.prefetched.is_empty()
    }

    /// Takes the execution with this fence, if it is prefetched.
    pub(crate) fn remove(&mut self, fence: Fence) -> Option<Claimed> {
        let index = self
            .prefetched
            .iter()
            .position(|(_, claimed)| claimed.fence == fence)?;
        self.prefetched.remove(index).map(|(_, claimed)| claimed)
    }

    /// Frees a slot that ran an attempt.
    pub(crate) fn free_slot(&mut self) {
        self.busy = self.busy.saturating_sub(1);
    }

    /// Lends the slot of an attempt to an execution that the attempt awaits. `is_first` is false if
    /// the slot is lent already.
    pub(crate) fn lend(&mut self, to: ExecutionId, is_first: bool) {
        *self.awaited.entry(to).or_default() += 1;
        self.may_have_awaited = true;
        if is_first {
            self.free_slot();
            self.lent += 1;
        }
    }

    /// Ends a loan. After the last one (`is_last`) the attempt continues and takes its slot back,
    /// even if that makes more slots busy than there are.
    pub(crate) fn take_back(&mut self, from: ExecutionId, is_last: bool) {
        self.forget(from);
        if is_last {
            self.lent = self.lent.saturating_sub(1);
            self.busy += 1;
        }
    }

    /// Frees the slot of an attempt that has ended, lent or not.
    pub(crate) fn release(&mut self, awaits: &[ExecutionId]) {
        awaits.iter().for_each(|id| self.forget(*id));
        if awaits.is_empty() {
            self.free_slot();
        } else {
            self.lent = self.lent.saturating_sub(1);
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

    /// True if nothing is prefetched, no claim is in flight and no ready execution is expected.
    pub(crate) fn is_idle(&self) -> bool {
        self.prefetched.is_empty() && !self.may_have_work && !self.claim_in_flight
    }

    /// Records the duration of an attempt, for the estimate of how far ahead to claim.
    pub(crate) fn record(&mut self, took: Duration) {
        self.attempt_duration.record(took);
    }
}

/// The moving average of the attempts' duration.
#[derive(Debug, Default)]
struct AttemptDuration {
    average: Option<f64>,
}

impl AttemptDuration {
    fn record(&mut self, took: Duration) {
        let seconds = took.as_secs_f64();
        self.average = Some(match self.average {
            Some(average) => average * 0.9 + seconds * 0.1,
            None => seconds,
        });
    }

    /// True if attempts end within a round trip. An execution with permits then starts sooner if it
    /// is prefetched than after another claim.
    fn is_within_round_trip(&self) -> bool {
        self.average
            .is_some_and(|average| average <= ROUND_TRIP.as_secs_f64())
    }

    /// The number of attempts that the slots complete during one round trip. Zero before the first
    /// recorded attempt and for long attempts, which an idle worker can start earlier.
    fn prefetch(&self, slots: usize) -> usize {
        let Some(average) = self.average else {
            return 0;
        };
        // A duration of zero would make the number infinite.
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
    fn lent_slots_run_awaited_executions_only() {
        let id = |n| ExecutionId::from_bytes([n; 16]);
        let mut pool = SlotPool::new(SlotKind::Async, 2, vec!["job".to_owned()]);
        pool.add_prefetched((1..=4).map(claimed), Duration::ZERO);
        assert!(pool.take_next().is_some() && pool.take_next().is_some());
        assert!(pool.take_next().is_none(), "both are taken");
        pool.lend(id(9), true);
        assert!(pool.take_next().is_none(), "the next one is not awaited");
        assert_eq!(pool.awaited_to_claim(), (1, vec![id(9)]));
        pool.add_prefetched([claimed(9)], Duration::ZERO);
        assert_eq!(pool.awaited_to_claim().1, []);
        let next = pool.take_next().map(|next| next.execution_id);
        assert_eq!(next, Some(id(9)));
        // The awaited execution ends; its parent continues and ends.
        pool.release(&[]);
        pool.take_back(id(9), true);
        assert!(pool.take_next().is_none(), "both are taken");
        pool.release(&[]);
        assert_eq!(pool.take_next().map(|next| next.execution_id), Some(id(3)));
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
            tags: Vec::new(),
            run_at: crate::time::Timestamp::default(),
            trace_parent: None,
            claimed_at: crate::time::Timestamp::default(),
            cancel_requested: false,
            lost_before: false,
            unreadable: None,
        }
    }

    #[test]
    fn claims_ahead_for_short_attempts_only() {
        let mut pool = SlotPool::new(SlotKind::Async, 8, vec!["job".to_owned()]);
        assert_eq!(pool.claim_limit(), 8);
        pool.record(Duration::from_secs(10));
        assert_eq!(pool.claim_limit(), 8);
        assert_eq!(pool.limited_cap(ClaimPurpose::FreeSlots), 8);
        for _ in 0..200 {
            pool.record(Duration::from_micros(5));
        }
        assert_eq!(pool.claim_limit(), 8 + PREFETCH_LIMIT);
        assert_eq!(
            pool.limited_cap(ClaimPurpose::FreeSlots),
            8 + PREFETCH_LIMIT
        );
        assert_eq!(pool.limited_cap(ClaimPurpose::LentSlots), 0);
    }
}
