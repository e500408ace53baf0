//! What of this worker's slots single queues and jobs may have.
//!
//! These limits count within one process: an attempt that is leased here counts from its claim to
//! the end of its handler.

use std::collections::BTreeMap;

use super::handlers::Plan;
use crate::store::{self, CapScope, Claim, Claimed, Fence};

/// How many attempts there may be, and how many there are.
#[derive(Clone, Copy, Debug)]
struct Share {
    most: usize,
    taken: usize,
}

impl Share {
    fn left(self) -> usize {
        self.most.saturating_sub(self.taken)
    }
}

/// The queues and jobs that have a limit here.
#[derive(Debug, Default)]
pub(super) struct Shares {
    queues: BTreeMap<String, Share>,
    jobs: BTreeMap<String, Share>,
    /// What each attempt is counted under: of all those that count.
    counted: BTreeMap<Fence, (Option<String>, Option<String>)>,
}

impl Shares {
    pub(super) fn new(queues: &BTreeMap<String, usize>, jobs: &BTreeMap<String, usize>) -> Self {
        let shares = |limits: &BTreeMap<String, usize>| {
            let limits = limits.iter();
            let shares = limits.map(|(name, &most)| (name.clone(), Share { most, taken: 0 }));
            shares.collect()
        };
        Self {
            queues: shares(queues),
            jobs: shares(jobs),
            counted: BTreeMap::new(),
        }
    }

    /// Whether nothing has a limit here.
    pub(super) fn is_empty(&self) -> bool {
        self.queues.is_empty() && self.jobs.is_empty()
    }

    /// As they are told to those who ask why something waits.
    pub(super) fn told(&self, plan: &Plan) -> Vec<store::SlotCap> {
        let queues = self.queues.iter().map(|(queue, share)| {
            let of = CapScope::Queue(queue.clone());
            (of, share.most)
        });
        let jobs = self.jobs.iter().map(|(job, share)| {
            let of = CapScope::JobIds(plan.names(job));
            (of, share.most)
        });
        let told = queues.chain(jobs).map(|(of, most)| store::SlotCap {
            of,
            most: most as u64,
        });
        told.collect()
    }

    /// Makes a claim ask for no more than may run here.
    pub(super) fn restrict(&self, claim: &mut Claim, plan: &Plan) {
        for (queue, share) in &self.queues {
            match share.left() {
                0 => claim.except.push(queue.clone()),
                left => claim.caps.queues.push((queue.clone(), left)),
            }
        }
        if self.jobs.is_empty() {
            return;
        }
        claim.job_ids.retain(|id| {
            let share = plan.job(id).and_then(|job| self.jobs.get(job.id));
            match share.map(|share| share.left()) {
                Some(0) => return false,
                Some(left) => claim.caps.jobs.push((id.clone(), left)),
                None => {}
            }
            true
        });
    }

    /// Whether a claim may have passed over something that could be taken when an attempt has ended.
    pub(super) fn may_have_left_some(&self, claim: &Claim, claimed: &[Claimed]) -> bool {
        let limited = claimed
            .iter()
            .filter(|claimed| claimed.limits.is_some())
            .count();
        !self.is_empty() || claim.caps.limited.is_some_and(|most| limited >= most)
    }

    /// Counts what was claimed. `false` if there is no room for it: a job may have come by several
    /// of its names at once.
    pub(super) fn take(&mut self, claimed: &Claimed, plan: &Plan) -> bool {
        let job = plan.job(&claimed.job_id).map(|job| job.id);
        let job = job
            .filter(|job| self.jobs.contains_key(*job))
            .map(str::to_owned);
        let queue = Some(&claimed.queue).filter(|queue| self.queues.contains_key(*queue));
        let queue = queue.cloned();
        if job.is_none() && queue.is_none() {
            return true;
        }
        let mut room = true;
        self.count(&queue, &job, |share| room &= share.left() > 0);
        if room {
            self.count(&queue, &job, |share| share.taken += 1);
            self.counted.insert(claimed.fence, (queue, job));
        }
        room
    }

    /// Counts an attempt no longer.
    pub(super) fn free(&mut self, fence: Fence) {
        if let Some((queue, job)) = self.counted.remove(&fence) {
            self.count(&queue, &job, |share| share.taken -= 1);
        }
    }

    fn count(
        &mut self,
        queue: &Option<String>,
        job: &Option<String>,
        mut change: impl FnMut(&mut Share),
    ) {
        let queue = queue.as_ref().and_then(|queue| self.queues.get_mut(queue));
        let job = job.as_ref().and_then(|job| self.jobs.get_mut(job));
        queue.into_iter().chain(job).for_each(&mut change);
    }
}
