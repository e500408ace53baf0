//! The service of external workers, and the engine without jobs behind it.

use super::foundation::Foundation;
use crate::engine::resources::WorkerResources;
use crate::engine::{Engine, EngineConfig, EngineParts};
use crate::external::{ExternalLeases, Settings, StartMaintenance};
use crate::hooks::Hooks;
use crate::middleware::AttemptService;
use crate::telemetry::spans::Spans;

impl Foundation {
    /// Creates the service of external workers. In a process that has no worker, its first external
    /// worker starts an engine without jobs.
    pub(super) fn external_leases(
        &self,
        config: &EngineConfig,
        has_worker: bool,
        hooks: Hooks,
    ) -> ExternalLeases {
        let maintenance = (!has_worker).then(|| self.start_maintenance(config.clone()));
        let settings = Settings::of(config);
        ExternalLeases::new(self.service.clone(), settings, maintenance, hooks)
    }

    /// Returns a function that starts an engine without jobs. It promotes, ages and rescues for
    /// external workers.
    fn start_maintenance(&self, config: EngineConfig) -> StartMaintenance {
        let foundation = self.clone();
        Box::new(move || {
            Engine::start(EngineParts {
                jobs: Vec::new(),
                resources: WorkerResources::none(),
                client: foundation.service.client(),
                health: foundation.health.worker(),
                config,
                handlers: AttemptService::default(),
                hooks: Hooks::default(),
                fingerprints: Vec::new(),
                accepts_payload: crate::service::schema_accepts,
                hide_secrets: crate::service::hide_secrets,
                broker_signals: tokio::sync::mpsc::unbounded_channel().1,
                spans: Spans::none(),
                store: foundation.store,
                clock: foundation.clock,
                entropy: foundation.entropy,
                metrics: foundation.metrics,
            })
        })
    }
}
