//! Throughput: the executions of every job, or of every queue, that ended in the last hour or day.
//!
//! The counts are those of the [series](super::series). A process writes one row for all jobs and
//! one for all queues in each part of time, so a call reads at most 60 rows of the last hour, or 96
//! of the last day, for each process.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::JobService;
use super::series::{SeriesWindow, read};
use crate::store::{SeriesQuery, StoreError};
use crate::telemetry::series::{ENDED_BY_JOB, ENDED_BY_QUEUE, EndCounts, EndCountsByName};
use crate::time::Timestamp;

/// The most rows that a call reads: those of 62 processes in a day.
const MAX_ROWS: usize = 6_000;

/// The subject of each line of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ThroughputBy {
    /// A line for each job.
    Job,
    /// A line for each queue.
    Queue,
}

/// The error of a word that names no subject.
#[derive(Debug, thiserror::Error)]
#[error("must be job or queue")]
pub(crate) struct ParseByError;

impl FromStr for ThroughputBy {
    type Err = ParseByError;

    fn from_str(word: &str) -> Result<Self, ParseByError> {
        match word {
            "job" => Ok(Self::Job),
            "queue" => Ok(Self::Queue),
            _ => Err(ParseByError),
        }
    }
}

/// The executions that ended in a window of time, by job or by queue.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Throughput {
    by: ThroughputBy,
    window: SeriesWindow,
    /// The beginning of the first part of time.
    since: Timestamp,
    /// The present time, in the last part.
    at: Timestamp,
    /// The width of a part, in milliseconds.
    step_ms: u64,
    /// True if all counts of the window were read. Otherwise the newest are missing.
    complete: bool,
    /// The jobs or queues in which something ended, by name.
    lines: Vec<ThroughputLine>,
}

/// The executions of one job or queue that ended.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ThroughputLine {
    /// The job or the queue; `other` for those beyond the 500 that a process tells apart.
    name: String,
    /// The executions that succeeded.
    succeeded: u64,
    /// The executions that failed for good.
    failed: u64,
    /// The executions whose attempt was cancelled.
    cancelled: u64,
    /// The attempts without success that another attempt follows.
    retried: u64,
    /// The executions that ended in each part of time, oldest first.
    ended: Vec<u64>,
}

impl JobService {
    /// Counts the executions that ended in a window of time, by job or by queue.
    pub(crate) async fn throughput(
        &self,
        by: ThroughputBy,
        window: SeriesWindow,
    ) -> Result<Throughput, StoreError> {
        let at = self.now();
        let (width, since) = window.parts(at);
        let series = match by {
            ThroughputBy::Job => ENDED_BY_JOB,
            ThroughputBy::Queue => ENDED_BY_QUEUE,
        };
        let query = SeriesQuery {
            series: series.to_owned(),
            width_s: width.seconds,
            since,
            limit: MAX_ROWS,
        };
        let points = self.inner.store.points(query).await?;
        let complete = points.len() < MAX_ROWS;
        let mut sums = Sums::new(Duration::from_secs(width.seconds.into()), since, at);
        for (at, value) in points {
            // A value in the form of a newer program is left out.
            for (name, counts) in read::<EndCountsByName>(&value).unwrap_or_default() {
                sums.add(at, name, counts);
            }
        }
        Ok(Throughput {
            by,
            window,
            since,
            at,
            step_ms: u64::from(width.seconds) * 1_000,
            complete,
            lines: sums.into_lines(),
        })
    }
}

/// The sums of the points of all processes, by name.
struct Sums {
    step: Duration,
    since: Timestamp,
    parts: usize,
    by_name: BTreeMap<String, (EndCounts, Vec<u64>)>,
}

impl Sums {
    fn new(step: Duration, since: Timestamp, at: Timestamp) -> Self {
        let mut sums = Self {
            step,
            since,
            parts: 0,
            by_name: BTreeMap::new(),
        };
        sums.parts = sums.place(at) + 1;
        sums
    }

    /// Returns the number of the part of time with this moment.
    fn place(&self, at: Timestamp) -> usize {
        let place = at.since(self.since).as_secs() / self.step.as_secs().max(1);
        usize::try_from(place).unwrap_or(usize::MAX)
    }

    fn add(&mut self, at: Timestamp, name: String, counts: EndCounts) {
        let (place, parts) = (self.place(at), self.parts);
        let (sum, ended) = self.by_name.entry(name).or_default();
        sum.add(&counts);
        ended.resize(parts, 0);
        // A process whose clock is ahead may have written a later part.
        if let Some(ended) = ended.get_mut(place.min(parts - 1)) {
            *ended += counts.ended();
        }
    }

    fn into_lines(self) -> Vec<ThroughputLine> {
        let lines = self.by_name.into_iter();
        let lines = lines.map(|(name, (sum, ended))| ThroughputLine {
            name,
            succeeded: sum.succeeded,
            failed: sum.failed,
            cancelled: sum.cancelled,
            retried: sum.retried,
            ended,
        });
        lines.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_processes_are_added_by_part_of_time() {
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1_000);
        let ended = |succeeded, failed| EndCounts {
            succeeded,
            failed,
            retried: 1,
            ..EndCounts::default()
        };
        let mut sums = Sums::new(Duration::from_secs(60), at(600), at(730));
        sums.add(at(600), "b".to_owned(), ended(1, 0));
        sums.add(at(600), "b".to_owned(), ended(2, 1));
        sums.add(at(720), "b".to_owned(), ended(0, 1));
        sums.add(at(780), "a".to_owned(), ended(5, 0));
        let lines = sums.into_lines();
        let shown: Vec<_> = lines
            .iter()
            .map(|line| (&*line.name, line.succeeded, line.failed, &*line.ended))
            .collect();
        assert_eq!(
            shown,
            [("a", 5, 0, &[0, 0, 5][..]), ("b", 3, 2, &[4, 0, 1][..])]
        );
        assert_eq!(lines[1].retried, 3);
    }
}
