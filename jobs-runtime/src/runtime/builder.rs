//! Putting a runtime together.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jobs::runtime::{BuiltResource, Handler, Resource};
use jobs::{Catalogue, CataloguedJob, Clock, ExecutionId, JobError};

use super::{Runtime, StartError};
use crate::clock::server::ServerClock;
use crate::engine::{Engine, EngineConfig, EngineParts};
use crate::health::Health;
use crate::hooks::{AttemptEnded, AttemptStarted, Hooks};
use crate::middleware::{AttemptRequest, AttemptService, Layer, Service};
use crate::service::JobService;
use crate::store::{ClockedStore, DatabaseUrl, Rate, Store};
use crate::{Entropy, SystemClock};
#[cfg(feature = "http")]
use std::net::SocketAddr;

/// The store of programs that name none: a file in the working directory.
pub const DEFAULT_DATABASE: &str = "sqlite:jobs.db";

/// Settings of a [`Runtime`]; made by [`Runtime::builder`].
#[must_use = "nothing runs until `start` is awaited"]
pub struct RuntimeBuilder {
    database: String,
    store: Option<Arc<dyn Store>>,
    catalogue: Option<Catalogue>,
    clock: Arc<dyn Clock>,
    entropy: Entropy,
    workers: bool,
    jobs: Vec<String>,
    engine: EngineConfig,
    resources: Vec<BuiltResource>,
    handlers: AttemptService,
    hooks: Hooks,
    #[cfg(feature = "http")]
    bind: Option<SocketAddr>,
}

impl Default for RuntimeBuilder {
    fn default() -> Self {
        Self {
            database: DEFAULT_DATABASE.to_owned(),
            store: None,
            catalogue: None,
            clock: Arc::new(SystemClock::new()),
            entropy: Entropy::new(),
            workers: true,
            jobs: Vec::new(),
            engine: EngineConfig::default(),
            resources: Vec::new(),
            handlers: AttemptService::default(),
            hooks: Hooks::default(),
            #[cfg(feature = "http")]
            bind: None,
        }
    }
}

impl RuntimeBuilder {
    /// Which store to open, a [`DatabaseUrl`]: `sqlite:jobs.db` unless given.
    pub fn database(mut self, url: impl Into<String>) -> Self {
        self.database = url.into();
        self
    }

    /// A store that is open already, instead of a URL.
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = Some(store);
        self
    }

    /// These jobs instead of all that are linked.
    pub fn catalogue(mut self, catalogue: Catalogue) -> Self {
        self.catalogue = Some(catalogue);
        self
    }

    /// Another source of time; for tests. A store with a server of its own still tells the wall
    /// time, unless the clock is virtual.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Another source of ids and chance; for tests.
    pub fn entropy(mut self, entropy: Entropy) -> Self {
        self.entropy = entropy;
        self
    }

    /// Whether this process executes jobs (it does unless told otherwise).
    pub fn workers(mut self, workers: bool) -> Self {
        self.workers = workers;
        self
    }

    /// Attempts of asynchronous handlers at a time; four per core unless given.
    pub fn concurrency(mut self, attempts: usize) -> Self {
        self.engine.concurrency = attempts;
        self
    }

    /// Execute from these queues only.
    pub fn queues<Q: Into<String>>(mut self, queues: impl IntoIterator<Item = Q>) -> Self {
        self.engine.queues = queues.into_iter().map(Into::into).collect();
        self
    }

    /// Attempts of this queue at a time, in this process. The queue takes no more of the slots; others
    /// may take all of them.
    pub fn queue_concurrency(mut self, queue: impl Into<String>, attempts: usize) -> Self {
        self.engine.queue_concurrency.insert(queue.into(), attempts);
        self
    }

    /// Attempts of this job at a time, in this process; `max_concurrent` counts in the whole fleet.
    pub fn job_concurrency(mut self, job: impl Into<String>, attempts: usize) -> Self {
        self.engine.job_concurrency.insert(job.into(), attempts);
        self
    }

    /// What has waited in this queue for so long since it was due becomes the most urgent there. Without it,
    /// what is less urgent may wait for ever behind what is more.
    pub fn ageing(mut self, queue: impl Into<String>, age: Duration) -> Self {
        self.engine.ageing.insert(queue.into(), age);
        self
    }

    /// Sets up a rate limit that handlers ask by name, shared by the whole fleet: `count` in any
    /// period. See [`JobContext::limit`](jobs::JobContext::limit).
    pub fn limit(mut self, name: impl Into<String>, count: u32, period: Duration) -> Self {
        let rate = Rate {
            count,
            period_ms: u64::try_from(period.as_millis()).unwrap_or(u64::MAX),
        };
        self.engine.limits.insert(name.into(), rate);
        self
    }

    /// Words about this worker, shown beside it in the list of processes: `gpu`, `eu-west`.
    pub fn labels<L: Into<String>>(mut self, labels: impl IntoIterator<Item = L>) -> Self {
        self.engine.labels = labels.into_iter().map(Into::into).collect();
        self
    }

    /// Execute these jobs only; others stay for other workers.
    pub fn jobs<J: Into<String>>(mut self, ids: impl IntoIterator<Item = J>) -> Self {
        self.jobs = ids.into_iter().map(Into::into).collect();
        self
    }

    /// Execute these executions only.
    pub fn executions(mut self, ids: impl IntoIterator<Item = ExecutionId>) -> Self {
        self.engine.only = ids.into_iter().collect();
        self
    }

    /// All settings of the workers at once.
    pub fn engine(mut self, config: EngineConfig) -> Self {
        self.engine = config;
        self
    }

    /// Gives a resource, or replaces the linked one of its type.
    pub fn resource<T: Resource>(self, value: T) -> Self {
        self.shared_resource(Arc::new(value))
    }

    /// Like [`resource`](Self::resource), for values that are shared or of unsized types
    /// (`Arc<dyn Trait>`).
    pub fn shared_resource<T: ?Sized + Resource>(mut self, value: Arc<T>) -> Self {
        self.resources.push(BuiltResource::new(value));
        self
    }

    /// Puts middleware around every attempt; a later layer stands around the earlier ones. See
    /// [`middleware`](crate::middleware).
    pub fn layer<L>(mut self, layer: L) -> Self
    where
        L: Layer<AttemptService>,
        L::Service: Service<AttemptRequest, Response = String> + Clone + Send + 'static,
        <L::Service as Service<AttemptRequest>>::Error: Into<JobError>,
        <L::Service as Service<AttemptRequest>>::Future: Send,
    {
        self.handlers = self.handlers.layered(&layer);
        self
    }

    /// Calls `hook` when an attempt begins, before its handler, where its handler runs.
    ///
    /// Hooks must not block for long; one that panics is logged and left.
    pub fn on_start(mut self, hook: impl Fn(&AttemptStarted) + Send + Sync + 'static) -> Self {
        self.hooks.on_start(hook);
        self
    }

    /// Calls `hook` when an attempt has ended, however it did, as soon as that is in the store. So is it for
    /// an attempt that was claimed and never begun, and for that of a worker that was lost.
    ///
    /// Hooks run one after the other, in the application's runtime; a crash may cut them off.
    pub fn on_finish(mut self, hook: impl Fn(&AttemptEnded) + Send + Sync + 'static) -> Self {
        self.hooks.on_finish(hook);
        self
    }

    /// Like [`on_finish`](Self::on_finish), for the attempts that end with their execution failed
    /// for good: where to report errors.
    pub fn on_exhausted(mut self, hook: impl Fn(&AttemptEnded) + Send + Sync + 'static) -> Self {
        self.hooks.on_exhausted(hook);
        self
    }

    /// Serves the HTTP interface there. Loopback addresses only; port 0 takes a free one.
    #[cfg(feature = "http")]
    pub fn bind(mut self, address: SocketAddr) -> Self {
        self.bind = Some(address);
        self
    }

    /// Opens the store, checks and publishes the catalogue, builds the resources, and starts.
    ///
    /// # Errors
    /// See [`StartError`]; nothing runs then.
    pub async fn start(self) -> Result<Runtime, StartError> {
        #[cfg(feature = "http")]
        let listener = match self.bind {
            Some(address) => Some(super::api::listen(address).await?),
            None => None,
        };
        let catalogue = Arc::new(match self.catalogue {
            Some(catalogue) => catalogue,
            None => Catalogue::linked()?,
        });
        check_limits(&self.engine, &catalogue)?;
        let store = match self.store {
            Some(store) => store,
            None => crate::store::open(&self.database.parse::<DatabaseUrl>()?).await?,
        };
        let store = ClockedStore::wrap(store, &self.clock);
        store.migrate().await?;
        let clock = ServerClock::choose(&store, self.clock).await?;
        let entropy = Arc::new(self.entropy);
        let service = JobService::new(
            Arc::clone(&store),
            Arc::clone(&catalogue),
            Arc::clone(&clock),
            Arc::clone(&entropy),
        )?;
        service.publish().await?;

        let health = Arc::new(Health::new(Arc::clone(&store), Arc::clone(&clock)));
        let engine = match self.workers {
            false => None,
            true => {
                let jobs = executable(&catalogue, &self.jobs)?;
                let resources = crate::engine::resources::build(&jobs, self.resources).await?;
                let captured = crate::logs::is_captured(Arc::clone(&clock)).await;
                health.log_capture(captured);
                if !captured {
                    tracing::warn!(
                        "what handlers log is not stored with their attempts: add \
                         `jobs_runtime::layer()` to the subscriber"
                    );
                }
                Some(Engine::start(EngineParts {
                    store,
                    jobs,
                    resources,
                    client: service.client(),
                    clock,
                    entropy,
                    health: health.worker(),
                    config: self.engine,
                    handlers: self.handlers,
                    hooks: self.hooks,
                })?)
            }
        };
        #[cfg(feature = "http")]
        let api = match listener {
            Some(listener) => Some(super::api::Api::start(listener, &service, &health)?),
            None => None,
        };
        health.started();
        Ok(Runtime {
            service,
            catalogue,
            engine,
            health,
            #[cfg(feature = "http")]
            api,
        })
    }
}

/// Limits that are of no use are mistakes.
fn check_limits(config: &EngineConfig, catalogue: &Catalogue) -> Result<(), StartError> {
    let refused = |what, name: &str, reason| {
        Err(StartError::Limit {
            what,
            name: name.to_owned(),
            reason,
        })
    };
    let shares = [
        ("concurrency of queue", &config.queue_concurrency),
        ("concurrency of job", &config.job_concurrency),
    ];
    for (what, limits) in shares {
        if let Some((name, _)) = limits.iter().find(|(_, attempts)| **attempts == 0) {
            return refused(what, name, "a number of attempts from 1");
        }
    }
    for id in config.job_concurrency.keys() {
        // Under today's id: what was enqueued under a former one counts as well.
        if catalogue.get(id).is_none_or(|job| job.id() != id) {
            return Err(StartError::UnknownJob(id.clone()));
        }
    }
    for (queue, age) in &config.ageing {
        if age.is_zero() {
            return refused("ageing of queue", queue, "a time to wait, from 1 ms");
        }
    }
    for (name, rate) in &config.limits {
        if rate.count == 0 || rate.period_ms == 0 {
            return refused("limit", name, "a number from 1 in a period of 1 ms or more");
        }
    }
    Ok(())
}

/// The jobs of these ids, or all of them, as far as this process can execute them.
fn executable(catalogue: &Catalogue, ids: &[String]) -> Result<Vec<CataloguedJob>, StartError> {
    let jobs: Vec<&CataloguedJob> = match ids {
        [] => catalogue.iter().collect(),
        ids => ids
            .iter()
            .map(|id| {
                let job = catalogue.get(id);
                job.ok_or_else(|| StartError::UnknownJob(id.clone()))
            })
            .collect::<Result<_, _>>()?,
    };
    let has_body =
        |job: &&CataloguedJob| matches!(job.handler(), Handler::Async(_) | Handler::Blocking(_));
    Ok(jobs
        .into_iter()
        .filter(|job| job.descriptor().enabled)
        .filter(has_body)
        .cloned()
        .collect())
}

impl fmt::Debug for RuntimeBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuntimeBuilder")
            .field("database", &crate::store::without_password(&self.database))
            .field("workers", &self.workers)
            .field("engine", &self.engine)
            .finish_non_exhaustive()
    }
}
