//! Those who enqueue, and those who execute.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jobs::Client;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::error::BenchError;
use super::plan::LimitKind;
use super::work::{self, Concurrent, Keyed, Numbered, PerSubject, Plain, Rated, Started, Waiting};
use crate::store::{Store, StoreEvent};
use crate::{Runtime, RuntimeBuilder, StartError};

/// Which of the jobs is executed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Work {
    /// Nothing holds it back.
    Plain,
    /// With a limit that is not reached, for so many keys.
    Limited(LimitKind, u64),
    /// One at a time for each of so many keys.
    Keyed(u64),
}

impl Work {
    /// Enqueues so many, a batch per call.
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

async fn enqueue<J: Numbered>(
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

/// What an execution is about: as long as an id.
pub(crate) fn subject(key: u64) -> String {
    format!("user:{key:08}")
}

/// One execution of what is enqueued singly, made when it is due.
pub(crate) fn timed(started: &Started) -> Plain {
    Plain::numbered(started.micros(), subject(1))
}

/// Callers that enqueue at once, each by `call`, until `all` have been.
pub(crate) async fn at_once<F>(
    callers: usize,
    all: u64,
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
            while taken.fetch_add(1, Ordering::Relaxed) < all {
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

/// A runtime on a store with the jobs of this module.
pub(crate) fn runtime_on(store: &Arc<dyn Store>) -> Result<RuntimeBuilder, BenchError> {
    Ok(Runtime::builder()
        .store(Arc::clone(store))
        .catalogue(work::catalogue().map_err(StartError::from)?))
}

/// A runtime that executes nothing.
pub(crate) async fn client_on(store: &Arc<dyn Store>) -> Result<Runtime, BenchError> {
    Ok(runtime_on(store)?.workers(false).start().await?)
}

/// Counts what a store says has become final.
#[derive(Debug)]
pub(crate) struct Finishes {
    events: broadcast::Receiver<StoreEvent>,
    seen: u64,
}

impl Finishes {
    /// From now on.
    pub(crate) fn of(store: &dyn Store) -> Self {
        Self {
            events: store.events(),
            seen: 0,
        }
    }

    /// Waits until that was so many, or until nothing is left to do if some were missed.
    pub(crate) async fn reach(&mut self, wanted: u64, worker: &Runtime) -> Result<(), BenchError> {
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
