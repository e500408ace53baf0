//! Durations of many, in bounded memory.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;

/// Sub-divisions of each power of two: a value is told at most 1/32 too high.
const STEPS: u64 = 32;

/// Counts microseconds in buckets that grow with the value, as HDR histograms do.
#[derive(Debug)]
pub(crate) struct Histogram {
    buckets: Box<[AtomicU64]>,
    max: AtomicU64,
}

/// What is told of a histogram, in milliseconds.
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

/// Values up to `STEPS` have a bucket each, then each power of two has `STEPS` of them.
fn bucket(micros: u64) -> usize {
    let power = u64::from((micros | 1).ilog2().saturating_sub(STEPS.ilog2()));
    let place = power * STEPS + (micros >> power);
    usize::try_from(place).unwrap_or(usize::MAX)
}

/// The highest value of a bucket.
fn highest(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < 2 * STEPS {
        return bucket;
    }
    let power = bucket / STEPS - 1;
    // Of the last one the limit is beyond what there is.
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

    /// What was counted so far, which begins anew.
    pub(crate) fn take(&self) -> Self {
        let taken = Self::default();
        for (theirs, mine) in taken.buckets.iter().zip(&self.buckets) {
            theirs.store(mine.swap(0, Ordering::Relaxed), Ordering::Relaxed);
        }
        let max = self.max.swap(0, Ordering::Relaxed);
        taken.max.store(max, Ordering::Relaxed);
        taken
    }

    /// Takes in what another has counted.
    pub(crate) fn add(&self, other: &Self) {
        for (mine, theirs) in self.buckets.iter().zip(other.counts()) {
            mine.fetch_add(theirs, Ordering::Relaxed);
        }
        let max = other.max.load(Ordering::Relaxed);
        self.max.fetch_max(max, Ordering::Relaxed);
    }

    /// `None` if nothing was recorded.
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
    fn buckets_follow_each_other_and_are_narrow() {
        let mut last = 0;
        for micros in (0..100_000).chain([u64::from(u32::MAX), u64::MAX / 2, u64::MAX]) {
            let place = bucket(micros);
            assert!(place == last || place == last + 1 || micros >= 100_000);
            last = place;
            let top = highest(place);
            assert!(top >= micros && top - micros <= micros / STEPS, "{micros}");
        }
    }

    #[test]
    fn percentiles_are_those_of_what_was_recorded() {
        let histogram = Histogram::default();
        assert_eq!(histogram.percentiles(), None);
        for millis in 1..=1_000 {
            histogram.record(Duration::from_millis(millis));
        }
        let told = histogram.percentiles().unwrap();
        for (told, expected) in [(told.p50, 500.0), (told.p95, 950.0), (told.p99, 990.0)] {
            assert!(told >= expected && told < expected * 1.04, "{told}");
        }
        assert!((told.max - 1_000.0).abs() < f64::EPSILON);
    }
}
