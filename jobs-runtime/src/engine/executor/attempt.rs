//! One attempt: the handler call, its time limit, its interrupts and the report of its end.
//!
//! ```text
//!   start ──▶ handler runs ──▶ returned or panicked ───────────────────────────▶ report
//!                  │                                                               ▲
//!                  ├─ asked to end ──▶ grace ──▶ returned ─────────────────────────┤
//!                  │                     └─────▶ grace over: future dropped ───────┤
//!                  └─ lease lost ──────────────▶ future dropped ───────────────────┘
//! ```
//!
//! The timeout is the end: a handler is asked a tenth of the timeout earlier, and dropped at the
//! timeout. A blocking handler owns a thread that cannot be stopped. When its grace is over, the
//! attempt is reported as ended and its slot as occupied; a second event follows when the handler
//! returns.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::FutureExt;
use jobs::runtime::{
    Call, ContextParts, ErrorReport, Handler, HandlerResult, Resources, Verdict, guarded,
    panic_text,
};
use jobs::{BoxFuture, Client, Clock, ExecutionId, JobContext, JobError, ProgressCell};
use tokio::sync::mpsc;
use tower_service::Service;

use super::interrupt::{Cause, Interrupt};
use super::lend::SlotLender;
use super::limiter::{AttemptLimiter, NamedRates};
use super::success::{SuccessWriter, SuccessWritten};
use super::unreadable::UnreadPayload;
use crate::clock::{real, timestamp};
use crate::engine::handlers::{HandledJob, HandlerTable};
use crate::engine::hooks::{AttemptStarted, Hooks};
use crate::engine::middleware::{AttemptRequest, AttemptService};
use crate::engine::outcome::Exit;
use crate::engine::parts::{AcceptsPayload, HideSecrets};
use crate::engine::resources::WorkerResources;
use crate::engine::session::LeaseDeadline;
use crate::engine::slots::SlotKind;
use crate::health::WorkerHealth;
use crate::logs::{self, LogBuffer};
use crate::store::{Claimed, Fence, Store};
use crate::telemetry::spans::{AttemptSpan, SpanEnd, Spans};
use crate::time::Timestamp;

/// The time that the code of an error's type has to format and drop it.
const READ_ERROR_TIMEOUT: Duration = Duration::from_secs(5);

/// The dependencies that all attempts of a worker share.
pub(crate) struct ExecutorDeps {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) client: Client,
    pub(crate) resources: WorkerResources,
    pub(crate) grace: Duration,
    pub(crate) events: mpsc::UnboundedSender<AttemptEvent>,
    /// The handler call, wrapped in the application's middleware.
    pub(crate) handlers: AttemptService,
    pub(crate) hooks: Hooks,
    pub(crate) health: WorkerHealth,
    /// The rate limits that handlers use by name.
    pub(crate) rates: Arc<NamedRates>,
    pub(crate) jobs: Arc<HandlerTable>,
    pub(crate) accepts_payload: AcceptsPayload,
    pub(crate) hide_secrets: HideSecrets,
    pub(crate) spans: Spans,
}

/// An attempt that is ready to run.
pub(crate) struct Attempt {
    pub(crate) job: HandledJob,
    pub(crate) claimed: Claimed,
    pub(crate) interrupt: Arc<Interrupt>,
    pub(crate) lease_deadline: Arc<LeaseDeadline>,
    pub(crate) progress: Arc<ProgressCell>,
    pub(crate) logs: Arc<LogBuffer>,
    pub(crate) reporter: EndReporter,
}

/// A message from an attempt to the dispatcher.
// The channel is unbounded, its contents are not: an attempt sends two events, and two more for
// each wait for another execution, and the dispatcher bounds the number of attempts.
#[derive(Debug)]
pub(crate) enum AttemptEvent {
    /// The attempt has ended.
    Finished {
        fence: Fence,
        /// `None` if the lease was lost: the attempt has nothing to settle.
        exit: Option<Exit>,
        started_at: Timestamp,
        finished_at: Timestamp,
        slot: SlotStatus,
    },
    /// A blocking handler has returned after its attempt had ended.
    HandlerReturned(Fence, SlotKind),
    /// The attempt waits for another execution and lends its slot to it.
    Awaits(Fence, ExecutionId),
    /// The attempt no longer waits for that execution.
    AwaitEnded(Fence, ExecutionId),
}

/// The state of a slot when its attempt ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SlotStatus {
    Free,
    /// The handler still blocks its thread.
    Occupied,
}

/// The result of a handler as text, or the message of its panic.
type CaughtResult = Result<Result<String, ErrorReport>, String>;

impl Attempt {
    /// Runs the handler and reports the end of the attempt exactly once, even after a panic.
    pub(crate) async fn run(mut self) {
        let deps = Arc::clone(&self.reporter.deps);
        let clock = &*deps.clock;
        self.reporter.started_at = timestamp(clock);
        let time_limits = TimeLimits {
            timeout: self.claimed.policy.timeout_ms.map(Duration::from_millis),
            grace: deps.grace,
            is_blocking: self.job.slot_kind == SlotKind::Blocking,
        };
        let interrupt = Arc::clone(&self.interrupt);
        // If the process was suspended since the claim, another worker may run this execution now.
        // The attempt is released; the store ignores the release if the lease has moved on.
        if self.lease_deadline.has_passed(clock.elapsed()) {
            interrupt.end(Cause::GiveBack);
        }
        let resources = match deps.resources.of(self.job.id).await {
            Ok(resources) => resources,
            Err(message) => {
                let verdict = Verdict::Retry;
                let exit = Exit::Returned(Err(ErrorReport { verdict, message }));
                return self.reporter.finished(Some(exit), SlotStatus::Free);
            }
        };
        let unread = UnreadPayload::of(&self.claimed, self.job.id);
        let sensitive = SensitivePayload::of(&self.job, &self.claimed);
        let (mut work, mut reporter, span) = self.into_work(resources);
        let mut supervised = supervise(&mut work, clock, &interrupt, &time_limits).await;
        if let Some(sensitive) = sensitive {
            sensitive.hide_in(&mut supervised, deps.hide_secrets);
        }
        deps.spans.ended(&span, &supervised.span_end());
        drop(span);
        match supervised {
            Supervised::Abandoned(exit) if time_limits.is_blocking => {
                tracing::warn!("the attempt has ended, but its handler still blocks a thread");
                reporter.finished(exit, SlotStatus::Occupied);
                work.await.ok();
                reporter.handler_returned();
            }
            Supervised::Ended(exit) | Supervised::Abandoned(exit) => {
                // Runs the destructors of the handler's values before the end is reported.
                if let Err(panic) = guarded(|| drop(work)) {
                    tracing::error!(
                        panic,
                        "a value of the handler panicked while it was dropped"
                    );
                }
                let exit = match exit {
                    Some(exit) => Some(unread.look_for_reader(exit, &deps).await),
                    None => None,
                };
                reporter.finished(exit, SlotStatus::Free);
            }
        }
    }

    /// Builds the future that calls the handler through the middleware and catches its panic.
    fn into_work(
        self,
        resources: Resources,
    ) -> (BoxFuture<'static, CaughtResult>, EndReporter, AttemptSpan) {
        let Self {
            job,
            claimed,
            interrupt,
            lease_deadline: _,
            progress,
            logs,
            reporter,
        } = self;
        let deps = Arc::clone(&reporter.deps);
        let (span, trace_parent) =
            logs::in_scope(Arc::clone(&logs), || deps.spans.attempt(job.id, &claimed));
        let timeout = claimed.policy.timeout_ms.map(Duration::from_millis);
        let now = deps.clock.now();
        let deadline = timeout.and_then(|timeout| now.checked_add(timeout));
        let grace = grace_before(timeout.unwrap_or_default(), deps.grace);
        let limiter = AttemptLimiter::new(&deps.store, &deps.clock, &deps.rates);
        let parts = ContextParts {
            execution_id: claimed.execution_id,
            job_id: job.id,
            attempt: claimed.fence.attempt,
            last_attempt: claimed.spent + 1 >= claimed.policy.max_attempts,
            deadline,
            asked_to_end_at: deadline.and_then(|deadline| deadline.checked_sub(grace)),
            correlation_id: claimed.correlation_id.map(Arc::from),
            trace_parent: trace_parent.map(Arc::from),
            clock: Arc::clone(&deps.clock),
            client: deps.client.clone(),
            resources,
            cancelled: interrupt.token(),
            progress: Arc::clone(&progress),
            limiter: Some(Arc::new(limiter.clone())),
        };
        let success_written = SuccessWritten::default();
        let success = SuccessWriter {
            store: Arc::clone(&deps.store),
            clock: Arc::clone(&deps.clock),
            fence: claimed.fence,
            execution_id: claimed.execution_id,
            limits: claimed.limits,
            started_at: reporter.started_at,
            progress,
            written: success_written.clone(),
            health: deps.health.clone(),
        };
        let context = JobContext::with_success(parts, success);
        let call = Call {
            context,
            payload: claimed.payload,
        };
        let run = {
            let (logs, span) = (Arc::clone(&logs), span.clone());
            let (deps, fence) = (Arc::clone(&deps), claimed.fence);
            move |call| call_handler(job.handler, call, (interrupt, logs, span), fence, &deps)
        };
        let work = async move {
            deps.hooks.started(|| AttemptStarted {
                job_id: job.id,
                execution_id: call.context.execution_id(),
                attempt: call.context.attempt(),
                is_last_attempt: call.context.is_last_attempt(),
            });
            let request = AttemptRequest::new(call, run);
            let mut handlers = deps.handlers.clone();
            let returned = match success_written.check(handlers.call(request).await) {
                Ok(result) => Ok(result),
                Err(error) => Err(read_error(error, &*deps.clock).await),
            };
            limiter.pause_if_rate_limited(&returned).await;
            returned
        };
        let work = logs::scope(logs, span.instrument(work));
        let work = AssertUnwindSafe(work)
            .catch_unwind()
            .map(|caught| caught.map_err(panic_text));
        (Box::pin(work), reporter, span)
    }
}

/// The interrupt, log buffer and span that a blocking handler needs on its own thread.
type HandlerScope = (Arc<Interrupt>, Arc<LogBuffer>, AttemptSpan);

/// Reads and drops a handler's error on the blocking pool: the code of its type may never end.
async fn read_error(error: JobError, clock: &dyn Clock) -> ErrorReport {
    let verdict = error.verdict();
    // A virtual clock cannot see a thread at work. The timeout is in real time for that reason.
    let _hold = clock.hold();
    let read = tokio::task::spawn_blocking(move || ErrorReport::read(error));
    match real::timeout(READ_ERROR_TIMEOUT, read).await {
        Ok(Ok(report)) => report,
        Ok(Err(_)) | Err(_) => ErrorReport {
            verdict,
            message: format!("an error that was not formatted within {READ_ERROR_TIMEOUT:?}"),
        },
    }
}

/// Calls an asynchronous handler in place and a blocking one on the blocking pool. A panic of the
/// handler unwinds from the future.
fn call_handler(
    handler: Handler,
    call: Call,
    (interrupt, logs, span): HandlerScope,
    fence: Fence,
    deps: &ExecutorDeps,
) -> BoxFuture<'static, HandlerResult> {
    match handler {
        Handler::Async(handler) => {
            let lender = SlotLender::new(fence, deps.events.clone());
            Box::pin(lender.scope(handler(call)))
        }
        Handler::Blocking(handler) => {
            let work = move || {
                // The attempt may have ended while this call waited for a thread of the pool.
                if interrupt.cause().is_some() {
                    return Ok(Err(JobError::cancel("ended before it began")));
                }
                logs::in_scope(logs, || span.in_scope(|| guarded(|| handler(call))))
            };
            let clock = Arc::clone(&deps.clock);
            Box::pin(async move {
                // A virtual clock cannot see a thread at work.
                let _hold = clock.hold();
                match tokio::task::spawn_blocking(work).await? {
                    Ok(result) => result,
                    Err(panic) => resume_unwind(Box::new(panic)),
                }
            })
        }
        // The handler table contains no other kind.
        _ => Box::pin(async { Err(JobError::permanent("the job has no body")) }),
    }
}

/// The payload of a job with sensitive fields. The handler's error may quote them: they are masked
/// before the error is stored, logged or sent anywhere.
struct SensitivePayload {
    payload: String,
    fields: Arc<[String]>,
}

impl SensitivePayload {
    /// `None` for a job without sensitive fields.
    fn of(job: &HandledJob, claimed: &Claimed) -> Option<Self> {
        let fields = Arc::clone(&job.sensitive);
        (!fields.is_empty()).then(|| Self {
            payload: claimed.payload.clone(),
            fields,
        })
    }

    fn hide_in(&self, supervised: &mut Supervised, hide: HideSecrets) {
        let (Supervised::Ended(exit) | Supervised::Abandoned(exit)) = supervised;
        if let Some(message) = exit.as_mut().and_then(Exit::message_mut) {
            hide(&self.payload, &self.fields, message);
        }
    }
}

/// The time limits of an attempt.
struct TimeLimits {
    timeout: Option<Duration>,
    grace: Duration,
    /// The handler owns a thread that cannot be stopped.
    is_blocking: bool,
}

impl TimeLimits {
    fn grace_before_timeout(&self) -> Duration {
        grace_before(self.timeout.unwrap_or_default(), self.grace)
    }
}

/// The time for which a handler is asked to end before its timeout.
fn grace_before(timeout: Duration, grace: Duration) -> Duration {
    grace.min(timeout / 10)
}

/// The end of an attempt. An exit is `None` if the lease was lost.
enum Supervised {
    /// The handler has returned, or was never called.
    Ended(Option<Exit>),
    /// The attempt ended while the handler was still running.
    Abandoned(Option<Exit>),
}

impl Supervised {
    /// The end of the attempt, as its span tells it.
    fn span_end(&self) -> SpanEnd<'_> {
        let (Self::Ended(exit) | Self::Abandoned(exit)) = self;
        let lost = ("lease_lost", "the lease of the attempt was in doubt");
        SpanEnd {
            error: exit.as_ref().map_or(Some(lost), Exit::error),
        }
    }
}

/// Waits for the handler, its time limit or an interrupt, whichever comes first, and then for the
/// grace if there is one.
async fn supervise(
    work: &mut BoxFuture<'static, CaughtResult>,
    clock: &dyn Clock,
    interrupt: &Interrupt,
    time_limits: &TimeLimits,
) -> Supervised {
    // The attempt may have been interrupted before the runtime polled its task.
    if interrupt.cause().is_some() {
        return Supervised::Ended(exit_by_cause(interrupt, time_limits));
    }
    let begun = clock.elapsed();
    // Most handlers are ready after one poll and need no timer.
    if let Poll::Ready(caught) = poll_fn(|cx| Poll::Ready(work.as_mut().poll(cx))).await {
        return Supervised::Ended(exit_by_result(interrupt, time_limits, caught));
    }
    let ends_at = time_limits.timeout.map(|timeout| begun + timeout);
    let asks_at = ends_at.map(|end| end.saturating_sub(time_limits.grace_before_timeout()));
    tokio::select! {
        biased;
        caught = &mut *work => {
            return Supervised::Ended(exit_by_result(interrupt, time_limits, caught));
        }
        () = interrupt.asked() => {}
        () = sleep_until(clock, asks_at) => interrupt.raise(Cause::Timeout),
    }
    let ends_at = match interrupt.cause() {
        Some(Cause::Cancel) => {
            let grace_ends = clock.elapsed() + time_limits.grace;
            Some(ends_at.map_or(grace_ends, |end| end.min(grace_ends)))
        }
        _ => ends_at,
    };
    let end = pin!(async {
        tokio::select! {
            () = sleep_until(clock, ends_at) => {
                tracing::warn!("the handler did not end within its grace");
            }
            () = interrupt.now() => {}
        }
    });
    tokio::select! {
        biased;
        () = end => Supervised::Abandoned(exit_by_cause(interrupt, time_limits)),
        caught = &mut *work => {
            Supervised::Ended(exit_by_result(interrupt, time_limits, caught))
        }
    }
}

/// Waits for a time on the monotonic clock; for ever without one.
async fn sleep_until(clock: &dyn Clock, at: Option<Duration>) {
    match at {
        Some(at) => clock.sleep(at.saturating_sub(clock.elapsed())).await,
        None => std::future::pending().await,
    }
}

/// The exit of an attempt whose handler did not return: decided by the cause of its interrupt.
fn exit_by_cause(interrupt: &Interrupt, time_limits: &TimeLimits) -> Option<Exit> {
    match interrupt.cause() {
        Some(Cause::Timeout) => {
            let limit = time_limits.timeout.unwrap_or_default();
            Some(Exit::TimedOut { limit, error: None })
        }
        Some(Cause::GiveBack) => Some(Exit::Released),
        Some(Cause::LeaseLost) => None,
        Some(Cause::Cancel) | None => Some(Exit::Cancelled(None)),
    }
}

/// The exit of an attempt whose handler returned. A success counts even after an interrupt; an
/// error after an interrupt is taken as the effect of the interrupt. Only before its timeout, an
/// error that asks for a follow-up of its own is kept.
fn exit_by_result(
    interrupt: &Interrupt,
    time_limits: &TimeLimits,
    caught: CaughtResult,
) -> Option<Exit> {
    let error = match caught {
        Err(panic) => return Some(Exit::Panicked(panic)),
        Ok(Ok(result)) => return Some(Exit::Returned(Ok(result))),
        Ok(Err(error)) => error,
    };
    match interrupt.cause() {
        None => Some(Exit::Returned(Err(error))),
        Some(Cause::Cancel) => Some(Exit::Cancelled(Some(error.message))),
        Some(Cause::Timeout) if matches!(error.verdict, Verdict::Retry | Verdict::Cancel) => {
            Some(Exit::TimedOut {
                limit: time_limits.timeout.unwrap_or_default(),
                error: Some(error.message),
            })
        }
        Some(Cause::Timeout) => Some(Exit::Returned(Err(error))),
        Some(_) => exit_by_cause(interrupt, time_limits),
    }
}

/// Reports the end of an attempt exactly once. If the task is dropped first, the destructor
/// reports it, whether or not the attempt had begun.
pub(crate) struct EndReporter {
    fence: Fence,
    slot_kind: SlotKind,
    started_at: Timestamp,
    deps: Arc<ExecutorDeps>,
    is_reported: bool,
}

impl EndReporter {
    pub(crate) fn new(
        fence: Fence,
        slot_kind: SlotKind,
        started_at: Timestamp,
        deps: Arc<ExecutorDeps>,
    ) -> Self {
        Self {
            fence,
            slot_kind,
            started_at,
            deps,
            is_reported: false,
        }
    }

    fn finished(&mut self, exit: Option<Exit>, slot: SlotStatus) {
        self.is_reported = true;
        // The dispatcher outlives its attempts. Without it, the event has no receiver.
        let _ = self.deps.events.send(AttemptEvent::Finished {
            fence: self.fence,
            exit,
            started_at: self.started_at,
            finished_at: timestamp(&*self.deps.clock),
            slot,
        });
    }

    fn handler_returned(&self) {
        let event = AttemptEvent::HandlerReturned(self.fence, self.slot_kind);
        let _ = self.deps.events.send(event);
    }
}

impl Drop for EndReporter {
    fn drop(&mut self) {
        if self.is_reported {
            return;
        }
        let exit = if std::thread::panicking() {
            Exit::Panicked("the handler panicked while it was dropped".to_owned())
        } else {
            // The application's runtime shuts down and drops its tasks.
            Exit::Released
        };
        self.finished(Some(exit), SlotStatus::Free);
    }
}
