//! Executes attempts.
//!
//! One **dispatcher** per process talks to the store: it claims, renews, settles, promotes and
//! rescues, in batches, on its own thread with a single-threaded runtime, so that handlers which
//! block every thread of the application's runtime cannot stop a renewal. **Attempts** run as tasks
//! of the application's runtime, or on its blocking pool, and share nothing with the dispatcher
//! but messages.
//!
//! ```text
//!             ┌──────────────── dispatcher (own thread) ───────────────┐
//!   store ◀──▶│ claim ─▶ backlog ─▶ start          ended ─▶ outbox ─▶ settle │◀──▶ store
//!             └───────────────────────┬──────────────▲─────────────────┘
//!                            Attempt  │              │ Ended
//!                                     ▼              │
//!                            task on the application's runtime
//! ```
//!
//! The retry list of the stored row is the one authority on what follows an attempt
//! ([`verdict`]); the store is the one authority on whether an attempt may still say anything.

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
use crate::clock::busy::held;
use crate::health::WorkerHealth;
use crate::store::Store;
use hooks::Hooks;
use middleware::AttemptService;

pub use config::EngineConfig;
pub(crate) use executor::lend::lending;

use dispatcher::Dispatcher;
use handlers::Plan;
use hook_notifier::{Heard, News};

/// What a worker works with.
pub(crate) struct EngineParts {
    pub(crate) store: Arc<dyn Store>,
    /// What it executes.
    pub(crate) jobs: Vec<CataloguedJob>,
    pub(crate) resources: Resources,
    pub(crate) client: Client,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<Entropy>,
    /// Where it tells how it is.
    pub(crate) health: WorkerHealth,
    pub(crate) config: EngineConfig,
    /// What stands around the handlers.
    pub(crate) handlers: AttemptService,
    /// Who is told what becomes of attempts.
    pub(crate) hooks: Hooks,
}

/// A running worker.
#[derive(Debug)]
pub(crate) struct Engine {
    stop: watch::Sender<Stop>,
    ended: watch::Receiver<bool>,
    heard: Heard,
    idle: watch::Receiver<bool>,
}

/// How far a worker has been asked to stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stop {
    /// Not at all.
    #[default]
    No,
    /// Claim no more, let running attempts end for as long as the drain lasts.
    Drain,
    /// Give everything back now.
    Now,
}

impl Engine {
    /// Starts the dispatcher's thread; attempts run on the runtime that this is called on.
    pub(crate) fn start(parts: EngineParts) -> io::Result<Self> {
        let (stop, stop_seen) = watch::channel(Stop::No);
        let (end, ended) = watch::channel(false);
        let (idle, idle_seen) = watch::channel(false);
        let executors = tokio::runtime::Handle::current();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        let clock = Arc::clone(&parts.clock);
        let (news, heard) = News::start(&parts, &executors);
        let plan = Plan::new(&parts.jobs);
        let dispatcher = Dispatcher::new(plan, parts, executors, news, stop_seen, idle);
        // Wrapped here, so that no time passes before the thread has begun.
        let work = held(&clock, async move {
            dispatcher.run().await;
            end.send_replace(true);
        });
        thread::Builder::new()
            .name("jobs-dispatcher".to_owned())
            .spawn(move || runtime.block_on(work))?;
        Ok(Self {
            stop,
            ended,
            heard,
            idle: idle_seen,
        })
    }

    /// Asks the worker to stop, at least as urgently as before.
    pub(crate) fn stop(&self, urgency: Stop) {
        self.stop.send_if_modified(|asked| {
            let more = urgency > *asked;
            *asked = urgency.max(*asked);
            more
        });
    }

    /// Completes when nothing runs and nothing ready is known of.
    pub(crate) async fn idle(&self) {
        // An error means that the thread is gone: nothing runs.
        let _ = self.idle.clone().wait_for(|idle| *idle).await;
    }

    /// Completes when every attempt has ended or been given back, and hooks have heard of it.
    pub(crate) async fn ended(&self) {
        // An error means that the thread is gone, which is an end as well.
        let _ = self.ended.clone().wait_for(|ended| *ended).await;
        self.heard.clone().everything().await;
    }
}
