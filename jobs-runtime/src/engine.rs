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
//! 2. [`slots`] keeps prefetched executions: leased ones that wait for a slot. When a slot is free,
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
//! | [`dispatcher`] | the event loop, its state and its timers ([`timers`]) |
//! | [`session`], [`claim`] | the session and its renewal; claims |
//! | [`slots`], [`slot_caps`] | slots, prefetched executions; slot caps of queues and jobs |
//! | [`handlers`] | the table of linked jobs by id |
//! | [`running`], [`stuck`] | attempts that run here; attempts whose handler ignores interrupts |
//! | [`executor`] | one attempt: the handler call, interrupts, rate limits, `succeed_in` |
//! | [`outcome`], [`completer`] | what follows an attempt; the way of settlements to the store |
//! | [`retained_permits`] | permits of settled attempts whose handler still runs |
//! | [`heartbeat`], [`logs`] | progress, log lines and cancel requests of running attempts |
//! | [`maintenance`] | promotion, take-over of lost workers, ageing; the scheduler |
//! | [`shutdown`] | drain, release, close |
//! | [`hooks`], [`hook_notifier`], [`middleware`] | the application's code around attempts |
//! | [`resources`] | construction of the values that handlers borrow |
//!
//! The engine uses `store`, `clock`, `logs`, `health` and `time`. It must never use `service`,
//! `http`, `cli` or `runtime`: reads and requests reach the store without it.

mod claim;
mod completer;
mod config;
mod dispatcher;
mod executor;
mod handlers;
mod heartbeat;
mod hook_notifier;
pub mod hooks;
mod logs;
mod maintenance;
pub mod middleware;
mod outcome;
pub(crate) mod resources;
mod retained_permits;
mod running;
mod session;
mod shutdown;
mod slot_caps;
mod slots;
mod stuck;
mod timers;

use std::io;
use std::sync::Arc;
use std::thread;

use jobs::runtime::Resources;
use jobs::{CataloguedJob, Client, Clock};
use tokio::sync::watch;

use crate::Entropy;
use crate::clock::busy::keep_clock_busy;
use crate::health::WorkerHealth;
use crate::store::Store;
use hooks::Hooks;
use middleware::AttemptService;

pub use config::EngineConfig;
pub(crate) use executor::lend::lend_slot_while;
pub(crate) use maintenance::scheduler::{PrepareExecution, Scheduler, SchedulerParts};

use dispatcher::Dispatcher;
use handlers::HandlerTable;
use hook_notifier::{HookNotifier, HooksDrained};

/// Everything that a worker is built from.
pub(crate) struct EngineParts {
    pub(crate) store: Arc<dyn Store>,
    /// The jobs that this worker executes.
    pub(crate) jobs: Vec<CataloguedJob>,
    pub(crate) resources: Resources,
    pub(crate) client: Client,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<Entropy>,
    /// Receives the worker's state for health reports.
    pub(crate) health: WorkerHealth,
    pub(crate) config: EngineConfig,
    /// The handler call, wrapped in the application's middleware.
    pub(crate) handlers: AttemptService,
    pub(crate) hooks: Hooks,
}

/// A running worker.
#[derive(Debug)]
pub(crate) struct Engine {
    stop: watch::Sender<Stop>,
    ended: watch::Receiver<bool>,
    hooks_drained: HooksDrained,
    idle: watch::Receiver<bool>,
}

/// The urgency of a shutdown request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stop {
    /// No request.
    #[default]
    No,
    /// Stop claiming, and let running attempts end until the drain is over.
    Drain,
    /// Release all running attempts now.
    Now,
}

impl Engine {
    /// Starts the dispatcher's thread. Attempts run on the tokio runtime of the caller.
    pub(crate) fn start(parts: EngineParts) -> io::Result<Self> {
        let (stop, stop_requests) = watch::channel(Stop::No);
        let (end, ended) = watch::channel(false);
        let (idle, idle_seen) = watch::channel(false);
        let attempt_runtime = tokio::runtime::Handle::current();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        let clock = Arc::clone(&parts.clock);
        let (hook_notifier, hooks_drained) = HookNotifier::start(&parts, &attempt_runtime);
        let handlers = HandlerTable::new(&parts.jobs);
        let dispatcher = Dispatcher::new(
            handlers,
            parts,
            attempt_runtime,
            hook_notifier,
            stop_requests,
            idle,
        );
        // Wrapped before the thread starts, so that a virtual clock waits for the thread.
        let work = keep_clock_busy(&clock, async move {
            dispatcher.run().await;
            end.send_replace(true);
        });
        thread::Builder::new()
            .name("jobs-dispatcher".to_owned())
            .spawn(move || runtime.block_on(work))?;
        Ok(Self {
            stop,
            ended,
            hooks_drained,
            idle: idle_seen,
        })
    }

    /// Requests a shutdown. A request that is less urgent than an earlier one has no effect.
    pub(crate) fn stop(&self, urgency: Stop) {
        self.stop.send_if_modified(|current| {
            let is_more_urgent = urgency > *current;
            *current = urgency.max(*current);
            is_more_urgent
        });
    }

    /// Completes when no attempt runs and no ready execution is known.
    pub(crate) async fn idle(&self) {
        // An error means that the dispatcher's thread has ended: no attempt runs.
        let _ = self.idle.clone().wait_for(|idle| *idle).await;
    }

    /// Completes when every attempt is settled or released and the hooks have returned.
    pub(crate) async fn ended(&self) {
        // An error means that the dispatcher's thread has ended without a message.
        let _ = self.ended.clone().wait_for(|ended| *ended).await;
        self.hooks_drained.clone().wait().await;
    }
}
