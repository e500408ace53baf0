//! Log lines of running attempts, on their way to the store.
//!
//! Each attempt collects its lines in a [`LogBuffer`](crate::logs::LogBuffer). A line stays in the
//! buffer until the store has acknowledged it. The settlement carries the lines that remain.

use std::sync::Arc;

use super::dispatcher::{Dispatcher, Event};
use crate::store::{LogBatch, StoreError, WriteAnswer};

/// The number of lines after which a call takes no further attempt's lines.
const BATCH: usize = 20_000;

impl Dispatcher {
    /// Sends the unacknowledged log lines of running attempts, one batch at a time. If the store
    /// does not answer, the next heartbeat or the settlement sends them again.
    pub(super) fn send_logs(&mut self) {
        if self.logs_in_flight {
            return;
        }
        let mut batch = Vec::new();
        let mut count = 0;
        for (fence, running) in &self.running {
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
            return;
        }
        self.logs_in_flight = true;
        let store = Arc::clone(&self.store);
        self.spawn_call(async move {
            let answer = store.append_logs(batch.clone()).await;
            Event::LogsWritten(batch, answer)
        });
    }

    pub(super) fn on_logs_written(
        &mut self,
        batch: Vec<LogBatch>,
        answer: Result<Vec<WriteAnswer>, StoreError>,
    ) {
        self.logs_in_flight = false;
        let Some(answers) = self.record_answer(&answer) else {
            return;
        };
        for (LogBatch { fence, lines }, answer) in batch.iter().zip(answers) {
            // The settlement of an attempt that has ended meanwhile carries its lines.
            let Some(running) = self.running.get(fence) else {
                continue;
            };
            match (answer, lines.last()) {
                (WriteAnswer::Stale, _) => {
                    self.health.refused(|refused| refused.logs += 1);
                    tracing::warn!(
                        execution = %running.execution_id,
                        attempt = fence.attempt,
                        "the store refused the log of an attempt whose lease had ended",
                    );
                    running.logs.close();
                }
                // The store would reject the same lines again.
                (WriteAnswer::Rejected, _) => drop(running.logs.close()),
                (_, Some(last)) => running.logs.acknowledge(last.line),
                (_, None) => {}
            }
        }
    }
}
