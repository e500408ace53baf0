//! Ends of external attempts, as their workers report them: success, failure, release.
//!
//! A worker says how its attempt ended; [`settlements`](super::settlements) decides what follows,
//! as for linked handlers. The lease stays if the result does not match the job's schema, so the
//! worker can report a failure. A repeated report of the same end is answered like the first one.

use std::sync::Arc;
use std::time::Duration;

use jobs::runtime::{ErrorReport, Verdict};
use jobs::{AttemptOutcome, ExecutionId};

use super::leases::{EndReason, Found, InterruptReason, Lease};
use super::token::LeaseToken;
use super::{ExternalLeases, LeaseError};
use crate::engine::outcome::{Exit, RESULT_LIMIT};
use crate::service::Redactor;
use crate::store::{Fence, StoreError, WriteAnswer};

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
        mut failure: WorkerFailure,
    ) -> Result<ExecutionId, LeaseError> {
        use AttemptOutcome::{Cancelled, Failed, Panicked, Snoozed, TimedOut};
        const OUTCOMES: &[AttemptOutcome] = &[Failed, Panicked, Snoozed, Cancelled, TimedOut];
        let lease = match self.find(token).await? {
            Found::Holds(lease) => lease,
            Found::Ended(token) => return self.repeated(token, OUTCOMES).await,
        };
        self.hide_secrets(&lease, &mut failure.message).await?;
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

    /// Masks in a message what it quotes of the sensitive fields of the payload.
    async fn hide_secrets(&self, lease: &Lease, message: &mut String) -> Result<(), StoreError> {
        let inner = &self.0;
        // The lease does not keep the payload: most attempts succeed and have no message.
        let execution = inner.store().execution(lease.claimed.execution_id).await?;
        if let Some(execution) = execution {
            let mut redactor = Redactor::new(&inner.service);
            redactor.secrets(&execution).await.hide_in(message);
        }
        Ok(())
    }

    /// Settles an attempt for its worker.
    async fn end(
        &self,
        lease: &Arc<Lease>,
        exit: Exit,
        outcomes: &[AttemptOutcome],
    ) -> Result<ExecutionId, LeaseError> {
        let execution = lease.claimed.execution_id;
        match self.settle_for_worker(lease, exit).await? {
            WriteAnswer::Settled => Ok(execution),
            WriteAnswer::AlreadyMine => self.repeated_end(execution, lease.fence(), outcomes).await,
            WriteAnswer::Locked => Err(LeaseError::NotWritten),
            WriteAnswer::Stale | WriteAnswer::Rejected => Err(LeaseError::Lost(
                lease.state().ended.unwrap_or(EndReason::Lost),
            )),
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
}
