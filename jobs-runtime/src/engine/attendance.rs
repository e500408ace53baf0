//! Looking after what runs: progress, log lines, cancellations, handlers that are stuck.

use std::sync::Arc;
use std::time::Duration;

use super::dispatcher::{Dispatcher, Event};
use super::interrupt::Cause;
use crate::store::{Fence, ProgressReport};

impl Dispatcher {
    /// Writes progress and logs and asks for cancellations, while something runs.
    pub(super) fn attend(&mut self, now: Duration) {
        if self.running.is_empty() || self.attending > 0 || now < self.timers.attend_at {
            return;
        }
        self.timers.attended(now);
        self.settle_stuck(now);
        let Some(session) = &self.session else {
            return;
        };
        let session = session.id;
        let reports: Vec<_> = self
            .running
            .iter()
            .filter_map(|(fence, running)| {
                let progress = running.progress.take_changed()?;
                Some(ProgressReport {
                    fence: *fence,
                    progress,
                })
            })
            .collect();
        if !reports.is_empty() {
            self.attending += 1;
            let store = Arc::clone(&self.store);
            self.call(async move { Event::Reported(store.report(reports).await) });
        }
        self.send_logs();
        self.attending += 1;
        let store = Arc::clone(&self.store);
        self.call(async move { Event::CancelRequests(store.cancel_requests(session).await) });
    }

    pub(super) fn cancel(&mut self, fence: Fence) {
        let now = self.clock.elapsed();
        match self.running.get_mut(&fence) {
            Some(running) => {
                running.interrupt.raise(Cause::Cancel);
                running.cancelled_at.get_or_insert(now);
            }
            None => self.lanes.iter_mut().for_each(|lane| lane.cancel(fence)),
        }
    }
}
