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
use super::series::{
    self, ALL_QUEUES, Counts, Depth, ENDED_BY_JOB, ENDED_BY_QUEUE, EndCountsByName, FLEET, MINUTE,
    QUARTER, Totals, Width,
};
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
    /// The counts at the last tick.
    last: Totals,
    slots: [Slot; 2],
}

/// The present part of time of one width.
struct Slot {
    width: Width,
    at: Option<Timestamp>,
    /// The counts at its beginning.
    base: Totals,
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
            base: Totals::default(),
            depths: BTreeMap::new(),
            written: BTreeMap::new(),
        };
        Self {
            metrics,
            store,
            clock,
            source,
            last: Totals::default(),
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
        if !points.is_empty() {
            self.store.put_points(points.clone()).await?;
        }
        // Counts that were not written belong to the next part of time.
        self.last = totals;
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
    fn advance(&mut self, now: Timestamp, last: &Totals) {
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
        totals: &Totals,
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
        let mut fleet = Counts::default();
        let mut by_job = EndCountsByName::new();
        for (id, total) in &totals.jobs {
            let counts = total.since(self.base.jobs.get(id));
            if counts.is_empty() {
                continue;
            }
            fleet.add(&counts);
            add(&series::of_job(id), source, json(&counts));
            if !counts.ends.is_empty() {
                by_job.insert(id.clone(), counts.ends);
            }
        }
        if !fleet.is_empty() {
            add(FLEET, source, json(&fleet));
        }
        let queues = totals.queues.iter();
        let queues = queues.map(|(name, total)| {
            let counts = total.since(self.base.queues.get(name));
            (name.clone(), counts)
        });
        let by_queue: EndCountsByName = queues.filter(|(_, counts)| !counts.is_empty()).collect();
        for (series, ended) in [(ENDED_BY_JOB, by_job), (ENDED_BY_QUEUE, by_queue)] {
            if !ended.is_empty() {
                add(series, source, json(&ended));
            }
        }
        for (series, depth) in depths {
            self.depths.entry(series.clone()).or_default().raise(*depth);
        }
        for (series, depth) in &self.depths {
            if !depth.is_empty() {
                // Every process has its own row: the peaks of one may be missing in another.
                add(series, source, json(depth));
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

    /// The sums of a series with a value for each name.
    async fn ended(store: &Arc<dyn Store>, series: &str, width: Width) -> EndCountsByName {
        let mut sums = EndCountsByName::new();
        for value in points(store, series, width).await {
            let ended: EndCountsByName = serde_json::from_str(&value).expect("counts are read");
            for (name, counts) in ended {
                sums.entry(name).or_default().add(&counts);
            }
        }
        sums
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
        let job = metrics.attempt(metrics.job("j"), "default");
        let took = Duration::from_millis(3);
        job.finished(AttemptOutcome::Succeeded, took, false);
        job.finished(AttemptOutcome::Failed, took, false);
        metrics
            .attempt(metrics.job("k"), "slow")
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
                let fleet = counts(&store, FLEET, width).await.ends;
                assert_eq!((fleet.succeeded, fleet.failed, fleet.retried), (1, 1, 1));
                let of_job = counts(&store, &series::of_job("j"), width).await;
                let ends = of_job.ends;
                assert_eq!((ends.succeeded, ends.failed, ends.retried), (1, 0, 1));
                let by_job = ended(&store, ENDED_BY_JOB, width).await;
                assert_eq!((by_job["j"], by_job["k"].failed), (ends, 1));
                let by_queue = ended(&store, ENDED_BY_QUEUE, width).await;
                assert_eq!((by_queue["default"], by_queue["slow"].failed), (ends, 1));
                assert!(of_job.duration.estimates().is_some());
            }
        }
        let depths = points(&store, &series::of_queue("default"), MINUTE).await;
        assert!(depths[0].contains("\"ready\":1"), "{depths:?}");
        job.finished(AttemptOutcome::Succeeded, took, false);
        recorder.record().await.expect("it is written");
        assert_eq!(counts(&store, FLEET, QUARTER).await.ends.succeeded, 2);
    }
}
