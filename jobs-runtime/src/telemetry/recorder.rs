//! The recorder: writes the counts of this process to the store, for charts.
//!
//! It runs in every process that executes jobs or serves HTTP. Every [`TICK`] it compares the
//! instruments with their values at the beginning of the minute and of the quarter of an hour, and
//! writes the rows that have changed. An idle fleet writes nothing. A process that is killed loses
//! its counts since the last tick. Under a virtual clock no recorder runs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jobs::Clock;
use serde::Serialize;

use super::metrics::Metrics;
use super::series::{self, ALL_QUEUES, Counts, Depth, FLEET, MINUTE, QUARTER, Width};
use crate::background_loop::BackgroundLoop;
use crate::clock::timestamp;
use crate::store::{SeriesPoint, Store, StoreError, StoreGauges};
use crate::time::Timestamp;

/// The interval between two writes. A count may be shown in the part of time after its own if it
/// happened less than this before the end.
const TICK: Duration = Duration::from_secs(15);

/// The longest time that the last write delays the end of a process.
const LAST_WRITE: Duration = Duration::from_secs(2);

/// The most queues whose depth is written.
const MAX_QUEUES: usize = 200;

/// Writes the series of one process.
pub(crate) struct Recorder {
    metrics: Arc<Metrics>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// A name that no other process has.
    source: String,
    /// The counts at the last tick, by series.
    last: BTreeMap<String, Counts>,
    slots: [Slot; 2],
}

/// The present part of time of one width.
struct Slot {
    width: Width,
    at: Option<Timestamp>,
    /// The counts at its beginning.
    base: BTreeMap<String, Counts>,
    /// The highest depths since its beginning, by series.
    depths: BTreeMap<String, Depth>,
    /// The values that the store has.
    written: BTreeMap<String, String>,
}

impl Recorder {
    pub(crate) fn new(
        metrics: Arc<Metrics>,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        source: String,
    ) -> Self {
        let slot = |width| Slot {
            width,
            at: None,
            base: BTreeMap::new(),
            depths: BTreeMap::new(),
            written: BTreeMap::new(),
        };
        Self {
            metrics,
            store,
            clock,
            source,
            last: BTreeMap::new(),
            slots: [slot(MINUTE), slot(QUARTER)],
        }
    }

    /// Starts the loop on the tokio runtime of the caller; `None` under a virtual clock. The loop
    /// writes for the last time after a stop.
    pub(crate) fn start(mut self) -> Option<BackgroundLoop> {
        let clock = Arc::clone(&self.clock);
        if clock.hold().is_needed() {
            return None;
        }
        let recording = BackgroundLoop::start_with(&clock, |stop_requested| async move {
            tokio::select! {
                () = stop_requested => {}
                () = self.record_forever() => {}
            }
            let clock = Arc::clone(&self.clock);
            tokio::select! {
                () = self.record_or_log() => {}
                () = clock.sleep(LAST_WRITE) => {}
            }
        });
        Some(recording)
    }

    async fn record_forever(&mut self) {
        loop {
            self.clock.sleep(TICK).await;
            self.record_or_log().await;
        }
    }

    async fn record_or_log(&mut self) {
        if let Err(error) = self.record().await {
            tracing::debug!(%error, "cannot write the counts for charts; they are written later");
        }
    }

    /// Writes the changed points. After an error, the next call writes it.
    pub(crate) async fn record(&mut self) -> Result<(), StoreError> {
        let gauges = self.store.gauges().await?;
        let now = timestamp(&*self.clock);
        let depths = depths(&gauges, now);
        let totals = self.metrics.totals();
        let mut points = Vec::new();
        for slot in &mut self.slots {
            slot.advance(now, &self.last);
            points.extend(slot.changed(&totals, &depths, &self.source));
        }
        self.last = totals;
        if points.is_empty() {
            return Ok(());
        }
        self.store.put_points(points.clone()).await?;
        for point in points {
            let mut slots = self.slots.iter_mut();
            if let Some(slot) = slots.find(|slot| slot.width.seconds == point.width_s) {
                slot.written.insert(point.series, point.value);
            }
        }
        Ok(())
    }
}

impl Slot {
    /// Begins a new part of time, if the present one is over.
    fn advance(&mut self, now: Timestamp, last: &BTreeMap<String, Counts>) {
        let at = self.width.start_of(now);
        if self.at != Some(at) {
            self.at = Some(at);
            self.base.clone_from(last);
            self.depths.clear();
            self.written.clear();
        }
    }

    /// The points whose value the store does not have, in the order of series.
    fn changed(
        &mut self,
        totals: &BTreeMap<String, Counts>,
        depths: &BTreeMap<String, Depth>,
        source: &str,
    ) -> Vec<SeriesPoint> {
        let Some(at) = self.at else {
            return Vec::new();
        };
        let mut points = Vec::new();
        let mut add = |series: &str, source: &str, value: String| {
            if self.written.get(series) != Some(&value) {
                points.push(SeriesPoint {
                    series: series.to_owned(),
                    width_s: self.width.seconds,
                    at,
                    source: source.to_owned(),
                    expires_at: at.after(self.width.kept),
                    value,
                });
            }
        };
        for (series, total) in totals {
            let counts = total.since(self.base.get(series));
            if !counts.is_empty() {
                add(series, source, json(&counts));
            }
        }
        for (series, depth) in depths {
            self.depths.entry(series.clone()).or_default().raise(*depth);
        }
        for (series, depth) in &self.depths {
            if !depth.is_empty() {
                // All processes see the same queues, so they write the same row.
                add(series, "", json(depth));
            }
        }
        points.sort_by(|one, other| one.series.cmp(&other.series));
        points
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// The depth of each queue and of all together.
fn depths(gauges: &StoreGauges, now: Timestamp) -> BTreeMap<String, Depth> {
    let mut all = Depth::default();
    let mut depths = BTreeMap::new();
    for queue in &gauges.queues {
        let record = &queue.record;
        let oldest = queue.ready_since.map(|since| now.since(since).as_millis());
        let depth = Depth {
            ready: record.ready,
            blocked: record.blocked,
            running: record.running,
            oldest_ms: u64::try_from(oldest.unwrap_or_default()).unwrap_or(u64::MAX),
        };
        all.add(depth);
        if depths.len() < MAX_QUEUES {
            depths.insert(series::of_queue(&record.queue), depth);
        }
    }
    depths.insert(ALL_QUEUES.to_owned(), all);
    depths
}

/// The counts of all jobs since the start of the process, by series, and those of the fleet.
pub(super) fn with_fleet(jobs: impl Iterator<Item = (String, Counts)>) -> BTreeMap<String, Counts> {
    let mut fleet = Counts::default();
    let mut totals = BTreeMap::new();
    for (id, counts) in jobs {
        fleet.add(&counts);
        totals.insert(series::of_job(&id), counts);
    }
    totals.insert(FLEET.to_owned(), fleet);
    totals
}

#[cfg(test)]
mod tests {
    use jobs::AttemptOutcome;

    use super::*;
    use crate::SystemClock;
    use crate::store::{NewExecution, SeriesQuery, open};

    async fn points(store: &Arc<dyn Store>, series: &str, width: Width) -> Vec<String> {
        let query = SeriesQuery {
            series: series.to_owned(),
            width_s: width.seconds,
            since: Timestamp::from_millis(0),
            limit: 99,
        };
        let points = store.points(query).await.expect("points are read");
        points.into_iter().map(|(_, value)| value).collect()
    }

    /// The sum of the points: a test may run across the end of a part of time.
    async fn counts(store: &Arc<dyn Store>, series: &str, width: Width) -> Counts {
        let mut sum = Counts::default();
        for value in points(store, series, width).await {
            sum.add(&serde_json::from_str(&value).expect("counts are read"));
        }
        sum
    }

    #[tokio::test]
    async fn counts_and_depths_are_written_once_they_change() {
        let url = "sqlite::memory:".parse().expect("a URL");
        let store = open(&url).await.expect("a store");
        store.migrate().await.expect("a layout");
        let metrics = Arc::new(Metrics::default());
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let now = timestamp(&*clock);
        let (shared, name) = (Arc::clone(&store), "me".to_owned());
        let mut recorder = Recorder::new(Arc::clone(&metrics), shared, clock, name);
        recorder.record().await.expect("nothing is written");
        for width in [MINUTE, QUARTER] {
            assert!(points(&store, FLEET, width).await.is_empty());
            assert!(points(&store, ALL_QUEUES, width).await.is_empty());
        }
        let job = metrics.job("j");
        let took = Duration::from_millis(3);
        job.finished(AttemptOutcome::Succeeded, took, false);
        job.finished(AttemptOutcome::Failed, took, false);
        metrics
            .job("k")
            .finished(AttemptOutcome::TimedOut, took, true);
        let new = NewExecution::new(
            crate::Entropy::default().execution_id(&*recorder.clock),
            "j",
            now,
        );
        store.enqueue(vec![new]).await.expect("it is enqueued");
        for _ in 0..2 {
            recorder.record().await.expect("it is written");
            for width in [MINUTE, QUARTER] {
                let fleet = counts(&store, FLEET, width).await;
                assert_eq!((fleet.succeeded, fleet.failed, fleet.retried), (1, 1, 1));
                let of_job = counts(&store, &series::of_job("j"), width).await;
                assert_eq!((of_job.succeeded, of_job.failed, of_job.retried), (1, 0, 1));
                assert!(of_job.duration.estimates().is_some());
            }
        }
        let depths = points(&store, &series::of_queue("default"), MINUTE).await;
        assert!(depths[0].contains("\"ready\":1"), "{depths:?}");
        job.finished(AttemptOutcome::Succeeded, took, false);
        recorder.record().await.expect("it is written");
        assert_eq!(counts(&store, FLEET, QUARTER).await.succeeded, 2);
    }
}
