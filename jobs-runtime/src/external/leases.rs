//! The leases that this server knows: those that it gave, and those whose workers it heard.
//!
//! The leases of a server are a cache. A lease that another server gave is read from the store
//! with the first request that names it.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jobs::{AttemptOutcome, ExecutionId};
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::Notify;

use super::log_lines::LogLimit;
use super::token::{LeaseToken, Secret};
use super::workers::WorkerSession;
use super::{ExternalLeases, Inner, LeaseError};
use crate::store::{Claimed, Fence};
use crate::telemetry::spans::AttemptSpan;
use crate::time::Timestamp;

/// The reason why a worker has to end an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum InterruptReason {
    /// The cancellation of the execution was requested.
    Cancel,
    /// The timeout of the attempt is close.
    Timeout,
}

/// The reason why a lease does not hold any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndReason {
    /// The text names no lease of this store.
    Unknown,
    /// Its worker has settled the attempt.
    Settled,
    /// The attempt reached its timeout.
    TimedOut,
    /// The grace after a cancel request was over.
    Cancelled,
    /// The worker sent no heartbeat for a whole lease, or another worker has taken it over.
    Lost,
}

impl EndReason {
    /// The reason for the outcome of an attempt whose lease has ended.
    pub(super) fn of(outcome: Option<AttemptOutcome>) -> Self {
        match outcome {
            Some(AttemptOutcome::TimedOut) => Self::TimedOut,
            Some(AttemptOutcome::Cancelled) => Self::Cancelled,
            // Without an outcome, another worker has taken the lease over.
            Some(AttemptOutcome::Lost) | None => Self::Lost,
            Some(_) => Self::Settled,
        }
    }

    /// The reason as a word.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Settled => "settled",
            Self::TimedOut => "timed_out",
            Self::Cancelled => "cancelled",
            Self::Lost => "lost",
        }
    }
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "the token names no lease of this store",
            Self::Settled => "its attempt has ended",
            Self::TimedOut => "the attempt reached its timeout",
            Self::Cancelled => "the execution was cancelled and the grace is over",
            Self::Lost => "its worker sent no heartbeat in time",
        })
    }
}

/// A lease, as a poll returns it.
pub(crate) struct LeaseView {
    pub(crate) token: String,
    pub(crate) execution_id: ExecutionId,
    pub(crate) job_id: String,
    pub(crate) queue: String,
    pub(crate) attempt: u32,
    pub(crate) is_last_attempt: bool,
    /// JSON text.
    pub(crate) payload: String,
    pub(crate) correlation_id: Option<String>,
    pub(crate) trace_parent: Option<String>,
    pub(crate) timeout_ms: Option<u64>,
    pub(crate) deadline: Option<Timestamp>,
}

/// An attempt that is leased to an external worker.
pub(super) struct Lease {
    /// The claimed attempt, without its payload.
    pub(super) claimed: Claimed,
    secret: Option<Secret>,
    /// The trace context of the attempt's span, if this server has started one.
    trace_parent: Option<String>,
    /// The span of the attempt. Taken at its end.
    span: Mutex<Option<AttemptSpan>>,
    pub(super) deadline: Option<Timestamp>,
    state: Mutex<LeaseState>,
    pub(super) logs: Mutex<LogLimit>,
    /// Wakes the heartbeats that wait.
    pub(super) changed: Notify,
}

/// The changing part of a lease.
#[derive(Clone, Copy, Default)]
pub(super) struct LeaseState {
    /// The reason why the attempt has to end, and the monotonic time at which the worker could know
    /// it.
    pub(super) interrupt: Option<(InterruptReason, Duration)>,
    pub(super) ended: Option<EndReason>,
    /// A settlement of this server is under way.
    pub(super) is_ending: bool,
    /// The store did not answer to a settlement, and may have taken it.
    pub(super) is_unanswered: bool,
    /// Log line, metrics, span and hooks have told of the end.
    pub(super) is_told: bool,
    /// The monotonic time of the last beat that was written here.
    pub(super) beat_at: Option<Duration>,
}

impl Lease {
    /// A lease that this server gives to a worker.
    pub(super) fn granted(claimed: Claimed, worker: &WorkerSession, inner: &Inner) -> Self {
        let (span, trace_parent) = inner.service.spans().external_attempt(&claimed);
        let lease = Self::known(claimed, inner);
        Self {
            secret: Some(worker.secret),
            trace_parent,
            span: Mutex::new(span),
            ..lease
        }
    }

    /// A lease that was read from the store.
    pub(super) fn known(claimed: Claimed, inner: &Inner) -> Self {
        let timeout = claimed.policy.timeout_ms.map(Duration::from_millis);
        let interrupt = claimed
            .cancel_requested
            .then(|| (InterruptReason::Cancel, inner.elapsed()));
        Self {
            secret: None,
            trace_parent: None,
            span: Mutex::default(),
            deadline: timeout.map(|timeout| claimed.claimed_at.after(timeout)),
            state: Mutex::new(LeaseState {
                interrupt,
                ..LeaseState::default()
            }),
            logs: Mutex::default(),
            changed: Notify::new(),
            claimed,
        }
    }

    pub(super) fn fence(&self) -> Fence {
        self.claimed.fence
    }

    /// The timeout of the attempt.
    pub(super) fn timeout(&self) -> Option<Duration> {
        self.claimed.policy.timeout_ms.map(Duration::from_millis)
    }

    /// The time before the timeout at which the worker is asked to end: a tenth of the timeout, and
    /// at most the grace.
    pub(super) fn notice(&self, grace: Duration) -> Duration {
        grace.min(self.timeout().unwrap_or_default() / 10)
    }

    pub(super) fn state(&self) -> LeaseState {
        *self.lock()
    }

    /// Changes the state and wakes the heartbeats that wait.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut LeaseState) -> T) -> T {
        let changed = change(&mut self.lock());
        self.changed.notify_waiters();
        changed
    }

    /// Asks the worker to end the attempt. A later reason does not replace an earlier one.
    pub(super) fn interrupt(&self, reason: InterruptReason, now: Duration) {
        self.change(|state| {
            state.interrupt.get_or_insert((reason, now));
        });
    }

    pub(super) fn end(&self, reason: EndReason) {
        self.change(|state| {
            state.ended.get_or_insert(reason);
        });
    }

    /// Takes the span of the attempt, to end it. `None` if another server has started the attempt.
    pub(super) fn take_span(&self) -> Option<AttemptSpan> {
        let mut span = self.span.lock().unwrap_or_else(PoisonError::into_inner);
        span.take()
    }

    fn lock(&self) -> MutexGuard<'_, LeaseState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lease as its worker sees it. Only the server that gives a lease makes its token.
    pub(super) fn view(&self, payload: String) -> LeaseView {
        let claimed = &self.claimed;
        let token = self.secret.map(|secret| LeaseToken {
            fence: claimed.fence,
            execution: claimed.execution_id,
            secret,
        });
        LeaseView {
            token: token.map(LeaseToken::to_text).unwrap_or_default(),
            execution_id: claimed.execution_id,
            job_id: claimed.job_id.clone(),
            queue: claimed.queue.clone(),
            attempt: claimed.fence.attempt,
            is_last_attempt: claimed.spent + 1 >= claimed.policy.max_attempts,
            payload,
            correlation_id: claimed.correlation_id.clone(),
            trace_parent: self
                .trace_parent
                .as_ref()
                .or(claimed.trace_parent.as_ref())
                .cloned(),
            timeout_ms: claimed.policy.timeout_ms,
            deadline: self.deadline,
        }
    }
}

/// Leases by fence.
#[derive(Default)]
pub(super) struct Leases {
    known: Mutex<HashMap<Fence, Arc<Lease>>>,
    /// Wakes the keeper: a lease is new, or the store has announced a cancel request.
    pub(super) wake_keeper: Notify,
}

impl Leases {
    pub(super) fn add(&self, lease: &Arc<Lease>) {
        self.known().insert(lease.fence(), Arc::clone(lease));
        self.wake_keeper.notify_one();
    }

    pub(super) fn get(&self, fence: Fence) -> Option<Arc<Lease>> {
        self.known().get(&fence).cloned()
    }

    pub(super) fn all(&self) -> Vec<Arc<Lease>> {
        self.known().values().cloned().collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.known().is_empty()
    }

    /// Forgets a lease that has ended and wakes its heartbeats.
    pub(super) fn end(&self, lease: &Lease, reason: EndReason) {
        lease.end(reason);
        self.known().remove(&lease.fence());
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Fence, Arc<Lease>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The lease of a token, and the execution that the token names.
pub(super) enum Found {
    /// The lease holds, as far as this server knows.
    Holds(Arc<Lease>),
    /// The lease was real and has ended.
    Ended(LeaseToken),
}

impl ExternalLeases {
    /// Finds the lease of a token, here or in the store, and notes that its worker was heard.
    pub(super) async fn find(&self, token: &str) -> Result<Found, LeaseError> {
        self.start();
        let unknown = LeaseError::Lost(EndReason::Unknown);
        let Some(token) = LeaseToken::read(token) else {
            return Err(unknown);
        };
        let inner = &self.0;
        let fence = token.fence;
        if let Some(lease) = inner.leases.get(fence)
            && let Some(secret) = lease.secret
        {
            if secret.digest() != token.secret.digest() {
                return Err(unknown);
            }
            inner.workers.hear(fence.session);
            return Ok(Found::Holds(lease));
        }
        let worker = inner.store().external_worker(fence.session).await?;
        if worker.is_none_or(|worker| worker.token_digest != token.secret.digest()) {
            return Err(unknown);
        }
        inner.workers.hear(fence.session);
        if let Some(lease) = inner.leases.get(fence) {
            return Ok(Found::Holds(lease));
        }
        let Some(mut claimed) = inner.store().external_lease(fence).await? else {
            return Ok(Found::Ended(token));
        };
        // Renewed at once: the session may be close to its end, after a restart of this server.
        let times = (inner.now(), inner.elapsed());
        inner.workers.renew(&**inner.store(), times).await?;
        claimed.payload = String::new();
        let mut lease = Lease::known(claimed, inner);
        lease.secret = Some(token.secret);
        let lease = Arc::new(lease);
        inner.leases.add(&lease);
        Ok(Found::Holds(lease))
    }
}
