//! Slot caps: the slots of this worker that one queue or one job may use.
//!
//! Caps count within one process. A leased attempt counts from its claim until its handler returns,
//! even if the attempt was settled earlier.

use std::collections::BTreeMap;

use super::handlers::HandlerTable;
use crate::store::{self, CapScope, Claim, Claimed, Fence};

/// One cap and its use.
#[derive(Clone, Copy, Debug)]
struct Cap {
    most: usize,
    in_use: usize,
}

impl Cap {
    fn left(self) -> usize {
        self.most.saturating_sub(self.in_use)
    }
}

/// The caps of a worker by queue and by job, and the attempts that count under them.
#[derive(Debug, Default)]
pub(super) struct SlotCaps {
    queues: BTreeMap<String, Cap>,
    jobs: BTreeMap<String, Cap>,
    /// The capped queue and the capped job of each attempt that counts.
    counted: BTreeMap<Fence, (Option<String>, Option<String>)>,
}

impl SlotCaps {
    pub(super) fn new(queues: &BTreeMap<String, usize>, jobs: &BTreeMap<String, usize>) -> Self {
        let caps = |limits: &BTreeMap<String, usize>| {
            let limits = limits.iter();
            let caps = limits.map(|(name, &most)| (name.clone(), Cap { most, in_use: 0 }));
            caps.collect()
        };
        Self {
            queues: caps(queues),
            jobs: caps(jobs),
            counted: BTreeMap::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queues.is_empty() && self.jobs.is_empty()
    }

    /// The caps as the session publishes them, for explanations of why an execution waits.
    pub(super) fn published(&self, handlers: &HandlerTable) -> Vec<store::SlotCap> {
        let queues = self.queues.iter().map(|(queue, cap)| {
            let of = CapScope::Queue(queue.clone());
            (of, cap.most)
        });
        let jobs = self.jobs.iter().map(|(job, cap)| {
            let of = CapScope::JobIds(handlers.names(job));
            (of, cap.most)
        });
        let published = queues.chain(jobs).map(|(of, most)| store::SlotCap {
            of,
            most: most as u64,
        });
        published.collect()
    }

    /// Restricts a claim to the slots that the caps leave.
    pub(super) fn restrict(&self, claim: &mut Claim, handlers: &HandlerTable) {
        for (queue, cap) in &self.queues {
            match cap.left() {
                0 => claim.except.push(queue.clone()),
                left => claim.caps.queues.push((queue.clone(), left)),
            }
        }
        if self.jobs.is_empty() {
            return;
        }
        claim.job_ids.retain(|id| {
            let cap = handlers.job(id).and_then(|job| self.jobs.get(job.id));
            match cap.map(|cap| cap.left()) {
                Some(0) => return false,
                Some(left) => claim.caps.jobs.push((id.clone(), left)),
                None => {}
            }
            true
        });
    }

    /// True if a claim may have skipped executions that can be taken once an attempt has ended.
    pub(super) fn may_have_skipped(&self, claim: &Claim, claimed: &[Claimed]) -> bool {
        let limited = claimed
            .iter()
            .filter(|claimed| claimed.limits.is_some())
            .count();
        !self.is_empty() || claim.caps.limited.is_some_and(|most| limited >= most)
    }

    /// Counts a claimed attempt. Returns `false` if a cap is exceeded: one claim may return a job
    /// under several of its ids, each within the cap.
    pub(super) fn take(&mut self, claimed: &Claimed, handlers: &HandlerTable) -> bool {
        let job = handlers.job(&claimed.job_id).map(|job| job.id);
        let job = job
            .filter(|job| self.jobs.contains_key(*job))
            .map(str::to_owned);
        let queue = Some(&claimed.queue).filter(|queue| self.queues.contains_key(*queue));
        let queue = queue.cloned();
        if job.is_none() && queue.is_none() {
            return true;
        }
        let mut fits = true;
        self.for_each(&queue, &job, |cap| fits &= cap.left() > 0);
        if fits {
            self.for_each(&queue, &job, |cap| cap.in_use += 1);
            self.counted.insert(claimed.fence, (queue, job));
        }
        fits
    }

    /// Stops counting an attempt.
    pub(super) fn free(&mut self, fence: Fence) {
        if let Some((queue, job)) = self.counted.remove(&fence) {
            self.for_each(&queue, &job, |cap| cap.in_use -= 1);
        }
    }

    fn for_each(
        &mut self,
        queue: &Option<String>,
        job: &Option<String>,
        mut change: impl FnMut(&mut Cap),
    ) {
        let queue = queue.as_ref().and_then(|queue| self.queues.get_mut(queue));
        let job = job.as_ref().and_then(|job| self.jobs.get_mut(job));
        queue.into_iter().chain(job).for_each(&mut change);
    }
}
