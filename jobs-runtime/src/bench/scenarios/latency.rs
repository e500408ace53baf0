//! How long an execution takes from where it is due to where its handler runs.

use std::sync::Arc;
use std::time::Duration;

use jobs::Client;
use tokio::time::{Instant, sleep, sleep_until};

use crate::bench::error::BenchError;
use crate::bench::load::{Finishes, runtime_on, subject, timed};
use crate::bench::meter::Counters;
use crate::bench::place::Place;
use crate::bench::plan::Plan;
use crate::bench::report::Trial;
use crate::bench::work::{Numbered, Plain, Started};

/// What a worker has between two executions to become idle.
const PAUSE: Duration = Duration::from_millis(5);

/// How often what is due is enqueued.
const TICK: Duration = Duration::from_millis(1);

/// One execution at a time into a worker that has nothing to do: from the call to the handler.
pub(super) async fn idle_pickup(place: &Place, plan: &Plan) -> Result<Trial, BenchError> {
    let executions = plan.executions();
    let counters = Counters::read(place.gauge().await?).await?;
    let store = place.open().await?;
    let started = Started::new();
    let worker = runtime_on(&store)?
        .concurrency(plan.concurrency)
        .shared_resource(Arc::clone(&started))
        .start()
        .await?;
    let client = worker.client();
    let mut finishes = Finishes::of(&*store);
    let meter = counters.start();
    for number in 1..=executions {
        sleep(PAUSE).await;
        client.enqueue(timed(&started)).await?;
        finishes.reach(number, &worker).await?;
    }
    let meter = meter.stop();
    worker.shutdown().await;
    drop((worker, client, finishes, store));
    let usage = meter.read().await?;
    let trial = Trial::new(executions, usage);
    trial.latency.add(&started.lateness);
    Ok(trial)
}

/// Enqueues so many a second until it was all of them, each with the moment at which it was due.
pub(super) async fn offer(
    client: &Client,
    started: &Started,
    rate: u64,
    executions: u64,
) -> Result<(), BenchError> {
    let began = Instant::now();
    let offset = started.micros();
    let due_after = |number: u64| Duration::from_micros(number * 1_000_000 / rate.max(1));
    let (mut offered, mut calls) = (0, tokio::task::JoinSet::new());
    for tick in 1.. {
        sleep_until(began + TICK * tick).await;
        let mut due = Vec::new();
        while offered < executions && due_after(offered) <= TICK * tick {
            let at = due_after(offered).as_micros();
            let at = offset + u64::try_from(at).unwrap_or(u64::MAX);
            due.push(Plain::numbered(at, subject(1)));
            offered += 1;
        }
        if !due.is_empty() {
            let call = client.enqueue_all(due);
            calls.spawn(async move { call.await.map(drop) });
        }
        while let Some(call) = calls.try_join_next() {
            call.map_err(std::io::Error::other)??;
        }
        if offered == executions {
            break;
        }
    }
    while let Some(call) = calls.join_next().await {
        call.map_err(std::io::Error::other)??;
    }
    Ok(())
}

/// So many a second are offered, whether those before are done or not: each is timed from the
/// moment at which it was due, so that a worker which falls behind is seen to.
pub(super) async fn steady(place: &Place, plan: &Plan) -> Result<Trial, BenchError> {
    let executions = plan.executions();
    let counters = Counters::read(place.gauge().await?).await?;
    let store = place.open().await?;
    let started = Started::new();
    let worker = runtime_on(&store)?
        .concurrency(plan.concurrency)
        .shared_resource(Arc::clone(&started))
        .start()
        .await?;
    let mut finishes = Finishes::of(&*store);
    let client = worker.client();
    let meter = counters.start();
    let offer = offer(&client, &started, plan.rate, executions);
    tokio::try_join!(offer, finishes.reach(executions, &worker))?;
    let meter = meter.stop();
    worker.shutdown().await;
    drop((worker, client, finishes, store));
    let usage = meter.read().await?;
    let trial = Trial::new(executions, usage);
    trial.latency.add(&started.lateness);
    Ok(trial)
}
