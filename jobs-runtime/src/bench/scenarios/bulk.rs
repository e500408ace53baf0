//! The scenario `bulk`: a drain beside a bulk retry of another job's executions.

use std::time::Duration;

use jobs::{ExecutionStatus, Job};

use crate::bench::config::BenchConfig;
use crate::bench::error::BenchError;
use crate::bench::load::{FinishCounter, Workload};
use crate::bench::meter::ReadyMeter;
use crate::bench::noop_jobs::{Other, Plain};
use crate::bench::report::Trial;
use crate::bench::scratch_store::ScratchStore;
use crate::bench::seeded_history::SeededHistory;
use crate::store::{BulkAct, BulkFilter, OperationStatus, Store};
use crate::{JobService, Runtime};

/// Drains a backlog beside failed executions of [`Other`]. A measured trial retries those by a bulk
/// operation that begins with the drain; the baseline leaves them. The worker claims none of them.
pub(super) async fn trial(
    scratch: &ScratchStore,
    config: &BenchConfig,
    measured: bool,
) -> Result<Trial, BenchError> {
    let executions = config.executions();
    let store = scratch.open().await?;
    let failed = SeededHistory {
        job_id: Other::ID,
        executions: config.blocked,
        failed_every: 1,
        age: Duration::ZERO,
    };
    failed.write_to(&*store).await?;
    Workload::Plain
        .enqueue_into(&store, executions, config)
        .await?;

    let meter = ReadyMeter::new(scratch.monitor().await?).await?;
    let mut finished = FinishCounter::of(&*store);
    let meter = meter.start();
    let worker = config.runtime_on(&store)?.concurrency(config.concurrency);
    let worker = worker.jobs([Plain::ID]).start().await?;
    let operation = if measured {
        Some(retry_all(worker.service()).await?)
    } else {
        None
    };
    finished.wait_for(executions, &worker).await?;
    let meter = meter.stop();
    if let Some(operation) = operation {
        wait_for_end(&worker, &*store, operation, config.blocked).await?;
    }
    worker.shutdown().await;
    drop(worker);
    drop((finished, store));
    let usage = meter.read().await?;
    Ok(Trial::new(executions, usage))
}

/// Starts the bulk retry. Returns its id.
async fn retry_all(service: &JobService) -> Result<String, BenchError> {
    let filter = BulkFilter {
        job_id: Some(Other::ID.to_owned()),
        status: Some(ExecutionStatus::Failed),
        ..BulkFilter::default()
    };
    let operation = service.start_operation(BulkAct::Retry, filter, None);
    Ok(operation.await?.id)
}

/// Waits for the end of the operation, and compares the number of its retries with `expected`.
async fn wait_for_end(
    worker: &Runtime,
    store: &dyn Store,
    id: String,
    expected: u64,
) -> Result<(), BenchError> {
    let clock = worker.service().clock();
    loop {
        let operation = store.operation(id.clone()).await?;
        let Some(operation) = operation else {
            return Err(BenchError::Retried { found: 0, expected });
        };
        if operation.status != OperationStatus::Running {
            let found = operation.changed;
            return if found == expected {
                Ok(())
            } else {
                Err(BenchError::Retried { found, expected })
            };
        }
        clock.sleep(Duration::from_millis(100)).await;
    }
}
