//! Settlements of external attempts: the write to the store, and the calls that tell of an end.
//!
//! A settlement for a worker runs in a task of its own. The store may take it after the worker has
//! stopped waiting for the answer, and the end is then told all the same: by a log line, the
//! metrics, the span and the hooks.
//!
//! A settlement without an answer is sent again. The store then answers
//! [`AlreadyMine`](WriteAnswer::AlreadyMine) if it has taken the first one. The same answer follows
//! another request that ended the attempt, or another server, which have told of the end
//! themselves. So it counts only for a lease with an unanswered settlement, and each lease tells of
//! its end once.

use std::sync::Arc;
use std::time::Duration;

use jobs::{AttemptOutcome, ExecutionStatus};
use tokio::sync::oneshot;

use super::leases::{EndReason, Lease};
use super::{ExternalLeases, LeaseError};
use crate::engine::attempt_log;
use crate::engine::outcome::{Exit, Finished, RetryBudget, decide};
use crate::store::{Next, Permits, Settlement, StoreError, WriteAnswer};
use crate::telemetry::spans::SpanEnd;

/// The pause before a settlement is sent again, and the number of tries.
const RETRY: (Duration, u32) = (Duration::from_millis(250), 40);

impl ExternalLeases {
    /// Settles an attempt for its worker. The settlement goes on if the worker stops waiting.
    ///
    /// # Errors
    /// The store fails, or this process stops.
    pub(super) async fn settle_for_worker(
        &self,
        lease: &Arc<Lease>,
        exit: Exit,
    ) -> Result<WriteAnswer, LeaseError> {
        let (sender, answer) = oneshot::channel();
        let (external, lease) = (self.clone(), Arc::clone(lease));
        self.0.spawn(async move {
            let settled = external.settle(&lease, exit).await;
            let reason = match settled {
                Ok(WriteAnswer::Settled | WriteAnswer::AlreadyMine) => Some(EndReason::Settled),
                Ok(WriteAnswer::Stale | WriteAnswer::Rejected) => Some(EndReason::Lost),
                Ok(WriteAnswer::Locked) | Err(_) => None,
            };
            if let Some(reason) = reason {
                external.0.leases.end(&lease, reason);
            }
            // The worker may have stopped waiting.
            let _ = sender.send(settled);
        });
        // The sender is dropped if the runtime shuts down.
        let settled = answer.await.map_err(|_| LeaseError::NotWritten)?;
        Ok(settled?)
    }

    /// Settles an attempt for the server: a timeout, a loss, an end of the grace. Does nothing if
    /// that is under way.
    pub(super) fn settle_for_server(&self, lease: Arc<Lease>, exit: Exit, reason: EndReason) {
        if lease.change(|state| std::mem::replace(&mut state.is_ending, true)) {
            return;
        }
        let external = self.clone();
        // A task of its own: a lease that stays locked must not delay the keeper.
        self.0.spawn(async move {
            match external.settle(&lease, exit).await {
                Ok(WriteAnswer::Settled) => return external.0.leases.end(&lease, reason),
                Ok(WriteAnswer::Locked) => {
                    tracing::warn!("an external attempt is locked; its end is tried again");
                }
                Ok(_) => return external.0.leases.end(&lease, EndReason::Settled),
                Err(error) => {
                    let error = crate::error::chain(&error);
                    tracing::warn!(%error, "an external attempt could not be ended; it is tried again");
                }
            }
            lease.change(|state| state.is_ending = false);
        });
    }

    /// Releases a lease that no worker has received.
    pub(super) fn release_later(&self, lease: Arc<Lease>) {
        // Without a Tokio runtime the process ends, and the lease is lost after its time.
        if tokio::runtime::Handle::try_current().is_ok() {
            self.settle_for_server(lease, Exit::Released, EndReason::Settled);
        }
    }

    /// Decides what follows an attempt and writes it. Repeats the call while the lease is locked or
    /// the store does not answer.
    async fn settle(&self, lease: &Lease, exit: Exit) -> Result<WriteAnswer, StoreError> {
        let settlement = self.settlement(lease, exit);
        let (pause, tries) = RETRY;
        let mut tries_left = tries;
        loop {
            tries_left -= 1;
            match self.0.store().settle(vec![settlement.clone()]).await {
                Ok(answers) => {
                    let answer = answers.first().copied().unwrap_or(WriteAnswer::Locked);
                    if answer != WriteAnswer::Locked || tries_left == 0 {
                        self.tell(lease, settlement, answer).await;
                        return Ok(answer);
                    }
                }
                Err(error) if error.is_transient() => {
                    lease.change(|state| state.is_unanswered = true);
                    if tries_left == 0 {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
            self.0.clock().sleep(pause).await;
        }
    }

    fn settlement(&self, lease: &Lease, exit: Exit) -> Settlement {
        let inner = &self.0;
        let claimed = &lease.claimed;
        let now = inner.now();
        let permits = claimed.limits.clone().map(|token| Permits {
            token,
            retained: false,
            paused_until: exit.rate_limit_pause().map(|pause| now.after(pause)),
        });
        let finished = Finished {
            started_at: claimed.claimed_at,
            finished_at: now.max(claimed.claimed_at),
            progress: None,
            logs: Vec::new(),
        };
        let fence = claimed.fence;
        let budget = RetryBudget {
            policy: &claimed.policy,
            spent: claimed.spent,
            chance: inner
                .entropy()
                .fraction_of(claimed.execution_id, fence.attempt),
        };
        let (end, next) = decide(exit, finished, budget);
        Settlement {
            fence,
            execution_id: claimed.execution_id,
            end,
            next,
            permits,
        }
    }

    /// Tells of the end of an attempt, unless it was told before or by another server.
    async fn tell(&self, lease: &Lease, settlement: Settlement, answer: WriteAnswer) {
        let is_first = lease.change(|state| {
            let is_end = match answer {
                WriteAnswer::Settled => true,
                WriteAnswer::AlreadyMine => state.is_unanswered,
                WriteAnswer::Stale | WriteAnswer::Locked | WriteAnswer::Rejected => false,
            };
            is_end && !std::mem::replace(&mut state.is_told, true)
        });
        if !is_first {
            return;
        }
        let settlement = match answer {
            WriteAnswer::AlreadyMine => self.as_stored(settlement).await,
            _ => settlement,
        };
        let job_id = &lease.claimed.job_id;
        attempt_log::ended(job_id, &settlement, false);
        self.count(lease, &settlement);
        self.end_span(lease, &settlement);
        self.0.end_hooks.settled(&lease.claimed, &settlement);
    }

    /// The settlement that the store has taken for this lease: this one, or the server's own, for
    /// example at the timeout. Unchanged if the store does not answer.
    async fn as_stored(&self, mut settlement: Settlement) -> Settlement {
        let Ok(Some(execution)) = self.0.store().execution(settlement.execution_id).await else {
            return settlement;
        };
        let attempt = settlement.fence.attempt;
        let is_last = execution.attempt == attempt;
        let mut attempts = execution.attempts.into_iter();
        if let Some(found) = attempts.find(|found| found.number == attempt)
            && let Some(outcome) = found.outcome
            && outcome != settlement.end.outcome
        {
            settlement.end.outcome = outcome;
            settlement.end.error = found.error;
            settlement.next = match found.retry_at {
                Some(at) => Next::RetryAt(at),
                None if is_last && execution.status == ExecutionStatus::Failed => Next::Fail,
                // Of the other follow-ups, log line, metrics and hooks say nothing.
                None => Next::GiveBack,
            };
        }
        settlement
    }

    /// Counts an attempt that this server has ended.
    fn count(&self, lease: &Lease, settlement: &Settlement) {
        let claimed = &lease.claimed;
        let end = &settlement.end;
        let took = end.finished_at.since(end.started_at);
        let metrics = self.0.service.metrics();
        let metrics = metrics.attempt(metrics.job(&claimed.job_id), &claimed.queue);
        metrics.finished(end.outcome, took, settlement.next == Next::Fail);
    }

    fn end_span(&self, lease: &Lease, settlement: &Settlement) {
        use AttemptOutcome::{Failed, Lost, Panicked, TimedOut};
        let Some(span) = lease.take_span() else {
            return;
        };
        let end = &settlement.end;
        let error = end.error.as_ref();
        let error = error.filter(|_| matches!(end.outcome, Failed | Lost | Panicked | TimedOut));
        let error = error.map(|error| (error.kind.as_str(), error.message.as_str()));
        self.0.service.spans().ended(&span, &SpanEnd { error });
    }
}
