//! Waiting for executions to become final.
//!
//! One receiver of the store's events serves all waiters of a process. The first waiter drives it:
//! it reads events and wakes the waiters of the finished executions. When this waiter is done or is
//! dropped, the next one takes over. So there is no background task that has to be started and
//! stopped, or that ends with its Tokio runtime.
//!
//! * A waiter registers *before* it reads the execution from the store. An execution that becomes
//!   final after the read causes an event that finds the registration.
//! * `Finished(ids)` wakes only the waiters of these executions.
//! * `Elsewhere` and missed events do not name executions. The driving waiter then reads every
//!   awaited execution once. Further such events cause at most one more round of reads.
//! * Every [`POLL_INTERVAL`] without an event, all awaited executions are read, because events can
//!   be lost.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jobs::runtime::Finished;
use jobs::{Clock, ErrorKind, ExecutionError, ExecutionId, ExecutionStatus, ResultError};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{Mutex as AsyncMutex, Notify};

use crate::store::{ExecutionRecord, Store, StoreError, StoreEvent};

/// The time without an event after which all awaited executions are read.
const POLL_INTERVAL: Duration = Duration::from_secs(10);

/// The pause between two tries to read an execution while the store is unavailable.
const STORE_RETRY_DELAY: Duration = Duration::from_millis(500);

/// Waits for results on behalf of all clients of a process.
pub(crate) struct ResultWaiter {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    awaited: Mutex<HashMap<ExecutionId, AwaitedExecution>>,
    /// Locked by the waiter that drives it.
    reader: AsyncMutex<EventReader>,
}

struct AwaitedExecution {
    wake: Arc<Notify>,
    waiters: usize,
}

/// The state that one driving waiter hands to the next.
struct EventReader {
    events: Receiver<StoreEvent>,
    /// The executions that the current round has still to read.
    unread: Vec<ExecutionId>,
    /// Another round follows the current one.
    read_all: bool,
}

impl ResultWaiter {
    pub(crate) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        let events = store.events();
        Self {
            store,
            clock,
            awaited: Mutex::default(),
            reader: AsyncMutex::new(EventReader {
                events,
                unread: Vec::new(),
                read_all: false,
            }),
        }
    }

    pub(crate) async fn finished(&self, id: ExecutionId) -> Result<Finished, ResultError> {
        let registration = Registration::new(self, id);
        let mut first_read = true;
        loop {
            let woken = registration.wake.notified();
            tokio::pin!(woken);
            woken.as_mut().enable();
            let record = if first_read {
                self.store.execution(id).await
            } else {
                // A transient error must not end a wait that has begun.
                self.read_with_retry(id).await
            };
            let record = record
                .map_err(|error| ResultError::Store(Box::new(error)))?
                .ok_or(ResultError::Unknown(id))?;
            if let Some(finished) = into_finished(record) {
                return Ok(finished);
            }
            first_read = false;
            tokio::select! {
                biased;
                () = &mut woken => {}
                () = self.drive_reader() => {}
            }
        }
    }

    /// Waits for the lock of the reader, then reads events until dropped. Returns only when the
    /// store's events end.
    async fn drive_reader(&self) {
        let mut reader = self.reader.lock().await;
        loop {
            // Events come before reads, because they are cheap and name the executions.
            let event = match reader.events.try_recv() {
                Ok(event) => Some(event),
                Err(TryRecvError::Lagged(_)) => Some(StoreEvent::Elsewhere),
                Err(TryRecvError::Empty) => None,
                Err(TryRecvError::Closed) => break,
            };
            if let Some(event) = event {
                self.handle_event(&mut reader, &event);
            } else if let Some(id) = reader.unread.last().copied() {
                self.wake_if_final(id).await;
                // Removed after the read: if this waiter is dropped meanwhile, the next one reads
                // the execution again.
                reader.unread.pop();
            } else if reader.read_all {
                reader.read_all = false;
                reader.unread = self.awaited().keys().copied().collect();
            } else {
                tokio::select! {
                    event = reader.events.recv() => match event {
                        Ok(event) => self.handle_event(&mut reader, &event),
                        Err(RecvError::Lagged(_)) => reader.read_all = true,
                        Err(RecvError::Closed) => break,
                    },
                    () = self.clock.sleep(POLL_INTERVAL) => reader.read_all = true,
                }
            }
        }
        drop(reader);
        // The store has no more events, so waiters poll. A store lives as long as its clients; this
        // happens only at the end of a program or a test.
        self.clock.sleep(STORE_RETRY_DELAY).await;
    }

    fn handle_event(&self, reader: &mut EventReader, event: &StoreEvent) {
        match event {
            StoreEvent::Finished(ids) => {
                let awaited = self.awaited();
                for awaited in ids.iter().filter_map(|id| awaited.get(id)) {
                    awaited.wake.notify_waiters();
                }
            }
            StoreEvent::Elsewhere => reader.read_all = true,
            _ => {}
        }
    }

    /// Reads an execution and wakes its waiters unless it is still live. An error wakes them too:
    /// their own read reports it.
    async fn wake_if_final(&self, id: ExecutionId) {
        if !self.awaited().contains_key(&id) {
            return;
        }
        let live = matches!(
            self.read_with_retry(id).await,
            Ok(Some(record)) if !record.status.is_final()
        );
        if !live && let Some(awaited) = self.awaited().get(&id) {
            awaited.wake.notify_waiters();
        }
    }

    /// Reads an execution; retries transient errors without limit.
    async fn read_with_retry(
        &self,
        id: ExecutionId,
    ) -> Result<Option<ExecutionRecord>, StoreError> {
        loop {
            match self.store.execution(id).await {
                Err(error) if error.is_transient() => self.clock.sleep(STORE_RETRY_DELAY).await,
                result => return result,
            }
        }
    }

    fn awaited(&self) -> MutexGuard<'_, HashMap<ExecutionId, AwaitedExecution>> {
        self.awaited.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The registration of one waiter. Dropping it removes the waiter.
struct Registration<'a> {
    results: &'a ResultWaiter,
    id: ExecutionId,
    wake: Arc<Notify>,
}

impl<'a> Registration<'a> {
    fn new(results: &'a ResultWaiter, id: ExecutionId) -> Self {
        let mut all = results.awaited();
        let awaited = all.entry(id).or_insert_with(|| AwaitedExecution {
            wake: Arc::default(),
            waiters: 0,
        });
        awaited.waiters += 1;
        let wake = awaited.wake.clone();
        drop(all);
        Self { results, id, wake }
    }
}

impl Drop for Registration<'_> {
    fn drop(&mut self) {
        let mut all = self.results.awaited();
        if let Some(awaited) = all.get_mut(&self.id) {
            awaited.waiters -= 1;
            if awaited.waiters == 0 {
                all.remove(&self.id);
            }
        }
    }
}

/// Returns how a final execution ended; `None` if it is not final.
fn into_finished(record: ExecutionRecord) -> Option<Finished> {
    match record.status {
        ExecutionStatus::Succeeded => {
            let result = record.result.map(|result| Box::<str>::from(result).into());
            Some(Finished::Succeeded(
                result.unwrap_or_else(|| "null".to_owned()),
            ))
        }
        ExecutionStatus::Failed => Some(Finished::Failed(record.error.unwrap_or_else(|| {
            ExecutionError {
                kind: ErrorKind::Failed,
                message: "no error was recorded".to_owned(),
            }
        }))),
        ExecutionStatus::Cancelled => Some(Finished::Cancelled),
        _ => None,
    }
}
