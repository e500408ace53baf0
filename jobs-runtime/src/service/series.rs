//! Series for charts: the attempts that ended and the executions that waited, in each minute of the
//! last hour or each quarter of an hour of the last day.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::JobService;
use crate::store::{SeriesQuery, StoreError};
use crate::telemetry::series::{
    self, ALL_QUEUES, Counts, Depth, ENDED_BY_QUEUE, EndCountsByName, Estimates, FLEET, MINUTE,
    QUARTER, Width,
};
use crate::time::Timestamp;

/// The most rows that a call reads.
const MAX_ROWS: usize = 20_000;

/// The time that a chart shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SeriesWindow {
    /// The last hour, in minutes.
    #[default]
    Hour,
    /// The last day, in quarters of an hour.
    Day,
}

impl SeriesWindow {
    /// Returns the width of the parts that end at a time, and the beginning of the first.
    pub(super) fn parts(self, at: Timestamp) -> (Width, Timestamp) {
        let (width, length) = match self {
            Self::Hour => (MINUTE, Duration::from_secs(3_600)),
            Self::Day => (QUARTER, Duration::from_secs(86_400)),
        };
        let step = Duration::from_secs(width.seconds.into());
        (width, width.start_of(at.before(length)).after(step))
    }
}

/// The error of a word that names no window.
#[derive(Debug, thiserror::Error)]
#[error("must be hour or day")]
pub(crate) struct ParseWindowError;

impl FromStr for SeriesWindow {
    type Err = ParseWindowError;

    fn from_str(word: &str) -> Result<Self, ParseWindowError> {
        match word {
            "hour" => Ok(Self::Hour),
            "day" => Ok(Self::Day),
            _ => Err(ParseWindowError),
        }
    }
}

/// The subject of a series.
#[derive(Clone, Debug)]
pub(crate) enum SeriesOf {
    Fleet,
    Job(String),
    Queue(String),
}

/// A series of points in time.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Series {
    window: SeriesWindow,
    /// The beginning of the first part of time.
    since: Timestamp,
    /// The present time, in the last part.
    at: Timestamp,
    /// The width of a part, in milliseconds.
    step_ms: u64,
    /// The parts in which something happened, oldest first.
    points: Vec<Point>,
}

/// A part of time.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Point {
    /// Its beginning.
    at: Timestamp,
    /// The executions that succeeded.
    succeeded: u64,
    /// The executions that failed for good.
    failed: u64,
    /// The executions whose attempt was cancelled.
    cancelled: u64,
    /// The attempts without success that another attempt follows.
    retried: u64,
    /// The times from due to start.
    wait_ms: Option<Estimates>,
    /// The durations of the attempts.
    duration_ms: Option<Estimates>,
    /// The most executions that were ready at once.
    ready: u64,
    /// The most executions that limits blocked at once.
    blocked: u64,
    /// The most attempts that ran at once.
    running: u64,
    /// The longest time for which the oldest ready execution had waited, in milliseconds.
    oldest_ms: u64,
}

impl JobService {
    /// Reads a series.
    pub(crate) async fn series(
        &self,
        of: SeriesOf,
        window: SeriesWindow,
    ) -> Result<Series, StoreError> {
        let at = self.now();
        let (width, since) = window.parts(at);
        let query = |series: String| SeriesQuery {
            series,
            width_s: width.seconds,
            since,
            limit: MAX_ROWS,
        };
        let (counts, depths) = match &of {
            SeriesOf::Fleet => (FLEET.to_owned(), Some(ALL_QUEUES.to_owned())),
            SeriesOf::Job(id) => (series::of_job(id), None),
            SeriesOf::Queue(queue) => (ENDED_BY_QUEUE.to_owned(), Some(series::of_queue(queue))),
        };
        let mut points = BTreeMap::<Timestamp, (Counts, Depth)>::new();
        for (at, value) in self.inner.store.points(query(counts)).await? {
            if let Some(counts) = of.counts(&value) {
                points.entry(at).or_default().0.add(&counts);
            }
        }
        if let Some(series) = depths {
            for (at, value) in self.inner.store.points(query(series)).await? {
                if let Some(depth) = read(&value) {
                    points.entry(at).or_default().1.raise(depth);
                }
            }
        }
        let points = points.into_iter();
        Ok(Series {
            window,
            since,
            at,
            step_ms: u64::from(width.seconds) * 1_000,
            points: points
                .map(|(at, (counts, depth))| Point::new(at, &counts, depth))
                .collect(),
        })
    }
}

impl SeriesOf {
    /// Reads the counts of its subject from a value of its series.
    fn counts(&self, value: &str) -> Option<Counts> {
        let Self::Queue(queue) = self else {
            return read(value);
        };
        let ends = read::<EndCountsByName>(value)?.remove(queue)?;
        Some(Counts {
            ends,
            ..Counts::default()
        })
    }
}

/// Reads a value; `None` if a newer program wrote another form.
pub(super) fn read<T: DeserializeOwned>(value: &str) -> Option<T> {
    serde_json::from_str(value).ok()
}

impl Point {
    fn new(at: Timestamp, counts: &Counts, depth: Depth) -> Self {
        Self {
            at,
            succeeded: counts.ends.succeeded,
            failed: counts.ends.failed,
            cancelled: counts.ends.cancelled,
            retried: counts.ends.retried,
            wait_ms: counts.wait.estimates(),
            duration_ms: counts.duration.estimates(),
            ready: depth.ready,
            blocked: depth.blocked,
            running: depth.running,
            oldest_ms: depth.oldest_ms,
        }
    }
}
