//! The values that all parts of a runtime use.

use std::sync::Arc;

use jobs::{Catalogue, Clock};

use crate::background_loop::BackgroundLoop;
use crate::clock::server::ServerClock;
use crate::health::Health;
use crate::service::{JobService, ServiceSettings};
use crate::store::{LiveStore, Store};
use crate::telemetry::metrics::{MeteredStore, Metrics};
use crate::telemetry::recorder::Recorder;
use crate::telemetry::spans::Spans;
#[cfg(feature = "otlp")]
use crate::telemetry::{MetricsExport, MetricsSource, Telemetry};
use crate::{Entropy, StartError};

/// Store, clock, service and health of one runtime. Each module beside this one adds the function
/// that builds its part from them.
#[derive(Clone)]
pub(super) struct Foundation {
    pub(super) catalogue: Arc<Catalogue>,
    /// The store as the parts see it: its calls are counted, and its changes observed.
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<Entropy>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) spans: Spans,
    pub(super) service: JobService,
    pub(super) health: Arc<Health>,
}

impl Foundation {
    /// Wraps an open store, chooses the clock and creates the service.
    pub(super) async fn new(
        store: Arc<dyn Store>,
        catalogue: Catalogue,
        clock: Arc<dyn Clock>,
        entropy: Entropy,
        settings: ServiceSettings,
    ) -> Result<Self, StartError> {
        let metrics = Arc::clone(&settings.metrics);
        let spans = settings.spans.clone();
        let store = MeteredStore::wrap(store, &metrics, &clock);
        let store = LiveStore::wrap(store);
        let clock = ServerClock::choose(&store, clock).await?;
        let entropy = Arc::new(entropy);
        let service = JobService::with_settings(
            Arc::clone(&store),
            &catalogue,
            Arc::clone(&clock),
            Arc::clone(&entropy),
            settings,
        )?;
        let health = Arc::new(Health::new(Arc::clone(&store), Arc::clone(&clock)));
        Ok(Self {
            catalogue: Arc::new(catalogue),
            store,
            clock,
            entropy,
            metrics,
            spans,
            service,
            health,
        })
    }

    /// A name for the holder of a task's turn, which no other process of the fleet has.
    pub(super) fn holder(&self, task: &str) -> String {
        let entropy = self.entropy.apart(task);
        entropy.execution_id(&*self.clock).to_string()
    }

    /// Starts the recorder of series; `None` under a virtual clock.
    pub(super) fn start_recorder(&self) -> Option<BackgroundLoop> {
        let recorder = Recorder::new(
            Arc::clone(&self.metrics),
            Arc::clone(&self.store),
            Arc::clone(&self.clock),
            self.holder("series"),
        );
        recorder.start()
    }

    /// Starts the export of the metrics over OTLP; `None` without a collector.
    #[cfg(feature = "otlp")]
    pub(super) fn export_metrics(&self, telemetry: &Telemetry) -> Option<MetricsExport> {
        self.health.telemetry(telemetry);
        telemetry.export_metrics(MetricsSource {
            metrics: Arc::clone(&self.metrics),
            store: Arc::clone(&self.store),
            clock: Arc::clone(&self.clock),
            health: Arc::clone(&self.health),
        })
    }
}
