//! The instruments of each job.

use std::sync::Arc;
use std::time::Duration;

use ::jobs::AttemptOutcome;

use super::MAX_JOBS;
use super::by_name::ByName;
use super::instruments::{Counter, Histogram, MirrorFactory};
use crate::telemetry::reference::{DURATION, WAIT};
use crate::telemetry::series::{Buckets, Counts, EndCounts};

/// The outcomes of attempts, in the order of [`JobMetrics::finished`].
pub(super) const OUTCOMES: [AttemptOutcome; 8] = [
    AttemptOutcome::Succeeded,
    AttemptOutcome::Failed,
    AttemptOutcome::TimedOut,
    AttemptOutcome::Panicked,
    AttemptOutcome::Cancelled,
    AttemptOutcome::Lost,
    AttemptOutcome::Released,
    AttemptOutcome::Snoozed,
];

/// The instruments of one job.
#[derive(Debug, Default)]
pub(crate) struct JobMetrics {
    pub(crate) enqueued: Counter,
    pub(crate) started: Counter,
    pub(super) finished: [Counter; OUTCOMES.len()],
    pub(super) failed: Counter,
    pub(super) duration: Histogram,
    pub(crate) wait: Histogram,
}

impl JobMetrics {
    fn new(id: &str, mirrors: Option<&MirrorFactory>) -> Self {
        Self {
            duration: Histogram::new(&DURATION, &[id], mirrors),
            wait: Histogram::new(&WAIT, &[id], mirrors),
            ..Self::default()
        }
    }

    /// Counts an attempt whose outcome the store has. `is_failure` says that the execution has
    /// failed for good.
    pub(crate) fn finished(&self, outcome: AttemptOutcome, took: Duration, is_failure: bool) {
        if let Some(place) = OUTCOMES.iter().position(|one| *one == outcome) {
            self.finished[place].increment();
        }
        if is_failure {
            self.failed.increment();
        }
        if !matches!(outcome, AttemptOutcome::Lost | AttemptOutcome::Released) {
            self.duration.observe(took);
        }
    }
}

impl JobMetrics {
    /// Returns the present counts of the instruments.
    pub(super) fn counts(&self) -> Counts {
        let of = |outcome| {
            let place = OUTCOMES.iter().position(|one| *one == outcome);
            place.map_or(0, |place| self.finished[place].get())
        };
        let unsuccessful = of(AttemptOutcome::Failed)
            + of(AttemptOutcome::TimedOut)
            + of(AttemptOutcome::Panicked)
            + of(AttemptOutcome::Lost);
        let failed = self.failed.get();
        Counts {
            ends: EndCounts {
                succeeded: of(AttemptOutcome::Succeeded),
                failed,
                cancelled: of(AttemptOutcome::Cancelled),
                retried: unsuccessful.saturating_sub(failed),
            },
            wait: Buckets::of(&self.wait.counts()),
            duration: Buckets::of(&self.duration.counts()),
        }
    }
}

/// The instruments by job id, at most [`MAX_JOBS`] and the rest.
#[derive(Debug, Default)]
pub(super) struct Jobs(ByName<JobMetrics>);

impl Jobs {
    pub(super) fn get(&self, id: &str, mirrors: Option<&MirrorFactory>) -> Arc<JobMetrics> {
        self.0.get(id, MAX_JOBS, |id| JobMetrics::new(id, mirrors))
    }

    /// All jobs, sorted by id.
    pub(super) fn all(&self) -> Vec<(String, Arc<JobMetrics>)> {
        self.0.all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::reference::OTHER;

    #[test]
    fn jobs_beyond_the_bound_share_a_label() {
        let jobs = Jobs::default();
        for n in 0..2 * MAX_JOBS {
            jobs.get(&format!("job-{n}"), None).started.increment();
        }
        let all = jobs.all();
        assert_eq!(all.len(), MAX_JOBS + 1);
        let other = all.iter().find(|(id, _)| id == OTHER);
        let count = other.map(|(_, job)| job.started.get());
        assert_eq!(count, u64::try_from(MAX_JOBS).ok());
        jobs.get("job-0", None).started.increment();
        assert_eq!(jobs.get("job-0", None).started.get(), 2);
    }

    #[test]
    fn every_outcome_is_counted() {
        let job = JobMetrics::default();
        for outcome in OUTCOMES {
            job.finished(outcome, Duration::ZERO, false);
        }
        assert!(job.finished.iter().all(|counter| counter.get() == 1));
        assert_eq!(job.duration.read().count, 6);
    }
}
