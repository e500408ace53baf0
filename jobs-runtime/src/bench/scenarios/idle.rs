//! The scenario `idle`: a worker without work.

use std::time::Duration;

use crate::bench::config::BenchConfig;
use crate::bench::error::BenchError;
use crate::bench::meter::{ReadyMeter, resident_bytes, wake_ups};
use crate::bench::report::Trial;
use crate::bench::scratch_store::ScratchStore;

/// The measured time.
const MEASURED: Duration = Duration::from_secs(30);

/// The time between the start of the worker and the measurement.
const WARM_UP: Duration = Duration::from_secs(2);

/// Starts a worker and measures its CPU time and wake-ups.
pub(super) async fn trial(
    scratch: &ScratchStore,
    config: &BenchConfig,
) -> Result<Trial, BenchError> {
    let meter = ReadyMeter::new(scratch.monitor().await?).await?;
    let store = scratch.open().await?;
    let worker = config.runtime_on(&store)?.concurrency(config.concurrency);
    let worker = worker.start().await?;
    tokio::time::sleep(WARM_UP).await;
    let before = wake_ups();
    let meter = meter.start();
    tokio::time::sleep(MEASURED).await;
    let meter = meter.stop();
    let wake_ups = wake_ups().saturating_sub(before);
    let resident = resident_bytes();
    worker.shutdown().await;
    drop((worker, store));
    Ok(Trial {
        wake_ups: Some(wake_ups),
        resident_bytes: resident,
        ..Trial::new(0, meter.read().await?)
    })
}
