//! The completer: a queue of settlements and their way to the store.
//!
//! One batch is in flight at a time; settlements that arrive meanwhile form the next batch. The
//! answer of the store decides what happens to a batch:
//!
//! | answer | effect |
//! |---|---|
//! | one [`WriteAnswer`] per settlement | done; a locked one is retried after [`LOCKED_RETRY`] |
//! | no answer | the same batch is sent again after [`BACKOFF`], until the store answers |
//! | the batch is rejected | it is split in halves until one settlement stands alone |
//! | a single settlement is rejected | after [`MAX_REJECTIONS`] tries a failure replaces it |
//! | the replacement is rejected too | it is dropped; another worker takes the lease over later |
//!
//! The replacement carries the store's message as the error of the attempt.

use std::sync::Arc;
use std::time::Duration;

use jobs::{AttemptOutcome, ErrorKind, ExecutionError};

use super::dispatcher::{BACKOFF, Dispatcher, Event};
use crate::store::{Next, Settlement, StoreError, WriteAnswer};

/// The most settlements of one call.
const BATCH: usize = 2_000;

/// The bytes of results and log lines after which a call takes no further settlement.
const BATCH_BYTES: usize = 8 * 1024 * 1024;

/// The rejections of a single settlement after which a failure replaces it.
const MAX_REJECTIONS: u32 = 3;

/// The pause before locked settlements are sent again. Each retry may delay the settlements after
/// it.
const LOCKED_RETRY: Duration = Duration::from_secs(5);

/// Settlements that the store has not acknowledged.
///
/// Their number is bounded by the leases of the worker: while the completer
/// [is backed up](Self::is_backed_up), the worker claims nothing.
#[derive(Debug, Default)]
pub(super) struct Completer {
    waiting: Vec<Settlement>,
    /// Parts of rejected batches. They are sent before `waiting`.
    parts: Vec<SettleBatch>,
    /// Settlements whose rows another transaction has locked; sent again at `locked_retry_at`.
    locked: Vec<Settlement>,
    locked_retry_at: Duration,
    sending: bool,
}

/// The settlements of one call.
#[derive(Clone, Debug, Default)]
pub(super) struct SettleBatch {
    settlements: Vec<Settlement>,
    /// The rejections since the batch has a single settlement.
    rejections: u32,
    /// The settlement was replaced by a failure that reports its rejection.
    is_replaced: bool,
}

impl Completer {
    pub(super) fn push(&mut self, settlement: Settlement) {
        self.waiting.push(settlement);
    }

    pub(super) fn is_empty(&self) -> bool {
        let waiting = self.waiting.is_empty() && self.parts.is_empty() && self.locked.is_empty();
        waiting && !self.sending
    }

    /// True while so many settlements wait that the worker must not claim more executions.
    pub(super) fn is_backed_up(&self) -> bool {
        self.sending && self.waiting.len() >= 2 * BATCH
    }

    /// The time at which locked settlements are sent again, if there are any.
    pub(super) fn retry_at(&self) -> Option<Duration> {
        (!self.locked.is_empty() && !self.sending).then_some(self.locked_retry_at)
    }

    /// The next batch: a part of a rejected one, the locked settlements if they are due, or as many
    /// waiting settlements as one call takes.
    fn next(&mut self, now: Duration) -> Option<SettleBatch> {
        if let Some(part) = self.parts.pop() {
            return Some(part);
        }
        if self.retry_at().is_some_and(|at| at <= now) {
            return Some(SettleBatch {
                settlements: std::mem::take(&mut self.locked),
                ..SettleBatch::default()
            });
        }
        let mut bytes = 0;
        let first = self.waiting.iter().take(BATCH).take_while(|settlement| {
            let fits = bytes < BATCH_BYTES;
            bytes += size(settlement);
            fits
        });
        let first = first.count();
        let later = self.waiting.split_off(first);
        let settlements = std::mem::replace(&mut self.waiting, later);
        (!settlements.is_empty()).then(|| SettleBatch {
            settlements,
            ..SettleBatch::default()
        })
    }
}

/// The approximate size of a settlement in bytes.
fn size(settlement: &Settlement) -> usize {
    let result = match &settlement.next {
        Next::Succeed(result) => result.len(),
        _ => 0,
    };
    let logs = settlement.end.logs.iter();
    result + logs.map(|line| line.message.len() + 256).sum::<usize>()
}

/// True if the store rejected the contents of a batch. After any other error the same batch may be
/// accepted later.
fn is_rejection(error: &StoreError) -> bool {
    matches!(error, StoreError::Database(_) | StoreError::Corrupt { .. })
}

impl Dispatcher {
    /// Sends the next batch unless one is in flight. Under load, batches grow by themselves.
    pub(super) fn send_settlements(&mut self) {
        if self.completer.sending {
            return;
        }
        let Some(batch) = self.completer.next(self.clock.elapsed()) else {
            return;
        };
        self.completer.sending = true;
        let store = Arc::clone(&self.store);
        self.spawn_call(async move {
            let answer = store.settle(batch.settlements.clone()).await;
            Event::Settled(batch, answer)
        });
    }

    pub(super) fn on_settled(
        &mut self,
        batch: SettleBatch,
        answer: Result<Vec<WriteAnswer>, StoreError>,
    ) {
        self.record_answer(&answer);
        match answer {
            Ok(answers) => {
                self.completer.sending = false;
                for (settlement, answer) in batch.settlements.iter().zip(answers) {
                    self.on_answer(settlement, answer);
                }
            }
            Err(error) if is_rejection(&error) => self.on_rejected(batch, &error),
            // The store may or may not have taken the batch: sent again, it has the same effect.
            Err(_) => self.send_again(batch),
        }
    }

    fn on_answer(&mut self, settlement: &Settlement, answer: WriteAnswer) {
        if answer == WriteAnswer::Locked {
            return self.on_locked(settlement);
        }
        self.hook_notifier.settled(settlement, answer);
        self.retained_permits.settled(settlement, answer);
        if answer == WriteAnswer::Stale {
            self.health.refused(|refused| refused.ends += 1);
            tracing::warn!(
                execution = %settlement.execution_id,
                attempt = settlement.fence.attempt,
                "the store refused the end of an attempt whose lease had ended",
            );
        }
    }

    /// Sets a settlement aside whose rows another transaction has locked.
    fn on_locked(&mut self, settlement: &Settlement) {
        tracing::warn!(
            execution = %settlement.execution_id,
            attempt = settlement.fence.attempt,
            "the end of this attempt waits for a transaction that locks its rows, \
             perhaps one that the handler left open",
        );
        // Later settlements do not postpone the retry of the first.
        if self.completer.locked.is_empty() {
            self.completer.locked_retry_at = self.clock.elapsed() + LOCKED_RETRY;
        }
        self.completer.locked.push(settlement.clone());
    }

    /// Splits a rejected batch. Replaces a single settlement by a failure after
    /// [`MAX_REJECTIONS`].
    fn on_rejected(&mut self, mut batch: SettleBatch, error: &StoreError) {
        if batch.settlements.len() > 1 {
            let half = batch.settlements.len() / 2;
            let second = SettleBatch {
                settlements: batch.settlements.split_off(half),
                ..SettleBatch::default()
            };
            self.completer.parts.extend([second, batch]);
            self.completer.sending = false;
            return;
        }
        batch.rejections += 1;
        if batch.rejections < MAX_REJECTIONS {
            return self.send_again(batch);
        }
        let error = crate::error::chain(error).to_string();
        let Some(settlement) = batch.settlements.first_mut() else {
            self.completer.sending = false;
            return;
        };
        let (execution, attempt) = (settlement.execution_id, settlement.fence.attempt);
        if batch.is_replaced {
            tracing::error!(
                %execution,
                attempt,
                %error,
                "the end of this attempt cannot be stored",
            );
            self.hook_notifier.forget(settlement);
            self.completer.sending = false;
            return;
        }
        tracing::error!(%execution, attempt, %error, "the store rejects the end of this attempt");
        replace(settlement, &error);
        self.hook_notifier.replace(settlement);
        batch.rejections = 0;
        batch.is_replaced = true;
        self.completer.parts.push(batch);
        self.completer.sending = false;
    }

    fn send_again(&self, batch: SettleBatch) {
        let store = Arc::clone(&self.store);
        let clock = Arc::clone(&self.clock);
        self.spawn_call(async move {
            clock.sleep(BACKOFF).await;
            let answer = store.settle(batch.settlements.clone()).await;
            Event::Settled(batch, answer)
        });
    }
}

/// Replaces a settlement that cannot be stored by a failure with the store's message.
fn replace(settlement: &mut Settlement, error: &str) {
    let kind = match settlement.next {
        Next::Succeed(_) => ErrorKind::InvalidResult,
        _ => ErrorKind::Permanent,
    };
    let end = &mut settlement.end;
    end.outcome = AttemptOutcome::Failed;
    end.error = Some(ExecutionError {
        kind,
        message: format!("the store rejected the end of the attempt: {error}"),
    });
    // The progress or a log line may be the part that the store rejected.
    end.progress = None;
    end.logs = Vec::new();
    settlement.next = Next::Fail;
}
