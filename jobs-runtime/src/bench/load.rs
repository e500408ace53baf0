//! Workloads: enqueueing callers, and runtimes that execute the no-op jobs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jobs::Client;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::config::{BenchConfig, LimitKind};
use super::error::BenchError;
use super::noop_jobs::{
    self, Concurrent, Keyed, NumberedJob, PerSubject, Plain, Rated, StartTimer, Waiting,
};
use crate::store::{Store, StoreEvent};
use crate::{Runtime, RuntimeBuilder, StartError};

/// The job that a trial enqueues and executes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Workload {
    /// A job without limits.
    Plain,
    /// A job with a limit that is never reached, for a number of keys.
    Limited(LimitKind, u64),
    /// A job that runs one attempt at a time per key, for a number of keys.
    Keyed(u64),
}

impl Workload {
    /// Enqueues `executions` into a store by a runtime of its own, in batches.
    pub(crate) async fn enqueue_into(
        self,
        store: &Arc<dyn Store>,
        executions: u64,
        config: &BenchConfig,
    ) -> Result<(), BenchError> {
        let runtime = config.client_on(store).await?;
        self.enqueue(&runtime.client(), executions, config.batch)
            .await
    }

    /// Enqueues `executions`, with `batch` per call.
    pub(crate) async fn enqueue(
        self,
        client: &Client,
        executions: u64,
        batch: usize,
    ) -> Result<(), BenchError> {
        match self {
            Self::Plain => enqueue::<Plain>(client, executions, batch, 1).await,
            Self::Limited(LimitKind::Concurrent, _) => {
                enqueue::<Concurrent>(client, executions, batch, 1).await
            }
            Self::Limited(LimitKind::Rate, _) => {
                enqueue::<Rated>(client, executions, batch, 1).await
            }
            Self::Limited(LimitKind::Waiting, _) => {
                enqueue::<Waiting>(client, executions, batch, 1).await
            }
            Self::Limited(LimitKind::PerKey, keys) => {
                enqueue::<PerSubject>(client, executions, batch, keys).await
            }
            Self::Keyed(keys) => enqueue::<Keyed>(client, executions, batch, keys).await,
        }
    }
}

async fn enqueue<J: NumberedJob>(
    client: &Client,
    executions: u64,
    batch: usize,
    keys: u64,
) -> Result<(), BenchError> {
    let mut numbers = (0..executions).peekable();
    while numbers.peek().is_some() {
        let some = numbers.by_ref().take(batch);
        let jobs = some.map(|number| J::numbered(number, subject(number % keys.max(1))));
        client.enqueue_all(jobs).await?;
    }
    Ok(())
}

/// The subject with this number, as long as a typical id.
pub(crate) fn subject(key: u64) -> String {
    format!("user:{key:08}")
}

/// An execution that is due now.
pub(crate) fn timed(timer: &StartTimer) -> Plain {
    Plain::numbered(timer.elapsed_micros(), subject(1))
}

/// Calls `call` `total` times from concurrent callers.
pub(crate) async fn call_concurrently<F>(
    callers: usize,
    total: u64,
    call: impl Fn() -> F + Send + Sync + 'static,
) -> Result<(), BenchError>
where
    F: Future<Output = Result<(), BenchError>> + Send,
{
    let call = Arc::new(call);
    let taken = Arc::new(AtomicU64::new(0));
    let callers = (0..callers).map(|_| {
        let (call, taken) = (Arc::clone(&call), Arc::clone(&taken));
        tokio::spawn(async move {
            while taken.fetch_add(1, Ordering::Relaxed) < total {
                call().await?;
            }
            Ok::<_, BenchError>(())
        })
    });
    for caller in futures_util::future::join_all(callers).await {
        caller.map_err(std::io::Error::other)??;
    }
    Ok(())
}

impl BenchConfig {
    /// A builder of a runtime on a store, with the no-op jobs as its catalogue. It exports
    /// telemetry if the program does.
    pub(crate) fn runtime_on(&self, store: &Arc<dyn Store>) -> Result<RuntimeBuilder, BenchError> {
        let builder = Runtime::builder()
            .store(Arc::clone(store))
            .catalogue(noop_jobs::catalogue().map_err(StartError::from)?);
        #[cfg(feature = "otlp")]
        let builder = builder.telemetry(&self.telemetry);
        Ok(builder)
    }

    /// A runtime without a worker.
    pub(crate) async fn client_on(&self, store: &Arc<dyn Store>) -> Result<Runtime, BenchError> {
        Ok(self.runtime_on(store)?.workers(false).start().await?)
    }
}

/// Counts the executions that a store reports as finished.
#[derive(Debug)]
pub(crate) struct FinishCounter {
    events: broadcast::Receiver<StoreEvent>,
    seen: u64,
}

impl FinishCounter {
    /// A counter of all events from now on.
    pub(crate) fn of(store: &dyn Store) -> Self {
        Self {
            events: store.events(),
            seen: 0,
        }
    }

    /// Waits until `wanted` executions have finished. If events were lost, waits until the worker
    /// is idle instead.
    pub(crate) async fn wait_for(
        &mut self,
        wanted: u64,
        worker: &Runtime,
    ) -> Result<(), BenchError> {
        while self.seen < wanted {
            match self.events.recv().await {
                Ok(StoreEvent::Finished(ids)) => self.seen += ids.len() as u64,
                Ok(_) => {}
                Err(RecvError::Lagged(_) | RecvError::Closed) => {
                    worker.idle().await;
                    self.seen = wanted;
                }
            }
        }
        Ok(())
    }
}
