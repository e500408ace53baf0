//! The event stream of one client.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use futures_util::stream::unfold;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use super::Filter;
use super::access::StreamAccess;
use super::broadcaster::{EventBroadcaster, Subscription};
use super::event::{ClientEvent, EventId, NumberedEvent};

/// The interval of the comments that keep an idle connection alive.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(15);

/// The `retry` field: the time that a client waits before it reconnects.
const RECONNECT_DELAY_MS: u64 = 2_000;

/// The position from which a client continues.
#[derive(Clone, Copy, Debug)]
pub(super) enum Resume {
    /// The client is new: it receives events from now on.
    Fresh,
    /// The client has received everything up to this event.
    After(EventId),
    /// The client's `Last-Event-ID` was not issued by a broadcaster: the stream begins with
    /// `reset`.
    Unknown,
}

/// The events of one client, as frames of server-sent events.
pub(super) struct EventStream {
    broadcaster: Arc<EventBroadcaster>,
    filter: Filter,
    receiver: Receiver<Arc<NumberedEvent>>,
    /// Frames that are sent before any event.
    preamble: VecDeque<String>,
    missed: VecDeque<Arc<NumberedEvent>>,
    /// The last event that was sent to the client or filtered out.
    last_id: EventId,
    access: StreamAccess,
    shutdown: CancellationToken,
    _client_permit: OwnedSemaphorePermit,
}

impl EventStream {
    pub(super) fn new(
        broadcaster: &Arc<EventBroadcaster>,
        client_permit: OwnedSemaphorePermit,
        filter: Filter,
        resume: Resume,
        access: StreamAccess,
        shutdown: Option<CancellationToken>,
    ) -> Self {
        let Subscription {
            last_id,
            missed,
            receiver,
        } = broadcaster.subscribe(resume);
        let mut preamble = VecDeque::from([format!("retry: {RECONNECT_DELAY_MS}\n\n")]);
        let missed = match missed {
            // An id without an event: the client can resume even if it disconnects before the
            // first event.
            Some(missed) if missed.is_empty() => {
                preamble.push_back(format!("id: {last_id}\n\n"));
                missed
            }
            Some(missed) => missed,
            None => {
                preamble.push_back(ClientEvent::Reset.to_frame(last_id));
                VecDeque::new()
            }
        };
        Self {
            broadcaster: Arc::clone(broadcaster),
            filter,
            receiver,
            preamble,
            missed,
            last_id,
            access,
            shutdown: shutdown.unwrap_or_default(),
            _client_permit: client_permit,
        }
    }

    pub(super) fn into_stream(self) -> impl Stream<Item = Result<String, Infallible>> + Send {
        unfold(self, async |mut events| {
            let frame = events.next_frame().await?;
            let shutdown = events.shutdown.clone();
            let continues = shutdown.run_until_cancelled(events.access.continues());
            continues.await?.then_some((Ok(frame), events))
        })
    }

    /// Returns the next frame, or `None` when the server shuts down.
    async fn next_frame(&mut self) -> Option<String> {
        if let Some(frame) = self.preamble.pop_front() {
            return Some(frame);
        }
        while let Some(event) = self.missed.pop_front() {
            if let Some(frame) = self.frame_of(&event) {
                return Some(frame);
            }
        }
        let clock = Arc::clone(&self.broadcaster.clock);
        let mut heartbeat = clock.sleep(HEARTBEAT_INTERVAL);
        loop {
            let received = tokio::select! {
                biased;
                () = self.shutdown.cancelled() => return None,
                // The heartbeat carries the id, so a reconnect does not ask for events that were
                // filtered out.
                () = &mut heartbeat => {
                    return Some(format!(": still here\nid: {}\n\n", self.last_id));
                }
                received = self.receiver.recv() => received,
            };
            match received {
                Ok(event) => {
                    if let Some(frame) = self.frame_of(&event) {
                        return Some(frame);
                    }
                }
                Err(RecvError::Lagged(_)) => {
                    self.receiver = self.receiver.resubscribe();
                    self.last_id = self.broadcaster.last_id();
                    return Some(ClientEvent::Reset.to_frame(self.last_id));
                }
                Err(RecvError::Closed) => return None,
            }
        }
    }

    /// Returns the frame of an event, or `None` if the filter excludes it.
    fn frame_of(&mut self, numbered: &NumberedEvent) -> Option<String> {
        self.last_id = numbered.id;
        numbered
            .event
            .matches(&self.filter)
            .then(|| numbered.frame.clone())
    }
}
