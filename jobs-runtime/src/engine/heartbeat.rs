//! Looking after what runs: progress, log lines, cancellations, handlers that are stuck.

use std::sync::Arc;
use std::time::Duration;

use super::dispatcher::{Dispatcher, Event};
use super::executor::interrupt::Cause;
use super::outcome::Conclusion;
use super::slots::Lane;
use crate::store::{Fence, ProgressReport};

impl Dispatcher {
    /// Writes progress and logs and asks for cancellations, while something runs.
    pub(super) fn attend(&mut self, now: Duration) {
        if !self.is_busy() || self.attending > 0 || now < self.timers.attend_at {
            return;
        }
        self.timers.attended(now);
        self.settle_stuck(now);
        for place in 0..self.lanes.len() {
            for claimed in self.lanes[place].take_stale(now) {
                self.conclude_unstarted(&claimed, Conclusion::Released);
            }
        }
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

    /// Whether this worker holds leases to look after.
    pub(super) fn is_busy(&self) -> bool {
        !self.running.is_empty() || self.lanes.iter().any(Lane::has_backlog)
    }

    pub(super) fn cancel(&mut self, fence: Fence) {
        let now = self.clock.elapsed();
        match self.running.get_mut(&fence) {
            Some(running) => {
                running.interrupt.raise(Cause::Cancel);
                running.cancelled_at.get_or_insert(now);
            }
            None => {
                let waiting = self.lanes.iter_mut().find_map(|lane| lane.cancel(fence));
                if let Some(claimed) = waiting {
                    self.conclude_unstarted(&claimed, Conclusion::Cancelled(None));
                }
            }
        }
    }
}
