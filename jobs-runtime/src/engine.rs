//! The worker: it claims executions, runs their handlers and settles their attempts.
//!
//! # From a claim to a settlement
//!
//! ```text
//!   store            dispatcher (own thread)                 application's runtime
//!     │
//!     │ ◀── claim ────  slots: how many are free?
//!     │ ─── leases ──▶  prefetched ─▶ a slot is free ──────▶  attempt: the handler runs
//!     │                                                           │
//!     │ ◀── progress, logs ──  heartbeat                          │
//!     │ ─── cancel requests ─▶ heartbeat ── interrupt ─────────▶  │
//!     │                                                           │ returns, panics, times out
//!     │                 outcome: what follows?  ◀── Finished ─────┘ or is interrupted
//!     │ ◀── settle ───  completer: a batch of settlements
//!     │ ─── answers ─▶  completer ── hook notifier ────────▶  on_finish hooks
//! ```
//!
//! 1. [`claim`] asks the store for as many executions as slots are free. The store leases them to
//!    the worker's [`session`].
//! 2. [`slots`] keeps prefetched executions: leased ones that wait for a slot. When one is free,
//!    [`running`] starts the attempt on the application's runtime.
//! 3. [`executor`] calls the handler, enforces the time limit and the grace, and reports one
//!    [`Exit`](outcome::Exit) to the dispatcher.
//! 4. [`outcome`] reads the retry list of the execution's row and decides what follows: success,
//!    failure, cancellation, or another attempt after a retry delay. The result is a settlement.
//! 5. [`completer`] sends settlements in batches and repeats them until the store answers. The
//!    store rejects the settlement of a lease that has ended.
//! 6. [`hook_notifier`] calls the application's hooks once the store has taken the settlement.
//!
//! # Threads
//!
//! | thread | runs |
//! |---|---|
//! | `jobs-dispatcher` | the event loop and its calls of the store, on a tokio runtime of its own |
//! | the application's runtime | asynchronous handlers, middleware, hooks |
//! | the blocking pool of the application's runtime | blocking handlers |
//!
//! A handler that blocks every thread of the application's runtime therefore cannot delay the
//! renewal of a session. An attempt and the dispatcher share an
//! [`Interrupt`](executor::interrupt::Interrupt), a progress cell, a log buffer and a
//! [`LeaseDeadline`](session::LeaseDeadline), each safe to use from both; everything else travels
//! as a message.
//!
//! # Modules
//!
//! | module | contents |
//! |---|---|
//! | [`dispatcher`] | the event loop: asks each part for its calls, and passes answers on |
//! | [`call`], [`parts`] | what all parts share: calls and their timers; the dependencies |
//! | [`session`], [`claim`] | the session and its renewal; claims and prefetched executions |
//! | [`deliveries`] | executions that messages of a broker name |
//! | [`slots`], [`slot_caps`] | slots of one kind; slot caps of queues and jobs |
//! | [`handlers`] | the table of linked jobs by id |
//! | [`running`], [`stuck`] | attempts that run here; attempts whose handler ignores interrupts |
//! | [`executor`] | one attempt: the handler call, interrupts, rate limits, `succeed_in` |
//! | [`outcome`], [`completer`] | what follows an attempt; the way of settlements to the store |
//! | [`retained_permits`] | permits of settled attempts whose handler still runs |
//! | [`heartbeat`], [`logs`] | progress, log lines and cancel requests of running attempts |
//! | [`maintenance`] | promotion, take-over of lost workers, ageing; the scheduler, retention |
//! | [`yields`] | jobs that are left to other workers for a moment |
//! | [`shutdown`] | drain, release, close |
//! | [`hooks`], [`hook_notifier`], [`middleware`] | the application's code around attempts |
//! | [`attempt_log`], [`outage`] | log lines about failed attempts and a store that is away |
//! | [`resources`] | construction of the values that handlers borrow |
//!
//! The engine may import `background_loop`, `store`, `clock`, `logs`, `health`, `retention`,
//! `schedule`, `telemetry`, `threads` and `time`. It must never import `service`, `http`, `cli` or
//! `runtime`: reads and requests reach the store without it.

pub(crate) mod attempt_log;
mod call;
mod claim;
mod completer;
mod config;
#[cfg_attr(not(feature = "rabbitmq"), allow(dead_code))]
mod deliveries;
mod dispatcher;
mod executor;
mod handlers;
mod heartbeat;
mod hook_notifier;
pub mod hooks;
mod logs;
mod maintenance;
pub mod middleware;
pub(crate) mod outage;
pub(crate) mod outcome;
mod parts;
pub(crate) mod resources;
mod retained_permits;
mod running;
mod session;
mod shutdown;
mod slot_caps;
mod slots;
mod stuck;
mod yields;

use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use jobs::Clock;
use jobs::runtime::panic_text;
use tokio::sync::watch;

use crate::clock::busy::keep_clock_busy;
use crate::threads;

pub use config::EngineConfig;
#[cfg(feature = "archive")]
pub(crate) use config::host_name;
pub(crate) use deliveries::BrokerSignalReceiver;
#[cfg(feature = "rabbitmq")]
pub(crate) use deliveries::{BrokerSignal, BrokerSignals, Delivery, DeliveryAnswer};
pub(crate) use executor::lend::lend_slot_while;
pub(crate) use maintenance::retention::RetentionParts;
pub(crate) use maintenance::scheduler::{PrepareExecution, Scheduler, SchedulerParts};
pub(crate) use parts::EngineParts;
pub(crate) use shutdown::Stop;

use dispatcher::Dispatcher;
use hook_notifier::{HookNotifier, HooksDrained};

/// A running worker.
pub(crate) struct Engine {
    stop: watch::Sender<Stop>,
    /// `None` while the dispatcher runs; later how it ended.
    ended: watch::Receiver<Option<DispatcherEnd>>,
    hooks_drained: HooksDrained,
    idle: watch::Receiver<bool>,
    clock: Arc<dyn Clock>,
}

/// The end of a dispatcher: as requested, with the time at which the stop must be over, or by a
/// panic with this message.
type DispatcherEnd = Result<Duration, String>;

impl Engine {
    /// Starts the dispatcher's thread. Attempts run on the tokio runtime of the caller.
    pub(crate) fn start(parts: EngineParts) -> io::Result<Self> {
        let (stop, stop_requests) = watch::channel(Stop::No);
        let (end, ended) = watch::channel(None);
        let (idle, idle_seen) = watch::channel(false);
        let attempt_runtime = tokio::runtime::Handle::current();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        let clock = Arc::clone(&parts.clock);
        let (hook_notifier, hooks_drained) = HookNotifier::start(&parts, &attempt_runtime);
        let health = parts.health.clone();
        stop_with_runtime(&attempt_runtime, &stop, &ended);
        let dispatcher = Dispatcher::new(
            parts,
            attempt_runtime.clone(),
            hook_notifier,
            stop_requests,
            idle,
        );
        let application_code = dispatcher.application_code();
        // Wrapped before the thread starts, so that a virtual clock waits for the thread.
        let work = keep_clock_busy(&clock, async move {
            let ended = AssertUnwindSafe(dispatcher.run()).catch_unwind().await;
            let ended = ended.map_err(panic_text);
            if let Err(panic) = &ended {
                health.died(panic);
            }
            end.send_replace(Some(ended.clone()));
            if let Err(panic) = ended {
                tracing::error!(
                    panic,
                    "the dispatcher has panicked: this worker executes nothing"
                );
            }
            // The last reference: resources, hooks and layers are dropped on the application's
            // runtime.
            attempt_runtime.spawn(async move { drop(application_code) });
        });
        if cfg!(panic = "abort") {
            tracing::warn!("built with panic = \"abort\": a handler that panics ends this process");
        }
        threads::spawn("jobs-dispatcher", runtime, move || work)?;
        Ok(Self {
            stop,
            ended,
            hooks_drained,
            idle: idle_seen,
            clock,
        })
    }

    /// Requests a shutdown. A request that is less urgent than an earlier one has no effect.
    pub(crate) fn stop(&self, urgency: Stop) {
        request(&self.stop, urgency);
    }

    /// Completes when no attempt runs and no ready execution is known.
    pub(crate) async fn idle(&self) {
        // An error means that the dispatcher's thread has ended: no attempt runs.
        let _ = self.idle.clone().wait_for(|idle| *idle).await;
    }

    /// Completes when every attempt is settled or released and the hooks have returned, or when the
    /// dispatcher has died.
    pub(crate) async fn ended(&self) {
        // An error means that the dispatcher's thread has ended without a message.
        let mut ended = self.ended.clone();
        let ends_at = match ended.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(Ok(ends_at))) => *ends_at,
            _ => Duration::ZERO,
        };
        let left = ends_at.saturating_sub(self.clock.elapsed());
        self.hooks_drained.clone().wait(left).await;
    }

    /// The message of the panic that has ended the dispatcher, if one has.
    #[cfg(feature = "cli")]
    pub(crate) fn death(&self) -> Option<String> {
        match &*self.ended.borrow() {
            Some(Err(panic)) => Some(panic.clone()),
            _ => None,
        }
    }

    /// Completes with the message of the panic that ends the dispatcher. Never completes after a
    /// shutdown.
    pub(crate) async fn died(&self) -> String {
        let mut ended = self.ended.clone();
        match ended.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(Err(panic))) => panic.clone(),
            _ => std::future::pending().await,
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop(Stop::Now);
    }
}

fn request(stop: &watch::Sender<Stop>, urgency: Stop) {
    stop.send_if_modified(|current| {
        let is_more_urgent = urgency > *current;
        *current = urgency.max(*current);
        is_more_urgent
    });
}

/// Stops the worker when the tokio runtime of its attempts is shut down. No attempt can run any
/// more, and each claimed one would be released and claimed again.
fn stop_with_runtime(
    attempt_runtime: &tokio::runtime::Handle,
    stop: &watch::Sender<Stop>,
    ended: &watch::Receiver<Option<DispatcherEnd>>,
) {
    let on_drop = StopOnDrop(Some(stop.clone()));
    let mut ended = ended.clone();
    attempt_runtime.spawn(async move {
        // An error means that the dispatcher's thread has ended without a message.
        let _ = ended.wait_for(Option::is_some).await;
        on_drop.disarm();
    });
}

/// Requests a stop when it is dropped.
struct StopOnDrop(Option<watch::Sender<Stop>>);

impl StopOnDrop {
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        if let Some(stop) = &self.0 {
            tracing::warn!("the tokio runtime of the attempts has ended: this worker stops");
            request(stop, Stop::Now);
        }
    }
}
