//! The settings of a runtime, as an application makes them.

use std::sync::Arc;
use std::time::Duration;

use jobs::runtime::{BuiltResource, Resource};
use jobs::{Catalogue, Clock, ExecutionId, JobError};

use super::RuntimeBuilder;
use super::retention::ArchiveChoice;
use crate::engine::EngineConfig;
use crate::hooks::{AttemptEnded, AttemptStarted};
#[cfg(feature = "http")]
use crate::http::HttpConfig;
use crate::middleware::{AttemptRequest, AttemptService, Layer, Service};
use crate::retention::RetentionSettings;
use crate::store::{Rate, Store};
#[cfg(feature = "otlp")]
use crate::telemetry::Telemetry;
use crate::{ArchiveWriter, Entropy};
#[cfg(feature = "http")]
use std::net::SocketAddr;

impl RuntimeBuilder {
    /// Sets the URL of the store, a [`DatabaseUrl`](crate::store::DatabaseUrl). Default:
    /// [`DEFAULT_DATABASE`](crate::DEFAULT_DATABASE).
    pub fn database(mut self, url: impl Into<String>) -> Self {
        self.database = url.into();
        self
    }

    /// Sets whether the start publishes the linked jobs and their schedules. Commands that enqueue
    /// nothing do not: they may be those of an older program, or of one that is not deployed yet.
    #[cfg(feature = "cli")]
    pub(crate) fn publishes(mut self, publishes: bool) -> Self {
        self.publishes = publishes;
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
}
