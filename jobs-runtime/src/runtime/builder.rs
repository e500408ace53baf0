//! The builder of a runtime: settings, and the order in which the parts start.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jobs::runtime::{BuiltResource, Handler, Resource};
use jobs::{Catalogue, CataloguedJob, Clock, ExecutionId, JobError};

use super::{Runtime, StartError};
use crate::ArchiveWriter;
#[cfg(feature = "rabbitmq")]
use crate::broker::{Broker, BrokerParts, ConsumedJob, ConsumerParts};
use crate::clock::server::ServerClock;
use crate::engine::outage::{OutageLog, is_outage};
use crate::engine::{
    Engine, EngineConfig, EngineParts, PrepareExecution, RetentionLoop, RetentionParts, Scheduler,
    SchedulerParts,
};
#[cfg(feature = "http")]
use crate::external;
use crate::health::Health;
use crate::hooks::{AttemptEnded, AttemptStarted, Hooks};
#[cfg(feature = "http")]
use crate::http::HttpConfig;
use crate::inbox::InboxLoop;
use crate::logs::{self, LogCapture};
use crate::middleware::{AttemptRequest, AttemptService, Layer, Service};
use crate::operations::OperationLoop;
use crate::retention::{Archiver, Pruner, RetentionSettings};
use crate::service::{JobService, ServiceSettings};
use crate::store::{ClockedStore, DatabaseUrl, LiveStore, Rate, Store, StoreError};
use crate::telemetry::metrics::{MeteredStore, Metrics};
use crate::telemetry::recorder::{Recorder, RecorderLoop};
use crate::telemetry::spans::Spans;
#[cfg(feature = "otlp")]
use crate::telemetry::{MetricsSource, Telemetry};
use crate::{Entropy, SystemClock};
#[cfg(feature = "http")]
use std::net::SocketAddr;

/// The default store: a SQLite file in the working directory.
pub const DEFAULT_DATABASE: &str = "sqlite:jobs.db";

/// The settings of a [`Runtime`], created by [`Runtime::builder`].
#[must_use = "nothing runs until `start` is awaited"]
pub struct RuntimeBuilder {
    database: String,
    store: Option<Arc<dyn Store>>,
    catalogue: Option<Catalogue>,
    clock: Arc<dyn Clock>,
    entropy: Entropy,
    workers: bool,
    scheduler: Option<bool>,
    store_wait: Duration,
    jobs: Vec<String>,
    with_children: bool,
    engine: EngineConfig,
    retention: RetentionSettings,
    archive: ArchiveChoice,
    resources: Vec<BuiltResource>,
    handlers: AttemptService,
    hooks: Hooks,
    #[cfg(feature = "rabbitmq")]
    broker: Option<crate::BrokerConfig>,
    #[cfg(feature = "otlp")]
    telemetry: Telemetry,
    #[cfg(feature = "http")]
    bind: Option<SocketAddr>,
    #[cfg(feature = "http")]
    http: HttpConfig,
}

/// The archive of a runtime.
enum ArchiveChoice {
    None,
    Writer(Arc<dyn ArchiveWriter>),
    #[cfg(feature = "archive")]
    Directory(std::path::PathBuf),
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
            scheduler: None,
            store_wait: Duration::ZERO,
            jobs: Vec::new(),
            with_children: false,
            engine: EngineConfig::default(),
            retention: RetentionSettings::default(),
            archive: ArchiveChoice::None,
            resources: Vec::new(),
            handlers: AttemptService::default(),
            hooks: Hooks::default(),
            #[cfg(feature = "rabbitmq")]
            broker: None,
            #[cfg(feature = "otlp")]
            telemetry: Telemetry::default(),
            #[cfg(feature = "http")]
            bind: None,
            #[cfg(feature = "http")]
            http: HttpConfig::default(),
        }
    }
}

impl RuntimeBuilder {
    /// Sets the URL of the store, a [`DatabaseUrl`]. Default: [`DEFAULT_DATABASE`].
    pub fn database(mut self, url: impl Into<String>) -> Self {
        self.database = url.into();
        self
    }

    /// Uses a store that is already open, instead of a URL.
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = Some(store);
        self
    }

    /// Uses these jobs instead of all linked jobs.
    pub fn catalogue(mut self, catalogue: Catalogue) -> Self {
        self.catalogue = Some(catalogue);
        self
    }

    /// Sets another clock, for tests. With a store on a server, the server still gives the wall
    /// time, unless the clock is virtual.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Sets another source of ids and random numbers, for tests.
    pub fn entropy(mut self, entropy: Entropy) -> Self {
        self.entropy = entropy;
        self
    }

    /// Sets whether this process executes jobs. Default: true.
    pub fn workers(mut self, workers: bool) -> Self {
        self.workers = workers;
        self
    }

    /// Sets whether this process fires the times of schedules. Default: if it executes jobs, and is
    /// not restricted to some [executions](Self::executions). Any number of processes may do it.
    pub fn scheduler(mut self, scheduler: bool) -> Self {
        self.scheduler = Some(scheduler);
        self
    }

    /// Sets how long the start waits for a database server that does not answer. The log says that
    /// it waits. Default: zero, the start fails at once.
    pub fn store_wait(mut self, limit: Duration) -> Self {
        self.store_wait = limit;
        self
    }

    /// Sets the number of attempts of asynchronous handlers at a time. Default: four per core.
    pub fn concurrency(mut self, attempts: usize) -> Self {
        self.engine.concurrency = attempts;
        self
    }

    /// Executes only executions of these queues.
    pub fn queues<Q: Into<String>>(mut self, queues: impl IntoIterator<Item = Q>) -> Self {
        self.engine.queues = queues.into_iter().map(Into::into).collect();
        self
    }

    /// Caps the attempts of a queue at a time in this process. No slots are reserved: other queues
    /// may use all of them.
    pub fn queue_concurrency(mut self, queue: impl Into<String>, attempts: usize) -> Self {
        self.engine.queue_concurrency.insert(queue.into(), attempts);
        self
    }

    /// Caps the attempts of a job at a time in this process. The job's `max_concurrent` limits them
    /// in the whole fleet.
    pub fn job_concurrency(mut self, job: impl Into<String>, attempts: usize) -> Self {
        self.engine.job_concurrency.insert(job.into(), attempts);
        self
    }

    /// Gives the highest urgency to executions of this queue that are ready for longer than `age`.
    /// Without ageing, a steady stream of urgent executions can starve less urgent ones.
    pub fn ageing(mut self, queue: impl Into<String>, age: Duration) -> Self {
        self.engine.ageing.insert(queue.into(), age);
        self
    }

    /// Defines a named rate limit for handlers, enforced across the whole fleet: at most `count` in
    /// any `period`. See [`JobContext::limit`](jobs::JobContext::limit).
    pub fn limit(mut self, name: impl Into<String>, count: u32, period: Duration) -> Self {
        let rate = Rate {
            count,
            period_ms: u64::try_from(period.as_millis()).unwrap_or(u64::MAX),
        };
        self.engine.limits.insert(name.into(), rate);
        self
    }

    /// Sets labels of this worker, such as `gpu` or `eu-west`. The list of processes shows them.
    pub fn labels<L: Into<String>>(mut self, labels: impl IntoIterator<Item = L>) -> Self {
        self.engine.labels = labels.into_iter().map(Into::into).collect();
        self
    }

    /// Executes only these jobs.
    pub fn jobs<J: Into<String>>(mut self, ids: impl IntoIterator<Item = J>) -> Self {
        self.jobs = ids.into_iter().map(Into::into).collect();
        self
    }

    /// Also executes all other linked jobs, for awaited children. Their resources are built when
    /// they are needed.
    #[cfg(feature = "cli")]
    pub(crate) fn with_children(mut self) -> Self {
        self.with_children = true;
        self
    }

    /// Executes only these executions, and the children that they await.
    pub fn executions(mut self, ids: impl IntoIterator<Item = ExecutionId>) -> Self {
        self.engine.only = ids.into_iter().collect();
        self
    }

    /// Replaces all settings of the worker.
    pub fn engine(mut self, config: EngineConfig) -> Self {
        self.engine = config;
        self
    }

    /// Sets how long final executions are kept. Default: 30 days, failed ones 90 days.
    pub fn retention(mut self, settings: RetentionSettings) -> Self {
        self.retention = settings;
        self
    }

    /// Writes final executions to this archive before retention deletes them. What the writer does
    /// not take is kept. Give every process of a fleet an archive, because any of them may prune.
    ///
    /// Default: none, retention deletes without an archive.
    pub fn archive(mut self, writer: Arc<dyn ArchiveWriter>) -> Self {
        self.archive = ArchiveChoice::Writer(writer);
        self
    }

    /// Writes final executions to files in this directory before retention deletes them:
    /// [`archive`](Self::archive) with an [`ArchiveDirectory`](crate::ArchiveDirectory).
    #[cfg(feature = "archive")]
    pub fn archive_directory(mut self, path: impl Into<std::path::PathBuf>) -> Self {
        self.archive = ArchiveChoice::Directory(path.into());
        self
    }

    /// Provides a resource. It takes precedence over a linked resource of the same type.
    pub fn resource<T: Resource>(self, value: T) -> Self {
        self.shared_resource(Arc::new(value))
    }

    /// Like [`resource`](Self::resource), for a value in an `Arc`, also of an unsized type
    /// (`Arc<dyn Trait>`).
    pub fn shared_resource<T: ?Sized + Resource>(mut self, value: Arc<T>) -> Self {
        self.resources.push(BuiltResource::new(value));
        self
    }

    /// Wraps every attempt in middleware. A later layer wraps the earlier ones. See
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

    /// Calls `hook` when an attempt begins, before its handler, on the thread of the handler.
    ///
    /// A hook must not block for long. A panic of a hook is logged and has no further effect.
    pub fn on_start(mut self, hook: impl Fn(&AttemptStarted) + Send + Sync + 'static) -> Self {
        self.hooks.on_start(hook);
        self
    }

    /// Calls `hook` after an attempt has ended with any outcome, once the outcome is stored. This
    /// includes attempts that were claimed and never begun, and attempts of lost workers.
    ///
    /// Hooks run one after another in the application's Tokio runtime. A crash of the process loses
    /// the calls that are still to come.
    pub fn on_finish(mut self, hook: impl Fn(&AttemptEnded) + Send + Sync + 'static) -> Self {
        self.hooks.on_finish(hook);
        self
    }

    /// Like [`on_finish`](Self::on_finish), but only after attempts that leave the execution
    /// `failed`. Use it to report errors.
    pub fn on_exhausted(mut self, hook: impl Fn(&AttemptEnded) + Send + Sync + 'static) -> Self {
        self.hooks.on_exhausted(hook);
        self
    }

    /// Dispatches executions through RabbitMQ as well: a relay publishes them, and the worker of
    /// this process consumes the messages. A broker that cannot be reached does not stop the start:
    /// workers then poll the store.
    #[cfg(feature = "rabbitmq")]
    pub fn broker(mut self, config: crate::BrokerConfig) -> Self {
        self.broker = Some(config);
        self
    }

    /// Exports the metrics of this runtime, and the exceptions of attempts, over OTLP. Spans and
    /// events are exported by the [layer](Telemetry::layer) in the program's subscriber.
    #[cfg(feature = "otlp")]
    pub fn telemetry(mut self, telemetry: &Telemetry) -> Self {
        self.telemetry = telemetry.clone();
        self
    }

    /// Serves the HTTP interface on this address. Port 0 selects a free port. An address that other
    /// machines reach needs a store with a token: see [`http`](Self::http).
    #[cfg(feature = "http")]
    pub fn bind(mut self, address: SocketAddr) -> Self {
        self.bind = Some(address);
        self
    }

    /// Sets how the HTTP interface is served.
    #[cfg(feature = "http")]
    pub fn http(mut self, config: HttpConfig) -> Self {
        self.http = config;
        self
    }

    /// Checks the jobs, the limits and the providers of the resources. Opens no store and builds no
    /// resource.
    #[cfg(feature = "cli")]
    pub(crate) fn check(&self) -> Result<(), StartError> {
        let linked;
        let catalogue = match &self.catalogue {
            Some(catalogue) => catalogue,
            None => {
                linked = Catalogue::linked()?;
                &linked
            }
        };
        check_limits(&self.engine, catalogue)?;
        let jobs = executable_jobs(catalogue, &self.jobs)?;
        crate::engine::resources::check(&jobs, &self.resources)?;
        Ok(())
    }

    /// Opens the store, checks and publishes the catalogue, builds the resources, and starts.
    ///
    /// # Errors
    /// See [`StartError`]. After an error, no part of the runtime is running.
    pub async fn start(self) -> Result<Runtime, StartError> {
        #[cfg(feature = "http")]
        let listener = match self.bind {
            Some(address) => Some(super::http_server::listen(address).await?),
            None => None,
        };
        let catalogue = Arc::new(match self.catalogue {
            Some(catalogue) => catalogue,
            None => Catalogue::linked()?,
        });
        check_limits(&self.engine, &catalogue)?;
        let store = match self.store {
            Some(store) => prepare(store, &self.clock, self.workers).await?,
            None => {
                let url = self.database.parse()?;
                open(&url, &self.clock, self.store_wait, self.workers).await?
            }
        };
        #[cfg(feature = "otlp")]
        let (mirrors, spans) = {
            let telemetry = &self.telemetry;
            (telemetry.mirrors(), Spans::detect(telemetry.logger()).await)
        };
        #[cfg(not(feature = "otlp"))]
        let (mirrors, spans) = (None, Spans);
        let metrics = Arc::new(Metrics::new(mirrors));
        let store = MeteredStore::wrap(store, &metrics, &self.clock);
        let store = LiveStore::wrap(store);
        let clock = ServerClock::choose(&store, self.clock).await?;
        let entropy = Arc::new(self.entropy);
        let service = JobService::with_settings(
            Arc::clone(&store),
            &catalogue,
            Arc::clone(&clock),
            Arc::clone(&entropy),
            ServiceSettings {
                retention: self.retention.clone(),
                metrics: Arc::clone(&metrics),
                spans: spans.clone(),
            },
        )?;
        #[cfg(feature = "http")]
        if let Some(address) = self.bind {
            super::http_server::check_access(address, &service, &self.http).await?;
        }
        service.publish().await?;
        service.publish_schedules().await?;

        let health = Arc::new(Health::new(Arc::clone(&store), Arc::clone(&clock)));
        let archive = match self.archive {
            ArchiveChoice::None => None,
            ArchiveChoice::Writer(writer) => Some(writer),
            #[cfg(feature = "archive")]
            ArchiveChoice::Directory(path) => {
                let clock = Arc::clone(&clock);
                let directory = crate::ArchiveDirectory::new(path, clock, &entropy);
                Some(Arc::new(directory) as Arc<dyn ArchiveWriter>)
            }
        };
        let archiver = archive.map(|writer| Archiver::new(writer, health.archive()));
        let pruner = Pruner::new(
            Arc::clone(&store),
            Arc::clone(&clock),
            self.retention.clone(),
            archiver.clone(),
            entropy.apart("prune").execution_id(&*clock).to_string(),
        );
        let operation_holder = entropy
            .apart("operations")
            .execution_id(&*clock)
            .to_string();
        let recorder = Recorder::new(
            Arc::clone(&metrics),
            Arc::clone(&store),
            Arc::clone(&clock),
            entropy.apart("series").execution_id(&*clock).to_string(),
        );
        let retention = RetentionParts {
            store: Arc::clone(&store),
            clock: Arc::clone(&clock),
            entropy: Arc::clone(&entropy),
            settings: self.retention,
            archiver,
            publications: service.fingerprints(),
        };
        #[cfg(feature = "otlp")]
        let metrics_export = {
            health.telemetry(&self.telemetry);
            self.telemetry.export_metrics(MetricsSource {
                metrics: Arc::clone(&metrics),
                store: Arc::clone(&store),
                clock: Arc::clone(&clock),
                health: Arc::clone(&health),
            })
        };
        let schedules = self
            .scheduler
            .unwrap_or(self.workers && self.engine.only.is_empty());
        let poll = self.engine.schedule_poll;
        #[cfg(feature = "http")]
        let external = {
            let parts = ControlPlane {
                store: Arc::clone(&store),
                client: service.client(),
                clock: Arc::clone(&clock),
                entropy: Arc::clone(&entropy),
                health: Arc::clone(&health),
                config: self.engine.clone(),
                metrics: Arc::clone(&metrics),
            };
            let settings = external::Settings::of(&self.engine);
            let maintenance = (!self.workers).then(|| parts.start_engine());
            external::ExternalLeases::new(
                service.clone(),
                settings,
                maintenance,
                self.hooks.clone(),
            )
        };
        let (broker_signals, signal_receiver) = tokio::sync::mpsc::unbounded_channel();
        #[cfg(feature = "rabbitmq")]
        let broker = match self.broker {
            Some(config) => {
                let consumer = if self.workers {
                    consumer_parts(&catalogue, &self.jobs, &self.engine, broker_signals)?
                } else {
                    None
                };
                Some(BrokerParts {
                    config,
                    store: Arc::clone(&store),
                    clock: Arc::clone(&clock),
                    entropy: entropy.apart("broker"),
                    health: health.broker(consumer.is_some()),
                    consumer,
                })
            }
            None => None,
        };
        #[cfg(not(feature = "rabbitmq"))]
        drop(broker_signals);
        let engine = if self.workers {
            let jobs = executable_jobs(&catalogue, &self.jobs)?;
            let mut children = Vec::new();
            if self.with_children {
                children = executable_jobs(&catalogue, &[])?;
                children.retain(|child| jobs.iter().all(|job| job.id() != child.id()));
            }
            let resources = crate::engine::resources::WorkerResources::build(
                &jobs,
                children.clone(),
                self.resources,
            )
            .await?;
            let jobs = jobs.into_iter().chain(children).collect();
            let capture = logs::log_capture(Arc::clone(&clock)).await;
            health.log_capture(capture);
            match capture {
                LogCapture::Works => {}
                LogCapture::Absent => tracing::warn!("{}", logs::ABSENT_ADVICE),
                LogCapture::Filtered => tracing::warn!("{}", logs::FILTERED_ADVICE),
            }
            let EngineConfig {
                concurrency,
                blocking_concurrency,
                ..
            } = self.engine;
            for (slots, size) in metrics
                .slots
                .iter()
                .zip([concurrency, blocking_concurrency])
            {
                slots.add(size as u64);
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
                metrics: Arc::clone(&metrics),
                fingerprints: service.fingerprints(),
                accepts_payload: crate::service::schema_accepts,
                hide_secrets: crate::service::hide_secrets,
                broker_signals: signal_receiver,
                spans,
            })?)
        } else {
            None
        };
        #[cfg(feature = "http")]
        let serves = listener.is_some();
        #[cfg(not(feature = "http"))]
        let serves = false;
        let prunes = engine.is_some() || serves;
        let retention = prunes.then(|| RetentionLoop::start(retention));
        let recorder = prunes.then(|| RecorderLoop::start(recorder)).flatten();
        let operations = prunes.then(|| OperationLoop::start(service.clone(), operation_holder));
        let inbox = prunes.then(|| InboxLoop::start(service.clone())).flatten();
        #[cfg(feature = "http")]
        let api = match listener {
            Some(listener) => Some(super::http_server::HttpServer::start(
                listener,
                &service,
                &health,
                self.http.clone(),
                external.clone(),
            )?),
            None => None,
        };
        let scheduler = if schedules {
            Some(Scheduler::start(SchedulerParts {
                store: Arc::clone(service.store()),
                clock: Arc::clone(service.clock()),
                prepare: prepare_scheduled(service.clone()),
                changes: service.schedule_changes(),
                poll,
                health: health.scheduler(poll),
                metrics,
            })?)
        } else {
            None
        };
        #[cfg(feature = "rabbitmq")]
        let broker = broker.map(Broker::start).transpose()?;
        health.started();
        Ok(Runtime {
            service,
            catalogue,
            engine,
            scheduler,
            retention,
            operations,
            recorder,
            inbox,
            pruner,
            health,
            #[cfg(feature = "rabbitmq")]
            broker,
            #[cfg(feature = "otlp")]
            _metrics_export: metrics_export,
            #[cfg(feature = "http")]
            external,
            #[cfg(feature = "http")]
            api,
            #[cfg(feature = "http")]
            http: self.http,
            #[cfg(feature = "http")]
            mounted_streams: tokio_util::sync::CancellationToken::new().drop_guard(),
        })
    }
}

/// The parts of an engine without jobs. It promotes, ages and rescues for external workers in a
/// process that has no worker.
#[cfg(feature = "http")]
struct ControlPlane {
    store: Arc<dyn Store>,
    client: jobs::Client,
    clock: Arc<dyn Clock>,
    entropy: Arc<Entropy>,
    health: Arc<Health>,
    config: EngineConfig,
    metrics: Arc<Metrics>,
}

#[cfg(feature = "http")]
impl ControlPlane {
    /// A function that starts the engine, when the first external worker comes.
    fn start_engine(self) -> external::StartMaintenance {
        Box::new(move || {
            Engine::start(EngineParts {
                store: self.store,
                jobs: Vec::new(),
                fingerprints: Vec::new(),
                accepts_payload: crate::service::schema_accepts,
                hide_secrets: crate::service::hide_secrets,
                resources: crate::engine::resources::WorkerResources::none(),
                client: self.client,
                clock: self.clock,
                entropy: self.entropy,
                health: self.health.worker(),
                config: self.config,
                handlers: AttemptService::default(),
                hooks: Hooks::default(),
                metrics: self.metrics,
                broker_signals: tokio::sync::mpsc::unbounded_channel().1,
                spans: Spans::none(),
            })
        })
    }
}

/// Describes what this worker consumes: the jobs that it executes. `None` if it is restricted to
/// some executions, or executes no job.
#[cfg(feature = "rabbitmq")]
fn consumer_parts(
    catalogue: &Catalogue,
    jobs: &[String],
    engine: &EngineConfig,
    signals: crate::engine::BrokerSignals,
) -> Result<Option<ConsumerParts>, StartError> {
    let jobs = executable_jobs(catalogue, jobs)?;
    let is_claimed = |job: &&CataloguedJob| {
        engine.queues.is_empty() || engine.queues.contains(&job.descriptor().queue)
    };
    let consumed = |job: &CataloguedJob| ConsumedJob {
        ids: job.names().map(str::to_owned).collect(),
        routing_key: job.descriptor().routing_key.clone(),
    };
    let jobs: Vec<_> = jobs.iter().filter(is_claimed).map(consumed).collect();
    if jobs.is_empty() || !engine.only.is_empty() {
        return Ok(None);
    }
    Ok(Some(ConsumerParts {
        jobs,
        queues: engine.queues.clone(),
        signals,
    }))
}

/// Builds the executions of schedules by the service.
fn prepare_scheduled(service: JobService) -> PrepareExecution {
    Arc::new(move |schedule, time| {
        let service = service.clone();
        Box::pin(async move { service.scheduled_execution(schedule, time).await })
    })
}

/// The time between two attempts to reach the store of a start.
const STORE_RETRY: Duration = Duration::from_millis(500);

/// Opens a store and creates its tables. Waits for a server that does not answer, at most for
/// `limit`.
async fn open(
    url: &DatabaseUrl,
    clock: &Arc<dyn Clock>,
    limit: Duration,
    may_migrate: bool,
) -> Result<Arc<dyn Store>, StoreError> {
    let is_server = matches!(url, DatabaseUrl::Postgres(_));
    let began = clock.elapsed();
    let outage_log = OutageLog::default();
    let mut is_waiting = false;
    loop {
        let opened = async { prepare(crate::store::open(url).await?, clock, may_migrate).await };
        let error = match opened.await {
            Ok(store) => {
                outage_log.answered(&**clock);
                return Ok(store);
            }
            Err(error) => error,
        };
        let left = limit.saturating_sub(clock.elapsed().saturating_sub(began));
        let is_final = matches!(error, StoreError::Refused { .. } | StoreError::Moved { .. });
        let may_pass = is_outage(&error) && !is_final;
        if !is_server || !may_pass || left.is_zero() {
            return Err(error);
        }
        outage_log.failed(&error, &**clock);
        if !std::mem::replace(&mut is_waiting, true) {
            tracing::warn!("the start waits for the store, at most {limit:?}");
        }
        clock.sleep(STORE_RETRY.min(left)).await;
    }
}

/// Wraps a store for the clock of the runtime, and creates its tables. A program without workers
/// creates them only in an empty store: its layout is left to the workers.
async fn prepare(
    store: Arc<dyn Store>,
    clock: &Arc<dyn Clock>,
    may_migrate: bool,
) -> Result<Arc<dyn Store>, StoreError> {
    let store = ClockedStore::wrap(store, clock);
    let mut applied = store.migrations().await?.into_iter();
    let is_partial = applied.any(|step| step.applied_at.is_some())
        && applied.any(|step| step.applied_at.is_none());
    if is_partial && !may_migrate {
        return Err(StoreError::Layout(
            "it is older than this program, and a program without workers does not migrate it: \
             start a worker of this version, or run the command `migrate`"
                .to_owned(),
        ));
    }
    store.migrate().await?;
    if let Some(moved) = store.transfer() {
        moved.check_not_moved().await?;
    }
    Ok(store)
}

/// Rejects slot caps, ageing times and named limits that are zero, and slot caps of unknown jobs.
fn check_limits(config: &EngineConfig, catalogue: &Catalogue) -> Result<(), StartError> {
    let invalid = |what, name: &str, reason| {
        Err(StartError::Limit {
            what,
            name: name.to_owned(),
            reason,
        })
    };
    let slot_caps = [
        ("concurrency of queue", &config.queue_concurrency),
        ("concurrency of job", &config.job_concurrency),
    ];
    for (what, caps) in slot_caps {
        if let Some((name, _)) = caps.iter().find(|(_, attempts)| **attempts == 0) {
            return invalid(what, name, "must be a number of attempts from 1");
        }
    }
    for id in config.job_concurrency.keys() {
        // An alias is an error; the slot cap of the current id counts executions of aliases too.
        if catalogue.get(id).is_none_or(|job| job.id() != id) {
            return Err(StartError::UnknownJob(id.clone()));
        }
    }
    for (queue, age) in &config.ageing {
        if age.is_zero() {
            return invalid("ageing of queue", queue, "must be a duration from 1 ms");
        }
    }
    for (name, rate) in &config.limits {
        if rate.count == 0 || rate.period_ms == 0 {
            return invalid(
                "limit",
                name,
                "must be a number from 1 in a period from 1 ms",
            );
        }
    }
    Ok(())
}

/// Returns the jobs with these ids, or all jobs, without disabled and external ones.
fn executable_jobs(
    catalogue: &Catalogue,
    ids: &[String],
) -> Result<Vec<CataloguedJob>, StartError> {
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
