//! Exporters over HTTP and gRPC, each watched for health reports.
//!
//! The threads of the SDK wait for an export without a Tokio runtime of their own. So the future of
//! an export is polled within the runtime `jobs-otlp`, which drives the connections.

use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry_otlp::{
    LogExporter, MetricExporter, SpanExporter, WithHttpConfig, WithTonicConfig,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::LogBatch;
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::trace::SpanData;
use tokio::runtime::Handle;

use super::transport::{BuildError, Transport};
use super::variables::Signal;
use crate::telemetry::reference::attribute;

/// The fields of an attempt's span in the log, whose values have attributes by the conventions.
const LOG_FIELDS: [&str; 4] = ["job", "execution", "attempt", "trace_id"];

/// Builds the exporters.
pub(super) struct Exporters<'a> {
    runtime: &'a Handle,
    state: &'a Arc<ExportState>,
}

impl<'a> Exporters<'a> {
    pub(super) fn new(runtime: &'a Handle, state: &'a Arc<ExportState>) -> Self {
        Self { runtime, state }
    }

    pub(super) fn spans(&self) -> Result<Watched<SpanExporter>, BuildError> {
        let _runtime = self.runtime.enter();
        let builder = SpanExporter::builder();
        let exporter = match Transport::of(Signal::Traces)? {
            Transport::Grpc(tls) => builder.with_tonic().with_tls_config(tls).build()?,
            Transport::PlainGrpc => builder.with_tonic().build()?,
            Transport::Https(client) => builder.with_http().with_http_client(client).build()?,
            Transport::PlainHttp(client) => builder.with_http().with_http_client(client).build()?,
        };
        Ok(self.watched(exporter, Signal::Traces))
    }

    pub(super) fn logs(&self) -> Result<Watched<LogExporter>, BuildError> {
        let _runtime = self.runtime.enter();
        let builder = LogExporter::builder();
        let exporter = match Transport::of(Signal::Logs)? {
            Transport::Grpc(tls) => builder.with_tonic().with_tls_config(tls).build()?,
            Transport::PlainGrpc => builder.with_tonic().build()?,
            Transport::Https(client) => builder.with_http().with_http_client(client).build()?,
            Transport::PlainHttp(client) => builder.with_http().with_http_client(client).build()?,
        };
        Ok(self.watched(exporter, Signal::Logs))
    }

    pub(super) fn metrics(&self) -> Result<Watched<MetricExporter>, BuildError> {
        let _runtime = self.runtime.enter();
        let builder = MetricExporter::builder();
        let exporter = match Transport::of(Signal::Metrics)? {
            Transport::Grpc(tls) => builder.with_tonic().with_tls_config(tls).build()?,
            Transport::PlainGrpc => builder.with_tonic().build()?,
            Transport::Https(client) => builder.with_http().with_http_client(client).build()?,
            Transport::PlainHttp(client) => builder.with_http().with_http_client(client).build()?,
        };
        Ok(self.watched(exporter, Signal::Metrics))
    }

    fn watched<E>(&self, exporter: E, signal: Signal) -> Watched<E> {
        Watched {
            exporter,
            signal,
            runtime: self.runtime.clone(),
            state: Arc::clone(self.state),
        }
    }
}

/// An exporter whose results are recorded.
#[derive(Debug)]
pub(super) struct Watched<E> {
    exporter: E,
    signal: Signal,
    runtime: Handle,
    state: Arc<ExportState>,
}

impl<E> Watched<E> {
    async fn watch(&self, export: impl Future<Output = OTelSdkResult>) -> OTelSdkResult {
        let mut export = pin!(export);
        let result = poll_fn(|cx| {
            let _runtime = self.runtime.enter();
            export.as_mut().poll(cx)
        });
        let result = result.await;
        self.state.record(self.signal, &result);
        result
    }
}

impl opentelemetry_sdk::trace::SpanExporter for Watched<SpanExporter> {
    async fn export(&self, mut batch: Vec<SpanData>) -> OTelSdkResult {
        batch.iter_mut().for_each(remove_log_fields);
        self.watch(self.exporter.export(batch)).await
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

impl opentelemetry_sdk::logs::LogExporter for Watched<LogExporter> {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        self.watch(self.exporter.export(batch)).await
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

impl PushMetricExporter for Watched<MetricExporter> {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        self.watch(self.exporter.export(metrics)).await
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn temporality(&self) -> Temporality {
        self.exporter.temporality()
    }
}

/// Removes the fields that an attempt's span has for the log.
fn remove_log_fields(span: &mut SpanData) {
    let is_attempt = |one: &KeyValue| one.key.as_str() == attribute::ATTEMPT;
    if span.attributes.iter().any(is_attempt) {
        let is_log_field = |one: &KeyValue| LOG_FIELDS.contains(&one.key.as_str());
        span.attributes.retain(|one| !is_log_field(one));
    }
}

/// The results of the exports of each signal.
pub(super) struct ExportState(Vec<SignalState>);

struct SignalState {
    signal: Signal,
    sent: AtomicU64,
    failed: AtomicU64,
    /// The error of the last batch; `None` if it was taken.
    trouble: Mutex<Option<String>>,
}

impl ExportState {
    pub(super) fn new(signals: &[Signal]) -> Self {
        let state = |signal: &Signal| SignalState {
            signal: *signal,
            sent: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            trouble: Mutex::default(),
        };
        Self(signals.iter().map(state).collect())
    }

    fn record(&self, signal: Signal, result: &OTelSdkResult) {
        let Some(state) = self.0.iter().find(|state| state.signal == signal) else {
            return;
        };
        let trouble = result.as_ref().err().map(ToString::to_string);
        let count = if trouble.is_some() {
            &state.failed
        } else {
            &state.sent
        };
        count.fetch_add(1, Ordering::Relaxed);
        *state.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    /// The state in words. An error if the collector has not taken the last batch of a signal.
    pub(super) fn text(&self) -> Result<String, String> {
        let mut is_troubled = false;
        let parts = self.0.iter().map(|state| {
            let (name, sent) = (state.signal.as_str(), state.sent.load(Ordering::Relaxed));
            let failed = state.failed.load(Ordering::Relaxed);
            match &*state.trouble.lock().unwrap_or_else(PoisonError::into_inner) {
                None => format!("{name}: {sent} batches sent, {failed} failed"),
                Some(error) => {
                    is_troubled = true;
                    format!("{name}: {sent} batches sent, {failed} failed, the last by {error}")
                }
            }
        });
        let text = parts.collect::<Vec<_>>().join("; ");
        if is_troubled { Err(text) } else { Ok(text) }
    }
}

impl fmt::Debug for ExportState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ExportState").field(&self.text()).finish()
    }
}
