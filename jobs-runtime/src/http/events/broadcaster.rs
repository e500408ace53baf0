//! One listener to the store's events for all clients of a process.
//!
//! A task reads the store's events and passes on what clients are told. It begins with the first
//! client and ends a minute after the last one has left, so that one that only reconnects misses
//! nothing. What it has passed on lately is kept to be told again.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use jobs::{Clock, ExecutionId};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast};

use super::event::{Change, News, Position};
use crate::clock::timestamp;
use crate::store::{Store, StoreEvent};

/// Clients at a time.
pub(super) const SEATS: usize = 64;

/// Events that are kept for those who come back, and that a client may be behind.
const KEPT: usize = 1_024;

/// Executions that are looked up for one event of the store; of more than these is only told that
/// something has changed.
const DETAILED: usize = 500;

/// Between two hints of a kind.
const PAUSE: Duration = Duration::from_millis(250);

/// How long it goes on without a client.
const IDLE: Duration = Duration::from_secs(60);

/// See the module's documentation.
pub(in crate::http) struct Hub {
    store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    seats: Arc<Semaphore>,
    told: Mutex<Told>,
}

/// What was told.
struct Told {
    /// Whether the task runs.
    listening: bool,
    /// The place of the last event.
    position: Position,
    kept: VecDeque<Arc<Change>>,
    sender: broadcast::Sender<Arc<Change>>,
}

/// Where a client begins.
pub(super) struct Beginning {
    pub(super) position: Position,
    /// What it has missed; `None` if that is not known any more.
    pub(super) missed: Option<VecDeque<Arc<Change>>>,
    pub(super) receiver: broadcast::Receiver<Arc<Change>>,
}

impl Hub {
    pub(in crate::http) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Arc<Self> {
        let (sender, _) = broadcast::channel(KEPT);
        Arc::new(Self {
            store,
            clock,
            seats: Arc::new(Semaphore::new(SEATS)),
            told: Mutex::new(Told {
                listening: false,
                position: Position { run: 0, number: 0 },
                kept: VecDeque::new(),
                sender,
            }),
        })
    }

    /// A place for one more client, if there is one.
    pub(super) fn seat(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.seats).try_acquire_owned().ok()
    }

    /// Begins to tell a client, from where it says that it was.
    pub(super) fn begin(self: &Arc<Self>, last: Option<Option<Position>>) -> Beginning {
        let mut told = self.told();
        if !told.listening {
            told.listening = true;
            told.kept.clear();
            told.position = Position {
                // The time tells runs apart, also those of processes that were here before.
                run: timestamp(&*self.clock)
                    .as_millis()
                    .max(told.position.run + 1),
                number: 0,
            };
            let events = self.store.events();
            let clock = Arc::clone(&self.clock);
            tokio::spawn(listen(Arc::downgrade(self), events, clock));
        }
        let missed = match last {
            None => Some(VecDeque::new()),
            Some(last) => last.and_then(|last| told.since(last)),
        };
        Beginning {
            position: told.position,
            missed,
            receiver: told.sender.subscribe(),
        }
    }

    /// The place of the last event.
    pub(super) fn position(&self) -> Position {
        self.told().position
    }

    fn tell(&self, news: News) {
        let mut told = self.told();
        told.position.number += 1;
        let change = Arc::new(Change {
            position: told.position,
            news,
        });
        if told.kept.len() == KEPT {
            told.kept.pop_front();
        }
        told.kept.push_back(Arc::clone(&change));
        // Nobody may listen at the moment.
        let _ = told.sender.send(change);
    }

    /// Tells what has become of these.
    async fn tell_of(&self, ids: &[ExecutionId]) {
        if ids.len() > DETAILED {
            return self.tell(News::Changed);
        }
        match self.store.execution_states(ids.to_vec()).await {
            Ok(execution_states) => {
                for standing in execution_states {
                    self.tell(News::Execution(standing));
                }
            }
            Err(error) => {
                tracing::debug!(%error, "what has finished could not be looked up");
                self.tell(News::Changed);
            }
        }
    }

    /// Ends the task if no client has come meanwhile.
    fn leave(&self) -> bool {
        let mut told = self.told();
        if told.sender.receiver_count() == 0 {
            told.listening = false;
        }
        !told.listening
    }

    fn has_clients(&self) -> bool {
        self.told().sender.receiver_count() > 0
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Told {
    /// What was told after `last`, if all of it is still kept.
    fn since(&self, last: Position) -> Option<VecDeque<Arc<Change>>> {
        let kept = u64::try_from(self.kept.len()).unwrap_or(u64::MAX);
        let known = self.position.number.saturating_sub(kept)..=self.position.number;
        if last.run != self.position.run || !known.contains(&last.number) {
            return None;
        }
        let missed = self.kept.iter();
        let missed = missed.filter(|change| change.position.number > last.number);
        Some(missed.cloned().collect())
    }
}

/// Hints that are told only so often.
#[derive(Default)]
struct Hints {
    ready: bool,
    changed: bool,
    /// When the next ones may be told.
    next: Duration,
}

impl Hints {
    fn are_waiting(&self) -> bool {
        self.ready || self.changed
    }

    fn tell(&mut self, hub: &Hub, now: Duration) {
        if !self.are_waiting() || now < self.next {
            return;
        }
        if std::mem::take(&mut self.ready) {
            hub.tell(News::Ready);
        }
        if std::mem::take(&mut self.changed) {
            hub.tell(News::Changed);
        }
        self.next = now + PAUSE;
    }
}

/// The task. Ends with the hub, with the store, or when nobody wants to know.
async fn listen(
    hub: Weak<Hub>,
    mut events: broadcast::Receiver<StoreEvent>,
    clock: Arc<dyn Clock>,
) {
    let mut hints = Hints::default();
    let mut deserted_since = None;
    loop {
        let wait = match hints.are_waiting() {
            true => hints.next.saturating_sub(clock.elapsed()),
            false => IDLE,
        };
        let event = tokio::select! {
            biased;
            () = clock.sleep(wait) => None,
            event = events.recv() => Some(event),
        };
        let Some(hub) = hub.upgrade() else {
            return;
        };
        match event {
            None => {}
            Some(Ok(StoreEvent::Finished(ids))) => hub.tell_of(&ids).await,
            Some(Ok(StoreEvent::Ready)) => hints.ready = true,
            Some(Ok(_)) => hints.changed = true,
            Some(Err(RecvError::Lagged(_))) => hub.tell(News::Reset),
            Some(Err(RecvError::Closed)) => {
                hub.told().listening = false;
                return;
            }
        }
        let now = clock.elapsed();
        hints.tell(&hub, now);
        let since = *deserted_since.get_or_insert(now);
        if hub.has_clients() {
            deserted_since = None;
        } else if now.saturating_sub(since) >= IDLE && hub.leave() {
            return;
        }
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").finish_non_exhaustive()
    }
}
