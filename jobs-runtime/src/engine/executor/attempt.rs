//! One attempt, from the call of its handler to the word about its end.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::FutureExt;
use jobs::runtime::{Call, ContextParts, Handler, HandlerResult, Resources};
use jobs::{BoxFuture, Client, Clock, ExecutionId, JobContext, JobError, ProgressCell};
use tokio::sync::mpsc;
use tower_service::Service;
use tracing::Instrument;

use super::interrupt::{Cause, Interrupt};
use super::lend::Lender;
use super::limiter::{AttemptLimiter, NamedRates};
use super::success::{Joined, Success};
use crate::clock::timestamp;
use crate::engine::handlers::PlannedJob;
use crate::engine::hooks::{AttemptStarted, Hooks};
use crate::engine::middleware::{AttemptRequest, AttemptService};
use crate::engine::outcome::Conclusion;
use crate::engine::session::Hold;
use crate::engine::slots::LaneKind;
use crate::health::WorkerHealth;
use crate::logs::{self, LogBuffer};
use crate::store::{Claimed, Fence, Store};
use crate::time::Timestamp;

/// What all attempts of a worker share.
pub(crate) struct Workshop {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) client: Client,
    pub(crate) resources: Resources,
    pub(crate) grace: Duration,
    pub(crate) reports: mpsc::UnboundedSender<Report>,
    pub(crate) handlers: AttemptService,
    pub(crate) hooks: Hooks,
    pub(crate) health: WorkerHealth,
    /// The rate limits that handlers ask by name.
    pub(crate) rates: Arc<NamedRates>,
}

/// An attempt about to run.
pub(crate) struct Attempt {
    pub(crate) job: PlannedJob,
    pub(crate) claimed: Claimed,
    pub(crate) interrupt: Arc<Interrupt>,
    pub(crate) hold: Arc<Hold>,
    pub(crate) progress: Arc<ProgressCell>,
    pub(crate) logs: Arc<LogBuffer>,
    pub(crate) reporter: Reporter,
}

/// What an attempt tells the dispatcher.
// The channel is unbounded, the reports are not: an attempt sends two, and two more per wait for
// another execution; the dispatcher bounds the attempts.
#[derive(Debug)]
pub(crate) enum Report {
    /// It ended; whether its slot is free as well.
    Ended(Ended, Slot),
    /// A blocking handler that had outlived its attempt has returned.
    Freed(Fence, LaneKind),
    /// An attempt waits for another execution: its slot is that one's for now.
    Awaits(Fence, ExecutionId),
    /// It waits for it no longer.
    Has(Fence, ExecutionId),
}

/// The place of an attempt in its lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    Free,
    /// The handler blocks a thread that nobody can take from it.
    Held,
}

/// The end of an attempt.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) fence: Fence,
    /// `None` if the lease did not hold any more: there is nothing to say.
    pub(crate) conclusion: Option<Conclusion>,
    pub(crate) started_at: Timestamp,
    pub(crate) finished_at: Timestamp,
}

/// What the handler left behind: a result, or the message of its panic.
type Left = Result<HandlerResult, String>;

impl Attempt {
    /// Runs the handler and reports how it ended, whatever happens to the handler.
    pub(crate) async fn run(mut self) {
        let workshop = Arc::clone(&self.reporter.workshop);
        let clock = &*workshop.clock;
        self.reporter.started_at = timestamp(clock);
        let rules = Rules {
            timeout: self.claimed.policy.timeout_ms.map(Duration::from_millis),
            grace: workshop.grace,
            blocking: self.job.lane == LaneKind::Blocking,
        };
        let interrupt = Arc::clone(&self.interrupt);
        // The process may have been suspended since the dispatcher looked: others may run this by now. If the
        // lease holds after all, it is given back.
        if self.hold.is_over(clock.elapsed()) {
            interrupt.raise(Cause::GiveBack);
        }
        let (mut work, mut reporter) = self.into_work();
        let conclusion = supervise(&mut work, clock, &interrupt, &rules).await;
        match conclusion {
            Supervised::Outlived(conclusion) if rules.blocking => {
                tracing::warn!("the handler does not return; its thread stays taken until it does");
                reporter.ended(conclusion, Slot::Held);
                work.await.ok();
                reporter.freed();
            }
            Supervised::Done(conclusion) | Supervised::Outlived(conclusion) => {
                // Dropping runs the destructors of what the handler held: before the word is out
                // that the attempt is over.
                drop(work);
                reporter.ended(conclusion, Slot::Free);
            }
        }
    }

    /// The handler at work.
    fn into_work(self) -> (BoxFuture<'static, Left>, Reporter) {
        let Self {
            job,
            claimed,
            interrupt,
            hold: _,
            progress,
            logs,
            reporter,
        } = self;
        let workshop = Arc::clone(&reporter.workshop);
        let span = logs::in_scope(Arc::clone(&logs), || {
            tracing::info_span!(
                "attempt",
                job = job.id,
                execution = %claimed.execution_id,
                attempt = claimed.fence.attempt,
            )
        });
        let deadline = claimed.policy.timeout_ms.and_then(|limit| {
            workshop
                .clock
                .now()
                .checked_add(Duration::from_millis(limit))
        });
        let limiter = AttemptLimiter::new(&workshop.store, &workshop.clock, &workshop.rates);
        let parts = ContextParts {
            execution_id: claimed.execution_id,
            job_id: job.id,
            attempt: claimed.fence.attempt,
            last_attempt: claimed.spent + 1 >= claimed.policy.max_attempts,
            deadline,
            correlation_id: claimed.correlation_id.map(Arc::from),
            clock: Arc::clone(&workshop.clock),
            client: workshop.client.clone(),
            resources: workshop.resources.clone(),
            cancelled: interrupt.token(),
            progress: Arc::clone(&progress),
            limiter: Some(Arc::new(limiter.clone())),
        };
        let joined = Joined::default();
        let success = Success {
            store: Arc::clone(&workshop.store),
            clock: Arc::clone(&workshop.clock),
            fence: claimed.fence,
            execution_id: claimed.execution_id,
            limits: claimed.limits,
            started_at: reporter.started_at,
            progress,
            joined: joined.clone(),
            health: workshop.health.clone(),
        };
        let context = JobContext::with_success(parts, success);
        let call = Call {
            context,
            payload: claimed.payload,
        };
        let run = {
            let (logs, span) = (Arc::clone(&logs), span.clone());
            let (workshop, fence) = (Arc::clone(&workshop), claimed.fence);
            move |call| run_handler(job.handler, call, (interrupt, logs, span), fence, &workshop)
        };
        let work = async move {
            workshop.hooks.started(|| AttemptStarted {
                job_id: job.id,
                execution_id: call.context.execution_id(),
                attempt: call.context.attempt(),
                is_last_attempt: call.context.is_last_attempt(),
            });
            let request = AttemptRequest::new(call, run);
            let mut handlers = workshop.handlers.clone();
            let returned = joined.judge(handlers.call(request).await);
            limiter.heed(&returned).await;
            returned
        };
        let work = logs::scope(logs, work.instrument(span));
        let work = AssertUnwindSafe(work)
            .catch_unwind()
            .map(|left| left.map_err(|panic| panic_message(&*panic)));
        (Box::pin(work), reporter)
    }
}

/// What a handler runs in, when it has a thread of its own.
type Surroundings = (Arc<Interrupt>, Arc<LogBuffer>, tracing::Span);

/// Calls the handler where it belongs. Its panic comes out of the future.
fn run_handler(
    handler: Handler,
    call: Call,
    (interrupt, logs, span): Surroundings,
    fence: Fence,
    workshop: &Workshop,
) -> BoxFuture<'static, HandlerResult> {
    match handler {
        Handler::Async(handler) => {
            let lender = Lender::new(fence, workshop.reports.clone());
            Box::pin(lender.scope(handler(call)))
        }
        Handler::Blocking(handler) => {
            let work = move || {
                // It may have waited for a thread for longer than its attempt lasted.
                if interrupt.cause().is_some() {
                    return Err(JobError::cancel("ended before it began"));
                }
                logs::in_scope(logs, || span.in_scope(|| handler(call)))
            };
            let clock = Arc::clone(&workshop.clock);
            Box::pin(async move {
                // A thread at work is nothing that a test clock could see.
                let _hold = clock.hold();
                match tokio::task::spawn_blocking(work).await {
                    Ok(result) => result,
                    Err(error) => match error.try_into_panic() {
                        Ok(panic) => resume_unwind(panic),
                        Err(error) => Err(error.into()),
                    },
                }
            })
        }
        // The plan takes jobs with a body only.
        _ => Box::pin(async { Err(JobError::permanent("the job has no body")) }),
    }
}

/// How long an attempt may take.
struct Rules {
    timeout: Option<Duration>,
    grace: Duration,
    /// Whether the handler has a thread that nobody can take from it.
    blocking: bool,
}

/// What a blocking handler gets to return when the worker gives everything back: as long as its
/// thread runs, nobody else should.
const BLOCKING_GIVE_BACK: Duration = Duration::from_secs(5);

/// Whether the handler returned or its attempt ended without that.
enum Supervised {
    Done(Option<Conclusion>),
    Outlived(Option<Conclusion>),
}

/// Waits for the handler, its time limit and interruptions, whichever comes first.
async fn supervise(
    work: &mut BoxFuture<'static, Left>,
    clock: &dyn Clock,
    interrupt: &Interrupt,
    rules: &Rules,
) -> Supervised {
    // The task may have waited for a thread for longer than its attempt lasted.
    if interrupt.cause().is_some() {
        return Supervised::Done(left_behind(interrupt, rules));
    }
    let begun = clock.elapsed();
    // Most handlers are done before a timer is worth making.
    if let Poll::Ready(left) = poll_fn(|cx| Poll::Ready(work.as_mut().poll(cx))).await {
        return Supervised::Done(returned(interrupt, rules, left));
    }
    let limit = pin!(async {
        match rules.timeout {
            Some(timeout) => {
                let rest = (begun + timeout).saturating_sub(clock.elapsed());
                clock.sleep(rest).await;
            }
            None => std::future::pending().await,
        }
    });
    tokio::select! {
        biased;
        left = &mut *work => return Supervised::Done(returned(interrupt, rules, left)),
        () = interrupt.asked() => {}
        () = limit => interrupt.raise(Cause::Timeout),
    }
    let grace = pin!(async {
        tokio::select! {
            () = clock.sleep(rules.grace) => {
                tracing::warn!("the handler did not end within its grace");
            }
            () = interrupt.now() => {
                if rules.blocking && interrupt.cause() == Some(Cause::GiveBack) {
                    clock.sleep(rules.grace.min(BLOCKING_GIVE_BACK)).await;
                }
            }
        }
    });
    tokio::select! {
        biased;
        () = grace => Supervised::Outlived(left_behind(interrupt, rules)),
        left = &mut *work => Supervised::Done(returned(interrupt, rules, left)),
    }
}

/// What a handler that is left behind has concluded.
fn left_behind(interrupt: &Interrupt, rules: &Rules) -> Option<Conclusion> {
    match interrupt.cause() {
        Some(Cause::Timeout) => Some(Conclusion::TimedOut(rules.timeout.unwrap_or_default())),
        Some(Cause::GiveBack) => Some(Conclusion::Released),
        Some(Cause::LeaseLost) => None,
        Some(Cause::Cancel) | None => Some(Conclusion::Cancelled(None)),
    }
}

/// What a handler that returned has concluded. One that was interrupted usually returns an error
/// because of that, and the cause says what it means; what it finished all the same counts.
fn returned(interrupt: &Interrupt, rules: &Rules, left: Left) -> Option<Conclusion> {
    let error = match left {
        Err(panic) => return Some(Conclusion::Panicked(panic)),
        Ok(Ok(result)) => return Some(Conclusion::Returned(Ok(result))),
        Ok(Err(error)) => error,
    };
    match interrupt.cause() {
        None => Some(Conclusion::Returned(Err(error))),
        Some(Cause::Cancel) => Some(Conclusion::Cancelled(Some(error.to_string()))),
        Some(_) => left_behind(interrupt, rules),
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<&str>() {
        return (*text).to_owned();
    }
    match panic.downcast_ref::<String>() {
        Some(text) => text.clone(),
        None => "the handler panicked with a value that is no text".to_owned(),
    }
}

/// Sends the word about the end exactly once, also when the task itself is torn down, begun or not.
pub(crate) struct Reporter {
    fence: Fence,
    lane: LaneKind,
    started_at: Timestamp,
    workshop: Arc<Workshop>,
    reported: bool,
}

impl Reporter {
    pub(crate) fn new(
        fence: Fence,
        lane: LaneKind,
        started_at: Timestamp,
        workshop: Arc<Workshop>,
    ) -> Self {
        Self {
            fence,
            lane,
            started_at,
            workshop,
            reported: false,
        }
    }

    fn ended(&mut self, conclusion: Option<Conclusion>, slot: Slot) {
        self.reported = true;
        let ended = Ended {
            fence: self.fence,
            conclusion,
            started_at: self.started_at,
            finished_at: timestamp(&*self.workshop.clock),
        };
        // The dispatcher outlives its attempts; if it is gone, so is everyone who would listen.
        let _ = self.workshop.reports.send(Report::Ended(ended, slot));
    }

    fn freed(&self) {
        let _ = self
            .workshop
            .reports
            .send(Report::Freed(self.fence, self.lane));
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        if self.reported {
            return;
        }
        let conclusion = match std::thread::panicking() {
            true => Conclusion::Panicked("the handler panicked while it was dropped".to_owned()),
            // The application's runtime shuts down under us.
            false => Conclusion::Released,
        };
        self.ended(Some(conclusion), Slot::Free);
    }
}
