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

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jobs::{AttemptOutcome, ErrorKind, ExecutionError, ExecutionId};

use super::attempt_log;
use super::call::{BACKOFF, CallTimer, Shared, StoreCall};
use super::hook_notifier::HookNotifier;
use super::hooks::HookLabels;
use super::outcome::{Exit, Finished, RetryBudget, decide};
use super::retained_permits::{PermitsReleased, RetainedPermits};
use crate::store::{ExecutionPolicy, Fence, Next, Permits, Settlement, StoreError, WriteAnswer};
use crate::telemetry::metrics::AttemptMetrics;

/// The most settlements of one call.
const BATCH: usize = 2_000;

/// The bytes of results and log lines after which a call takes no further settlement.
const BATCH_BYTES: usize = 8 * 1024 * 1024;

/// The rejections of a single settlement after which a failure replaces it.
const MAX_REJECTIONS: u32 = 3;

/// The pause before locked settlements are sent again. Each retry may delay the settlements after
/// it.
const LOCKED_RETRY: Duration = Duration::from_secs(5);

/// An attempt that has ended, in this worker or in a lost one.
pub(super) struct EndedAttempt<'a> {
    pub(super) fence: Fence,
    pub(super) job_id: Cow<'static, str>,
    pub(super) metrics: AttemptMetrics,
    pub(super) execution_id: ExecutionId,
    /// `None` if the application has no hook for ended attempts.
    pub(super) labels: Option<HookLabels>,
    pub(super) policy: &'a ExecutionPolicy,
    /// The attempts spent before this one.
    pub(super) spent: u32,
    pub(super) exit: Exit,
    pub(super) permits: Option<Permits>,
    pub(super) finished: Finished,
}

/// The answer of the store to a batch of settlements, or to a release of retained permits.
#[derive(Debug)]
pub(super) enum CompleterAnswer {
    Settled(SettleBatch, Result<Vec<WriteAnswer>, StoreError>),
    PermitsReleased(PermitsReleased),
}

/// Settlements that the store has not acknowledged, and what waits for them: hooks and retained
/// permits.
///
/// There is at most one settlement for each lease of the worker. While the completer
/// [is backed up](Self::is_backed_up), the worker claims nothing. So the queue cannot grow without
/// bound.
pub(super) struct Completer {
    waiting: Vec<Settlement>,
    /// Parts of rejected batches. They are sent before `waiting`.
    parts: Vec<SettleBatch>,
    /// A batch that the store did not answer. It is sent before all others.
    unanswered: Option<SettleBatch>,
    /// Settlements whose rows another transaction has locked; sent again at `locked_retry_at`.
    locked: Vec<Settlement>,
    locked_retry_at: Duration,
    call: CallTimer,
    hook_notifier: HookNotifier,
    /// The metrics of the attempts whose settlement the store has not acknowledged.
    unsettled: HashMap<Fence, AttemptMetrics>,
    pub(super) retained_permits: RetainedPermits,
    shared: Arc<Shared>,
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
    pub(super) fn new(now: Duration, hook_notifier: HookNotifier, shared: &Arc<Shared>) -> Self {
        Self {
            waiting: Vec::new(),
            parts: Vec::new(),
            unanswered: None,
            locked: Vec::new(),
            locked_retry_at: now,
            call: CallTimer::new(now),
            hook_notifier,
            unsettled: HashMap::new(),
            retained_permits: RetainedPermits::new(now, shared),
            shared: Arc::clone(shared),
        }
    }

    /// Decides what follows an attempt and takes its settlement.
    pub(super) fn settle(&mut self, ended: EndedAttempt<'_>) {
        let EndedAttempt {
            fence,
            job_id,
            metrics,
            execution_id,
            labels,
            policy,
            spent,
            exit,
            permits,
            finished,
        } = ended;
        let budget = RetryBudget {
            policy,
            spent,
            chance: self.shared.entropy.fraction_of(execution_id, fence.attempt),
        };
        let (end, next) = decide(exit, finished, budget);
        let settlement = Settlement {
            fence,
            execution_id,
            end,
            next,
            permits,
        };
        if settlement.retains_permits() {
            self.retained_permits.retain(fence);
        }
        attempt_log::ended(&job_id, &settlement, self.shared.config.log_attempts);
        self.hook_notifier.expect(job_id, labels, &settlement);
        self.unsettled.insert(fence, metrics);
        self.waiting.push(settlement);
    }

    /// True if the store has acknowledged every settlement.
    pub(super) fn is_empty(&self) -> bool {
        let waiting = self.waiting.is_empty() && self.parts.is_empty() && self.locked.is_empty();
        waiting && !self.is_sending()
    }

    /// True while so many settlements wait that the worker must not claim more executions.
    pub(super) fn is_backed_up(&self) -> bool {
        self.is_sending() && self.waiting.len() >= 2 * BATCH
    }

    /// A batch is with the store, or is to be sent again.
    fn is_sending(&self) -> bool {
        self.call.is_in_flight() || self.unanswered.is_some()
    }

    pub(super) fn next_wake(&self) -> Option<Duration> {
        let has_batch = self.unanswered.is_some() || !self.parts.is_empty();
        let batch = has_batch || !self.waiting.is_empty();
        let batch = self.call.next_wake().filter(|_| batch);
        let locked =
            (!self.locked.is_empty() && !self.is_sending()).then_some(self.locked_retry_at);
        let permits = self.retained_permits.next_wake();
        [batch, locked, permits].into_iter().flatten().min()
    }

    /// Sends the next batch unless one is in flight, and releases retained permits. Under load,
    /// batches grow by themselves.
    pub(super) fn start(&mut self, now: Duration) -> Vec<StoreCall<CompleterAnswer>> {
        let mut calls = Vec::new();
        if self.call.is_due(now)
            && let Some(batch) = self.next_batch(now)
        {
            self.call.sent(now);
            calls.push(self.shared.call(|store| async move {
                let answer = store.settle(batch.settlements.clone()).await;
                CompleterAnswer::Settled(batch, answer)
            }));
        }
        if let Some(call) = self.retained_permits.start(now) {
            calls.push(Box::pin(async {
                CompleterAnswer::PermitsReleased(call.await)
            }));
        }
        calls
    }

    pub(super) fn on(&mut self, answer: CompleterAnswer) {
        match answer {
            CompleterAnswer::Settled(batch, answer) => self.on_settled(batch, answer),
            CompleterAnswer::PermitsReleased(answer) => self.retained_permits.on(answer),
        }
    }

    fn on_settled(&mut self, batch: SettleBatch, answer: Result<Vec<WriteAnswer>, StoreError>) {
        self.call.answered();
        self.shared.record(&answer);
        match answer {
            Ok(answers) => {
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
        self.count(settlement, answer);
        self.hook_notifier.settled(settlement, answer);
        self.retained_permits.settled(settlement, answer);
        if answer == WriteAnswer::Stale {
            self.shared.health.refused(|refused| refused.ends += 1);
            tracing::warn!(
                execution = %settlement.execution_id,
                attempt = settlement.fence.attempt,
                "the store refused the end of an attempt whose lease had ended",
            );
        }
    }

    /// Counts an attempt that the store has ended. What it refuses, another worker counts.
    fn count(&mut self, settlement: &Settlement, answer: WriteAnswer) {
        let Some(metrics) = self.unsettled.remove(&settlement.fence) else {
            return;
        };
        if matches!(answer, WriteAnswer::Settled | WriteAnswer::AlreadyMine) {
            let end = &settlement.end;
            let took = end.finished_at.since(end.started_at);
            metrics.finished(end.outcome, took, settlement.next == Next::Fail);
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
        if self.locked.is_empty() {
            self.locked_retry_at = self.shared.now() + LOCKED_RETRY;
        }
        self.locked.push(settlement.clone());
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
            return self.parts.extend([second, batch]);
        }
        batch.rejections += 1;
        if batch.rejections < MAX_REJECTIONS {
            return self.send_again(batch);
        }
        let error = crate::error::chain(error).to_string();
        let Some(settlement) = batch.settlements.first_mut() else {
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
            self.unsettled.remove(&settlement.fence);
            return self.hook_notifier.forget(settlement);
        }
        tracing::error!(%execution, attempt, %error, "the store rejects the end of this attempt");
        replace_by_failure(settlement, &error);
        self.hook_notifier.replace(settlement);
        batch.rejections = 0;
        batch.is_replaced = true;
        self.parts.push(batch);
    }

    fn send_again(&mut self, batch: SettleBatch) {
        self.unanswered = Some(batch);
        self.call.set(self.shared.now() + BACKOFF);
    }

    /// The next batch. First comes the one that was not answered, then a part of a rejected one,
    /// then the locked settlements if they are due. Otherwise the batch is as many waiting
    /// settlements as one call takes.
    fn next_batch(&mut self, now: Duration) -> Option<SettleBatch> {
        if let Some(batch) = self.unanswered.take().or_else(|| self.parts.pop()) {
            return Some(batch);
        }
        if !self.locked.is_empty() && self.locked_retry_at <= now {
            return Some(SettleBatch {
                settlements: std::mem::take(&mut self.locked),
                ..SettleBatch::default()
            });
        }
        let later = self.waiting.split_off(fitting(&self.waiting));
        let settlements = std::mem::replace(&mut self.waiting, later);
        (!settlements.is_empty()).then(|| SettleBatch {
            settlements,
            ..SettleBatch::default()
        })
    }
}

/// The number of the first settlements that one call takes: those that begin within
/// [`BATCH_BYTES`], [`BATCH`] at most.
fn fitting(settlements: &[Settlement]) -> usize {
    let mut bytes = 0;
    let first = settlements.iter().take(BATCH).take_while(|settlement| {
        let fits = bytes < BATCH_BYTES;
        bytes += size(settlement);
        fits
    });
    first.count()
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

/// Replaces a settlement that cannot be stored by a failure with the store's message.
fn replace_by_failure(settlement: &mut Settlement, error: &str) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{AttemptEnd, SessionId};
    use crate::time::Timestamp;

    fn settlements(count: usize, result_bytes: usize) -> Vec<Settlement> {
        let settlement = Settlement {
            fence: Fence {
                session: SessionId(1),
                claim: 1,
                row: 1,
                attempt: 1,
            },
            execution_id: ExecutionId::from_bytes([0; 16]),
            end: AttemptEnd {
                outcome: AttemptOutcome::Succeeded,
                error: None,
                started_at: Timestamp::from_millis(0),
                finished_at: Timestamp::from_millis(0),
                progress: None,
                logs: Vec::new(),
            },
            next: Next::Succeed("x".repeat(result_bytes)),
            permits: None,
        };
        vec![settlement; count]
    }

    #[test]
    fn a_batch_is_bounded_by_count_and_by_bytes() {
        assert_eq!(fitting(&settlements(3, 10)), 3);
        assert_eq!(fitting(&settlements(BATCH + 1, 10)), BATCH);
        // Larger results make shorter calls, and one that is too large still goes.
        assert_eq!(fitting(&settlements(20, 1024 * 1024)), 8);
        assert_eq!(fitting(&settlements(2, 2 * BATCH_BYTES)), 1);
    }
}
