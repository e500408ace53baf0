//! The parts that a worker is built from.

use std::sync::Arc;

use jobs::{CataloguedJob, Client, Clock};
use serde_json::Value;

use super::config::EngineConfig;
use super::deliveries::BrokerSignalReceiver;
use super::hooks::Hooks;
use super::middleware::AttemptService;
use super::resources::WorkerResources;
use crate::Entropy;
use crate::health::WorkerHealth;
use crate::store::Store;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::spans::Spans;

/// True if a payload schema accepts a payload.
pub(crate) type AcceptsPayload = fn(&Value, &str) -> bool;

/// Masks in a text what it quotes of the sensitive fields of a payload.
pub(crate) type HideSecrets = fn(payload: &str, sensitive: &[String], text: &mut String);

/// Everything that a worker is built from.
pub(crate) struct EngineParts {
    pub(crate) store: Arc<dyn Store>,
    /// The jobs that this worker executes.
    pub(crate) jobs: Vec<CataloguedJob>,
    pub(crate) resources: WorkerResources,
    pub(crate) client: Client,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<Entropy>,
    /// Receives the worker's state for health reports.
    pub(crate) health: WorkerHealth,
    pub(crate) config: EngineConfig,
    /// The handler call, wrapped in the application's middleware.
    pub(crate) handlers: AttemptService,
    pub(crate) hooks: Hooks,
    pub(crate) metrics: Arc<Metrics>,
    /// The id and the fingerprint of each job of the program.
    pub(crate) fingerprints: Vec<(String, String)>,
    pub(crate) accepts_payload: AcceptsPayload,
    pub(crate) hide_secrets: HideSecrets,
    /// The signals of the broker's consumer. The channel is closed if there is none.
    pub(crate) broker_signals: BrokerSignalReceiver,
    pub(crate) spans: Spans,
}
