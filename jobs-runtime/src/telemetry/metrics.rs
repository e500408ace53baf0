//! The metrics of a process: instruments that the parts update, and gauges that a scrape reads.
//!
//! ```text
//! service ── enqueued ──────────▶┐
//! engine ─── started, ended ────▶│ instruments ─┐
//! scheduler ─ lag ──────────────▶│              ├─▶ families ─▶ text for Prometheus
//! MeteredStore ─ calls ─────────▶┘              │
//! store, /proc, health ─ Readings, at a scrape ─┘
//! ```
//!
//! An update is a few relaxed atomic additions. The instruments of a job are looked up once per
//! batch, and by the engine once at its start. Labels are bounded: beyond [`MAX_JOBS`] jobs or
//! [`MAX_QUEUES`] queues, the rest is counted under the label `other`.
//!
//! The folder may import the reference of the names, the store contract, the clock and `health`. It
//! must not import the parts that it measures: they update the instruments.

mod by_name;
pub(super) mod families;
mod instruments;
mod jobs;
mod process;
mod queues;
mod readings;
mod store_calls;
#[cfg(feature = "http")]
mod text;

use std::fmt;
use std::sync::Arc;

use ::jobs::Clock;
use tokio::sync::Mutex;

use crate::health::Health;
use crate::store::Store;
use crate::telemetry::reference;
use crate::telemetry::series::Totals;
use by_name::ByName;
use instruments::{Counter, Histogram};
use jobs::Jobs;
use queues::QueueMetrics;
use readings::CachedGauges;
use store_calls::{CallMetrics, StoreCalls};

#[cfg(feature = "otlp")]
pub(super) use families::Value;
pub(super) use instruments::BUCKETS;
pub(crate) use instruments::MirrorFactory;
pub(crate) use jobs::JobMetrics;
pub(crate) use queues::AttemptMetrics;
pub(crate) use readings::Readings;
pub(crate) use store_calls::MeteredStore;

/// The most job ids with values of their own.
const MAX_JOBS: usize = 500;

/// The most queues with values of their own.
const MAX_QUEUES: usize = 500;

/// The instruments of a process.
#[derive(Default)]
pub(crate) struct Metrics {
    jobs: Jobs,
    queues: ByName<QueueMetrics>,
    pub(crate) schedule_lag: Histogram,
    pub(crate) lease_losses: Counter,
    store_calls: StoreCalls,
    /// The slots for asynchronous and blocking attempts. Both are zero without a worker.
    pub(crate) slots: [Counter; 2],
    gauges: Mutex<CachedGauges>,
    mirrors: Option<MirrorFactory>,
}

impl Metrics {
    /// Creates the instruments. `mirrors` makes copies of the histograms.
    pub(crate) fn new(mirrors: Option<MirrorFactory>) -> Self {
        let schedule_lag = Histogram::new(&reference::SCHEDULE_LAG, &[], mirrors.as_ref());
        Self {
            schedule_lag,
            mirrors,
            ..Self::default()
        }
    }

    /// Returns the instruments of a job.
    pub(crate) fn job(&self, id: &str) -> Arc<JobMetrics> {
        self.jobs.get(id, self.mirrors.as_ref())
    }

    /// Returns the instruments of an attempt of a job in a queue.
    pub(crate) fn attempt(&self, job: Arc<JobMetrics>, queue: &str) -> AttemptMetrics {
        let queue = self
            .queues
            .get(queue, MAX_QUEUES, |_| QueueMetrics::default());
        AttemptMetrics { job, queue }
    }

    /// The counts of all jobs and queues since the start of the process.
    pub(crate) fn totals(&self) -> Totals {
        let jobs = self.jobs.all().into_iter();
        let queues = self.queues.all().into_iter();
        Totals {
            jobs: jobs.map(|(id, job)| (id, job.counts())).collect(),
            queues: queues.map(|(name, queue)| (name, queue.counts())).collect(),
        }
    }

    fn call(&self, method: &'static str) -> Arc<CallMetrics> {
        self.store_calls.get(method, self.mirrors.as_ref())
    }

    /// Reads what is no instrument. Asks the store for the gauges of the fleet, unless an answer is
    /// new enough. If the store does not answer in time, these gauges are missing.
    pub(crate) async fn read(
        &self,
        store: &Arc<dyn Store>,
        clock: &dyn Clock,
        health: &Health,
    ) -> Readings {
        Readings::take(&self.gauges, &**store, clock, health).await
    }

    /// Returns all metrics in the text format of Prometheus, version 0.0.4.
    #[cfg(feature = "http")]
    pub(crate) async fn text(
        &self,
        store: &Arc<dyn Store>,
        clock: &dyn Clock,
        health: &Health,
    ) -> String {
        let readings = self.read(store, clock, health).await;
        text::render(families::of(self, &readings))
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let jobs = self.jobs.all();
        f.debug_struct("Metrics")
            .field("jobs", &jobs.len())
            .finish_non_exhaustive()
    }
}
