//! Log lines of running attempts, on their way to the store.
//!
//! Each attempt collects its lines in a [`LogBuffer`](crate::logs::LogBuffer). A line stays in the
//! buffer until the store has acknowledged it. The settlement carries the lines that remain.

use std::sync::Arc;

use super::call::{Shared, StoreCall};
use super::running::Attempts;
use crate::store::{LogBatch, StoreError, WriteAnswer};

/// The number of lines after which a call takes no further attempt's lines.
const BATCH: usize = 20_000;

/// The answer of the store to a batch of log lines.
#[derive(Debug)]
pub(super) struct LogAnswer(Vec<LogBatch>, Result<Vec<WriteAnswer>, StoreError>);

/// The part that sends log lines, one batch at a time.
pub(super) struct LogWriter {
    in_flight: bool,
    shared: Arc<Shared>,
}

impl LogWriter {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        Self {
            in_flight: false,
            shared: Arc::clone(shared),
        }
    }

    /// Sends the unacknowledged log lines of running attempts. If the store does not answer, the
    /// next heartbeat or the settlement sends them again.
    pub(super) fn start(&mut self, attempts: &Attempts) -> Option<StoreCall<LogAnswer>> {
        if self.in_flight {
            return None;
        }
        let mut batch = Vec::new();
        let mut count = 0;
        for (fence, running) in &attempts.running {
            let lines = running.logs.waiting();
            count += lines.len();
            if !lines.is_empty() {
                let fence = *fence;
                batch.push(LogBatch { fence, lines });
            }
            if count >= BATCH {
                break;
            }
        }
        if batch.is_empty() {
            return None;
        }
        self.in_flight = true;
        Some(self.shared.call(|store| async move {
            let answer = store.append_logs(batch.clone()).await;
            LogAnswer(batch, answer)
        }))
    }

    pub(super) fn on(&mut self, LogAnswer(batch, answer): LogAnswer, attempts: &Attempts) {
        self.in_flight = false;
        let Some(answers) = self.shared.record(&answer) else {
            return;
        };
        for (LogBatch { fence, lines }, answer) in batch.iter().zip(answers) {
            // The settlement of an attempt that has ended meanwhile carries its lines.
            let Some(running) = attempts.running.get(fence) else {
                continue;
            };
            match (answer, lines.last()) {
                (WriteAnswer::Stale, _) => {
                    self.shared.health.refused(|refused| refused.logs += 1);
                    tracing::warn!(
                        execution = %running.execution_id,
                        attempt = fence.attempt,
                        "the store refused the log of an attempt whose lease had ended",
                    );
                    running.logs.close();
                }
                // The next heartbeat or the settlement sends the lines again.
                (WriteAnswer::Locked, _) => {}
                // The store would reject the same lines again.
                (WriteAnswer::Rejected, _) => drop(running.logs.close()),
                (_, Some(last)) => running.logs.acknowledge(last.line),
                (_, None) => {}
            }
        }
    }
}
