//! Publication of events: in this process at once, to other processes by NOTIFY.
//!
//! Notifications are sent after the commit, on a connection of their own, at most one batch per
//! [`INTERVAL`]; the first batch at once. A NOTIFY inside of the enqueuing transaction would take a
//! lock of the whole server at each commit. Notifications are hints: one that cannot be sent is
//! dropped, because every process also polls.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jobs::ExecutionId;
use tokio::sync::{Notify, broadcast};

use super::error::DbError;
use super::operation::{Operation, Outcome, without_events};
use super::pool::{Pool, Shared};
use super::tx::Tx;
use crate::store::StoreEvent;
use crate::store::postgres::uuid_of;
use crate::time::Timestamp;

/// Pause between two batches of notifications.
const INTERVAL: Duration = Duration::from_millis(20);

/// Longest wait for the last notifications when the store is dropped.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(500);

/// Ids in one notification, whose payload is limited to 8,000 bytes. More of them become one event
/// without ids.
const MAX_IDS: usize = 200;

/// Bytes of job ids in one notification. More of them become one event without ids.
const MAX_JOB_BYTES: usize = 4_000;

/// Events that are kept for slow subscribers.
const EVENT_CAPACITY: usize = 1_024;

/// Events that other processes have not been notified of.
#[derive(Debug, Default)]
struct Pending {
    ready: bool,
    /// Jobs with ready executions.
    ready_jobs: BTreeSet<String>,
    scheduled: Option<Timestamp>,
    finished: Vec<ExecutionId>,
    cancel: bool,
    schedules: bool,
    /// An event without details.
    anything: bool,
    /// True while a batch is being sent.
    sending: bool,
}

/// Publishes the events of committed operations.
#[derive(Debug)]
pub(in crate::store::postgres) struct Notifier {
    events: broadcast::Sender<StoreEvent>,
    pending: Mutex<Pending>,
    pending_added: Notify,
    /// Signalled when a batch was sent.
    all_sent: Condvar,
    /// Marks this store's notifications, so that it ignores its own.
    pub(in crate::store::postgres) origin: String,
    /// Channel of all stores on this schema.
    pub(in crate::store::postgres) channel: String,
}

impl Notifier {
    pub(in crate::store::postgres) fn new(schema: &str) -> Self {
        let (events, _) = broadcast::channel(EVENT_CAPACITY);
        Self {
            events,
            pending: Mutex::default(),
            pending_added: Notify::new(),
            all_sent: Condvar::new(),
            origin: format!("{:016x}", fastrand::u64(..)),
            channel: format!("jobs:{schema}"),
        }
    }

    pub(in crate::store::postgres) fn subscribe(&self) -> broadcast::Receiver<StoreEvent> {
        self.events.subscribe()
    }

    /// Returns true if this process has subscribers.
    pub(in crate::store::postgres) fn has_subscribers(&self) -> bool {
        self.events.receiver_count() > 0
    }

    /// Publishes events to this process and to the others.
    pub(in crate::store::postgres) fn publish(&self, events: Vec<StoreEvent>) {
        if events.is_empty() {
            return;
        }
        let mut pending = self.pending();
        for event in &events {
            pending.add(event);
        }
        drop(pending);
        self.pending_added.notify_one();
        for event in events {
            self.publish_locally(event);
        }
    }

    /// Publishes an event to this process alone.
    pub(in crate::store::postgres) fn publish_locally(&self, event: StoreEvent) {
        let _ = self.events.send(event);
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends pending events to the other processes. Never returns.
    pub(in crate::store::postgres) async fn send_notifications(shared: Arc<Shared>, pool: Pool) {
        let notifier = &shared.notifier;
        loop {
            notifier.pending_added.notified().await;
            let pending = {
                let mut pending = notifier.pending();
                let taken = std::mem::take(&mut *pending);
                pending.sending = true;
                taken
            };
            let payloads = pending.into_payloads(&notifier.origin);
            if !payloads.is_empty() {
                let channel = notifier.channel.clone();
                if let Err(error) = pool.run(SendNotifications { channel, payloads }).await {
                    tracing::debug!(%error, "a notification could not be sent");
                }
            }
            notifier.pending().sending = false;
            notifier.all_sent.notify_all();
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// Waits until the pending events were sent, no longer than [`FLUSH_TIMEOUT`]. So other
    /// processes learn of an enqueue by a program that exits after it.
    pub(in crate::store::postgres) fn flush(&self) {
        let unsent = |pending: &mut Pending| pending.is_unsent();
        let waiting = self
            .all_sent
            .wait_timeout_while(self.pending(), FLUSH_TIMEOUT, unsent);
        drop(waiting);
    }
}

impl Pending {
    fn is_unsent(&self) -> bool {
        let Self {
            ready,
            ready_jobs,
            scheduled,
            finished,
            cancel,
            schedules,
            anything,
            sending,
        } = self;
        *ready
            || !ready_jobs.is_empty()
            || scheduled.is_some()
            || !finished.is_empty()
            || *cancel
            || *schedules
            || *anything
            || *sending
    }

    fn add(&mut self, event: &StoreEvent) {
        match event {
            StoreEvent::Ready => self.ready = true,
            StoreEvent::JobsReady(jobs) => self.add_ready_jobs(jobs),
            StoreEvent::Scheduled(at) => {
                self.scheduled = Some(self.scheduled.map_or(*at, |before| before.min(*at)));
            }
            StoreEvent::Finished(ids) if self.finished.len() + ids.len() <= MAX_IDS => {
                self.finished.extend(ids.iter());
            }
            StoreEvent::CancelRequested => self.cancel = true,
            StoreEvent::SchedulesChanged => self.schedules = true,
            _ => self.anything = true,
        }
    }

    /// Adds jobs with ready executions, if the ids have the form of a notification.
    fn add_ready_jobs(&mut self, jobs: &[String]) {
        let is_plain = |job: &String| !job.is_empty() && !job.contains([' ', ',']);
        self.ready |= !jobs.iter().all(is_plain);
        if !self.ready {
            self.ready_jobs.extend(jobs.iter().cloned());
            let bytes = self.ready_jobs.iter().map(|job| job.len() + 1);
            self.ready = bytes.sum::<usize>() > MAX_JOB_BYTES;
        }
    }

    fn into_payloads(self, origin: &str) -> Vec<String> {
        let Self {
            ready,
            ready_jobs,
            scheduled,
            finished,
            cancel,
            schedules,
            anything,
            sending: _,
        } = self;
        let mut payloads = Vec::new();
        let mut add = |what: String| payloads.push(format!("{origin} {what}"));
        if ready {
            add("ready".to_owned());
        } else if !ready_jobs.is_empty() {
            let jobs: Vec<_> = ready_jobs.into_iter().collect();
            add(format!("ready {}", jobs.join(",")));
        }
        if let Some(at) = scheduled {
            add(format!("scheduled {}", at.as_millis()));
        }
        if cancel {
            add("cancel".to_owned());
        }
        if schedules {
            add("schedules".to_owned());
        }
        if anything {
            add("anything".to_owned());
        } else if !finished.is_empty() {
            let ids = finished.iter().map(|id| uuid_of(id).simple().to_string());
            add(format!("finished {}", ids.collect::<Vec<_>>().join(",")));
        }
        payloads
    }
}

/// Parses a notification's payload; `None` for one that `origin` has sent itself.
pub(in crate::store::postgres) fn parse(text: &str, origin: &str) -> Option<StoreEvent> {
    let mut words = text.split(' ');
    if words.next() == Some(origin) {
        return None;
    }
    let event = match (words.next(), words.next()) {
        (Some("ready"), None) => Some(StoreEvent::Ready),
        (Some("ready"), Some(jobs)) => {
            let jobs: Vec<_> = jobs.split(',').map(str::to_owned).collect();
            Some(StoreEvent::JobsReady(jobs.into()))
        }
        (Some("cancel"), _) => Some(StoreEvent::CancelRequested),
        (Some("received"), _) => Some(StoreEvent::Received),
        (Some("schedules"), _) => Some(StoreEvent::SchedulesChanged),
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
    // A newer program may send payloads that this one does not know.
    Some(event.unwrap_or(StoreEvent::Elsewhere))
}

struct SendNotifications {
    channel: String,
    payloads: Vec<String>,
}

#[async_trait]
impl Operation for SendNotifications {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<()>, DbError> {
        let query = tx
            .query(&tx.sql.conn_notify)
            .bind(&self.channel)
            .bind(&self.payloads);
        tx.fetch(query).await?;
        Ok(without_events(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(event: &StoreEvent) -> Vec<Option<StoreEvent>> {
        let mut pending = Pending::default();
        pending.add(event);
        let payloads = pending.into_payloads("me");
        assert!(payloads.iter().all(|text| text.len() < 8_000));
        payloads.iter().map(|text| parse(text, "you")).collect()
    }

    #[test]
    fn events_survive_serialization() {
        let id = |n| ExecutionId::from_bytes([n; 16]);
        let few: StoreEvent = StoreEvent::Finished([id(1), id(2)].into());
        for event in [
            StoreEvent::Ready,
            StoreEvent::JobsReady(["a.b".to_owned(), "c".to_owned()].into()),
            StoreEvent::CancelRequested,
            StoreEvent::SchedulesChanged,
            StoreEvent::Scheduled(Timestamp::from_millis(17)),
            few,
        ] {
            let [Some(parsed)] = &round_trip(&event)[..] else {
                panic!("{event:?} is one notification");
            };
            assert_eq!(format!("{parsed:?}"), format!("{event:?}"));
        }
        let full: Vec<_> = (0..200).map(|_| id(255)).collect();
        round_trip(&StoreEvent::Finished(full.into()));
        for jobs in [
            vec!["x".repeat(200); 1],
            (0..1_000).map(|n| format!("job-{n}")).collect(),
        ] {
            round_trip(&StoreEvent::JobsReady(jobs.into()));
        }
        let odd = round_trip(&StoreEvent::JobsReady(["a,b".to_owned()].into()));
        assert!(matches!(odd[..], [Some(StoreEvent::Ready)]));
        let many: Vec<_> = (0..201).map(|_| id(3)).collect();
        let parsed = round_trip(&StoreEvent::Finished(many.into()));
        assert!(matches!(parsed[..], [Some(StoreEvent::Elsewhere)]));
    }

    #[test]
    fn a_store_ignores_its_own_notifications() {
        assert!(parse("me ready", "me").is_none());
    }
}
