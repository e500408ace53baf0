//! Callers enqueue, beside a worker or without.

use std::sync::Arc;

use jobs::Client;

use crate::bench::error::BenchError;
use crate::bench::histogram::Histogram;
use crate::bench::load::{Finishes, Work, at_once, client_on, runtime_on, subject};
use crate::bench::meter::Counters;
use crate::bench::place::Place;
use crate::bench::plan::Plan;
use crate::bench::report::Trial;
use crate::bench::work::{Numbered, Plain};
use crate::clock::real_now;

/// Batches, and how long each takes.
pub(super) async fn batches(place: &Place, plan: &Plan) -> Result<Trial, BenchError> {
    let batch = plan.batch;
    let calls = plan.executions().div_ceil(batch as u64);
    enqueues(place, plan, calls, batch).await
}

/// One at a time, and how long each takes.
pub(super) async fn singles(place: &Place, plan: &Plan) -> Result<Trial, BenchError> {
    enqueues(place, plan, plan.executions(), 1).await
}

async fn enqueues(
    place: &Place,
    plan: &Plan,
    calls: u64,
    batch: usize,
) -> Result<Trial, BenchError> {
    let counters = Counters::read(place.gauge().await?).await?;
    let store = place.open().await?;
    let runtime = client_on(&store).await?;
    let latency = Arc::new(Histogram::default());
    let caller = Caller {
        client: runtime.client(),
        latency: Arc::clone(&latency),
        batch,
    };
    let meter = counters.start();
    at_once(plan.callers(), calls, move || caller.clone().call()).await?;
    let meter = meter.stop();
    drop((runtime, store));
    let usage = meter.read().await?;
    let trial = Trial::new(calls * batch as u64, usage);
    trial.latency.add(&latency);
    Ok(trial)
}

#[derive(Clone)]
struct Caller {
    client: Client,
    latency: Arc<Histogram>,
    batch: usize,
}

impl Caller {
    async fn call(self) -> Result<(), BenchError> {
        let asked = real_now();
        if self.batch == 1 {
            self.client.enqueue(Plain::numbered(1, subject(1))).await?;
        } else {
            let batch = self.batch;
            Work::Plain
                .enqueue(&self.client, batch as u64, batch)
                .await?;
        }
        self.latency.record(asked.elapsed());
        Ok(())
    }
}

/// Batches while a worker executes what has come so far.
pub(super) async fn mixed(place: &Place, plan: &Plan) -> Result<Trial, BenchError> {
    let batch = plan.batch.min(100);
    let calls = plan.executions().div_ceil(batch as u64);
    let executions = calls * batch as u64;
    let counters = Counters::read(place.gauge().await?).await?;
    let store = place.open().await?;
    let worker = runtime_on(&store)?.concurrency(plan.concurrency);
    let worker = worker.start().await?;
    let mut finishes = Finishes::of(&*store);
    let latency = Arc::new(Histogram::default());
    let caller = Caller {
        client: worker.client(),
        latency: Arc::clone(&latency),
        batch,
    };
    let meter = counters.start();
    let enqueued = at_once(plan.callers(), calls, move || caller.clone().call());
    tokio::try_join!(enqueued, finishes.reach(executions, &worker))?;
    let meter = meter.stop();
    worker.shutdown().await;
    drop((worker, finishes, store));
    let usage = meter.read().await?;
    let trial = Trial::new(executions, usage);
    trial.latency.add(&latency);
    Ok(trial)
}
