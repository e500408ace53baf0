//! Enqueue scenarios: concurrent callers, without a worker or beside one.

use std::sync::Arc;

use jobs::Client;

use crate::bench::config::BenchConfig;
use crate::bench::error::BenchError;
use crate::bench::histogram::Histogram;
use crate::bench::load::{FinishCounter, Workload, call_concurrently, subject};
use crate::bench::meter::ReadyMeter;
use crate::bench::noop_jobs::{NumberedJob, Plain};
use crate::bench::report::Trial;
use crate::bench::scratch_store::ScratchStore;
use crate::clock::real_now;

/// Enqueues batches; the latency is that of a call.
pub(super) async fn batches(
    scratch: &ScratchStore,
    config: &BenchConfig,
) -> Result<Trial, BenchError> {
    let batch = config.batch;
    let calls = config.executions().div_ceil(batch as u64);
    enqueues(scratch, config, calls, batch).await
}

/// Enqueues one execution per call; the latency is that of a call.
pub(super) async fn singles(
    scratch: &ScratchStore,
    config: &BenchConfig,
) -> Result<Trial, BenchError> {
    enqueues(scratch, config, config.executions(), 1).await
}

/// Makes `calls` calls with `batch` executions each.
async fn enqueues(
    scratch: &ScratchStore,
    config: &BenchConfig,
    calls: u64,
    batch: usize,
) -> Result<Trial, BenchError> {
    let meter = ReadyMeter::new(scratch.monitor().await?).await?;
    let store = scratch.open().await?;
    let runtime = config.client_on(&store).await?;
    let latency = Arc::new(Histogram::default());
    let caller = Caller {
        client: runtime.client(),
        latency: Arc::clone(&latency),
        batch,
    };
    let meter = meter.start();
    call_concurrently(config.callers(), calls, move || caller.clone().call()).await?;
    let meter = meter.stop();
    drop((runtime, store));
    let usage = meter.read().await?;
    let trial = Trial::new(calls * batch as u64, usage);
    trial.latency.add(&latency);
    Ok(trial)
}

/// A client that records the latency of its calls.
#[derive(Clone)]
struct Caller {
    client: Client,
    latency: Arc<Histogram>,
    batch: usize,
}

impl Caller {
    async fn call(self) -> Result<(), BenchError> {
        let started_at = real_now();
        if self.batch == 1 {
            self.client.enqueue(Plain::numbered(1, subject(1))).await?;
        } else {
            let batch = self.batch;
            Workload::Plain
                .enqueue(&self.client, batch as u64, batch)
                .await?;
        }
        self.latency.record(started_at.elapsed());
        Ok(())
    }
}

/// Enqueues batches while a worker executes them.
pub(super) async fn mixed(
    scratch: &ScratchStore,
    config: &BenchConfig,
) -> Result<Trial, BenchError> {
    let batch = config.batch.min(100);
    let calls = config.executions().div_ceil(batch as u64);
    let executions = calls * batch as u64;
    let meter = ReadyMeter::new(scratch.monitor().await?).await?;
    let store = scratch.open().await?;
    let worker = config.runtime_on(&store)?.concurrency(config.concurrency);
    let worker = worker.start().await?;
    let mut finished = FinishCounter::of(&*store);
    let latency = Arc::new(Histogram::default());
    let caller = Caller {
        client: worker.client(),
        latency: Arc::clone(&latency),
        batch,
    };
    let meter = meter.start();
    let enqueued = call_concurrently(config.callers(), calls, move || caller.clone().call());
    tokio::try_join!(enqueued, finished.wait_for(executions, &worker))?;
    let meter = meter.stop();
    worker.shutdown().await;
    drop((worker, finished, store));
    let usage = meter.read().await?;
    let trial = Trial::new(executions, usage);
    trial.latency.add(&latency);
    Ok(trial)
}
