//! What ended attempts have to say, until the store has heard it.

use std::sync::Arc;

use super::dispatcher::{BACKOFF, Dispatcher, Event};
use crate::store::{Answer, Next, Settlement, StoreError};

/// How many settlements one call carries at most.
const BATCH: usize = 2_000;

/// How many bytes of results and log lines one call carries, or one settlement more.
const BATCH_BYTES: usize = 8 * 1024 * 1024;

/// Settlements that are not acknowledged yet.
///
/// Bounded by the leases of the worker: while settlements pile up, nothing more is claimed.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: Vec<Settlement>,
    sending: bool,
}

impl Outbox {
    pub(super) fn push(&mut self, settlement: Settlement) {
        self.waiting.push(settlement);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && !self.sending
    }

    /// Whether so much waits that claiming more would only pile up.
    pub(super) fn is_stuck(&self) -> bool {
        self.sending && self.waiting.len() >= 2 * BATCH
    }
}

/// What a settlement weighs, roughly.
fn size(settlement: &Settlement) -> usize {
    let result = match &settlement.next {
        Next::Succeed(result) => result.len(),
        _ => 0,
    };
    let logs = settlement.end.logs.iter();
    result + logs.map(|line| line.message.len() + 256).sum::<usize>()
}

impl Dispatcher {
    /// Sends what has piled up; one batch at a time, so that batches grow under load by themselves.
    pub(super) fn settle(&mut self) {
        if self.outbox.sending || self.outbox.waiting.is_empty() {
            return;
        }
        let mut bytes = 0;
        let first = self
            .outbox
            .waiting
            .iter()
            .take(BATCH)
            .take_while(|settlement| {
                let fits = bytes < BATCH_BYTES;
                bytes += size(settlement);
                fits
            });
        let first = first.count();
        let later = self.outbox.waiting.split_off(first);
        let batch = std::mem::replace(&mut self.outbox.waiting, later);
        self.outbox.sending = true;
        let store = Arc::clone(&self.store);
        self.call(async move {
            let answer = store.settle(batch.clone()).await;
            Event::Settled(batch, answer)
        });
    }

    pub(super) fn on_settled(
        &mut self,
        batch: Vec<Settlement>,
        answer: Result<Vec<Answer>, StoreError>,
    ) {
        let Some(answers) = self.note(&answer) else {
            // Whether it was heard is unknown: say it again in the same words.
            let store = Arc::clone(&self.store);
            let clock = Arc::clone(&self.clock);
            self.call(async move {
                clock.sleep(BACKOFF).await;
                let answer = store.settle(batch.clone()).await;
                Event::Settled(batch, answer)
            });
            return;
        };
        self.outbox.sending = false;
        for (settlement, answer) in batch.iter().zip(answers) {
            self.news.settled(settlement, *answer);
            if *answer == Answer::Stale {
                self.health.refused(|refused| refused.ends += 1);
                tracing::warn!(
                    execution = %settlement.execution_id,
                    attempt = settlement.fence.attempt,
                    "refused the end of an attempt whose lease had ended",
                );
            }
        }
    }
}
