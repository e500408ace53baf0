//! A loop beside the engine, as a task on the application's runtime.
//!
//! Retention, bulk operations, requests by SQL and the recorder of series run in such loops. They
//! share nothing with the dispatcher. This module may import the clock, and must never import a
//! loop.

use std::sync::Arc;
use std::time::Duration;

use jobs::{BoxFuture, Clock};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::clock::busy::keep_clock_busy;

/// The interval between two looks under a virtual clock. Shorter ones would only move the clock
/// from look to look.
const VIRTUAL_POLL: Duration = Duration::from_secs(86_400);

/// A running loop. Dropping it ends the loop.
#[derive(Debug)]
pub(crate) struct BackgroundLoop {
    stop: watch::Sender<bool>,
    ended: watch::Receiver<()>,
    _task: JoinHandle<()>,
}

impl BackgroundLoop {
    /// Starts a loop on the tokio runtime of the caller. A stop drops `work` where it waits.
    pub(crate) fn start(
        clock: &Arc<dyn Clock>,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        Self::start_with(clock, |stop_requested| async move {
            tokio::select! {
                () = stop_requested => {}
                () = work => {}
            }
        })
    }

    /// Starts a loop that does more after a stop. `work` receives a future that completes when the
    /// stop is requested.
    pub(crate) fn start_with<F: Future<Output = ()> + Send + 'static>(
        clock: &Arc<dyn Clock>,
        work: impl FnOnce(BoxFuture<'static, ()>) -> F,
    ) -> Self {
        let (stop, mut stop_requests) = watch::channel(false);
        let (end, ended) = watch::channel(());
        let work = work(Box::pin(async move {
            // An error means that the runtime was dropped.
            let _ = stop_requests.wait_for(|stop| *stop).await;
        }));
        let task = keep_clock_busy(clock, async move {
            let _end = end;
            work.await;
        });
        Self {
            stop,
            ended,
            _task: tokio::spawn(task),
        }
    }

    /// Requests the end of the loop.
    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Completes when the loop has ended.
    pub(crate) async fn ended(&self) {
        // The loop never sends: the error of its end is what this waits for.
        let _ = self.ended.clone().changed().await;
    }
}

/// Returns the interval between two looks of a loop: `poll`, or a day under a virtual clock.
pub(crate) fn poll_interval(clock: &dyn Clock, poll: Duration) -> Duration {
    if clock.hold().is_needed() {
        VIRTUAL_POLL
    } else {
        poll
    }
}
