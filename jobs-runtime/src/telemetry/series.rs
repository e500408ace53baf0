//! Series: counts of each minute and of each quarter of an hour, for charts.
//!
//! A process adds up its own counts from the instruments of its metrics, and writes them as one
//! row for each series, time and process. So an update costs attempts nothing, and a repeated write
//! changes nothing. Readers add the rows of all processes.
//!
//! | series | one row has |
//! |---|---|
//! | `fleet`, `job:ID` | counts and times of attempts, of one process |
//! | `ended:jobs`, `ended:queues` | the ended executions of every job or queue, of one process |
//! | `queues`, `queue:NAME` | the highest depth, which all processes see alike |

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::metrics::BUCKETS;
use crate::time::Timestamp;

/// A width of the parts of time, and the time for which their rows are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Width {
    pub(crate) seconds: u32,
    pub(crate) kept: Duration,
}

/// Minutes, for the chart of the last hour.
pub(crate) const MINUTE: Width = Width {
    seconds: 60,
    kept: Duration::from_secs(2 * 3_600),
};

/// Quarters of an hour, for the chart of the last day.
pub(crate) const QUARTER: Width = Width {
    seconds: 900,
    kept: Duration::from_secs(25 * 3_600),
};

impl Width {
    /// The beginning of the part of time with this moment.
    pub(crate) fn start_of(self, at: Timestamp) -> Timestamp {
        let width = i64::from(self.seconds) * 1_000;
        Timestamp::from_millis(at.as_millis().div_euclid(width) * width)
    }
}

/// The series of the whole fleet.
pub(crate) const FLEET: &str = "fleet";

/// The series with the depth of all queues together.
pub(crate) const ALL_QUEUES: &str = "queues";

/// The series with the ended executions of every job: one row instead of a row for each job, so
/// that a list of all jobs is one bounded read.
pub(crate) const ENDED_BY_JOB: &str = "ended:jobs";

/// The series with the ended executions of every queue.
pub(crate) const ENDED_BY_QUEUE: &str = "ended:queues";

/// The series of a job.
pub(crate) fn of_job(id: &str) -> String {
    format!("job:{id}")
}

/// The series with the depth of a queue.
pub(crate) fn of_queue(name: &str) -> String {
    format!("queue:{name}")
}

/// Executions that ended in a part of time, by their outcome. Zeros are left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct EndCounts {
    /// The executions that succeeded.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) succeeded: u64,
    /// The executions that failed for good.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) failed: u64,
    /// The executions whose attempt was cancelled.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) cancelled: u64,
    /// The attempts without success that another attempt follows.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) retried: u64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Ended executions by the name of their job or queue.
pub(crate) type EndCountsByName = BTreeMap<String, EndCounts>;

/// Attempts that ended in a part of time, with their times.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Counts {
    #[serde(flatten)]
    pub(crate) ends: EndCounts,
    pub(crate) wait: Buckets,
    pub(crate) duration: Buckets,
}

/// What a process has counted since its start.
#[derive(Clone, Debug, Default)]
pub(crate) struct Totals {
    /// The attempts of each job.
    pub(crate) jobs: BTreeMap<String, Counts>,
    /// The ended executions of each queue.
    pub(crate) queues: EndCountsByName,
}

/// The number of times in each bucket of [`BUCKETS`]; empty buckets are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Buckets(BTreeMap<usize, u64>);

/// Estimates of percentiles, in milliseconds. They are computed from 20 buckets of times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Estimates {
    p50: u64,
    p95: u64,
    p99: u64,
}

/// The waiting and running executions at a moment, or the most of them in a part of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Depth {
    pub(crate) ready: u64,
    pub(crate) blocked: u64,
    pub(crate) running: u64,
    /// The time for which the oldest ready execution has waited, in milliseconds.
    pub(crate) oldest_ms: u64,
}

impl EndCounts {
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The executions that ended.
    pub(crate) fn ended(&self) -> u64 {
        self.succeeded + self.failed + self.cancelled
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.succeeded += other.succeeded;
        self.failed += other.failed;
        self.cancelled += other.cancelled;
        self.retried += other.retried;
    }

    /// Returns the counts after `before`.
    pub(crate) fn since(&self, before: Option<&Self>) -> Self {
        let Some(before) = before else {
            return *self;
        };
        Self {
            succeeded: self.succeeded.saturating_sub(before.succeeded),
            failed: self.failed.saturating_sub(before.failed),
            cancelled: self.cancelled.saturating_sub(before.cancelled),
            retried: self.retried.saturating_sub(before.retried),
        }
    }
}

impl Counts {
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.ends.add(&other.ends);
        self.wait.add(&other.wait);
        self.duration.add(&other.duration);
    }

    /// Returns the counts after `before`.
    pub(crate) fn since(&self, before: Option<&Self>) -> Self {
        let Some(before) = before else {
            return self.clone();
        };
        Self {
            ends: self.ends.since(Some(&before.ends)),
            wait: self.wait.since(&before.wait),
            duration: self.duration.since(&before.duration),
        }
    }
}

impl Buckets {
    /// Makes buckets from the counts of a histogram.
    pub(crate) fn of(counts: &[u64]) -> Self {
        let filled = counts.iter().copied().enumerate();
        Self(filled.filter(|(_, count)| *count > 0).collect())
    }

    fn add(&mut self, other: &Self) {
        for (bucket, count) in &other.0 {
            *self.0.entry(*bucket).or_default() += count;
        }
    }

    fn since(&self, before: &Self) -> Self {
        let counts = self.0.iter().map(|(bucket, count)| {
            let earlier = before.0.get(bucket).copied().unwrap_or_default();
            (*bucket, count.saturating_sub(earlier))
        });
        Self(counts.filter(|(_, count)| *count > 0).collect())
    }

    /// Estimates percentiles; `None` without any value.
    pub(crate) fn estimates(&self) -> Option<Estimates> {
        let total: u64 = self.0.values().sum();
        (total > 0).then(|| Estimates {
            p50: self.percentile(total, 50),
            p95: self.percentile(total, 95),
            p99: self.percentile(total, 99),
        })
    }

    /// Assumes that the times of a bucket lie evenly between its bounds. Rounded up to a
    /// millisecond.
    fn percentile(&self, total: u64, percent: u64) -> u64 {
        let rank = (total * percent).div_ceil(100);
        let mut below = 0;
        for (bucket, count) in &self.0 {
            if below + count < rank {
                below += count;
                continue;
            }
            let lower = bucket.checked_sub(1).map_or(0, bound);
            let upper = bound(*bucket);
            let part = u128::from(upper - lower) * u128::from(rank - below) / u128::from(*count);
            let micros = lower + u64::try_from(part).unwrap_or_default();
            return micros.div_ceil(1_000);
        }
        bound(BUCKETS.len()).div_ceil(1_000)
    }
}

/// The upper bound of a bucket in microseconds. The last bucket has none: that of the one before.
fn bound(bucket: usize) -> u64 {
    BUCKETS[bucket.min(BUCKETS.len() - 1)]
}

impl Depth {
    pub(crate) fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// Adds the depth of another queue.
    pub(crate) fn add(&mut self, other: Self) {
        self.ready += other.ready;
        self.blocked += other.blocked;
        self.running += other.running;
        self.oldest_ms = self.oldest_ms.max(other.oldest_ms);
    }

    /// Keeps the larger values.
    pub(crate) fn raise(&mut self, other: Self) {
        self.ready = self.ready.max(other.ready);
        self.blocked = self.blocked.max(other.blocked);
        self.running = self.running.max(other.running);
        self.oldest_ms = self.oldest_ms.max(other.oldest_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_lie_within_the_bucket_of_their_rank() {
        assert_eq!(Buckets::default().estimates(), None);
        // 90 times up to 1 ms, and 10 between 25 ms and 50 ms.
        let mut counts = [0; BUCKETS.len() + 1];
        (counts[1], counts[6]) = (90, 10);
        let all = Buckets::of(&counts).estimates().expect("values");
        assert_eq!((all.p50, all.p95, all.p99), (1, 38, 48));
        let mut endless = [0; BUCKETS.len() + 1];
        endless[BUCKETS.len()] = 1;
        let all = Buckets::of(&endless).estimates().expect("a value");
        assert_eq!(all.p50, 3_600_000);
    }

    #[test]
    fn what_came_later_is_the_difference() {
        let mut counts = [0; BUCKETS.len() + 1];
        counts[3] = 2;
        let before = Counts {
            ends: EndCounts {
                succeeded: 2,
                ..EndCounts::default()
            },
            wait: Buckets::of(&counts),
            ..Counts::default()
        };
        assert!(before.since(Some(&before)).is_empty());
        let mut both = before.clone();
        both.add(&before);
        assert_eq!(both.since(Some(&before)), before);
        assert_eq!(both.since(None).ends.succeeded, 4);
        let text = serde_json::to_string(&both).expect("counts are JSON");
        let read: Counts = serde_json::from_str(&text).expect("counts are read");
        assert_eq!(read, both);
    }

    #[test]
    fn parts_of_time_begin_at_multiples_of_their_width() {
        let at = Timestamp::from_millis(1_700_000_123_456);
        assert_eq!(MINUTE.start_of(at).as_millis(), 1_700_000_100_000);
        assert_eq!(
            QUARTER.start_of(at).as_millis(),
            1_699_999_200_000 + 900_000
        );
    }
}
