//! What each scenario does, and the order of its trials.

mod drain;
mod enqueue;
mod http;
mod idle;
mod latency;
mod soak;

use super::error::BenchError;
use super::load::Work;
use super::place::Place;
use super::plan::{Plan, Scenario};
use super::report::{Report, Trial};
use drain::Beside;

/// Measures a scenario. `told` hears of each trial that has ended.
pub(crate) async fn run(plan: &Plan, told: impl Fn(&str)) -> Result<Report, BenchError> {
    let stage = Stage::set(plan).await?;
    let done = stage.play(plan, told).await;
    // Nothing is left behind, whatever has failed.
    let cleared = stage.clear().await;
    let report = done?;
    cleared?;
    Ok(report)
}

/// What lasts longer than a trial.
struct Stage {
    /// Where finished executions are retained: they take longer to write than a trial takes.
    full: Option<Place>,
}

/// Which of two trials that are compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Measured,
    Baseline,
}

impl Stage {
    async fn set(plan: &Plan) -> Result<Self, BenchError> {
        let full = match plan.scenario {
            Scenario::Retained => Some(drain::full_place(plan).await?),
            _ => None,
        };
        Ok(Self { full })
    }

    async fn clear(self) -> Result<(), BenchError> {
        match self.full {
            Some(place) => place.clear().await,
            None => Ok(()),
        }
    }

    async fn play(&self, plan: &Plan, told: impl Fn(&str)) -> Result<Report, BenchError> {
        let runs = match plan.scenario {
            // It warms up by itself, and once is long enough.
            Scenario::Soak => 1,
            _ => {
                let warm_up = Plan {
                    executions: Some(plan.executions() / 10),
                    ..plan.clone()
                };
                self.trial(&warm_up, Side::Measured).await?;
                plan.runs
            }
        };
        let (mut trials, mut baselines) = (Vec::new(), Vec::new());
        for run in 0..runs {
            let mut order = [Side::Measured, Side::Baseline];
            // What comes second may profit from the first, or suffer.
            order.rotate_left(run % 2);
            for side in order {
                match side {
                    Side::Measured => trials.push(self.trial(plan, side).await?),
                    Side::Baseline if plan.scenario.has_baseline() => {
                        baselines.push(self.trial(plan, side).await?);
                    }
                    Side::Baseline => {}
                }
            }
            told(&format!("run {} of {runs}", run + 1));
        }
        let place = Place::fresh(&plan.database);
        let described = place.open().await?.describe();
        place.clear().await?;
        Ok(Report::new(plan, described, &trials, &baselines))
    }

    async fn trial(&self, plan: &Plan, side: Side) -> Result<Trial, BenchError> {
        let measured = side == Side::Measured;
        if let (true, Some(full)) = (measured, &self.full) {
            return drain::among_finished(full, plan).await;
        }
        let place = Place::fresh(&plan.database);
        let drain = async |work, beside| drain::trial(&place, plan, work, beside).await;
        let trial = match plan.scenario {
            Scenario::EnqueueBatch => enqueue::batches(&place, plan).await,
            Scenario::EnqueueSingle => enqueue::singles(&place, plan).await,
            Scenario::Mixed => enqueue::mixed(&place, plan).await,
            Scenario::Steady => latency::steady(&place, plan).await,
            Scenario::Soak => soak::trial(&place, plan).await,
            Scenario::Latency => latency::idle_pickup(&place, plan).await,
            Scenario::Http => http::triggers(&place, plan).await,
            Scenario::Idle => idle::trial(&place, plan).await,
            Scenario::Limits if measured => {
                let work = Work::Limited(plan.limit, plan.keys);
                drain(work, Beside::Nothing).await
            }
            Scenario::Keyed if measured => drain(Work::Keyed(plan.keys), Beside::Nothing).await,
            Scenario::Blocked if measured => drain(Work::Plain, Beside::Blocked).await,
            Scenario::Pinned if measured => drain(Work::Plain, Beside::Snapshot).await,
            _ => drain(Work::Plain, Beside::Nothing).await,
        };
        let cleared = place.clear().await;
        let trial = trial?;
        cleared?;
        Ok(trial)
    }
}

impl Scenario {
    /// Whether it is held against the same work without what it is about.
    fn has_baseline(self) -> bool {
        matches!(
            self,
            Self::Limits | Self::Keyed | Self::Blocked | Self::Retained | Self::Pinned
        )
    }
}
