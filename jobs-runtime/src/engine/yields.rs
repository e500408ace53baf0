//! Jobs that this worker leaves to other workers for a moment.
//!
//! A worker that has released an execution because it cannot read the payload would mostly be the
//! first one to claim it again: it knows best when the execution is due. So it claims nothing of
//! that job from then on for a random time, within which a worker that can read it does. The time
//! is random because two programs may yield to each other.

use std::time::Duration;

use super::handlers::HandlerTable;
use crate::store::Claim;

/// The shortest and the longest time for which a job is left to other workers.
const TIMES: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(800)];

/// The most intervals that are kept. Further ones are dropped: they only make claims useful.
const MOST: usize = 256;

/// The intervals, on the monotonic clock, in which this worker claims nothing of a job.
#[derive(Debug, Default)]
pub(super) struct Yields(Vec<Interval>);

#[derive(Debug)]
struct Interval {
    job_id: &'static str,
    from: Duration,
    until: Duration,
}

impl Yields {
    /// Leaves a job to other workers once its released execution is due. `chance` is from 0 to 1.
    pub(super) fn add(&mut self, job_id: &'static str, due: Duration, chance: f64) {
        if self.0.len() < MOST {
            let [shortest, longest] = TIMES;
            self.0.push(Interval {
                job_id,
                from: due,
                until: due + shortest + (longest - shortest).mul_f64(chance),
            });
        }
    }

    /// True if no job is left to other workers, now or later.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn next_wake(&self) -> Option<Duration> {
        self.0.iter().map(|interval| interval.until).min()
    }

    /// Removes the intervals that have ended, and returns their jobs.
    pub(super) fn take_ended(&mut self, now: Duration) -> Vec<&'static str> {
        let ended = self.0.extract_if(.., |interval| interval.until <= now);
        ended.map(|interval| interval.job_id).collect()
    }

    /// Takes the jobs that are left to other workers out of a claim.
    pub(super) fn restrict(&self, now: Duration, claim: &mut Claim, handlers: &HandlerTable) {
        if self.0.is_empty() {
            return;
        }
        claim.job_ids.retain(|id| {
            let job_id = handlers.job(id).map(|job| job.id);
            let mut yielded = self.0.iter().filter(|interval| interval.from <= now);
            !yielded.any(|interval| Some(interval.job_id) == job_id)
        });
    }
}
