//! A histogram of durations in bounded memory.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;

/// Buckets per power of two: a reported value is at most 1/32 too high.
const STEPS: u64 = 32;

/// Counts durations in microseconds, in buckets whose width grows with the value (HDR histogram).
#[derive(Debug)]
pub(crate) struct Histogram {
    buckets: Box<[AtomicU64]>,
    max: AtomicU64,
}

/// Percentiles of a histogram, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Percentiles {
    pub(crate) p50: f64,
    pub(crate) p95: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            buckets: (0..=bucket(u64::MAX)).map(|_| AtomicU64::new(0)).collect(),
            max: AtomicU64::new(0),
        }
    }
}

/// The index of the bucket for a value. Values up to `STEPS` have a bucket each; above, each power
/// of two has `STEPS` buckets.
fn bucket(micros: u64) -> usize {
    let power = u64::from((micros | 1).ilog2().saturating_sub(STEPS.ilog2()));
    let index = power * STEPS + (micros >> power);
    usize::try_from(index).unwrap_or(usize::MAX)
}

/// The highest value that falls into a bucket.
fn highest(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < 2 * STEPS {
        return bucket;
    }
    let power = bucket / STEPS - 1;
    // For the last bucket the shift overflows to 0, and the result wraps to `u64::MAX`.
    ((bucket - power * STEPS + 1) << power).wrapping_sub(1)
}

impl Histogram {
    pub(crate) fn record(&self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self.buckets[bucket(micros)].fetch_add(1, Ordering::Relaxed);
        self.max.fetch_max(micros, Ordering::Relaxed);
    }

    pub(crate) fn count(&self) -> u64 {
        self.counts().sum()
    }

    fn counts(&self) -> impl Iterator<Item = u64> {
        self.buckets.iter().map(|one| one.load(Ordering::Relaxed))
    }

    /// Moves all counts into a new histogram and resets this one.
    pub(crate) fn take(&self) -> Self {
        let taken = Self::default();
        for (target, source) in taken.buckets.iter().zip(&self.buckets) {
            target.store(source.swap(0, Ordering::Relaxed), Ordering::Relaxed);
        }
        let max = self.max.swap(0, Ordering::Relaxed);
        taken.max.store(max, Ordering::Relaxed);
        taken
    }

    /// Adds the counts of another histogram.
    pub(crate) fn add(&self, other: &Self) {
        for (bucket, count) in self.buckets.iter().zip(other.counts()) {
            bucket.fetch_add(count, Ordering::Relaxed);
        }
        let max = other.max.load(Ordering::Relaxed);
        self.max.fetch_max(max, Ordering::Relaxed);
    }

    /// `None` if the histogram is empty.
    pub(crate) fn percentiles(&self) -> Option<Percentiles> {
        let all = self.count();
        let max = self.max.load(Ordering::Relaxed);
        let at = |percent: u64| {
            let wanted = (all * percent).div_ceil(100);
            let mut seen = 0;
            let found = self.counts().position(|count| {
                seen += count;
                seen >= wanted
            });
            millis(found.map_or(max, |bucket| highest(bucket).min(max)))
        };
        (all > 0).then(|| Percentiles {
            p50: at(50),
            p95: at(95),
            p99: at(99),
            max: millis(max),
        })
    }
}

/// Microseconds as milliseconds.
fn millis(micros: u64) -> f64 {
    Duration::from_micros(micros).as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_contiguous_and_narrow() {
        let mut last = 0;
        for micros in (0..100_000).chain([u64::from(u32::MAX), u64::MAX / 2, u64::MAX]) {
            let index = bucket(micros);
            assert!(index == last || index == last + 1 || micros >= 100_000);
            last = index;
            let top = highest(index);
            assert!(top >= micros && top - micros <= micros / STEPS, "{micros}");
        }
    }

    #[test]
    fn percentiles_match_the_recorded_values() {
        let histogram = Histogram::default();
        assert_eq!(histogram.percentiles(), None);
        for millis in 1..=1_000 {
            histogram.record(Duration::from_millis(millis));
        }
        let found = histogram.percentiles().unwrap();
        for (found, expected) in [(found.p50, 500.0), (found.p95, 950.0), (found.p99, 990.0)] {
            assert!(found >= expected && found < expected * 1.04, "{found}");
        }
        assert!((found.max - 1_000.0).abs() < f64::EPSILON);
    }
}
