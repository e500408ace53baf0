//! The scenario `soak`: half the drain rate for a long time, in one store.

use std::sync::Arc;

use super::drain::{self, Interference};
use super::latency::enqueue_at_rate;
use crate::bench::config::BenchConfig;
use crate::bench::error::BenchError;
use crate::bench::load::{FinishCounter, Workload};
use crate::bench::meter::{ReadyMeter, resident_bytes};
use crate::bench::noop_jobs::StartTimer;
use crate::bench::report::{SoakPart, Trial};
use crate::bench::scratch_store::ScratchStore;

/// The number of parts that the report lists.
const PARTS: u64 = 10;

/// Measures the drain rate, then enqueues at half that rate.
pub(super) async fn trial(
    scratch: &ScratchStore,
    config: &BenchConfig,
) -> Result<Trial, BenchError> {
    let drain_store = ScratchStore::new(&config.database);
    let drained = drain::trial(&drain_store, config, Workload::Plain, Interference::None).await;
    drain_store.remove().await?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number of executions per second"
    )]
    let rate = (drained?.per_second() / 2.0) as u64;

    let meter = ReadyMeter::new(scratch.monitor().await?).await?;
    let mut monitor = scratch.monitor().await?;
    let store = scratch.open().await?;
    let timer = StartTimer::new();
    let worker = config
        .runtime_on(&store)?
        .concurrency(config.concurrency)
        .shared_resource(Arc::clone(&timer))
        .start()
        .await?;
    let (client, mut finished) = (worker.client(), FinishCounter::of(&*store));
    let per_part = (rate * config.seconds / PARTS).max(1);
    let meter = meter.start();
    let mut parts = Vec::new();
    for part in 1..=PARTS {
        let enqueued = enqueue_at_rate(&client, &timer, rate, per_part);
        tokio::try_join!(enqueued, finished.wait_for(part * per_part, &worker))?;
        parts.push(SoakPart {
            latency: timer.delays.take(),
            resident_bytes: resident_bytes(),
            dead_tuples: monitor.read().await?.dead_tuples,
        });
    }
    let meter = meter.stop();
    worker.shutdown().await;
    drop((worker, client, finished, store));
    let usage = meter.read().await?;
    let mut trial = Trial::new(PARTS * per_part, usage);
    parts
        .iter()
        .for_each(|part| trial.latency.add(&part.latency));
    trial.parts = parts;
    Ok(trial)
}
