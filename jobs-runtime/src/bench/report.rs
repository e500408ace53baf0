//! Results of trials, and the report of a scenario.

use serde::Serialize;

use super::config::{BenchConfig, Scenario};
use super::histogram::{Histogram, Percentiles};
use super::meter::Usage;
use super::summary::{Summary, median};
use crate::store::StoreDescription;

/// The result of one trial.
#[derive(Debug)]
pub(crate) struct Trial {
    pub(crate) executions: u64,
    pub(crate) usage: Usage,
    /// Latency of single calls or executions; empty if the scenario measures none.
    pub(crate) latency: Histogram,
    /// Latency of a page of the list of executions; empty if the scenario reads none.
    pub(crate) list_latency: Histogram,
    /// Resident memory of this process at the end of the trial.
    pub(crate) resident_bytes: Option<u64>,
    pub(crate) wake_ups: Option<u64>,
    /// The executions that retention has archived and deleted meanwhile.
    pub(crate) pruned: Option<u64>,
    /// The parts of a soak; empty for other scenarios.
    pub(crate) parts: Vec<SoakPart>,
}

/// The result of one part of a soak.
#[derive(Debug)]
pub(crate) struct SoakPart {
    pub(crate) latency: Histogram,
    /// Resident memory at the end of the part.
    pub(crate) resident_bytes: Option<u64>,
    /// Dead tuples at the end of the part.
    pub(crate) dead_tuples: Option<u64>,
}

/// One part of a soak in the report.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SoakPartReport {
    pub(crate) latency_ms: Option<Percentiles>,
    pub(crate) resident_megabytes: Option<f64>,
    pub(crate) dead_tuples: Option<u64>,
}

impl SoakPart {
    fn report(&self) -> SoakPartReport {
        SoakPartReport {
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
    /// A trial with the usage of its meter, and without latencies.
    pub(crate) fn new(executions: u64, usage: Usage) -> Self {
        Self {
            executions,
            usage,
            latency: Histogram::default(),
            list_latency: Histogram::default(),
            resident_bytes: super::meter::resident_bytes(),
            wake_ups: None,
            pruned: None,
            parts: Vec::new(),
        }
    }

    pub(crate) fn per_second(&self) -> f64 {
        self.executions as f64 / self.usage.elapsed.as_secs_f64()
    }

    fn per_execution(&self, count: u64) -> Option<f64> {
        (self.executions > 0).then(|| count as f64 / self.executions as f64)
    }
}

/// The report of a scenario. A figure that the scenario or store does not have is `null`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BenchReport {
    pub(crate) scenario: Scenario,
    pub(crate) store: &'static str,
    pub(crate) durability: String,
    pub(crate) executions: u64,
    pub(crate) concurrency: usize,
    pub(crate) callers: usize,
    pub(crate) runs: usize,
    /// Executions per second.
    pub(crate) rate_per_second: Option<Summary>,
    pub(crate) latency_ms: Option<Percentiles>,
    /// Latency of a page of the list of executions.
    #[serde(rename = "feedMs")]
    pub(crate) list_ms: Option<Percentiles>,
    /// Executions per second of the baseline: the same work without the scenario's condition.
    pub(crate) baseline_per_second: Option<Summary>,
    /// The rate of each trial divided by that of its baseline: 0.5 takes twice the time.
    pub(crate) ratio_to_baseline: Option<Summary>,
    /// Executions per second that retention has archived and deleted beside the work.
    pub(crate) pruned_per_second: Option<Summary>,
    /// CPU time of this process, without a database server.
    pub(crate) cpu_micros_per_execution: Option<f64>,
    pub(crate) round_trips_per_execution: Option<f64>,
    pub(crate) commits_per_execution: Option<f64>,
    pub(crate) wal_bytes_per_execution: Option<f64>,
    pub(crate) dead_tuples: Option<f64>,
    pub(crate) resident_megabytes: Option<f64>,
    /// Voluntary context switches of all threads of this process.
    pub(crate) wake_ups_per_minute: Option<f64>,
    /// CPU time in percent of one core.
    pub(crate) cpu_percent: Option<f64>,
    /// The parts of a soak in their order.
    #[serde(rename = "course")]
    pub(crate) parts: Option<Vec<SoakPartReport>>,
}

impl BenchReport {
    /// Summarises the trials and their baselines. There is one baseline per trial, or none at all.
    pub(crate) fn new(
        config: &BenchConfig,
        store: StoreDescription,
        trials: &[Trial],
        baselines: &[Trial],
    ) -> Self {
        let (latency, list_latency) = (Histogram::default(), Histogram::default());
        for trial in trials {
            latency.add(&trial.latency);
            list_latency.add(&trial.list_latency);
        }
        let rates = |trials: &[Trial]| Summary::of(trials.iter().map(Trial::per_second));
        let per_execution = |count: &dyn Fn(&Usage) -> Option<u64>| {
            let each = |trial: &Trial| trial.per_execution(count(&trial.usage)?);
            median(trials.iter().map(each))
        };
        let counted = config.executions() > 0;
        let idle = !counted;
        let pairs = trials.iter().zip(baselines);
        let parts = trials.iter().flat_map(|trial| &trial.parts);
        let parts: Vec<_> = parts.map(SoakPart::report).collect();
        Self {
            parts: (!parts.is_empty()).then_some(parts),
            scenario: config.scenario,
            store: store.kind,
            durability: store.durability,
            executions: match config.scenario {
                // A soak chooses its number of executions itself.
                Scenario::Soak => trials.iter().map(|trial| trial.executions).sum(),
                _ => config.executions(),
            },
            concurrency: config.concurrency,
            callers: config.callers(),
            runs: trials.len(),
            rate_per_second: rates(trials).filter(|_| counted),
            latency_ms: latency.percentiles(),
            list_ms: list_latency.percentiles(),
            baseline_per_second: rates(baselines),
            ratio_to_baseline: Summary::of(
                pairs.map(|(trial, baseline)| trial.per_second() / baseline.per_second()),
            ),
            pruned_per_second: Summary::of(trials.iter().filter_map(|trial| {
                Some(trial.pruned? as f64 / trial.usage.elapsed.as_secs_f64())
            })),
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
