//! The worker of a runtime: the engine with the jobs and resources of the settings.

use std::sync::Arc;

use jobs::runtime::BuiltResource;

use super::checks::executable_jobs;
use super::foundation::Foundation;
use crate::StartError;
use crate::engine::resources::WorkerResources;
use crate::engine::{BrokerSignalReceiver, Engine, EngineConfig, EngineParts};
use crate::hooks::Hooks;
use crate::logs::{self, LogCapture};
use crate::middleware::AttemptService;

/// The settings that only a worker uses.
pub(super) struct WorkerSettings {
    /// The ids of the jobs to execute; all jobs if it is empty.
    pub(super) jobs: Vec<String>,
    /// Whether to execute all other jobs as well, for awaited children.
    pub(super) with_children: bool,
    pub(super) config: EngineConfig,
    pub(super) resources: Vec<BuiltResource>,
    pub(super) handlers: AttemptService,
    pub(super) hooks: Hooks,
    /// The signals of the broker's consumer.
    pub(super) broker_signals: BrokerSignalReceiver,
}

impl Foundation {
    /// Builds the resources of the jobs and starts the engine.
    pub(super) async fn start_worker(
        &self,
        settings: WorkerSettings,
    ) -> Result<Engine, StartError> {
        let jobs = executable_jobs(&self.catalogue, &settings.jobs)?;
        let mut children = Vec::new();
        if settings.with_children {
            children = executable_jobs(&self.catalogue, &[])?;
            children.retain(|child| jobs.iter().all(|job| job.id() != child.id()));
        }
        let resources = WorkerResources::build(&jobs, children.clone(), settings.resources).await?;
        self.check_log_capture().await;
        let config = settings.config;
        let sizes = [config.concurrency, config.blocking_concurrency];
        for (slots, size) in self.metrics.slots.iter().zip(sizes) {
            slots.add(size as u64);
        }
        Ok(Engine::start(EngineParts {
            store: Arc::clone(&self.store),
            jobs: jobs.into_iter().chain(children).collect(),
            resources,
            client: self.service.client(),
            clock: Arc::clone(&self.clock),
            entropy: Arc::clone(&self.entropy),
            health: self.health.worker(),
            config,
            handlers: settings.handlers,
            hooks: settings.hooks,
            metrics: Arc::clone(&self.metrics),
            fingerprints: self.service.fingerprints(),
            accepts_payload: crate::service::schema_accepts,
            hide_secrets: crate::service::hide_secrets,
            broker_signals: settings.broker_signals,
            spans: self.spans.clone(),
        })?)
    }

    /// Reports whether the log lines of handlers reach the store, and warns if they do not.
    async fn check_log_capture(&self) {
        let capture = logs::log_capture(Arc::clone(&self.clock)).await;
        self.health.log_capture(capture);
        match capture {
            LogCapture::Works => {}
            LogCapture::Absent => tracing::warn!("{}", logs::ABSENT_ADVICE),
            LogCapture::Filtered => tracing::warn!("{}", logs::FILTERED_ADVICE),
        }
    }
}
