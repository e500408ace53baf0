//! The loop that takes in requests by SQL.
//!
//! It runs in every process that executes jobs or serves HTTP, if the store has an inbox. Each
//! process takes in requests that no other one has locked. A process may end in the middle: a page
//! is taken in completely or not at all.
//!
//! A request is seen at once by a notification, or by the poll: every second, and every 20 ms for a
//! quarter of a second after a notification or a request. The notifications leave out requests that
//! follow another one within 20 ms, which those polls see.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::{self, error::RecvError};

use crate::JobService;
use crate::background_loop::{BackgroundLoop, poll_interval};
use crate::engine::outage::OutageLog;
use crate::store::StoreEvent;

/// Requests in a page.
const PAGE: usize = 500;

/// The interval between two looks. Under a virtual clock it is a day.
const POLL: Duration = Duration::from_secs(1);

/// The interval between two looks while requests arrive.
const BUSY_POLL: Duration = Duration::from_millis(20);

/// The time after a request or a notification in which further ones are expected.
const BUSY: Duration = Duration::from_millis(250);

/// Starts the loop on the tokio runtime of the caller. `None` if the store has no inbox.
pub(crate) fn start(service: JobService) -> Option<BackgroundLoop> {
    service.store().inbox()?;
    let clock = Arc::clone(service.clock());
    Some(BackgroundLoop::start(&clock, take_in_forever(service)))
}

/// Takes in all requests that are due.
pub(crate) async fn drain(service: &JobService) {
    while matches!(service.take_in(PAGE).await, Ok(Some(taken)) if taken > 0) {}
}

async fn take_in_forever(service: JobService) {
    let clock = Arc::clone(service.clock());
    let mut events = service.store().events();
    let outage = OutageLog::default();
    let mut busy_until = Duration::ZERO;
    let poll = poll_interval(&*clock, POLL);
    loop {
        let taken = match service.take_in(PAGE).await {
            Ok(taken) => {
                outage.answered(&*clock);
                taken
            }
            Err(error) => {
                outage.failed(&error, &*clock);
                None
            }
        };
        let now = clock.elapsed();
        // A page may have been postponed as a whole; others are due behind it.
        if taken.is_some() {
            busy_until = now + BUSY;
        }
        if taken >= Some(PAGE) {
            continue;
        }
        if now < busy_until {
            clock.sleep(BUSY_POLL).await;
            continue;
        }
        tokio::select! {
            () = clock.sleep(poll) => {}
            () = received(&mut events) => busy_until = clock.elapsed() + BUSY,
        }
    }
}

/// Waits for a notification of requests.
async fn received(events: &mut broadcast::Receiver<StoreEvent>) {
    loop {
        match events.recv().await {
            Ok(StoreEvent::Received) | Err(RecvError::Lagged(_)) => return,
            Ok(_) => {}
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}
