//! The export of telemetry over OTLP, as the `OTEL_*` variables of OpenTelemetry say.
//!
//! ```text
//! spans, events ──▶ layer ──▶ bounded queue ──▶ batch thread ──▶ exporter ──▶ collector
//!                             2,048, then dropped                 │ `jobs-otlp` thread
//! metrics ◀── read every `OTEL_METRIC_EXPORT_INTERVAL` ───────────┘
//! ```
//!
//! No thread of the application or the engine waits for the collector: a full queue drops.
//! [`variables`] reads which signals are on; [`transport`] is the way to the collector, and
//! [`exporter`] builds and watches the exporters.
//! [`layer`] makes spans and log records of the program's events; [`metrics`] shows the process's
//! metrics to the SDK.
//!
//! The folder may import the rest of `telemetry`, `health`, the target of `logs` and the clock. It
//! must not import the engine, the service or `http`. Only it and the exported spans import the
//! OpenTelemetry SDK.

mod exporter;
mod layer;
mod metrics;
mod transport;
mod variables;

use std::fmt;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use opentelemetry::logs::LoggerProvider;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::{SdkLogger, SdkLoggerProvider};
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tokio::runtime::Runtime;
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::registry::LookupSpan;

use super::metrics::MirrorFactory;
use super::spans::DerivedIds;
use exporter::{ExportState, Exporters};
use transport::BuildError;
use variables::Signal;

pub(crate) use metrics::{MetricsExport, MetricsSource};

/// The name of the instrumentation scope.
const SCOPE: &str = "jobs_runtime";

/// The time that [`Telemetry::shutdown`] may take.
pub const FLUSH_LIMIT: Duration = Duration::from_secs(5);

/// The export of this process's telemetry. Cheap to clone; created by [`telemetry`].
///
/// Without `OTEL_*` variables that name a collector it exports nothing and has no threads.
#[derive(Clone, Default)]
pub struct Telemetry(Option<Arc<Export>>);

struct Export {
    traces: Option<SdkTracerProvider>,
    logs: Option<SdkLoggerProvider>,
    metrics: Option<SdkMeterProvider>,
    state: Arc<ExportState>,
    /// Executes the exporters' input and output. Taken at the end.
    runtime: Option<Runtime>,
}

/// The `OTEL_*` variables cannot be followed.
#[derive(Debug, thiserror::Error)]
#[error("cannot export {signal} over OTLP: {reason}")]
pub struct TelemetryError {
    signal: &'static str,
    reason: String,
}

/// Starts the export over OTLP that the `OTEL_*` variables ask for.
///
/// A process exports if `OTEL_EXPORTER_OTLP_ENDPOINT`, or the variable of one signal, is set.
/// Add the layer to the subscriber of the program, and give the value to each runtime:
///
/// ```no_run
/// # async fn demo() -> Result<(), Box<dyn std::error::Error>> {
/// use tracing_subscriber::layer::SubscriberExt;
/// use tracing_subscriber::util::SubscriberInitExt;
///
/// let telemetry = jobs_runtime::telemetry()?;
/// tracing_subscriber::registry()
///     // .with(the layer that prints, with its filter)
///     .with(jobs_runtime::layer())
///     .with(telemetry.layer())
///     .init();
/// let runtime = jobs_runtime::Runtime::builder()
///     .telemetry(&telemetry)
///     .start()
///     .await?;
/// runtime.shutdown().await;
/// telemetry.shutdown();
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// A variable has a value that cannot be followed.
pub fn telemetry() -> Result<Telemetry, TelemetryError> {
    let signals = variables::signals();
    if signals.is_empty() {
        return Ok(Telemetry::default());
    }
    let error = |signal: &'static str, reason: &dyn fmt::Display| TelemetryError {
        signal,
        reason: reason.to_string(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("jobs-otlp")
        .enable_all()
        .build()
        .map_err(|reason| error("telemetry", &reason))?;
    let state = Arc::new(ExportState::new(&signals));
    let exporters = Exporters::new(runtime.handle(), &state);
    let resource = resource();
    let is_on = |signal| signals.contains(&signal);
    let traces = is_on(Signal::Traces)
        .then(|| {
            let exporter = exporters.spans()?;
            let provider = SdkTracerProvider::builder()
                .with_batch_exporter(exporter)
                .with_id_generator(DerivedIds::default())
                .with_resource(resource.clone());
            Ok(provider.build())
        })
        .transpose()
        .map_err(|reason: BuildError| error("traces", &reason))?;
    let logs = is_on(Signal::Logs)
        .then(|| {
            let provider = SdkLoggerProvider::builder()
                .with_batch_exporter(exporters.logs()?)
                .with_resource(resource.clone());
            Ok(provider.build())
        })
        .transpose()
        .map_err(|reason: BuildError| error("logs", &reason))?;
    let metrics = is_on(Signal::Metrics)
        .then(|| {
            let reader = PeriodicReader::builder(exporters.metrics()?).build();
            let provider = SdkMeterProvider::builder()
                .with_reader(reader)
                .with_resource(resource.clone());
            Ok(provider.build())
        })
        .transpose()
        .map_err(|reason: BuildError| error("metrics", &reason))?;
    Ok(Telemetry(Some(Arc::new(Export {
        traces,
        logs,
        metrics,
        state,
        runtime: Some(runtime),
    }))))
}

/// The resource: the variables `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES`, and the name of
/// the program where they name no service.
fn resource() -> Resource {
    let builder = Resource::builder();
    if variables::names_service() {
        return builder.build();
    }
    let program = std::env::current_exe().ok();
    let name = program
        .as_deref()
        .and_then(|path| path.file_stem()?.to_str());
    builder
        .with_service_name(name.unwrap_or("jobs").to_owned())
        .build()
}

impl Telemetry {
    /// Returns whether anything is exported.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Returns the layer that makes spans and log records of what the program emits through
    /// `tracing`, from level INFO on. Without exports it is `None`, which is a layer that does
    /// nothing.
    ///
    /// Events become log records. If only traces are exported, they become events of their spans.
    #[must_use]
    pub fn layer<S>(&self) -> Option<Box<dyn Layer<S> + Send + Sync>>
    where
        S: Subscriber + for<'lookup> LookupSpan<'lookup> + Send + Sync,
    {
        let export = self.0.as_ref()?;
        let tracer = export.traces.as_ref().map(|traces| traces.tracer(SCOPE));
        layer::layer(tracer, export.logs.as_ref())
    }

    /// Sends what has been recorded, and stops the export. Waits for at most [`FLUSH_LIMIT`].
    pub fn shutdown(&self) {
        let Some(export) = &self.0 else { return };
        let (done, ended) = mpsc::channel();
        let mut started = 0;
        let mut stop = |work: Box<dyn FnOnce() + Send>| {
            let done = done.clone();
            let work = move || {
                work();
                // The receiver is gone after the limit.
                let _ = done.send(());
            };
            let spawned = thread::Builder::new().name("jobs-otlp-end".to_owned());
            started += usize::from(spawned.spawn(work).is_ok());
        };
        // Providers are handles: a clone stops the same pipeline.
        if let Some(traces) = export.traces.clone() {
            stop(Box::new(move || {
                drop(traces.shutdown_with_timeout(FLUSH_LIMIT));
            }));
        }
        if let Some(logs) = export.logs.clone() {
            stop(Box::new(move || {
                drop(logs.shutdown_with_timeout(FLUSH_LIMIT));
            }));
        }
        if let Some(metrics) = export.metrics.clone() {
            stop(Box::new(move || {
                drop(metrics.shutdown_with_timeout(FLUSH_LIMIT));
            }));
        }
        let until = crate::clock::real_now() + FLUSH_LIMIT;
        for _ in 0..started {
            let left = until.saturating_duration_since(crate::clock::real_now());
            if ended.recv_timeout(left).is_err() {
                let text = "telemetry was lost: the collector did not take it before the end";
                tracing::warn!("{text}");
                return;
            }
        }
    }

    /// The logger for the exceptions of attempts.
    pub(crate) fn logger(&self) -> Option<SdkLogger> {
        let export = self.0.as_ref()?;
        export.logs.as_ref().map(|logs| logs.logger(SCOPE))
    }

    /// A tracer with the sampler of the exported traces. It exports nothing: it only tells whether
    /// a span is sampled.
    pub(crate) fn sampler(&self) -> Option<SdkTracer> {
        self.0.as_ref()?.traces.as_ref()?;
        let provider = SdkTracerProvider::builder()
            .with_id_generator(DerivedIds::default())
            .build();
        Some(provider.tracer(SCOPE))
    }

    /// Makes a copy of each histogram of a runtime for the SDK, which cannot read one.
    pub(crate) fn mirrors(&self) -> Option<MirrorFactory> {
        let export = self.0.as_ref()?;
        export.metrics.as_ref().map(metrics::mirrors)
    }

    /// Shows the metrics of a runtime to the SDK. Reads the gauges until the returned value is
    /// dropped.
    pub(crate) fn export_metrics(&self, source: MetricsSource) -> Option<MetricsExport> {
        let export = self.0.as_ref()?;
        let runtime = export.runtime.as_ref()?;
        let provider = export.metrics.as_ref()?;
        Some(MetricsExport::start(provider, runtime.handle(), source))
    }

    /// The state of the export, for health reports. An error says that the last batch of a signal
    /// was not taken.
    pub(crate) fn state(&self) -> Option<Result<String, String>> {
        self.0.as_ref().map(|export| export.state.text())
    }
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.as_ref().map(|export| &export.state);
        f.debug_tuple("Telemetry").field(&state).finish()
    }
}

impl Drop for Export {
    fn drop(&mut self) {
        // The value may be dropped on a thread that must not block.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
