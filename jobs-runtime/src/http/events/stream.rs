//! The answer to one client, as long as it listens.

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
use super::event::{Change, News, Position};
use super::broadcaster::{Beginning, Hub};

/// Between two signs of life.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// How long a client should wait before it comes back, in milliseconds.
const RETRY: u64 = 2_000;

/// A client.
pub(super) struct Subscriber {
    hub: Arc<Hub>,
    filter: Filter,
    receiver: Receiver<Arc<Change>>,
    /// What is told before anything new.
    first: VecDeque<String>,
    missed: VecDeque<Arc<Change>>,
    /// How far the client knows everything.
    position: Position,
    ending: CancellationToken,
    _seat: OwnedSemaphorePermit,
}

impl Subscriber {
    pub(super) fn new(
        hub: &Arc<Hub>,
        seat: OwnedSemaphorePermit,
        filter: Filter,
        last: Option<Option<Position>>,
        ending: Option<CancellationToken>,
    ) -> Self {
        let Beginning {
            position,
            missed,
            receiver,
        } = hub.begin(last);
        let mut first = VecDeque::from([format!("retry: {RETRY}\n\n")]);
        let missed = match missed {
            // Where it stands, so that it can come back also before the first event.
            Some(missed) if missed.is_empty() => {
                first.push_back(format!("id: {position}\n\n"));
                missed
            }
            Some(missed) => missed,
            None => {
                first.push_back(News::Reset.frame(position));
                VecDeque::new()
            }
        };
        Self {
            hub: Arc::clone(hub),
            filter,
            receiver,
            first,
            missed,
            position,
            ending: ending.unwrap_or_default(),
            _seat: seat,
        }
    }

    pub(super) fn into_stream(self) -> impl Stream<Item = Result<String, Infallible>> + Send {
        unfold(self, async |mut subscriber| {
            let frame = subscriber.next().await?;
            Some((Ok(frame), subscriber))
        })
    }

    /// What to send next; nothing more when the server ends.
    async fn next(&mut self) -> Option<String> {
        if let Some(frame) = self.first.pop_front() {
            return Some(frame);
        }
        while let Some(change) = self.missed.pop_front() {
            if let Some(frame) = self.frame(&change) {
                return Some(frame);
            }
        }
        let clock = Arc::clone(&self.hub.clock);
        let mut heartbeat = clock.sleep(HEARTBEAT);
        loop {
            let received = tokio::select! {
                biased;
                () = self.ending.cancelled() => return None,
                // The place as well: what was filtered out has not been missed.
                () = &mut heartbeat => {
                    return Some(format!(": still here\nid: {}\n\n", self.position));
                }
                received = self.receiver.recv() => received,
            };
            match received {
                Ok(change) => {
                    if let Some(frame) = self.frame(&change) {
                        return Some(frame);
                    }
                }
                Err(RecvError::Lagged(_)) => {
                    self.receiver = self.receiver.resubscribe();
                    self.position = self.hub.position();
                    return Some(News::Reset.frame(self.position));
                }
                Err(RecvError::Closed) => return None,
            }
        }
    }

    fn frame(&mut self, change: &Change) -> Option<String> {
        self.position = change.position;
        let news = &change.news;
        news.concerns(&self.filter)
            .then(|| news.frame(change.position))
    }
}
