//! The layer that makes spans and log records of what a program emits through `tracing`.

use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::trace::SdkTracer;
use tracing::level_filters::LevelFilter;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

use crate::logs::{ATTEMPT_TARGET, SILENT_TARGET};

/// The crates that export. What they emit about an export must not be exported.
const EXPORTING: [&str; 15] = [
    "opentelemetry",
    "opentelemetry-otlp",
    "opentelemetry_http",
    "opentelemetry_otlp",
    "opentelemetry_sdk",
    "opentelemetry-http",
    "opentelemetry-sdk",
    "hyper",
    "hyper_rustls",
    "hyper_util",
    "h2",
    "tonic",
    "tower",
    "rustls",
    "reqwest",
];

/// Builds the layer of the signals that are on.
pub(super) fn layer<S>(
    tracer: Option<SdkTracer>,
    logs: Option<&SdkLoggerProvider>,
) -> Option<Box<dyn Layer<S> + Send + Sync>>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup> + Send + Sync,
{
    // Events of spans are deprecated in favour of log records, and are the fallback for them.
    let with_events = logs.is_none();
    let spans = tracer.map(|tracer| {
        tracing_opentelemetry::layer()
            .with_tracer(tracer)
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_error_fields_to_exceptions(false)
            .with_error_records_to_exceptions(false)
            .with_error_events_to_exceptions(false)
            .with_filter(filter_fn(move |metadata| {
                let is_wanted = if metadata.is_span() {
                    !is_left_out(metadata)
                } else {
                    with_events
                };
                is_wanted && is_exported(metadata)
            }))
    });
    let records = logs.map(|logs| {
        let is_wanted = |metadata: &Metadata<'_>| metadata.is_event() && is_exported(metadata);
        OpenTelemetryTracingBridge::new(logs).with_filter(filter_fn(is_wanted))
    });
    match (spans, records) {
        (Some(spans), Some(records)) => Some(spans.and_then(records).boxed()),
        (Some(spans), None) => Some(spans.boxed()),
        (None, Some(records)) => Some(records.boxed()),
        (None, None) => None,
    }
}

/// The span of an attempt that is not sampled has no `otel.kind`.
fn is_left_out(span: &Metadata<'_>) -> bool {
    span.target() == ATTEMPT_TARGET && span.fields().field("otel.kind").is_none()
}

fn is_exported(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    let name = target.split("::").next().unwrap_or_default();
    let is_own = EXPORTING.contains(&name);
    *metadata.level() <= LevelFilter::INFO && !is_own && target != SILENT_TARGET
}
