//! The heartbeat of running attempts: progress, log lines and cancel requests.
//!
//! While attempts run or prefetched executions wait for a slot, the dispatcher sends a heartbeat
//! twenty times per poll interval (every 250 ms by default). A heartbeat:
//!
//! * writes changed progress and new log lines;
//! * asks the store for cancel requests. For each running attempt that is to be cancelled, the
//!   dispatcher raises an [`Interrupt`](super::executor::interrupt::Interrupt). Its token is the
//!   handler's `ctx.cancelled()`;
//! * settles [stuck](super::stuck) attempts;
//! * releases prefetched executions that have waited too long for a slot.
//!
//! It does not renew the session: [`session`](super::session) does.

use std::sync::Arc;
use std::time::Duration;

use super::dispatcher::{CallEvent, Dispatcher};
use super::executor::interrupt::Cause;
use super::outcome::Exit;
use super::slots::SlotPool;
use crate::store::{Fence, ProgressReport, StoreError, WriteAnswer};

impl Dispatcher {
    /// Sends a heartbeat if one is due. A call is left out while the last one of its kind is in
    /// flight: progress that waits for a locked lease delays no poll for cancel requests.
    pub(super) fn send_heartbeat(&mut self, now: Duration) {
        if !self.holds_leases() || now < self.timers.heartbeat_at {
            return;
        }
        self.timers.heartbeat_sent(now);
        self.settle_stuck_attempts(now);
        for index in 0..self.slots.len() {
            for claimed in self.slots[index].take_stale(now) {
                self.settle_unstarted(&claimed, Exit::Released);
            }
        }
        let Some(session) = &self.session else {
            return;
        };
        let session = session.id;
        if !self.progress_in_flight {
            self.send_progress();
        }
        self.send_logs();
        if !self.cancel_poll_in_flight {
            self.cancel_poll_in_flight = true;
            let store = Arc::clone(&self.store);
            self.spawn_call(async move {
                CallEvent::CancelRequests(store.cancel_requests(session).await)
            });
        }
    }

    fn send_progress(&mut self) {
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
        if reports.is_empty() {
            return;
        }
        self.progress_in_flight = true;
        let store = Arc::clone(&self.store);
        self.spawn_call(async move { CallEvent::ProgressWritten(store.report(reports).await) });
    }

    pub(super) fn on_progress_written(&mut self, answer: Result<Vec<WriteAnswer>, StoreError>) {
        self.progress_in_flight = false;
        let answers = self.record_answer(&answer).map_or(&[][..], Vec::as_slice);
        let stale = answers
            .iter()
            .filter(|one| **one == WriteAnswer::Stale)
            .count();
        if stale > 0 {
            let stale = stale as u64;
            self.health.refused(|refused| refused.progress += stale);
            tracing::warn!(
                stale,
                "the store refused the progress of attempts whose lease had ended"
            );
        }
    }

    /// True if attempts run or leased executions wait for a slot.
    pub(super) fn holds_leases(&self) -> bool {
        !self.running.is_empty() || self.slots.iter().any(SlotPool::has_prefetched)
    }

    /// Cancels an attempt: interrupts it if it runs, settles it if it waits for a slot.
    pub(super) fn cancel(&mut self, fence: Fence) {
        let now = self.clock.elapsed();
        match self.running.get_mut(&fence) {
            Some(running) => {
                running.interrupt.raise(Cause::Cancel);
                running.cancelled_at.get_or_insert(now);
            }
            None => {
                let waiting = self.slots.iter_mut().find_map(|slots| slots.remove(fence));
                if let Some(claimed) = waiting {
                    self.settle_unstarted(&claimed, Exit::Cancelled(None));
                }
            }
        }
    }
}
