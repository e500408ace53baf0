//! The runtime: service, engine, HTTP interface and health of one process.
//!
//! [`RuntimeBuilder`] opens the store and starts the parts that the program asks for; [`Runtime`]
//! holds them until shutdown. The folder may import every other module of the crate. It must never
//! import the command line, the benchmarks or the test kit, which are built on top of it.

mod builder;
mod error;
#[cfg(feature = "http")]
mod http_server;
#[cfg(feature = "http")]
mod token_file;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use jobs::{Catalogue, Client};

use crate::background_loop::BackgroundLoop;
#[cfg(feature = "rabbitmq")]
use crate::broker::Broker;
use crate::engine::{Engine, Scheduler, Stop};
#[cfg(feature = "http")]
use crate::external::ExternalLeases;
use crate::health::Health;
use crate::inbox;
use crate::retention::{PruneError, PruneReport, PrunedJob, Pruner, TURN};
use crate::service::JobService;
use crate::store::{Store, StoreError};
#[cfg(feature = "otlp")]
use crate::telemetry::MetricsExport;
#[cfg(feature = "http")]
use std::net::SocketAddr;

pub use builder::{DEFAULT_DATABASE, RuntimeBuilder};
pub use error::StartError;

/// Opens a store for a program that enqueues and reads results, and executes nothing.
///
/// At enqueue, a payload is checked against the linked definition of its job, or against the
/// definition that another program has published.
///
/// ```no_run
/// # async fn demo() -> Result<(), Box<dyn std::error::Error>> {
/// let jobs = jobs_runtime::connect("sqlite:jobs.db").await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// The URL is invalid, the store does not open, or the linked jobs contradict each other.
pub async fn connect(database: &str) -> Result<Client, StartError> {
    let runtime = Runtime::builder()
        .database(database)
        .workers(false)
        .start()
        .await?;
    Ok(runtime.client())
}

/// The pause before [`Runtime::prune`] asks again for the fleet's turn.
const RETRY_PRUNE: Duration = Duration::from_millis(250);

/// A running runtime: a worker, the HTTP interface, or both.
///
/// Dropping it releases the running attempts without waiting for them. Call
/// [`shutdown`](Runtime::shutdown) to let them end.
pub struct Runtime {
    service: JobService,
    catalogue: Arc<Catalogue>,
    engine: Option<Engine>,
    scheduler: Option<Scheduler>,
    retention: Option<BackgroundLoop>,
    operations: Option<BackgroundLoop>,
    recorder: Option<BackgroundLoop>,
    inbox: Option<BackgroundLoop>,
    pruner: Pruner,
    health: Arc<Health>,
    #[cfg(feature = "rabbitmq")]
    broker: Option<Broker>,
    /// Reads the gauges for the export until it is dropped.
    #[cfg(feature = "otlp")]
    _metrics_export: Option<MetricsExport>,
    #[cfg(feature = "http")]
    external: ExternalLeases,
    #[cfg(feature = "http")]
    api: Option<http_server::HttpServer>,
    #[cfg(feature = "http")]
    http: crate::http::HttpConfig,
    /// Ends the event streams of [`router`](Self::router).
    #[cfg(feature = "http")]
    mounted_streams: tokio_util::sync::DropGuard,
}

impl Runtime {
    /// Returns a builder with the default settings.
    pub fn builder() -> RuntimeBuilder {
        RuntimeBuilder::default()
    }

    /// Returns a client that enqueues jobs and waits for their results.
    pub fn client(&self) -> Client {
        self.service.client()
    }

    /// Returns the store.
    pub fn store(&self) -> &Arc<dyn Store> {
        self.service.store()
    }

    /// Returns the service, on which HTTP and the command line are built.
    pub fn service(&self) -> &JobService {
        &self.service
    }

    /// Returns the jobs that are linked into this program.
    pub fn catalogue(&self) -> &Arc<Catalogue> {
        &self.catalogue
    }

    /// Returns the health of this process.
    pub fn health(&self) -> &Arc<Health> {
        &self.health
    }

    /// Returns the address of the HTTP interface, if it is served.
    #[cfg(feature = "http")]
    pub fn address(&self) -> Option<SocketAddr> {
        self.api.as_ref().map(http_server::HttpServer::address)
    }

    /// Returns the URL of the HTTP interface, if it is served: `https://…` with a certificate.
    #[cfg(feature = "http")]
    pub fn url(&self) -> Option<String> {
        self.api.as_ref().map(http_server::HttpServer::url)
    }

    /// Returns the HTTP interface, to be mounted in an application's own router.
    ///
    /// The application authenticates its callers and adds a [`Caller`](crate::http::Caller) to each
    /// request. A request without one needs a token of the store.
    ///
    /// Event streams have no end of their own. They end with
    /// [`begin_shutdown`](Self::begin_shutdown); a server that waits for its connections calls it
    /// before it waits.
    #[cfg(feature = "http")]
    pub fn router(&self) -> axum::Router {
        let router = crate::http::build(
            self.service.clone(),
            Arc::clone(&self.health),
            self.http.clone(),
            crate::http::Exposure::Mounted,
            self.external.clone(),
        );
        let stopped = self.mounted_streams.token().clone();
        crate::http::with_shutdown(router, stopped)
    }

    /// Completes when no attempt runs in this process and it knows of no ready execution that it
    /// could run. Pending executions do not count. A new execution counts once its event has
    /// arrived; requests by SQL count as well. Completes at once if this process has no worker.
    pub async fn idle(&self) {
        if let Some(engine) = &self.engine {
            if self.inbox.is_some() {
                inbox::drain(&self.service).await;
            }
            engine.idle().await;
        }
    }

    /// Deletes what the store has kept for long enough, now. The runtime also does so by itself
    /// while it executes jobs or serves HTTP.
    ///
    /// Waits up to a minute for another process that prunes at the moment. `None` if that process
    /// has not ended by then.
    ///
    /// # Errors
    /// The store's, or the archive's. What was deleted before the error stays deleted.
    pub async fn prune(&self) -> Result<Option<PruneReport>, PruneError> {
        let clock = self.service.clock();
        let until = clock.elapsed() + TURN;
        loop {
            let report = self.pruner.prune_now().await?;
            if report.is_some() || clock.elapsed() >= until {
                return Ok(report);
            }
            clock.sleep(RETRY_PRUNE).await;
        }
    }

    /// Counts the executions that [`prune`](Self::prune) would delete, by job and status. Changes
    /// nothing.
    ///
    /// # Errors
    /// The store's.
    pub async fn prunable(&self) -> Result<Vec<PrunedJob>, StoreError> {
        self.pruner.preview().await
    }

    /// Begins a [`shutdown`](Self::shutdown) without waiting for it: nothing more is claimed, and
    /// event streams end.
    pub fn begin_shutdown(&self) {
        self.stop(Stop::Drain);
    }

    /// Stops claiming and lets running attempts end within the drain period. Releases the attempts
    /// that are left; they do not count towards `max_attempts`.
    pub async fn shutdown(&self) {
        self.stop(Stop::Drain);
        self.stopped().await;
    }

    /// Releases all running attempts now. Use it when a second signal arrives during
    /// [`shutdown`](Runtime::shutdown).
    pub async fn shutdown_now(&self) {
        self.stop(Stop::Now);
        self.stopped().await;
    }

    fn stop(&self, urgency: Stop) {
        if let Some(retention) = &self.retention {
            retention.stop();
        }
        if let Some(operations) = &self.operations {
            operations.stop();
        }
        if let Some(inbox) = &self.inbox {
            inbox.stop();
        }
        #[cfg(feature = "rabbitmq")]
        if let Some(broker) = &self.broker {
            broker.stop();
        }
        if let Some(engine) = &self.engine {
            engine.stop(urgency);
        }
        if let Some(scheduler) = &self.scheduler {
            scheduler.stop();
        }
        #[cfg(feature = "http")]
        self.external.stop();
        #[cfg(feature = "http")]
        self.mounted_streams.token().cancel();
        #[cfg(feature = "http")]
        if let Some(api) = &self.api {
            api.stop();
        }
    }

    async fn stopped(&self) {
        #[cfg(feature = "http")]
        self.external.stopped().await;
        if let Some(engine) = &self.engine {
            engine.ended().await;
        }
        if let Some(scheduler) = &self.scheduler {
            scheduler.ended().await;
        }
        #[cfg(feature = "rabbitmq")]
        if let Some(broker) = &self.broker {
            broker.ended().await;
        }
        if let Some(retention) = &self.retention {
            retention.ended().await;
        }
        // After the last attempt, so that its end is counted.
        if let Some(recorder) = &self.recorder {
            recorder.stop();
            recorder.ended().await;
        }
        #[cfg(feature = "http")]
        if let Some(api) = &self.api {
            api.stopped().await;
        }
        // After the last request, so that what it changed is recorded.
        self.service.flush_audit().await;
        if let Some(operations) = &self.operations {
            operations.ended().await;
        }
        if let Some(inbox) = &self.inbox {
            inbox.ended().await;
        }
    }

    /// Completes when a part of the runtime ends unexpectedly: the dispatcher of the worker, the
    /// scheduler, or the HTTP server. Await it beside the signals that stop the program. A program
    /// whose dispatcher has died executes nothing more, and should exit with an error.
    ///
    /// # Errors
    /// The part and the reason for its end.
    pub async fn failed(&self) -> io::Result<()> {
        let worker = async {
            match &self.engine {
                Some(engine) => Err(dispatcher_died(&engine.died().await)),
                None => std::future::pending().await,
            }
        };
        let scheduler = async {
            match &self.scheduler {
                Some(scheduler) => Err(scheduler_died(&scheduler.died().await)),
                None => std::future::pending().await,
            }
        };
        #[cfg(feature = "http")]
        if let Some(api) = &self.api {
            return tokio::select! {
                failed = worker => failed,
                failed = scheduler => failed,
                failed = api.failed() => failed,
            };
        }
        tokio::select! {
            failed = worker => failed,
            failed = scheduler => failed,
        }
    }

    /// An error if the dispatcher or the scheduler has died, also during a shutdown.
    #[cfg(feature = "cli")]
    pub(crate) fn check_worker(&self) -> io::Result<()> {
        if let Some(panic) = self.engine.as_ref().and_then(Engine::death) {
            return Err(dispatcher_died(&panic));
        }
        match self.scheduler.as_ref().and_then(Scheduler::death) {
            Some(panic) => Err(scheduler_died(&panic)),
            None => Ok(()),
        }
    }
}

fn scheduler_died(panic: &str) -> io::Error {
    io::Error::other(format!("the scheduler has panicked: {panic}"))
}

fn dispatcher_died(panic: &str) -> io::Error {
    io::Error::other(format!(
        "the dispatcher of the worker has panicked: {panic}"
    ))
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime")
            .field("jobs", &self.catalogue.len())
            .field("workers", &self.engine.is_some())
            .finish_non_exhaustive()
    }
}
