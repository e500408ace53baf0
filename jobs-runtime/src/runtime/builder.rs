//! The builder of a runtime: its settings, and the parts that start with them.
//!
//! | module | contents |
//! |---|---|
//! | [`settings`] | the methods by which an application sets |
//! | [`checks`] | rejects invalid limits, and jobs that are not linked |
//! | [`start`] | the order of the start |
//! | [`store`], [`foundation`] | opens the store; the values that all parts use |
//! | [`worker`], [`scheduler`], [`retention`] | create one part each |
//! | `control_plane`, `broker` | the same, with the features `http` and `rabbitmq` |
//!
//! The folder may import every module of the crate that is a part of a runtime. It must never
//! import the command line, the benchmarks or the test kit, which are built on top of it.

#[cfg(feature = "rabbitmq")]
mod broker;
mod checks;
#[cfg(feature = "http")]
mod control_plane;
mod foundation;
mod retention;
mod scheduler;
mod settings;
mod start;
mod store;
mod worker;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jobs::runtime::BuiltResource;
use jobs::{Catalogue, Clock};

use crate::engine::EngineConfig;
use crate::hooks::Hooks;
#[cfg(feature = "http")]
use crate::http::HttpConfig;
use crate::middleware::AttemptService;
use crate::retention::RetentionSettings;
use crate::store::Store;
#[cfg(feature = "otlp")]
use crate::telemetry::Telemetry;
use crate::{Entropy, SystemClock};
use retention::ArchiveChoice;
#[cfg(feature = "http")]
use std::net::SocketAddr;

/// The default store: a SQLite file in the working directory.
pub const DEFAULT_DATABASE: &str = "sqlite:jobs.db";

/// The settings of a [`Runtime`](crate::Runtime), created by
/// [`Runtime::builder`](crate::Runtime::builder).
#[must_use = "nothing runs until `start` is awaited"]
pub struct RuntimeBuilder {
    database: String,
    store: Option<Arc<dyn Store>>,
    catalogue: Option<Catalogue>,
    clock: Arc<dyn Clock>,
    entropy: Entropy,
    workers: bool,
    publishes: bool,
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

impl Default for RuntimeBuilder {
    fn default() -> Self {
        Self {
            database: DEFAULT_DATABASE.to_owned(),
            store: None,
            catalogue: None,
            clock: Arc::new(SystemClock::new()),
            entropy: Entropy::new(),
            workers: true,
            publishes: true,
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

impl fmt::Debug for RuntimeBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuntimeBuilder")
            .field("database", &crate::store::without_password(&self.database))
            .field("workers", &self.workers)
            .field("engine", &self.engine)
            .finish_non_exhaustive()
    }
}
