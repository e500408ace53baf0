//! The scenarios, and the order of their trials.
//!
//! A scenario may import the rest of `bench`, the store contract and the clock. It must not import
//! the engine or a particular store: it measures them through the runtime.

mod bulk;
mod drain;
mod enqueue;
mod http;
mod idle;
mod latency;
#[cfg(feature = "archive")]
mod pruned;
mod soak;

use std::time::Duration;

use super::config::{BenchConfig, Scenario};
use super::error::BenchError;
use super::load::Workload;
use super::report::{BenchReport, Trial};
use super::scratch_store::ScratchStore;
use drain::Interference;

/// Measures a scenario. `on_progress` receives a line after each run.
pub(crate) async fn run(
    config: &BenchConfig,
    on_progress: impl Fn(&str),
) -> Result<BenchReport, BenchError> {
    let runner = Runner::prepare(config).await?;
    let report = runner.run_trials(config, on_progress).await;
    // The stores are removed also after a failure.
    let removed = runner.clean_up().await;
    let report = report?;
    removed?;
    Ok(report)
}

/// Runs the trials of a scenario, and owns the store that they share.
struct Runner {
    /// The store with history of `retained` and `pruned`: seeding takes longer than a trial.
    with_history: Option<ScratchStore>,
}

/// The two kinds of trials that a report compares.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TrialKind {
    Measured,
    Baseline,
}

impl Runner {
    async fn prepare(config: &BenchConfig) -> Result<Self, BenchError> {
        let with_history = match config.scenario {
            Scenario::Retained => Some(drain::retained_store(config, Duration::ZERO).await?),
            #[cfg(feature = "archive")]
            Scenario::Pruned => Some(drain::retained_store(config, pruned::AGE).await?),
            _ => None,
        };
        Ok(Self { with_history })
    }

    async fn clean_up(self) -> Result<(), BenchError> {
        match self.with_history {
            Some(store) => store.remove().await,
            None => Ok(()),
        }
    }

    async fn run_trials(
        &self,
        config: &BenchConfig,
        on_progress: impl Fn(&str),
    ) -> Result<BenchReport, BenchError> {
        let runs = match config.scenario {
            // A soak measures the drain rate first, which warms it up.
            Scenario::Soak => 1,
            _ => {
                let warm_up = BenchConfig {
                    executions: Some(config.executions() / 10),
                    ..config.clone()
                };
                self.trial(&warm_up, TrialKind::Measured).await?;
                config.runs
            }
        };
        let (mut trials, mut baselines) = (Vec::new(), Vec::new());
        for run in 0..runs {
            let mut order = [TrialKind::Measured, TrialKind::Baseline];
            // The order alternates, because the first trial of a pair may influence the second.
            order.rotate_left(run % 2);
            for kind in order {
                match kind {
                    TrialKind::Measured => trials.push(self.trial(config, kind).await?),
                    TrialKind::Baseline if config.scenario.has_baseline() => {
                        baselines.push(self.trial(config, kind).await?);
                    }
                    TrialKind::Baseline => {}
                }
            }
            on_progress(&format!("run {} of {runs}", run + 1));
        }
        let scratch = ScratchStore::new(&config.database);
        let description = scratch.open().await?.describe();
        scratch.remove().await?;
        Ok(BenchReport::new(config, description, &trials, &baselines))
    }

    async fn trial(&self, config: &BenchConfig, kind: TrialKind) -> Result<Trial, BenchError> {
        let measured = kind == TrialKind::Measured;
        #[cfg(feature = "archive")]
        if let (Scenario::Pruned, Some(store)) = (config.scenario, &self.with_history) {
            return pruned::trial(store, config, measured).await;
        }
        if let (true, Some(store)) = (measured, &self.with_history) {
            return drain::drain_retained(store, config).await;
        }
        let scratch = ScratchStore::new(&config.database);
        let drain = async |workload, interference| {
            drain::trial(&scratch, config, workload, interference).await
        };
        let trial = match config.scenario {
            Scenario::EnqueueBatch => enqueue::batches(&scratch, config).await,
            Scenario::EnqueueSingle => enqueue::singles(&scratch, config).await,
            Scenario::Mixed => enqueue::mixed(&scratch, config).await,
            Scenario::Steady => latency::steady(&scratch, config).await,
            Scenario::Soak => soak::trial(&scratch, config).await,
            Scenario::Latency => latency::idle_pickup(&scratch, config).await,
            Scenario::Bulk => bulk::trial(&scratch, config, measured).await,
            Scenario::Http => http::triggers(&scratch, config, measured).await,
            Scenario::Idle => idle::trial(&scratch, config).await,
            Scenario::Limits if measured => {
                let workload = Workload::Limited(config.limit, config.keys);
                drain(workload, Interference::None).await
            }
            Scenario::Keyed if measured => {
                drain(Workload::Keyed(config.keys), Interference::None).await
            }
            Scenario::Blocked if measured => {
                drain(Workload::Plain, Interference::BlockedExecutions).await
            }
            Scenario::Pinned if measured => drain(Workload::Plain, Interference::OldSnapshot).await,
            _ => drain(Workload::Plain, Interference::None).await,
        };
        let removed = scratch.remove().await;
        let trial = trial?;
        removed?;
        Ok(trial)
    }
}

impl Scenario {
    fn is_pruned(self) -> bool {
        #[cfg(feature = "archive")]
        return self == Self::Pruned;
        #[cfg(not(feature = "archive"))]
        false
    }

    /// True if the report compares the scenario with a baseline.
    fn has_baseline(self) -> bool {
        matches!(
            self,
            Self::Limits
                | Self::Keyed
                | Self::Blocked
                | Self::Retained
                | Self::Pinned
                | Self::Bulk
                | Self::Http
        ) || self.is_pruned()
    }
}
