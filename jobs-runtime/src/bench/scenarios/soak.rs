//! Half of what drains, for long, in one store: what becomes of latency, memory and dead rows.

use std::sync::Arc;

use super::drain::{self, Beside};
use super::latency::offer;
use crate::bench::error::BenchError;
use crate::bench::load::{Finishes, Work, runtime_on};
use crate::bench::meter::{Counters, resident_bytes};
use crate::bench::place::Place;
use crate::bench::plan::Plan;
use crate::bench::report::{Stretch, Trial};
use crate::bench::work::Started;

/// Parts of its time that are told one by one.
const STRETCHES: u64 = 10;

/// Finds out what drains, then offers half of it.
pub(super) async fn trial(place: &Place, plan: &Plan) -> Result<Trial, BenchError> {
    let beside = Place::fresh(&plan.database);
    let drained = drain::trial(&beside, plan, Work::Plain, Beside::Nothing).await;
    beside.clear().await?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number of executions a second"
    )]
    let rate = (drained?.per_second() / 2.0) as u64;

    let counters = Counters::read(place.gauge().await?).await?;
    let mut gauge = place.gauge().await?;
    let store = place.open().await?;
    let started = Started::new();
    let worker = runtime_on(&store)?
        .concurrency(plan.concurrency)
        .shared_resource(Arc::clone(&started))
        .start()
        .await?;
    let (client, mut finishes) = (worker.client(), Finishes::of(&*store));
    let each = (rate * plan.seconds / STRETCHES).max(1);
    let meter = counters.start();
    let mut course = Vec::new();
    for stretch in 1..=STRETCHES {
        let offer = offer(&client, &started, rate, each);
        tokio::try_join!(offer, finishes.reach(stretch * each, &worker))?;
        course.push(Stretch {
            latency: started.lateness.take(),
            resident_bytes: resident_bytes(),
            dead_tuples: gauge.read().await?.dead_tuples,
        });
    }
    let meter = meter.stop();
    worker.shutdown().await;
    drop((worker, client, finishes, store));
    let usage = meter.read().await?;
    let mut trial = Trial::new(STRETCHES * each, usage);
    course
        .iter()
        .for_each(|stretch| trial.latency.add(&stretch.latency));
    trial.course = course;
    Ok(trial)
}
