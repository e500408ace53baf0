//! The counters of each queue, and the instruments that the end of an attempt updates.
//!
//! The queue is that of the execution, which operators can change, and not the one that its job
//! declares now.

use std::sync::Arc;
use std::time::Duration;

use ::jobs::AttemptOutcome;

use super::instruments::Counter;
use super::jobs::JobMetrics;
use crate::telemetry::series::EndCounts;

/// The counters of one queue.
#[derive(Debug, Default)]
pub(super) struct QueueMetrics {
    succeeded: Counter,
    failed: Counter,
    cancelled: Counter,
    retried: Counter,
}

impl QueueMetrics {
    /// Counts an attempt whose outcome the store has. `is_failure` says that the execution has
    /// failed for good.
    fn finished(&self, outcome: AttemptOutcome, is_failure: bool) {
        match outcome {
            _ if is_failure => self.failed.increment(),
            AttemptOutcome::Succeeded => self.succeeded.increment(),
            AttemptOutcome::Cancelled => self.cancelled.increment(),
            AttemptOutcome::Failed
            | AttemptOutcome::TimedOut
            | AttemptOutcome::Panicked
            | AttemptOutcome::Lost => self.retried.increment(),
            _ => {}
        }
    }

    /// Returns the present counts.
    pub(super) fn counts(&self) -> EndCounts {
        EndCounts {
            succeeded: self.succeeded.get(),
            failed: self.failed.get(),
            cancelled: self.cancelled.get(),
            retried: self.retried.get(),
        }
    }
}

/// The instruments that the end of an attempt updates: those of its job and of its queue.
#[derive(Clone, Debug)]
pub(crate) struct AttemptMetrics {
    pub(super) job: Arc<JobMetrics>,
    pub(super) queue: Arc<QueueMetrics>,
}

impl AttemptMetrics {
    /// Counts an attempt whose outcome the store has. `is_failure` says that the execution has
    /// failed for good.
    pub(crate) fn finished(&self, outcome: AttemptOutcome, took: Duration, is_failure: bool) {
        self.job.finished(outcome, took, is_failure);
        self.queue.finished(outcome, is_failure);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_counted_once_in_its_queue() {
        let queue = QueueMetrics::default();
        for (outcome, is_failure) in [
            (AttemptOutcome::Succeeded, false),
            (AttemptOutcome::Failed, false),
            (AttemptOutcome::Lost, false),
            (AttemptOutcome::TimedOut, true),
            (AttemptOutcome::Cancelled, false),
            (AttemptOutcome::Released, false),
            (AttemptOutcome::Snoozed, false),
        ] {
            queue.finished(outcome, is_failure);
        }
        let expected = EndCounts {
            succeeded: 1,
            failed: 1,
            cancelled: 1,
            retried: 2,
        };
        assert_eq!(queue.counts(), expected);
    }
}
