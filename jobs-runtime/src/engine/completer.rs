//! What ended attempts have to say, until the store has heard it.
//!
//! A store that is away is told again, in the same words, until it answers. A store that *refuses*
//! a batch is told it in halves, so that the one settlement it cannot take stands alone and spoils
//! no other's. That one is tried a few times, then ends its attempt as failed with what the store
//! said; refused even so, it is left to whoever takes this worker's leases over. One that somebody
//! else's transaction is in the way of is set aside, and said again from time to time.

use std::sync::Arc;
use std::time::Duration;

use jobs::{AttemptOutcome, ErrorKind, ExecutionError};

use super::dispatcher::{BACKOFF, Dispatcher, Event};
use crate::store::{Next, Settlement, StoreError, WriteAnswer};

/// How many settlements one call carries at most.
const BATCH: usize = 2_000;

/// How many bytes of results and log lines one call carries, or one settlement more.
const BATCH_BYTES: usize = 8 * 1024 * 1024;

/// How often a settlement that is refused is tried before something else is said.
const TRIES: u32 = 3;

/// When a settlement that others keep from being written is said again. Each time, those that come after it
/// may wait for a moment.
const HELD_UP: Duration = Duration::from_secs(5);

/// Settlements that are not acknowledged yet.
///
/// Bounded by the leases of the worker: while settlements pile up, nothing more is claimed.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: Vec<Settlement>,
    /// Parts of what was refused as a whole; they go before the rest.
    parts: Vec<Parcel>,
    /// What others keep from being written; said again from then on.
    held_up: Vec<Settlement>,
    held_up_until: Duration,
    sending: bool,
}

/// What one call carries.
#[derive(Clone, Debug, Default)]
pub(super) struct Parcel {
    settlements: Vec<Settlement>,
    /// How often it was refused since it stands alone.
    refused: u32,
    /// Whether it says already that the first thing it said was refused.
    replaced: bool,
}

impl Outbox {
    pub(super) fn push(&mut self, settlement: Settlement) {
        self.waiting.push(settlement);
    }

    pub(super) fn is_empty(&self) -> bool {
        let waiting = self.waiting.is_empty() && self.parts.is_empty() && self.held_up.is_empty();
        waiting && !self.sending
    }

    /// Whether so much waits that claiming more would only pile up.
    pub(super) fn is_stuck(&self) -> bool {
        self.sending && self.waiting.len() >= 2 * BATCH
    }

    /// When something that was held up is to be said again, if there is something.
    pub(super) fn says_again_at(&self) -> Option<Duration> {
        (!self.held_up.is_empty() && !self.sending).then_some(self.held_up_until)
    }

    /// The next parcel: a part of a refused one, what was held up for long enough, or as much as one call
    /// carries.
    fn next(&mut self, now: Duration) -> Option<Parcel> {
        if let Some(part) = self.parts.pop() {
            return Some(part);
        }
        if self.says_again_at().is_some_and(|at| at <= now) {
            return Some(Parcel {
                settlements: std::mem::take(&mut self.held_up),
                ..Parcel::default()
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
        (!settlements.is_empty()).then(|| Parcel {
            settlements,
            ..Parcel::default()
        })
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

/// Whether the store has looked at what it was told and will not have it. Whatever else went wrong,
/// the same words may be taken later.
fn is_rejection(error: &StoreError) -> bool {
    matches!(error, StoreError::Database(_) | StoreError::Corrupt { .. })
}

impl Dispatcher {
    /// Sends what has piled up; one batch at a time, so that batches grow under load by themselves.
    pub(super) fn settle(&mut self) {
        if self.outbox.sending {
            return;
        }
        let Some(parcel) = self.outbox.next(self.clock.elapsed()) else {
            return;
        };
        self.outbox.sending = true;
        let store = Arc::clone(&self.store);
        self.call(async move {
            let answer = store.settle(parcel.settlements.clone()).await;
            Event::Settled(parcel, answer)
        });
    }

    pub(super) fn on_settled(
        &mut self,
        parcel: Parcel,
        answer: Result<Vec<WriteAnswer>, StoreError>,
    ) {
        self.note(&answer);
        match answer {
            Ok(answers) => {
                self.outbox.sending = false;
                for (settlement, answer) in parcel.settlements.iter().zip(answers) {
                    self.on_answer(settlement, answer);
                }
            }
            Err(error) if is_rejection(&error) => self.on_refused(parcel, &error),
            // Whether it was heard is unknown: say it again in the same words.
            Err(_) => self.settle_again(parcel),
        }
    }

    fn on_answer(&mut self, settlement: &Settlement, answer: WriteAnswer) {
        if answer == WriteAnswer::Locked {
            return self.on_held_up(settlement);
        }
        self.news.settled(settlement, answer);
        self.kept.settled(settlement, answer);
        if answer == WriteAnswer::Stale {
            self.health.refused(|refused| refused.ends += 1);
            tracing::warn!(
                execution = %settlement.execution_id,
                attempt = settlement.fence.attempt,
                "refused the end of an attempt whose lease had ended",
            );
        }
    }

    /// Keeps what somebody else's transaction is in the way of, out of the way of the others.
    fn on_held_up(&mut self, settlement: &Settlement) {
        tracing::warn!(
            execution = %settlement.execution_id,
            attempt = settlement.fence.attempt,
            "the end of this attempt waits for a transaction that was left open, its handler's own perhaps",
        );
        // Those that come later do not put off the first.
        if self.outbox.held_up.is_empty() {
            self.outbox.held_up_until = self.clock.elapsed() + HELD_UP;
        }
        self.outbox.held_up.push(settlement.clone());
    }

    /// Finds the one that the store will not have, and says something else in its place.
    fn on_refused(&mut self, mut parcel: Parcel, error: &StoreError) {
        if parcel.settlements.len() > 1 {
            let half = parcel.settlements.len() / 2;
            let second = Parcel {
                settlements: parcel.settlements.split_off(half),
                ..Parcel::default()
            };
            self.outbox.parts.extend([second, parcel]);
            self.outbox.sending = false;
            return;
        }
        parcel.refused += 1;
        if parcel.refused < TRIES {
            return self.settle_again(parcel);
        }
        let error = crate::error::chain(error).to_string();
        let Some(settlement) = parcel.settlements.first_mut() else {
            self.outbox.sending = false;
            return;
        };
        let (execution, attempt) = (settlement.execution_id, settlement.fence.attempt);
        if parcel.replaced {
            tracing::error!(%execution, attempt, %error, "the end of this attempt cannot be stored");
            self.news.forget(settlement);
            self.outbox.sending = false;
            return;
        }
        tracing::error!(%execution, attempt, %error, "the store refuses what this attempt ended with");
        replace(settlement, &error);
        self.news.replaced(settlement);
        parcel.refused = 0;
        parcel.replaced = true;
        self.outbox.parts.push(parcel);
        self.outbox.sending = false;
    }

    fn settle_again(&self, parcel: Parcel) {
        let store = Arc::clone(&self.store);
        let clock = Arc::clone(&self.clock);
        self.call(async move {
            clock.sleep(BACKOFF).await;
            let answer = store.settle(parcel.settlements.clone()).await;
            Event::Settled(parcel, answer)
        });
    }
}

/// Makes of a settlement that cannot be stored a failure that says so.
fn replace(settlement: &mut Settlement, error: &str) {
    let kind = match settlement.next {
        Next::Succeed(_) => ErrorKind::InvalidResult,
        _ => ErrorKind::Permanent,
    };
    let end = &mut settlement.end;
    end.outcome = AttemptOutcome::Failed;
    end.error = Some(ExecutionError {
        kind,
        message: format!("the store refused what the attempt ended with: {error}"),
    });
    // Whatever else it brought along may be what was refused.
    end.progress = None;
    end.logs = Vec::new();
    settlement.next = Next::Fail;
}
