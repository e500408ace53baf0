//! The start of a runtime: the order in which its parts are built and started.

use std::sync::Arc;

use jobs::Catalogue;

use super::RuntimeBuilder;
use super::checks::check_limits;
use super::foundation::Foundation;
use super::store::{open, prepare};
use super::worker::WorkerSettings;
#[cfg(feature = "rabbitmq")]
use crate::broker::Broker;
#[cfg(feature = "http")]
use crate::runtime::http_server::{self, HttpServer};
use crate::runtime::{Runtime, StartError};
use crate::service::ServiceSettings;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::spans::Spans;
use crate::{inbox, operations};

impl RuntimeBuilder {
    /// Opens the store, checks and publishes the catalogue, builds the resources, and starts.
    ///
    /// # Errors
    /// See [`StartError`]. After an error, no part of the runtime is running.
    pub async fn start(self) -> Result<Runtime, StartError> {
        #[cfg(feature = "http")]
        let listener = match self.bind {
            Some(address) => Some(http_server::listen(address).await?),
            None => None,
        };
        #[cfg(feature = "http")]
        let tls = http_server::load_tls(&self.http)?;
        let catalogue = match self.catalogue {
            Some(catalogue) => catalogue,
            None => Catalogue::linked()?,
        };
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
            let spans = Spans::detect(telemetry.logger(), telemetry.sampler()).await;
            (telemetry.mirrors(), spans)
        };
        #[cfg(not(feature = "otlp"))]
        let (mirrors, spans) = (None, Spans);
        let settings = ServiceSettings {
            retention: self.retention.clone(),
            metrics: Arc::new(Metrics::new(mirrors)),
            spans,
        };
        let foundation =
            Foundation::new(store, catalogue, self.clock, self.entropy, settings).await?;
        #[cfg(feature = "http")]
        if let Some(address) = self.bind {
            http_server::check_access(address, &foundation.service, &self.http).await?;
        }
        if self.publishes {
            foundation.service.publish().await?;
            foundation.service.publish_schedules().await?;
        }

        let archiver = foundation.archiver(self.archive);
        let pruner = foundation.pruner(self.retention.clone(), archiver.clone());
        #[cfg(feature = "otlp")]
        let metrics_export = foundation.export_metrics(&self.telemetry);
        let fires_schedules = self
            .scheduler
            .unwrap_or(self.workers && self.engine.only.is_empty());
        let schedule_poll = self.engine.schedule_poll;
        #[cfg(feature = "http")]
        let external = foundation.external_leases(&self.engine, self.workers, self.hooks.clone());
        let (broker_signals, signal_receiver) = tokio::sync::mpsc::unbounded_channel();
        #[cfg(feature = "rabbitmq")]
        let broker = match self.broker {
            Some(config) => {
                let consumer = if self.workers {
                    foundation.consumer_parts(&self.jobs, &self.engine, broker_signals)?
                } else {
                    None
                };
                Some(foundation.broker_parts(config, consumer))
            }
            None => None,
        };
        #[cfg(not(feature = "rabbitmq"))]
        drop(broker_signals);
        let engine = if self.workers {
            let settings = WorkerSettings {
                jobs: self.jobs,
                with_children: self.with_children,
                config: self.engine,
                resources: self.resources,
                handlers: self.handlers,
                hooks: self.hooks,
                broker_signals: signal_receiver,
            };
            Some(foundation.start_worker(settings).await?)
        } else {
            None
        };
        #[cfg(feature = "http")]
        let serves = listener.is_some();
        #[cfg(not(feature = "http"))]
        let serves = false;
        let maintains = engine.is_some() || serves;
        let retention = maintains.then(|| foundation.start_retention(self.retention, archiver));
        let recorder = maintains.then(|| foundation.start_recorder()).flatten();
        let operations = maintains.then(|| {
            operations::start(foundation.service.clone(), foundation.holder("operations"))
        });
        let inbox = maintains
            .then(|| inbox::start(foundation.service.clone()))
            .flatten();
        #[cfg(feature = "http")]
        let api = match listener {
            Some(listener) => Some(HttpServer::start(
                listener,
                &foundation.service,
                &foundation.health,
                self.http.clone(),
                tls,
                external.clone(),
            )?),
            None => None,
        };
        let scheduler = if fires_schedules {
            Some(foundation.start_scheduler(schedule_poll)?)
        } else {
            None
        };
        #[cfg(feature = "rabbitmq")]
        let broker = broker.map(Broker::start).transpose()?;
        foundation.health.started();
        Ok(Runtime {
            service: foundation.service,
            catalogue: foundation.catalogue,
            engine,
            scheduler,
            retention,
            operations,
            recorder,
            inbox,
            pruner,
            health: foundation.health,
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
