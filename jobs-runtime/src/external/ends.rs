//! Ends of external attempts: success, failure, release; timeouts and losses.
//!
//! A worker says how its attempt ended; [`decide`] says what follows, as for linked handlers. The
//! lease stays if the result does not match the job's schema, so the worker can report a failure.
//! A repeated report of the same end is answered like the first one.

use std::sync::Arc;
use std::time::Duration;

use jobs::runtime::{ErrorReport, Verdict};
use jobs::{AttemptOutcome, ExecutionId};

use super::leases::{EndReason, Found, InterruptReason, Lease};
use super::token::LeaseToken;
use super::{ExternalLeases, LeaseError};
use crate::engine::attempt_log;
use crate::engine::outcome::{Exit, Finished, RESULT_LIMIT, RetryBudget, decide};
use crate::store::{Claimed, Fence, Next, Permits, Settlement, StoreError, WriteAnswer};
use crate::telemetry::spans::SpanEnd;

/// The pause before a settlement is sent again, and the number of tries.
const RETRY: (Duration, u32) = (Duration::from_millis(250), 40);

/// A failure, as a worker reports it.
#[derive(Clone, Debug)]
pub(crate) struct WorkerFailure {
    pub(crate) kind: FailureKind,
    pub(crate) message: String,
    pub(crate) retry: Option<Retry>,
}

/// The kind of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// The handler returned an error.
    Failed,
    /// The handler crashed.
    Panicked,
    /// The handler has stopped because it was asked to, or because the work is no longer wanted.
    Cancelled,
    /// The handler cannot read the payload.
    InvalidPayload,
}

/// The follow-up that a failure asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    Permanent,
    After(Duration),
    Snooze(Duration),
    RateLimited(Duration),
}

impl WorkerFailure {
    /// The exit of an attempt that failed, after an interrupt or without one. An error after an
    /// interrupt counts as its effect. Only before the timeout, an error that asks for a follow-up
    /// of its own is kept.
    fn exit(self, interrupt: Option<InterruptReason>, limit: Duration) -> Exit {
        let Self {
            kind,
            message,
            retry,
        } = self;
        if kind == FailureKind::Panicked {
            return Exit::Panicked(message);
        }
        let verdict = match (kind, retry) {
            (FailureKind::InvalidPayload, _) => Verdict::InvalidPayload,
            (FailureKind::Cancelled, _) => Verdict::Cancel,
            (_, None) => Verdict::Retry,
            (_, Some(Retry::Permanent)) => Verdict::Permanent,
            (_, Some(Retry::After(delay))) => Verdict::RetryIn(delay),
            (_, Some(Retry::Snooze(delay))) => Verdict::Snooze(delay),
            (_, Some(Retry::RateLimited(delay))) => Verdict::RateLimited(delay),
        };
        match interrupt {
            Some(InterruptReason::Cancel) => Exit::Cancelled(Some(message)),
            Some(InterruptReason::Timeout)
                if matches!(verdict, Verdict::Retry | Verdict::Cancel) =>
            {
                Exit::TimedOut {
                    limit,
                    error: Some(message),
                }
            }
            _ => Exit::Returned(Err(ErrorReport { verdict, message })),
        }
    }
}

impl ExternalLeases {
    /// Ends an attempt with a result: JSON text.
    ///
    /// # Errors
    /// The result is invalid or too large, and the lease stays. Or the lease does not hold, or the
    /// store fails.
    pub(crate) async fn succeed(
        &self,
        token: &str,
        result: String,
    ) -> Result<ExecutionId, LeaseError> {
        let lease = match self.find(token).await? {
            Found::Holds(lease) => lease,
            Found::Ended(token) => return self.repeated(token, &[AttemptOutcome::Succeeded]).await,
        };
        if result.len() > RESULT_LIMIT {
            return Err(LeaseError::ResultTooLarge {
                size: result.len(),
                limit: RESULT_LIMIT,
            });
        }
        let job = self.0.service.job(&lease.claimed.job_id).await?;
        if let Err(violations) = self.0.service.check_result(&job, &result) {
            return Err(LeaseError::InvalidResult {
                job_id: job.id().to_owned(),
                violations,
            });
        }
        self.end(
            &lease,
            Exit::Returned(Ok(result)),
            &[AttemptOutcome::Succeeded],
        )
        .await
    }

    /// Ends an attempt with a failure.
    ///
    /// # Errors
    /// The lease does not hold, or the store fails.
    pub(crate) async fn fail(
        &self,
        token: &str,
        failure: WorkerFailure,
    ) -> Result<ExecutionId, LeaseError> {
        use AttemptOutcome::{Cancelled, Failed, Panicked, Snoozed, TimedOut};
        const OUTCOMES: &[AttemptOutcome] = &[Failed, Panicked, Snoozed, Cancelled, TimedOut];
        let lease = match self.find(token).await? {
            Found::Holds(lease) => lease,
            Found::Ended(token) => return self.repeated(token, OUTCOMES).await,
        };
        let interrupt = lease.state().interrupt.map(|(reason, _)| reason);
        let exit = failure.exit(interrupt, lease.timeout().unwrap_or_default());
        self.end(&lease, exit, OUTCOMES).await
    }

    /// Gives an attempt back, unspent.
    ///
    /// # Errors
    /// The lease does not hold, or the store fails.
    pub(crate) async fn release(&self, token: &str) -> Result<ExecutionId, LeaseError> {
        const OUTCOMES: &[AttemptOutcome] = &[AttemptOutcome::Released, AttemptOutcome::Cancelled];
        match self.find(token).await? {
            Found::Holds(lease) => self.end(&lease, Exit::Released, OUTCOMES).await,
            Found::Ended(token) => self.repeated(token, OUTCOMES).await,
        }
    }

    /// Settles an attempt for its worker.
    async fn end(
        &self,
        lease: &Arc<Lease>,
        exit: Exit,
        outcomes: &[AttemptOutcome],
    ) -> Result<ExecutionId, LeaseError> {
        match self.settle(lease, exit).await? {
            WriteAnswer::Settled => {
                self.0.leases.end(lease, EndReason::Settled);
                Ok(lease.claimed.execution_id)
            }
            WriteAnswer::AlreadyMine => {
                self.0.leases.end(lease, EndReason::Settled);
                self.repeated_end(lease.claimed.execution_id, lease.fence(), outcomes)
                    .await
            }
            _ => {
                self.0.leases.end(lease, EndReason::Lost);
                Err(LeaseError::Lost(
                    lease.state().ended.unwrap_or(EndReason::Lost),
                ))
            }
        }
    }

    async fn repeated(
        &self,
        token: LeaseToken,
        outcomes: &[AttemptOutcome],
    ) -> Result<ExecutionId, LeaseError> {
        self.repeated_end(token.execution, token.fence, outcomes)
            .await
    }

    /// Answers a request whose lease has ended. A request that is sent again, because its answer
    /// was lost, finds the outcome that it asked for and succeeds.
    async fn repeated_end(
        &self,
        execution: ExecutionId,
        fence: Fence,
        outcomes: &[AttemptOutcome],
    ) -> Result<ExecutionId, LeaseError> {
        match self.outcome(execution, fence).await? {
            // A timeout that this server enforced is no answer to a worker's failure.
            Some(AttemptOutcome::TimedOut) => Err(LeaseError::Lost(EndReason::TimedOut)),
            Some(outcome) if outcomes.contains(&outcome) => Ok(execution),
            outcome => Err(LeaseError::Lost(EndReason::of(outcome))),
        }
    }

    /// The reason why a lease that has ended does not hold any more.
    pub(super) async fn end_reason(
        &self,
        execution: ExecutionId,
        fence: Fence,
    ) -> Result<EndReason, StoreError> {
        Ok(EndReason::of(self.outcome(execution, fence).await?))
    }

    /// The stored outcome of an attempt.
    async fn outcome(
        &self,
        execution: ExecutionId,
        fence: Fence,
    ) -> Result<Option<AttemptOutcome>, StoreError> {
        let record = self.0.store().execution(execution).await?;
        let attempts = record.map(|record| record.attempts).unwrap_or_default();
        let attempt = attempts.iter().find(|it| it.number == fence.attempt);
        Ok(attempt.and_then(|attempt| attempt.outcome))
    }

    /// Settles an attempt for the server: a timeout, a loss, an end of the grace.
    pub(super) async fn end_for_server(&self, lease: &Arc<Lease>, exit: Exit, reason: EndReason) {
        if lease.change(|state| std::mem::replace(&mut state.is_ending, true)) {
            return;
        }
        match self.settle(lease, exit).await {
            Ok(WriteAnswer::Settled) => self.0.leases.end(lease, reason),
            Ok(_) => self.0.leases.end(lease, EndReason::Settled),
            Err(error) => {
                let error = crate::error::chain(&error);
                tracing::warn!(%error, "an external attempt could not be ended; it is tried again");
                lease.change(|state| state.is_ending = false);
            }
        }
    }

    /// Settles an attempt in a task of its own.
    pub(super) fn settle_later(&self, lease: Arc<Lease>, exit: Exit) {
        let external = self.clone();
        self.0.spawn(async move {
            external
                .end_for_server(&lease, exit, EndReason::Settled)
                .await;
        });
    }

    /// Releases a lease that no worker has received.
    pub(super) fn release_later(&self, lease: Arc<Lease>) {
        // Without a Tokio runtime the process ends, and the lease is lost after its time.
        if tokio::runtime::Handle::try_current().is_ok() {
            self.settle_later(lease, Exit::Released);
        }
    }

    /// Counts an attempt that this server has ended.
    fn count(&self, claimed: &Claimed, settlement: &Settlement) {
        let end = &settlement.end;
        let took = end.finished_at.since(end.started_at);
        let metrics = self.0.service.metrics();
        let metrics = metrics.attempt(metrics.job(&claimed.job_id), &claimed.queue);
        metrics.finished(end.outcome, took, settlement.next == Next::Fail);
    }

    fn end_span(&self, lease: &Lease, error: Option<&(String, String)>) {
        if let Some(span) = lease.take_span() {
            let error = error.map(|(kind, message)| (kind.as_str(), message.as_str()));
            self.0.service.spans().ended(&span, &SpanEnd { error });
        }
    }

    /// Decides what follows an attempt and writes it. Repeats the call while the lease is locked or
    /// the store does not answer.
    async fn settle(&self, lease: &Lease, exit: Exit) -> Result<WriteAnswer, StoreError> {
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
        let span_error = exit.error();
        let span_error = span_error.map(|(kind, text)| (kind.to_owned(), text.to_owned()));
        let fence = claimed.fence;
        let budget = RetryBudget {
            policy: &claimed.policy,
            spent: claimed.spent,
            chance: inner
                .entropy()
                .fraction_of(claimed.execution_id, fence.attempt),
        };
        let (end, next) = decide(exit, finished, budget);
        let settlement = Settlement {
            fence,
            execution_id: claimed.execution_id,
            end,
            next,
            permits,
        };
        let (pause, tries) = RETRY;
        for _ in 1..tries {
            match inner.store().settle(vec![settlement.clone()]).await {
                Ok(answers) => match answers.first() {
                    Some(WriteAnswer::Locked) | None => {}
                    Some(answer) => {
                        if *answer == WriteAnswer::Settled {
                            attempt_log::ended(&claimed.job_id, &settlement, false);
                            self.count(claimed, &settlement);
                            self.end_span(lease, span_error.as_ref());
                            inner.end_hooks.settled(&claimed.job_id, &settlement);
                        }
                        return Ok(*answer);
                    }
                },
                Err(error) if error.is_transient() => {}
                Err(error) => return Err(error),
            }
            inner.clock().sleep(pause).await;
        }
        let answers = inner.store().settle(vec![settlement]).await?;
        Ok(answers.first().copied().unwrap_or(WriteAnswer::Locked))
    }
}
