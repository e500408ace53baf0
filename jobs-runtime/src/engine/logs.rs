//! Writing what handlers log, while they run.

use std::sync::Arc;

use super::dispatcher::{Dispatcher, Event};
use crate::store::{LogBatch, StoreError, WriteAnswer};

/// How many lines one call carries, or a little more.
const BATCH: usize = 20_000;

impl Dispatcher {
    /// Sends what has been logged since the last time; one batch at a time. Lines stay with their
    /// attempt until the store has acknowledged them: if it does not answer they come again, or
    /// with the attempt's settlement.
    pub(super) fn send_logs(&mut self) {
        if self.logging {
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
        self.logging = true;
        let store = Arc::clone(&self.store);
        self.call(async move {
            let answer = store.append_logs(batch.clone()).await;
            Event::Logged(batch, answer)
        });
    }

    pub(super) fn on_logged(
        &mut self,
        batch: Vec<LogBatch>,
        answer: Result<Vec<WriteAnswer>, StoreError>,
    ) {
        self.logging = false;
        let Some(answers) = self.note(&answer) else {
            return;
        };
        for (LogBatch { fence, lines }, answer) in batch.iter().zip(answers) {
            // What ended meanwhile has sent the rest with its settlement.
            let Some(running) = self.running.get(fence) else {
                continue;
            };
            match (answer, lines.last()) {
                (WriteAnswer::Stale, _) => {
                    self.health.refused(|refused| refused.logs += 1);
                    tracing::warn!(
                        execution = %running.execution_id,
                        attempt = fence.attempt,
                        "refused the log of an attempt whose lease had ended",
                    );
                    running.logs.close();
                }
                // Said again, it would be refused again.
                (WriteAnswer::Rejected, _) => drop(running.logs.close()),
                (_, Some(last)) => running.logs.acknowledge(last.line),
                (_, None) => {}
            }
        }
    }
}
