//! Latency scenarios: the time from an execution's due time to the start of its handler.

use std::sync::Arc;
use std::time::Duration;

use jobs::Client;
use tokio::time::{Instant, sleep, sleep_until};

use crate::bench::config::BenchConfig;
use crate::bench::error::BenchError;
use crate::bench::load::{FinishCounter, subject, timed};
use crate::bench::meter::ReadyMeter;
use crate::bench::noop_jobs::{NumberedJob, Plain, StartTimer};
use crate::bench::report::Trial;
use crate::bench::scratch_store::ScratchStore;

/// The pause between two executions, in which the worker becomes idle.
const PAUSE: Duration = Duration::from_millis(5);

/// The interval at which due executions are enqueued.
const TICK: Duration = Duration::from_millis(1);

/// Enqueues one execution at a time for an idle worker.
pub(super) async fn idle_pickup(
    scratch: &ScratchStore,
    config: &BenchConfig,
) -> Result<Trial, BenchError> {
    let executions = config.executions();
    let meter = ReadyMeter::new(scratch.monitor().await?).await?;
    let store = scratch.open().await?;
    let timer = StartTimer::new();
    let worker = config
        .runtime_on(&store)?
        .concurrency(config.concurrency)
        .shared_resource(Arc::clone(&timer))
        .start()
        .await?;
    let client = worker.client();
    let mut finished = FinishCounter::of(&*store);
    let meter = meter.start();
    for number in 1..=executions {
        sleep(PAUSE).await;
        client.enqueue(timed(&timer)).await?;
        finished.wait_for(number, &worker).await?;
    }
    let meter = meter.stop();
    worker.shutdown().await;
    drop((worker, client, finished, store));
    let usage = meter.read().await?;
    let trial = Trial::new(executions, usage);
    trial.latency.add(&timer.delays);
    Ok(trial)
}

/// Enqueues `executions` at a rate per second. Each one carries the time at which it is due.
pub(super) async fn enqueue_at_rate(
    client: &Client,
    timer: &StartTimer,
    rate: u64,
    executions: u64,
) -> Result<(), BenchError> {
    let started_at = Instant::now();
    let origin = timer.elapsed_micros();
    let due_after = |number: u64| Duration::from_micros(number * 1_000_000 / rate.max(1));
    let (mut enqueued, mut calls) = (0, tokio::task::JoinSet::new());
    for tick in 1.. {
        sleep_until(started_at + TICK * tick).await;
        let mut due = Vec::new();
        while enqueued < executions && due_after(enqueued) <= TICK * tick {
            let at = due_after(enqueued).as_micros();
            let at = origin + u64::try_from(at).unwrap_or(u64::MAX);
            due.push(Plain::numbered(at, subject(1)));
            enqueued += 1;
        }
        if !due.is_empty() {
            let call = client.enqueue_all(due);
            calls.spawn(async move { call.await.map(drop) });
        }
        while let Some(call) = calls.try_join_next() {
            call.map_err(std::io::Error::other)??;
        }
        if enqueued == executions {
            break;
        }
    }
    while let Some(call) = calls.join_next().await {
        call.map_err(std::io::Error::other)??;
    }
    Ok(())
}

/// Enqueues executions at the configured rate, also if the worker falls behind. Latency counts from
/// the due time, so it includes the backlog.
pub(super) async fn steady(
    scratch: &ScratchStore,
    config: &BenchConfig,
) -> Result<Trial, BenchError> {
    let executions = config.executions();
    let meter = ReadyMeter::new(scratch.monitor().await?).await?;
    let store = scratch.open().await?;
    let timer = StartTimer::new();
    let worker = config
        .runtime_on(&store)?
        .concurrency(config.concurrency)
        .shared_resource(Arc::clone(&timer))
        .start()
        .await?;
    let mut finished = FinishCounter::of(&*store);
    let client = worker.client();
    let meter = meter.start();
    let enqueued = enqueue_at_rate(&client, &timer, config.rate, executions);
    tokio::try_join!(enqueued, finished.wait_for(executions, &worker))?;
    let meter = meter.stop();
    worker.shutdown().await;
    drop((worker, client, finished, store));
    let usage = meter.read().await?;
    let trial = Trial::new(executions, usage);
    trial.latency.add(&timer.delays);
    Ok(trial)
}
