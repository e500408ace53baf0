//! Waits for executions to become final.
//!
//! One receiver of the store's events serves every waiter of a process. Whoever waits first drives
//! it: reads events and wakes those they concern. When the driver has what it wanted, or is
//! dropped, the next waiter takes over. So there is no task to start, to stop or to lose with a
//! runtime that ends.
//!
//! * A waiter registers *before* it looks into the store: what becomes final after the look is an
//!   event that finds it registered.
//! * `Finished(ids)` wakes the waiters of those ids and nobody else.
//! * `Elsewhere`, and events that were missed, say nothing about whom they concern: the driver
//!   then looks at every awaited execution once. Such events that arrive meanwhile add up to one
//!   more round, so a busy fleet costs no more than one look at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jobs::runtime::Finished;
use jobs::{Clock, ErrorKind, ExecutionError, ExecutionId, ExecutionStatus, ResultError};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{Mutex as AsyncMutex, Notify};

use crate::store::{ExecutionRecord, Store, StoreError, StoreEvent};

/// After how long without an event all that is awaited is looked at anyway.
const LOOK_ANYWAY: Duration = Duration::from_secs(10);

/// The pause before a store that did not answer is asked again.
const STORE_PAUSE: Duration = Duration::from_millis(500);

pub(crate) struct ResultWaiter {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    awaited: Mutex<HashMap<ExecutionId, Awaited>>,
    driver: AsyncMutex<Driver>,
}

struct Awaited {
    wake: Arc<Notify>,
    waiters: usize,
}

/// What passes from driver to driver.
struct Driver {
    events: Receiver<StoreEvent>,
    /// The rest of the current round.
    round: Vec<ExecutionId>,
    /// Whether another round follows.
    again: bool,
}

impl ResultWaiter {
    pub(crate) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        let events = store.events();
        Self {
            store,
            clock,
            awaited: Mutex::default(),
            driver: AsyncMutex::new(Driver {
                events,
                round: Vec::new(),
                again: false,
            }),
        }
    }

    pub(crate) async fn finished(&self, id: ExecutionId) -> Result<Finished, ResultError> {
        let registration = Registration::new(self, id);
        let mut first_look = true;
        loop {
            let woken = registration.wake.notified();
            tokio::pin!(woken);
            woken.as_mut().enable();
            let record = match first_look {
                true => self.store.execution(id).await,
                // Whoever has waited for an hour does not give up because of a second's outage.
                false => self.look_patiently(id).await,
            };
            let record = record
                .map_err(|error| ResultError::Store(Box::new(error)))?
                .ok_or(ResultError::Unknown(id))?;
            if let Some(finished) = outcome(record) {
                return Ok(finished);
            }
            first_look = false;
            tokio::select! {
                biased;
                () = &mut woken => {}
                () = self.drive() => {}
            }
        }
    }

    /// Reads events, when it is this waiter's turn, until dropped. Ends only with the store.
    async fn drive(&self) {
        let mut driver = self.driver.lock().await;
        loop {
            // Events first: they are cheap, and name whom they concern.
            let event = match driver.events.try_recv() {
                Ok(event) => Some(event),
                Err(TryRecvError::Lagged(_)) => Some(StoreEvent::Elsewhere),
                Err(TryRecvError::Empty) => None,
                Err(TryRecvError::Closed) => break,
            };
            if let Some(event) = event {
                self.notice(&mut driver, &event);
            } else if let Some(id) = driver.round.last().copied() {
                self.look_at(id).await;
                // Only now: a driver dropped in between leaves the id to its successor.
                driver.round.pop();
            } else if driver.again {
                driver.again = false;
                driver.round = self.awaited().keys().copied().collect();
            } else {
                tokio::select! {
                    event = driver.events.recv() => match event {
                        Ok(event) => self.notice(&mut driver, &event),
                        Err(RecvError::Lagged(_)) => driver.again = true,
                        Err(RecvError::Closed) => break,
                    },
                    // Events are hints, which may be lost.
                    () = self.clock.sleep(LOOK_ANYWAY) => driver.again = true,
                }
            }
        }
        drop(driver);
        // No event will ever come: look from time to time. Stores live as long as their clients,
        // so this is the end of a program or of a test.
        self.clock.sleep(STORE_PAUSE).await;
    }

    fn notice(&self, driver: &mut Driver, event: &StoreEvent) {
        match event {
            StoreEvent::Finished(ids) => {
                let awaited = self.awaited();
                for awaited in ids.iter().filter_map(|id| awaited.get(id)) {
                    awaited.wake.notify_waiters();
                }
            }
            StoreEvent::Elsewhere => driver.again = true,
            _ => {}
        }
    }

    /// Wakes the waiters of an execution if it is final, or if they had better look themselves.
    async fn look_at(&self, id: ExecutionId) {
        if !self.awaited().contains_key(&id) {
            return;
        }
        let waits = matches!(
            self.look_patiently(id).await,
            Ok(Some(record)) if !record.status.is_final()
        );
        if !waits && let Some(awaited) = self.awaited().get(&id) {
            awaited.wake.notify_waiters();
        }
    }

    async fn look_patiently(&self, id: ExecutionId) -> Result<Option<ExecutionRecord>, StoreError> {
        loop {
            match self.store.execution(id).await {
                Err(error) if error.is_transient() => self.clock.sleep(STORE_PAUSE).await,
                answer => return answer,
            }
        }
    }

    fn awaited(&self) -> MutexGuard<'_, HashMap<ExecutionId, Awaited>> {
        self.awaited.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A waiter's entry in the hub, as long as it waits.
struct Registration<'a> {
    hub: &'a ResultWaiter,
    id: ExecutionId,
    wake: Arc<Notify>,
}

impl<'a> Registration<'a> {
    fn new(hub: &'a ResultWaiter, id: ExecutionId) -> Self {
        let mut all = hub.awaited();
        let awaited = all.entry(id).or_insert_with(|| Awaited {
            wake: Arc::default(),
            waiters: 0,
        });
        awaited.waiters += 1;
        let wake = awaited.wake.clone();
        drop(all);
        Self { hub, id, wake }
    }
}

impl Drop for Registration<'_> {
    fn drop(&mut self) {
        let mut all = self.hub.awaited();
        if let Some(awaited) = all.get_mut(&self.id) {
            awaited.waiters -= 1;
            if awaited.waiters == 0 {
                all.remove(&self.id);
            }
        }
    }
}

/// How a final execution ended.
fn outcome(record: ExecutionRecord) -> Option<Finished> {
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
                message: "no reason was recorded".to_owned(),
            }
        }))),
        ExecutionStatus::Cancelled => Some(Finished::Cancelled),
        _ => None,
    }
}
