//! What of this worker's slots single queues and jobs may have.
//!
//! These limits count within one process: an attempt that is leased here counts from its claim to
//! the end of its handler.

use std::collections::BTreeMap;

use super::plan::Plan;
use crate::store::{Caps, Claim, Claimed, Fence};

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

    /// Makes a claim ask for no more than may run here. Of the names of a job that has some, it asks
    /// for one at a time: they share what is left.
    pub(super) fn restrict(&self, claim: &mut Claim, plan: &Plan) {
        for (queue, share) in &self.queues {
            match share.left() {
                0 => claim.except.push(queue.clone()),
                left => claim.caps.queues.push((queue.clone(), left)),
            }
        }
        for (job, share) in &self.jobs {
            let of_job = |id: &String| plan.job(id).is_some_and(|planned| planned.id == job);
            let (names, others): (Vec<_>, Vec<_>) = std::mem::take(&mut claim.job_ids)
                .into_iter()
                .partition(of_job);
            claim.job_ids = others;
            let turn = usize::try_from(claim.number).unwrap_or(0) % names.len().max(1);
            if let Some(name) = names.into_iter().nth(turn)
                && share.left() > 0
            {
                claim.caps.jobs.push((name.clone(), share.left()));
                claim.job_ids.push(name);
            }
        }
        claim.job_ids.sort_unstable();
    }

    /// Counts what was claimed.
    pub(super) fn take(&mut self, claimed: &Claimed, plan: &Plan) {
        let job = plan.job(&claimed.job_id).map(|job| job.id);
        let job = job
            .filter(|job| self.jobs.contains_key(*job))
            .map(str::to_owned);
        let queue = Some(&claimed.queue).filter(|queue| self.queues.contains_key(*queue));
        let queue = queue.cloned();
        if job.is_none() && queue.is_none() {
            return;
        }
        self.count(&queue, &job, |share| share.taken += 1);
        self.counted.insert(claimed.fence, (queue, job));
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

/// Whether a claim may have passed over something that could be taken when a slot is free again.
pub(super) fn may_have_left_some(caps: &Caps, except: &[String], claimed: &[Claimed]) -> bool {
    let limited = claimed.iter().filter(|claimed| claimed.limited).count();
    caps.limited.is_some_and(|most| limited >= most)
        || !caps.queues.is_empty()
        || !caps.jobs.is_empty()
        || !except.is_empty()
}
