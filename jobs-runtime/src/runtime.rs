//! A process that executes and serves jobs: the parts put together.

mod builder;
mod error;
#[cfg(feature = "http")]
mod http_server;

use std::fmt;
use std::sync::Arc;

use jobs::{Catalogue, Client};

use crate::engine::{Engine, Stop};
use crate::health::Health;
use crate::service::JobService;
use crate::store::Store;
#[cfg(feature = "http")]
use std::net::SocketAddr;

pub use builder::{DEFAULT_DATABASE, RuntimeBuilder};
pub use error::StartError;

/// Opens a store for a program that enqueues and reads results, and executes nothing.
///
/// Jobs linked into the program are checked here, at enqueue; the others by what their programs
/// have published.
///
/// ```no_run
/// # async fn demo() -> Result<(), Box<dyn std::error::Error>> {
/// let jobs = jobs_runtime::connect("sqlite:jobs.db").await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// A URL that names no store, a store that does not open, and jobs that make no catalogue.
pub async fn connect(database: &str) -> Result<Client, StartError> {
    let runtime = Runtime::builder()
        .database(database)
        .workers(false)
        .start()
        .await?;
    Ok(runtime.client())
}

/// A running runtime: workers, HTTP interface, or both.
///
/// Dropping it gives back what runs without waiting for it: call [`shutdown`](Runtime::shutdown) to
/// let attempts end.
pub struct Runtime {
    service: JobService,
    catalogue: Arc<Catalogue>,
    engine: Option<Engine>,
    health: Arc<Health>,
    #[cfg(feature = "http")]
    api: Option<http_server::Api>,
}

impl Runtime {
    /// Begins to put a runtime together.
    pub fn builder() -> RuntimeBuilder {
        RuntimeBuilder::default()
    }

    /// Enqueues jobs and awaits their results.
    pub fn client(&self) -> Client {
        self.service.client()
    }

    /// The store, to read from.
    pub fn store(&self) -> &Arc<dyn Store> {
        self.service.store()
    }

    /// Known jobs, validation and enqueue: what HTTP and the command line are made of.
    pub fn service(&self) -> &JobService {
        &self.service
    }

    /// The jobs linked into this program.
    pub fn catalogue(&self) -> &Arc<Catalogue> {
        &self.catalogue
    }

    /// How the parts of this process are.
    pub fn health(&self) -> &Arc<Health> {
        &self.health
    }

    /// Where the HTTP interface listens, if it is served.
    #[cfg(feature = "http")]
    pub fn address(&self) -> Option<SocketAddr> {
        self.api.as_ref().map(http_server::Api::address)
    }

    /// The HTTP interface, to mount in an application's own router. The application authenticates
    /// the callers: nothing here asks who they are.
    #[cfg(feature = "http")]
    pub fn router(&self) -> axum::Router {
        crate::http::routes(self.service.clone(), Arc::clone(&self.health))
    }

    /// Completes when nothing runs here and nothing that could is known to be ready: what was there
    /// at the start has ended. What is scheduled for later does not count, and the news of an
    /// enqueue takes a moment. At once, if this process executes nothing.
    pub async fn idle(&self) {
        if let Some(engine) = &self.engine {
            engine.idle().await;
        }
    }

    /// Stops claiming, lets running attempts end for as long as the drain lasts, and gives back
    /// what is left without spending an attempt.
    pub async fn shutdown(&self) {
        self.stop(Stop::Drain);
        self.stopped().await;
    }

    /// Gives everything back now. Use it when a second signal comes during
    /// [`shutdown`](Runtime::shutdown).
    pub async fn shutdown_now(&self) {
        self.stop(Stop::Now);
        self.stopped().await;
    }

    fn stop(&self, urgency: Stop) {
        if let Some(engine) = &self.engine {
            engine.stop(urgency);
        }
        #[cfg(feature = "http")]
        if let Some(api) = &self.api {
            api.stop();
        }
    }

    async fn stopped(&self) {
        if let Some(engine) = &self.engine {
            engine.ended().await;
        }
    }

    /// Completes when the HTTP interface ends by itself; never, if it is not served.
    ///
    /// # Errors
    /// Why it ended.
    #[cfg(feature = "http")]
    pub async fn failed(&self) -> std::io::Result<()> {
        match &self.api {
            Some(api) => api.failed().await,
            None => std::future::pending().await,
        }
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime")
            .field("jobs", &self.catalogue.len())
            .field("workers", &self.engine.is_some())
            .finish_non_exhaustive()
    }
}
