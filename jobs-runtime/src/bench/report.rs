//! What is told of a scenario.

use serde::Serialize;

use super::histogram::{Histogram, Percentiles};
use super::meter::Usage;
use super::plan::{Plan, Scenario};
use super::spread::{Spread, median};
use crate::store::StoreDescription;

/// What one trial came to.
#[derive(Debug)]
pub(crate) struct Trial {
    pub(crate) executions: u64,
    pub(crate) usage: Usage,
    /// Empty where nothing is timed one by one.
    pub(crate) latency: Histogram,
    /// Pages of the feed; likewise.
    pub(crate) feed: Histogram,
    /// Of this process, at the end.
    pub(crate) resident_bytes: Option<u64>,
    pub(crate) wake_ups: Option<u64>,
    /// Of a soak, its parts.
    pub(crate) course: Vec<Stretch>,
}

/// A part of a soak.
#[derive(Debug)]
pub(crate) struct Stretch {
    pub(crate) latency: Histogram,
    /// At its end; likewise the rest.
    pub(crate) resident_bytes: Option<u64>,
    pub(crate) dead_tuples: Option<u64>,
}

/// What is told of it.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StretchReport {
    pub(crate) latency_ms: Option<Percentiles>,
    pub(crate) resident_megabytes: Option<f64>,
    pub(crate) dead_tuples: Option<u64>,
}

impl Stretch {
    fn report(&self) -> StretchReport {
        StretchReport {
            latency_ms: self.latency.percentiles(),
            resident_megabytes: self.resident_bytes.map(megabytes),
            dead_tuples: self.dead_tuples,
        }
    }
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

impl Trial {
    /// Nothing but what a meter has seen.
    pub(crate) fn new(executions: u64, usage: Usage) -> Self {
        Self {
            executions,
            usage,
            latency: Histogram::default(),
            feed: Histogram::default(),
            resident_bytes: super::meter::resident_bytes(),
            wake_ups: None,
            course: Vec::new(),
        }
    }

    pub(crate) fn per_second(&self) -> f64 {
        self.executions as f64 / self.usage.elapsed.as_secs_f64()
    }

    fn per_execution(&self, count: u64) -> Option<f64> {
        (self.executions > 0).then(|| count as f64 / self.executions as f64)
    }
}

/// What was measured, for people and machines. What a scenario or store does not have is `null`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    pub(crate) scenario: Scenario,
    pub(crate) store: &'static str,
    pub(crate) durability: String,
    pub(crate) executions: u64,
    pub(crate) concurrency: usize,
    pub(crate) callers: usize,
    pub(crate) runs: usize,
    /// Executions a second.
    pub(crate) rate_per_second: Option<Spread>,
    pub(crate) latency_ms: Option<Percentiles>,
    /// Pages of the feed.
    pub(crate) feed_ms: Option<Percentiles>,
    /// The same work without what the scenario is about.
    pub(crate) baseline_per_second: Option<Spread>,
    /// Each trial by the baseline beside it: 1 costs nothing, 0.5 twice the time.
    pub(crate) ratio_to_baseline: Option<Spread>,
    /// Of this process.
    pub(crate) cpu_micros_per_execution: Option<f64>,
    pub(crate) round_trips_per_execution: Option<f64>,
    pub(crate) commits_per_execution: Option<f64>,
    pub(crate) wal_bytes_per_execution: Option<f64>,
    pub(crate) dead_tuples: Option<f64>,
    pub(crate) resident_megabytes: Option<f64>,
    /// Of all threads of this process.
    pub(crate) wake_ups_per_minute: Option<f64>,
    /// Of one core.
    pub(crate) cpu_percent: Option<f64>,
    /// Of a soak: one part after the other.
    pub(crate) course: Option<Vec<StretchReport>>,
}

impl Report {
    /// Of trials, and of as many baselines or none.
    pub(crate) fn new(
        plan: &Plan,
        store: StoreDescription,
        trials: &[Trial],
        baselines: &[Trial],
    ) -> Self {
        let (latency, feed) = (Histogram::default(), Histogram::default());
        for trial in trials {
            latency.add(&trial.latency);
            feed.add(&trial.feed);
        }
        let rates = |trials: &[Trial]| Spread::of(trials.iter().map(Trial::per_second));
        let per_execution = |count: &dyn Fn(&Usage) -> Option<u64>| {
            let each = |trial: &Trial| trial.per_execution(count(&trial.usage)?);
            median(trials.iter().map(each))
        };
        let counted = plan.executions() > 0;
        let idle = !counted;
        let pairs = trials.iter().zip(baselines);
        let course = trials.iter().flat_map(|trial| &trial.course);
        let course: Vec<_> = course.map(Stretch::report).collect();
        Self {
            course: (!course.is_empty()).then_some(course),
            scenario: plan.scenario,
            store: store.kind,
            durability: store.durability,
            executions: match plan.scenario {
                // It has found out itself how many that were.
                Scenario::Soak => trials.iter().map(|trial| trial.executions).sum(),
                _ => plan.executions(),
            },
            concurrency: plan.concurrency,
            callers: plan.callers(),
            runs: trials.len(),
            rate_per_second: rates(trials).filter(|_| counted),
            latency_ms: latency.percentiles(),
            feed_ms: feed.percentiles(),
            baseline_per_second: rates(baselines),
            ratio_to_baseline: Spread::of(
                pairs.map(|(trial, beside)| trial.per_second() / beside.per_second()),
            ),
            cpu_micros_per_execution: per_execution(&|usage| {
                u64::try_from(usage.cpu.as_micros()).ok()
            }),
            round_trips_per_execution: per_execution(&|usage| Some(usage.round_trips)),
            commits_per_execution: per_execution(&|usage| Some(usage.commits)),
            wal_bytes_per_execution: per_execution(&|usage| usage.wal_bytes),
            dead_tuples: median(trials.iter().map(|t| Some(t.usage.dead_tuples? as f64))),
            resident_megabytes: median(trials.iter().map(|t| t.resident_bytes.map(megabytes))),
            wake_ups_per_minute: median(trials.iter().map(|trial| {
                Some(trial.wake_ups? as f64 * 60.0 / trial.usage.elapsed.as_secs_f64())
            })),
            cpu_percent: median(trials.iter().map(|trial| {
                let share = trial.usage.cpu.as_secs_f64() / trial.usage.elapsed.as_secs_f64();
                idle.then_some(share * 100.0)
            })),
        }
    }
}
