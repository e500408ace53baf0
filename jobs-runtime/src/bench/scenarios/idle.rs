//! A worker with nothing to do.

use std::time::Duration;

use crate::bench::error::BenchError;
use crate::bench::load::runtime_on;
use crate::bench::meter::{Counters, resident_bytes, wake_ups};
use crate::bench::place::Place;
use crate::bench::plan::Plan;
use crate::bench::report::Trial;

/// How long it is watched, after a moment in which it settles.
const WATCHED: Duration = Duration::from_secs(30);
const SETTLES: Duration = Duration::from_secs(2);

/// Starts a worker, and counts what it does for half a minute.
pub(super) async fn trial(place: &Place, plan: &Plan) -> Result<Trial, BenchError> {
    let counters = Counters::read(place.gauge().await?).await?;
    let store = place.open().await?;
    let worker = runtime_on(&store)?.concurrency(plan.concurrency);
    let worker = worker.start().await?;
    tokio::time::sleep(SETTLES).await;
    let before = wake_ups();
    let meter = counters.start();
    tokio::time::sleep(WATCHED).await;
    let meter = meter.stop();
    let woken = wake_ups().saturating_sub(before);
    let resident = resident_bytes();
    worker.shutdown().await;
    drop((worker, store));
    Ok(Trial {
        wake_ups: Some(woken),
        resident_bytes: resident,
        ..Trial::new(0, meter.read().await?)
    })
}
