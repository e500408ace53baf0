//! Counters and histograms that are made of atomics.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::telemetry::reference::MetricDoc;

/// A function that also records the values of a histogram elsewhere.
pub(crate) type Mirror = Box<dyn Fn(Duration) + Send + Sync>;

/// Makes the mirror of a histogram from its metric and the values of its labels.
pub(crate) type MirrorFactory = Arc<dyn Fn(&'static MetricDoc, &[&str]) -> Mirror + Send + Sync>;

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn increment(&self) {
        self.add(1);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The upper bounds of the buckets in microseconds: half a millisecond to an hour. One more bucket
/// takes the rest.
pub(crate) const BUCKETS: [u64; 19] = [
    500,
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    30_000_000,
    60_000_000,
    300_000_000,
    1_800_000_000,
    3_600_000_000,
];

/// A distribution of durations.
#[derive(Default)]
pub(crate) struct Histogram {
    buckets: [AtomicU64; BUCKETS.len() + 1],
    sum_micros: AtomicU64,
    mirror: Option<Mirror>,
}

/// The contents of a [`Histogram`] at one moment.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Distribution {
    /// The upper bound of each bucket in seconds, and the number of values in this bucket alone.
    pub(super) buckets: Vec<(f64, u64)>,
    pub(super) sum: f64,
    pub(super) count: u64,
}

impl Histogram {
    pub(super) fn new(
        doc: &'static MetricDoc,
        labels: &[&str],
        mirrors: Option<&MirrorFactory>,
    ) -> Self {
        Self {
            mirror: mirrors.map(|mirror| mirror(doc, labels)),
            ..Self::default()
        }
    }

    pub(crate) fn observe(&self, value: Duration) {
        let micros = u64::try_from(value.as_micros()).unwrap_or(u64::MAX / 2);
        let bucket = BUCKETS.partition_point(|bound| *bound < micros);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum_micros.fetch_add(micros, Ordering::Relaxed);
        if let Some(mirror) = &self.mirror {
            mirror(value);
        }
    }

    /// The counts of the buckets.
    pub(super) fn counts(&self) -> [u64; BUCKETS.len() + 1] {
        std::array::from_fn(|bucket| self.buckets[bucket].load(Ordering::Relaxed))
    }

    pub(super) fn read(&self) -> Distribution {
        let bounds = BUCKETS.iter().map(|micros| seconds(*micros));
        let counts = self.buckets.iter().map(|it| it.load(Ordering::Relaxed));
        let buckets: Vec<_> = bounds.chain([f64::INFINITY]).zip(counts).collect();
        Distribution {
            count: buckets.iter().map(|(_, count)| count).sum(),
            sum: seconds(self.sum_micros.load(Ordering::Relaxed)),
            buckets,
        }
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Histogram").field(&self.read()).finish()
    }
}

#[expect(clippy::cast_precision_loss, reason = "a metric needs no more")]
fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_counted_in_the_first_bucket_that_holds_it() {
        let histogram = Histogram::default();
        for millis in [0, 1, 1, 2, 10_000_000] {
            histogram.observe(Duration::from_millis(millis));
        }
        let read = histogram.read();
        let filled: Vec<_> = read.buckets.iter().filter(|(_, n)| *n > 0).collect();
        assert_eq!(filled.len(), 4, "{filled:?}");
        assert_eq!(*filled[0], (0.0005, 1));
        assert_eq!(*filled[1], (0.001, 2));
        assert_eq!(*filled[2], (0.0025, 1));
        assert_eq!(*filled[3], (f64::INFINITY, 1));
        assert_eq!((read.count, read.sum), (5, 10_000.004));
    }
}
