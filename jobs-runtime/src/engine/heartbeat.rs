//! The heartbeat of running attempts: progress, log lines and cancel requests.
//!
//! While attempts run or prefetched executions wait for a slot, the dispatcher sends a heartbeat
//! twenty times per poll interval (every 250 ms by default). A heartbeat:
//!
//! * writes changed progress and new log lines;
//! * asks the store for cancel requests. For each running attempt that is to be cancelled, the
//!   dispatcher raises an [`Interrupt`](super::executor::interrupt::Interrupt). Its token is the
//!   handler's `ctx.cancelled()`;
//!
//! With each heartbeat the dispatcher also settles [stuck](super::stuck) attempts, and releases
//! prefetched executions that have waited too long for a slot.
//!
//! It does not renew the session: [`session`](super::session) does.

use std::sync::Arc;
use std::time::Duration;

use super::call::{CallTimer, Shared, StoreCall};
use super::logs::{LogAnswer, LogWriter};
use super::running::Attempts;
use crate::store::{Fence, SessionId, StoreError, WriteAnswer};

/// An answer of the store to a call of a heartbeat.
#[derive(Debug)]
pub(super) enum HeartbeatAnswer {
    Progress(Vec<Fence>, Result<Vec<WriteAnswer>, StoreError>),
    CancelRequests(Result<Vec<Fence>, StoreError>),
    Logs(LogAnswer),
}

/// The part that sends heartbeats.
pub(super) struct Heartbeat {
    /// In flight until the poll for cancel requests is answered. Progress that waits for a locked
    /// lease delays no such poll.
    timer: CallTimer,
    progress_in_flight: bool,
    interval: Duration,
    logs: LogWriter,
    shared: Arc<Shared>,
}

impl Heartbeat {
    pub(super) fn new(now: Duration, shared: &Arc<Shared>) -> Self {
        Self {
            timer: CallTimer::new(now),
            progress_in_flight: false,
            interval: shared.config.poll / 20,
            logs: LogWriter::new(shared),
            shared: Arc::clone(shared),
        }
    }

    pub(super) fn is_due(&self, now: Duration) -> bool {
        self.timer.is_due(now)
    }

    pub(super) fn next_wake(&self) -> Option<Duration> {
        self.timer.next_wake()
    }

    /// Makes the next heartbeat due.
    pub(super) fn hurry(&mut self, now: Duration) {
        self.timer.bring_forward(now);
    }

    /// Sends a heartbeat.
    pub(super) fn start(
        &mut self,
        now: Duration,
        session: SessionId,
        attempts: &Attempts,
    ) -> Vec<StoreCall<HeartbeatAnswer>> {
        self.timer.sent(now + self.interval);
        let mut calls: Vec<StoreCall<_>> = Vec::new();
        let reports = if self.progress_in_flight {
            Vec::new()
        } else {
            attempts.changed_progress()
        };
        if !reports.is_empty() {
            self.progress_in_flight = true;
            calls.push(self.shared.call(|store| async move {
                let fences = reports.iter().map(|report| report.fence).collect();
                HeartbeatAnswer::Progress(fences, store.report(reports).await)
            }));
        }
        calls.push(self.shared.call(|store| async move {
            HeartbeatAnswer::CancelRequests(store.cancel_requests(session).await)
        }));
        if let Some(call) = self.logs.start(attempts) {
            calls.push(Box::pin(async { HeartbeatAnswer::Logs(call.await) }));
        }
        calls
    }

    /// Records an answer, and returns the attempts that are to be cancelled.
    pub(super) fn on(&mut self, answer: HeartbeatAnswer, attempts: &Attempts) -> Vec<Fence> {
        match answer {
            HeartbeatAnswer::Logs(answer) => {
                self.logs.on(answer, attempts);
                Vec::new()
            }
            HeartbeatAnswer::Progress(fences, answer) => {
                self.progress_in_flight = false;
                self.note_stale(&answer);
                report_again(&fences, &answer, attempts);
                Vec::new()
            }
            HeartbeatAnswer::CancelRequests(answer) => {
                self.timer.answered();
                self.shared.record(&answer);
                answer.unwrap_or_default()
            }
        }
    }

    fn note_stale(&self, answer: &Result<Vec<WriteAnswer>, StoreError>) {
        let answers = self.shared.record(answer).map_or(&[][..], Vec::as_slice);
        let stale = answers.iter().filter(|one| **one == WriteAnswer::Stale);
        let stale = stale.count() as u64;
        if stale > 0 {
            self.shared
                .health
                .refused(|refused| refused.progress += stale);
            tracing::warn!(
                stale,
                "the store refused the progress of attempts whose lease had ended"
            );
        }
    }
}

/// Has the next heartbeat report the progress that was not written.
fn report_again(
    fences: &[Fence],
    answer: &Result<Vec<WriteAnswer>, StoreError>,
    attempts: &Attempts,
) {
    for (place, fence) in fences.iter().enumerate() {
        let is_missing = match answer {
            Ok(answers) => answers.get(place) == Some(&WriteAnswer::Locked),
            Err(_) => true,
        };
        if is_missing {
            attempts.report_again(fence);
        }
    }
}
