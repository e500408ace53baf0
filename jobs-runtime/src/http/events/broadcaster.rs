//! The broadcaster: one reader of the store's events for all clients of a process.
//!
//! A task reads the store's events and sends them to every client. The task starts with the first
//! client and ends 60 seconds after the last one has left. The broadcaster keeps the last 1,024
//! events. So a client that only reconnects misses no event.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use jobs::{Clock, ExecutionId};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast};

use super::event::{ClientEvent, EventId, NumberedEvent};
use super::stream::Resume;
use crate::clock::timestamp;
use crate::store::{LiveEvent, Store, StoreEvent};

/// Limits the clients of a process.
pub(super) const MAX_CLIENTS: usize = 1_024;

/// Events that are kept for clients that reconnect; also the most that a client may be behind.
const MAX_RECENT: usize = 1_024;

/// Executions that are looked up for one store event. A larger event becomes `changed`.
const MAX_LOOKED_UP: usize = 500;

/// Live events that are sent between two hints. Further ones become `changed`.
const MAX_LIVE: usize = 250;

/// The pause between two hints.
const HINT_INTERVAL: Duration = Duration::from_millis(250);

/// The time without a client after which the task ends.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// Sends the store's events to all clients of a process.
pub(in crate::http) struct EventBroadcaster {
    store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    client_permits: Arc<Semaphore>,
    state: Mutex<BroadcastState>,
}

/// The recent events and the channel to the clients.
struct BroadcastState {
    /// The task that reads the store's events is running.
    reading: bool,
    last_id: EventId,
    recent: VecDeque<Arc<NumberedEvent>>,
    sender: broadcast::Sender<Arc<NumberedEvent>>,
}

/// The start of one client's event stream.
pub(super) struct Subscription {
    pub(super) last_id: EventId,
    /// The events that the client has missed; `None` if some of them are no longer kept.
    pub(super) missed: Option<VecDeque<Arc<NumberedEvent>>>,
    pub(super) receiver: broadcast::Receiver<Arc<NumberedEvent>>,
}

impl EventBroadcaster {
    pub(in crate::http) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Arc<Self> {
        let (sender, _) = broadcast::channel(MAX_RECENT);
        Arc::new(Self {
            store,
            clock,
            client_permits: Arc::new(Semaphore::new(MAX_CLIENTS)),
            state: Mutex::new(BroadcastState {
                reading: false,
                last_id: EventId { run: 0, number: 0 },
                recent: VecDeque::new(),
                sender,
            }),
        })
    }

    /// Takes one of the [`MAX_CLIENTS`] permits, if one is free.
    pub(super) fn client_permit(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.client_permits).try_acquire_owned().ok()
    }

    /// Subscribes a client, and starts the task if it is not running.
    pub(super) fn subscribe(self: &Arc<Self>, resume: Resume) -> Subscription {
        let mut state = self.state();
        if !state.reading {
            state.reading = true;
            state.recent.clear();
            state.last_id = EventId {
                // The start time also differs from the runs of earlier processes.
                run: timestamp(&*self.clock)
                    .as_millis()
                    .max(state.last_id.run + 1),
                number: 0,
            };
            let events = self.store.events();
            let live = self.store.live_events();
            let clock = Arc::clone(&self.clock);
            tokio::spawn(read_store_events(Arc::downgrade(self), events, live, clock));
        }
        let missed = match resume {
            Resume::Fresh => Some(VecDeque::new()),
            Resume::After(last) => state.events_after(last),
            Resume::Unknown => None,
        };
        Subscription {
            last_id: state.last_id,
            missed,
            receiver: state.sender.subscribe(),
        }
    }

    /// Returns the id of the last event.
    pub(super) fn last_id(&self) -> EventId {
        self.state().last_id
    }

    fn publish(&self, event: ClientEvent) {
        let mut state = self.state();
        state.last_id.number += 1;
        let id = state.last_id;
        let frame = event.to_frame(id);
        let event = Arc::new(NumberedEvent { id, event, frame });
        if state.recent.len() == MAX_RECENT {
            state.recent.pop_front();
        }
        state.recent.push_back(Arc::clone(&event));
        // Fails if there is no client at the moment; the event stays in `recent`.
        let _ = state.sender.send(event);
    }

    /// Publishes the states of finished executions.
    async fn publish_states(&self, ids: &[ExecutionId]) {
        if ids.len() > MAX_LOOKED_UP {
            return self.publish(ClientEvent::Changed);
        }
        match self.store.execution_states(ids.to_vec()).await {
            Ok(states) => {
                for state in states {
                    self.publish(ClientEvent::Execution(state));
                }
            }
            Err(error) => {
                tracing::debug!(%error, "cannot look up the states of finished executions");
                self.publish(ClientEvent::Changed);
            }
        }
    }

    /// Marks the task as ended unless a client has subscribed meanwhile. Returns whether the task
    /// ends.
    fn stop_if_unused(&self) -> bool {
        let mut state = self.state();
        if state.sender.receiver_count() == 0 {
            state.reading = false;
        }
        !state.reading
    }

    fn has_clients(&self) -> bool {
        self.state().sender.receiver_count() > 0
    }

    fn state(&self) -> MutexGuard<'_, BroadcastState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BroadcastState {
    /// Returns the events after `last`, if all of them are still kept.
    fn events_after(&self, last: EventId) -> Option<VecDeque<Arc<NumberedEvent>>> {
        let kept = u64::try_from(self.recent.len()).unwrap_or(u64::MAX);
        let known = self.last_id.number.saturating_sub(kept)..=self.last_id.number;
        if last.run != self.last_id.run || !known.contains(&last.number) {
            return None;
        }
        let missed = self.recent.iter();
        let missed = missed.filter(|event| event.id.number > last.number);
        Some(missed.cloned().collect())
    }
}

/// Hints that wait for the next [`HINT_INTERVAL`]. Equal hints are merged.
#[derive(Default)]
struct PendingHints {
    ready: bool,
    changed: bool,
    /// The live events since the last hints.
    live: usize,
    /// The earliest time of the next hints.
    next: Duration,
}

impl PendingHints {
    fn is_empty(&self) -> bool {
        !self.ready && !self.changed && self.live == 0
    }

    /// Counts a live event. Returns whether it may be sent.
    fn admits_live(&mut self) -> bool {
        self.live += 1;
        self.changed |= self.live > MAX_LIVE;
        self.live <= MAX_LIVE
    }

    fn publish_due(&mut self, broadcaster: &EventBroadcaster, now: Duration) {
        if self.is_empty() || now < self.next {
            return;
        }
        if std::mem::take(&mut self.ready) {
            broadcaster.publish(ClientEvent::Ready);
        }
        if std::mem::take(&mut self.changed) {
            broadcaster.publish(ClientEvent::Changed);
        }
        self.live = 0;
        self.next = now + HINT_INTERVAL;
    }
}

/// An event that the task reads.
enum Next {
    Live(Result<LiveEvent, RecvError>),
    Store(Result<StoreEvent, RecvError>),
}

/// Receives the next live event. Waits forever without a source of them.
async fn next_live(
    live: &mut Option<broadcast::Receiver<LiveEvent>>,
) -> Result<LiveEvent, RecvError> {
    match live {
        Some(live) => live.recv().await,
        None => std::future::pending().await,
    }
}

/// The task of the broadcaster. It ends when the broadcaster is dropped, when the store's events
/// end, or after [`IDLE_TIMEOUT`] without a client.
async fn read_store_events(
    broadcaster: Weak<EventBroadcaster>,
    mut events: broadcast::Receiver<StoreEvent>,
    mut live: Option<broadcast::Receiver<LiveEvent>>,
    clock: Arc<dyn Clock>,
) {
    let mut hints = PendingHints::default();
    let mut idle_since = None;
    loop {
        let wait = if hints.is_empty() {
            IDLE_TIMEOUT
        } else {
            hints.next.saturating_sub(clock.elapsed())
        };
        let event = tokio::select! {
            biased;
            () = clock.sleep(wait) => None,
            event = next_live(&mut live) => Some(Next::Live(event)),
            event = events.recv() => Some(Next::Store(event)),
        };
        let Some(broadcaster) = broadcaster.upgrade() else {
            return;
        };
        match event {
            None => {}
            Some(Next::Live(Ok(event))) if hints.admits_live() => {
                broadcaster.publish(ClientEvent::Live(event));
            }
            Some(Next::Live(Ok(_))) => {}
            Some(Next::Live(Err(RecvError::Lagged(_)))) => hints.changed = true,
            Some(Next::Live(Err(RecvError::Closed))) => live = None,
            Some(Next::Store(Ok(StoreEvent::Finished(ids)))) => {
                broadcaster.publish_states(&ids).await;
            }
            Some(Next::Store(Ok(event))) if event.is_ready() => hints.ready = true,
            Some(Next::Store(Ok(_))) => hints.changed = true,
            Some(Next::Store(Err(RecvError::Lagged(_)))) => {
                broadcaster.publish(ClientEvent::Reset);
            }
            Some(Next::Store(Err(RecvError::Closed))) => {
                broadcaster.state().reading = false;
                return;
            }
        }
        let now = clock.elapsed();
        hints.publish_due(&broadcaster, now);
        let since = *idle_since.get_or_insert(now);
        if broadcaster.has_clients() {
            idle_since = None;
        } else if now.saturating_sub(since) >= IDLE_TIMEOUT && broadcaster.stop_if_unused() {
            return;
        }
    }
}

impl fmt::Debug for EventBroadcaster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventBroadcaster").finish_non_exhaustive()
    }
}
