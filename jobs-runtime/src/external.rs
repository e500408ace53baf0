//! Leases of external workers: programs that execute jobs over HTTP.
//!
//! ```text
//!  worker                       server                                   store
//!    │ ── poll ───────────────▶ polls ◀── claimer ─── claim ──────────────▶ │
//!    │ ◀── leases with tokens ── │                                          │
//!    │ ── heartbeat ───────────▶ leases ─── beat, progress, log lines ────▶ │
//!    │ ◀── cancel, timeout ───── │ ◀── keeper ─── renew, watch, cancel ───▶ │
//!    │ ── succeed, fail ───────▶ ends ─── settle ─────────────────────────▶ │
//! ```
//!
//! Each start of an external worker has a session of its own. The server renews it while it hears
//! from the worker, and other workers take it over when that stops, as they do with a process. The
//! token of a lease holds its fence and a secret, whose digest the session keeps. So a lease
//! outlives the server that gave it, and any server of the fleet serves it (see
//! [decision 0011](../../docs/decisions/0011-external-leases.md)).
//!
//! | module | contents |
//! |---|---|
//! | [`workers`] | the sessions of the workers that this server has heard from |
//! | [`token`] | the tokens of leases |
//! | [`polls`], [`claimer`] | polls that wait for work; the task that claims for them |
//! | [`leases`] | the leases that this server knows; why an attempt has to end |
//! | [`heartbeat`], [`log_lines`] | progress and log lines; the wait for an interrupt |
//! | [`ends`] | ends of attempts, as workers report them |
//! | [`settlements`] | settlements, and the calls that tell of an end |
//! | [`end_hooks`] | calls of the application's hooks for attempts that have ended |
//! | [`keeper`] | renewals, timeouts, cancel requests, leases without a heartbeat |
//! | [`maintenance`] | promotion and rescue in a process without a worker |
//!
//! The decision about retries is the engine's (`engine/outcome.rs`). The folder may import the
//! service, the store contract, the hooks and the bounds in `logs`. Of the engine it may import
//! that decision, the log lines about attempts and the type of a running engine. It must not import
//! `http`, the runtime or a particular store.

mod claimer;
mod end_hooks;
mod ends;
mod heartbeat;
mod keeper;
mod leases;
mod log_lines;
mod maintenance;
mod polls;
mod settlements;
mod token;
mod workers;

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jobs::{Clock, EnqueueError, ExecutionId};
use tokio_util::sync::CancellationToken;

use crate::Entropy;
use crate::clock::busy::keep_clock_busy;
use crate::clock::timestamp;
use crate::engine::EngineConfig;
use crate::hooks::Hooks;
use crate::service::JobService;
use crate::store::{Store, StoreError};
use crate::time::Timestamp;

pub(crate) use ends::{FailureKind, Retry, WorkerFailure};
pub(crate) use heartbeat::Heartbeat;
pub(crate) use leases::{EndReason, InterruptReason, LeaseView};
pub(crate) use log_lines::ReportedLine;
pub(crate) use maintenance::StartMaintenance;
pub(crate) use polls::{MAX_LEASES, MAX_POLL_JOBS};
pub(crate) use workers::WorkerInfo;

use end_hooks::EndHooks;
use leases::Leases;
use maintenance::Maintenance;
use polls::Polls;
use workers::Workers;

/// Serves external workers. Cheap to clone. Starts its tasks with the first request.
#[derive(Clone)]
pub(crate) struct ExternalLeases(Arc<Inner>);

struct Inner {
    service: JobService,
    settings: Settings,
    workers: Workers,
    polls: Polls,
    leases: Leases,
    maintenance: Maintenance,
    end_hooks: EndHooks,
    stop: CancellationToken,
    /// Set when the tasks have been started.
    started: OnceLock<()>,
}

/// The times of external leases, which are those of the process's own worker.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// The time without a heartbeat after which an attempt is lost.
    pub(crate) lease: Duration,
    /// The time that a worker has to end an attempt after a cancel request.
    pub(crate) grace: Duration,
    /// The interval at which the store is polled for work, in case an event was missed.
    pub(crate) poll: Duration,
}

impl Settings {
    /// The settings of a process with this engine.
    pub(crate) fn of(config: &EngineConfig) -> Self {
        Self {
            lease: config.lease,
            grace: config.grace,
            poll: config.poll,
        }
    }

    /// The interval at which a worker has to send heartbeats.
    pub(crate) fn heartbeat(&self) -> Duration {
        self.lease / 3
    }

    /// The longest wait of a poll or a heartbeat. It is shorter than a lease: a worker that waits
    /// is heard often enough.
    pub(crate) fn longest_wait(&self) -> Duration {
        (self.lease * 2 / 3).min(Duration::from_secs(20))
    }
}

/// The reason why a request of an external worker is rejected.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LeaseError {
    /// The token names no lease that holds.
    #[error("the lease does not hold any more: {0}")]
    Lost(EndReason),
    /// A job of the request is not known.
    #[error(transparent)]
    Job(#[from] EnqueueError),
    /// The server has as many waiting polls, or workers, as it allows.
    #[error("this server has {limit} {what}, as many as it allows")]
    TooMany { what: &'static str, limit: usize },
    /// The result breaks the result schema of the job. The lease stays.
    #[error("the result does not match the result schema of job `{job_id}`")]
    InvalidResult {
        job_id: String,
        violations: Vec<jobs::Violation>,
    },
    /// The result is larger than the store keeps. The lease stays.
    #[error("the result has {size} bytes, {limit} are allowed")]
    ResultTooLarge { size: usize, limit: usize },
    /// The end of the attempt is not written yet: another transaction locks the lease, or this
    /// process stops. The lease stays.
    #[error("the end of the attempt could not be written yet; send the same request again")]
    NotWritten,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ExternalLeases {
    /// Serves workers on the store of a service. `start_maintenance` starts the loops of a process
    /// without a worker.
    pub(crate) fn new(
        service: JobService,
        settings: Settings,
        start_maintenance: Option<StartMaintenance>,
        hooks: Hooks,
    ) -> Self {
        Self(Arc::new(Inner {
            workers: Workers::new(settings),
            polls: Polls::default(),
            leases: Leases::default(),
            maintenance: Maintenance::new(start_maintenance),
            end_hooks: EndHooks::new(hooks),
            stop: CancellationToken::new(),
            started: OnceLock::new(),
            settings,
            service,
        }))
    }

    /// The times of the leases.
    pub(crate) fn settings(&self) -> Settings {
        self.0.settings
    }

    /// Stops claiming and answers every waiting request. Leases stay: another server, or the next
    /// start of this one, serves them.
    pub(crate) fn stop(&self) {
        self.0.stop.cancel();
        self.0.maintenance.stop();
    }

    /// Completes when the loops of [`maintenance`] have ended. Closes the sessions without leases.
    pub(crate) async fn stopped(&self) {
        if self.0.started.get().is_some() {
            self.0.workers.close_all(&**self.store()).await;
        }
        self.0.maintenance.ended().await;
    }

    /// Starts the tasks, once. They end with the last clone of this value, or at a stop.
    fn start(&self) {
        self.0.started.get_or_init(|| {
            claimer::start(&self.0);
            keeper::start(&self.0);
            EndHooks::start(&self.0);
            self.0.maintenance.start();
        });
    }

    fn store(&self) -> &Arc<dyn Store> {
        self.0.store()
    }
}

impl Inner {
    fn store(&self) -> &Arc<dyn Store> {
        self.service.store()
    }

    fn clock(&self) -> &Arc<dyn Clock> {
        self.service.clock()
    }

    fn entropy(&self) -> &Entropy {
        self.service.entropy()
    }

    /// The wall time.
    fn now(&self) -> Timestamp {
        timestamp(&**self.clock())
    }

    /// Runs a task. A virtual clock stands still while it has work to do.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(keep_clock_busy(self.clock(), task));
    }

    /// The monotonic time.
    fn elapsed(&self) -> Duration {
        self.clock().elapsed()
    }
}

/// The ids of the jobs, or of the executions, that a poll asks for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) jobs: Vec<String>,
    pub(crate) executions: Vec<ExecutionId>,
}

impl fmt::Debug for ExternalLeases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExternalLeases")
            .field("settings", &self.0.settings)
            .finish_non_exhaustive()
    }
}
