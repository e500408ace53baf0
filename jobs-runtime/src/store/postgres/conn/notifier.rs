//! Telling those who listen: in this process at once, in others by a notification.
//!
//! Notifications are sent after the commit, by a connection of their own, and at most one batch
//! every [`QUIET`]: a notification inside of the enqueuing transaction would make all commits of
//! the server queue up behind each other. The first one goes out at once. They are hints: one that
//! cannot be sent is dropped, because everybody also looks from time to time.

use std::sync::Arc;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jobs::ExecutionId;
use tokio::sync::{Notify, broadcast};

use super::error::Fault;
use super::operation::{Done, Shape, Transition, quietly};
use super::pool::{Lane, Shared};
use super::tx::Db;
use crate::store::StoreEvent;
use crate::store::postgres::uuid_of;
use crate::time::Timestamp;

/// Between two batches of notifications.
const QUIET: Duration = Duration::from_millis(20);

/// What a program that ends waits for its last notifications.
const FLUSH: Duration = Duration::from_millis(500);

/// The ids in one notification, which may be 8,000 bytes long; more are not told one by one.
const IDS: usize = 200;

/// Events kept for those who are slow to listen.
const EVENTS: usize = 1_024;

/// What is to be told to other processes.
#[derive(Debug, Default)]
struct Pending {
    ready: bool,
    scheduled: Option<Timestamp>,
    finished: Vec<ExecutionId>,
    cancel: bool,
    /// Anything may have happened.
    anything: bool,
    /// Whether something is on its way.
    sending: bool,
}

/// Tells what has been committed.
#[derive(Debug)]
pub(in crate::store::postgres) struct Herald {
    events: broadcast::Sender<StoreEvent>,
    pending: Mutex<Pending>,
    something: Notify,
    /// Everything has been sent.
    quiet: Condvar,
    /// Names this store in its own notifications, to recognise them.
    pub(in crate::store::postgres) origin: String,
    /// What other stores on the same schema listen on.
    pub(in crate::store::postgres) channel: String,
}

impl Herald {
    pub(in crate::store::postgres) fn new(schema: &str) -> Self {
        let (events, _) = broadcast::channel(EVENTS);
        Self {
            events,
            pending: Mutex::default(),
            something: Notify::new(),
            quiet: Condvar::new(),
            origin: format!("{:016x}", fastrand::u64(..)),
            channel: format!("jobs:{schema}"),
        }
    }

    pub(in crate::store::postgres) fn subscribe(&self) -> broadcast::Receiver<StoreEvent> {
        self.events.subscribe()
    }

    /// Whether anybody in this process listens.
    pub(in crate::store::postgres) fn is_heard(&self) -> bool {
        self.events.receiver_count() > 0
    }

    /// Tells this process and the others.
    pub(in crate::store::postgres) fn tell(&self, events: Vec<StoreEvent>) {
        if events.is_empty() {
            return;
        }
        let mut pending = self.pending();
        for event in &events {
            pending.add(event);
        }
        drop(pending);
        self.something.notify_one();
        for event in events {
            self.tell_here(event);
        }
    }

    /// Tells this process alone. Nobody may listen.
    pub(in crate::store::postgres) fn tell_here(&self, event: StoreEvent) {
        let _ = self.events.send(event);
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends what is pending to the other processes, for ever.
    pub(in crate::store::postgres) async fn call_out(shared: Arc<Shared>, lane: Lane) {
        let herald = &shared.herald;
        loop {
            herald.something.notified().await;
            let pending = {
                let mut pending = herald.pending();
                let taken = std::mem::take(&mut *pending);
                pending.sending = true;
                taken
            };
            let told = pending.into_texts(&herald.origin);
            if !told.is_empty() {
                let channel = herald.channel.clone();
                if let Err(error) = lane.run(Notification { channel, told }).await {
                    tracing::debug!(%error, "a notification could not be sent");
                }
            }
            herald.pending().sending = false;
            herald.quiet.notify_all();
            tokio::time::sleep(QUIET).await;
        }
    }

    /// Waits until everything has been sent, a moment at most: a program that enqueues and exits
    /// shall be heard.
    pub(in crate::store::postgres) fn flush(&self) {
        let loud = |pending: &mut Pending| pending.is_loud();
        let waiting = self.quiet.wait_timeout_while(self.pending(), FLUSH, loud);
        drop(waiting);
    }
}

impl Pending {
    fn is_loud(&self) -> bool {
        let Self {
            ready,
            scheduled,
            finished,
            cancel,
            anything,
            sending,
        } = self;
        *ready || scheduled.is_some() || !finished.is_empty() || *cancel || *anything || *sending
    }

    fn add(&mut self, event: &StoreEvent) {
        match event {
            StoreEvent::Ready => self.ready = true,
            StoreEvent::Scheduled(at) => {
                self.scheduled = Some(self.scheduled.map_or(*at, |before| before.min(*at)));
            }
            StoreEvent::Finished(ids) if self.finished.len() + ids.len() <= IDS => {
                self.finished.extend(ids.iter());
            }
            StoreEvent::CancelRequested => self.cancel = true,
            _ => self.anything = true,
        }
    }

    fn into_texts(self, origin: &str) -> Vec<String> {
        let Self {
            ready,
            scheduled,
            finished,
            cancel,
            anything,
            sending: _,
        } = self;
        let mut told = Vec::new();
        let mut add = |what: String| told.push(format!("{origin} {what}"));
        if ready {
            add("ready".to_owned());
        }
        if let Some(at) = scheduled {
            add(format!("scheduled {}", at.as_millis()));
        }
        if cancel {
            add("cancel".to_owned());
        }
        if anything {
            add("anything".to_owned());
        } else if !finished.is_empty() {
            let ids = finished.iter().map(|id| uuid_of(id).simple().to_string());
            add(format!("finished {}", ids.collect::<Vec<_>>().join(",")));
        }
        told
    }
}

/// What a notification of another store says; `None` for one of `origin` itself.
pub(in crate::store::postgres) fn read(text: &str, origin: &str) -> Option<StoreEvent> {
    let mut words = text.split(' ');
    if words.next() == Some(origin) {
        return None;
    }
    let event = match (words.next(), words.next()) {
        (Some("ready"), _) => Some(StoreEvent::Ready),
        (Some("cancel"), _) => Some(StoreEvent::CancelRequested),
        (Some("scheduled"), Some(at)) => {
            let at = at.parse().ok().map(Timestamp::from_millis);
            at.map(StoreEvent::Scheduled)
        }
        (Some("finished"), Some(ids)) => {
            let ids: Result<Vec<ExecutionId>, _> = ids.split(',').map(str::parse).collect();
            ids.ok().map(|ids| StoreEvent::Finished(ids.into()))
        }
        _ => None,
    };
    // What a newer program says may be anything.
    Some(event.unwrap_or(StoreEvent::Elsewhere))
}

struct Notification {
    channel: String,
    told: Vec<String>,
}

#[async_trait]
impl Transition for Notification {
    type Answer = ();
    const SHAPE: Shape = Shape::Statement;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<()>, Fault> {
        let query = db
            .query(&db.sql.conn_notify)
            .bind(&self.channel)
            .bind(&self.told);
        db.fetch(query).await?;
        Ok(quietly(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(event: &StoreEvent) -> Vec<Option<StoreEvent>> {
        let mut pending = Pending::default();
        pending.add(event);
        let told = pending.into_texts("me");
        assert!(told.iter().all(|text| text.len() < 8_000));
        told.iter().map(|text| read(text, "you")).collect()
    }

    #[test]
    fn events_survive_the_way_to_another_process() {
        let id = |n| ExecutionId::from_bytes([n; 16]);
        let few: StoreEvent = StoreEvent::Finished([id(1), id(2)].into());
        for event in [
            StoreEvent::Ready,
            StoreEvent::CancelRequested,
            StoreEvent::Scheduled(Timestamp::from_millis(17)),
            few,
        ] {
            let [Some(read)] = &round_trip(&event)[..] else {
                panic!("{event:?} is one notification");
            };
            assert_eq!(format!("{read:?}"), format!("{event:?}"));
        }
        let full: Vec<_> = (0..200).map(|_| id(255)).collect();
        round_trip(&StoreEvent::Finished(full.into()));
        let many: Vec<_> = (0..201).map(|_| id(3)).collect();
        let read = round_trip(&StoreEvent::Finished(many.into()));
        assert!(matches!(read[..], [Some(StoreEvent::Elsewhere)]));
    }

    #[test]
    fn a_store_does_not_hear_itself() {
        assert!(read("me ready", "me").is_none());
    }
}
