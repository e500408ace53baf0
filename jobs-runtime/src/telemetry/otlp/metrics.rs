//! The metrics of a runtime, as instruments of the OpenTelemetry SDK.
//!
//! Counters and gauges are observed: the SDK reads them when it exports. The SDK cannot observe a
//! histogram, so each histogram records its values there as well.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::jobs::Clock;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{AsyncInstrument, MeterProvider};
use opentelemetry_sdk::metrics::SdkMeterProvider;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use super::SCOPE;
use crate::health::Health;
use crate::store::Store;
use crate::telemetry::metrics::{BUCKETS, Metrics, MirrorFactory, Readings, Value, families};
use crate::telemetry::reference::{METRICS, MetricDoc, MetricKind};

/// The interval between two looks at the store. An export shows the last one.
const LOOK_INTERVAL: Duration = Duration::from_secs(10);

/// The parts of a runtime that its metrics come from.
pub(crate) struct MetricsSource {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) health: Arc<Health>,
}

/// The export of one runtime's metrics. The gauges are read until the value is dropped.
#[derive(Debug)]
pub(crate) struct MetricsExport(AbortHandle);

/// The last readings; `None` before the first.
type LastReadings = Mutex<Option<Readings>>;

impl MetricsExport {
    pub(super) fn start(
        provider: &SdkMeterProvider,
        runtime: &Handle,
        source: MetricsSource,
    ) -> Self {
        let last: Arc<LastReadings> = Arc::default();
        observe(provider, &source.metrics, &last);
        let looks = runtime.spawn(async move {
            let MetricsSource {
                metrics,
                store,
                clock,
                health,
            } = source;
            loop {
                let readings = metrics.read(&store, &*clock, &health).await;
                *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(readings);
                // Real time: the collector does not follow a virtual clock.
                tokio::time::sleep(LOOK_INTERVAL).await;
            }
        });
        Self(looks.abort_handle())
    }
}

impl Drop for MetricsExport {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Registers the counters and the gauges.
fn observe(provider: &SdkMeterProvider, metrics: &Arc<Metrics>, last: &Arc<LastReadings>) {
    let meter = provider.meter(SCOPE);
    for doc in METRICS {
        // The SDK reads them for the last time after the end of the runtime.
        let (metrics, last) = (Arc::clone(metrics), Arc::clone(last));
        let observe = move |instrument: &dyn AsyncInstrument<f64>| {
            let last = last.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(readings) = &*last else { return };
            for (labels, value) in families::samples_of(&metrics, readings, doc) {
                let value = match value {
                    #[expect(clippy::cast_precision_loss, reason = "a metric needs no more")]
                    Value::Count(count) => count as f64,
                    Value::Number(number) => number,
                    Value::Distribution(_) => continue,
                };
                let labels = doc.labels.iter().copied().zip(labels);
                let labels: Vec<_> = labels
                    .map(|(name, value)| KeyValue::new(name, value))
                    .collect();
                instrument.observe(value, &labels);
            }
        };
        match doc.kind {
            MetricKind::Counter => {
                let counter = meter.f64_observable_counter(doc.name);
                let counter = counter.with_description(doc.help);
                let _ = counter.with_callback(observe).build();
            }
            MetricKind::Gauge => {
                let gauge = meter.f64_observable_gauge(doc.name);
                let gauge = gauge.with_description(doc.help);
                let _ = gauge.with_callback(observe).build();
            }
            MetricKind::Histogram => {}
        }
    }
}

/// Makes the functions by which histograms also record in the SDK.
pub(super) fn mirrors(provider: &SdkMeterProvider) -> MirrorFactory {
    let meter = provider.meter(SCOPE);
    Arc::new(move |doc: &'static MetricDoc, labels: &[&str]| {
        let histogram = meter
            .f64_histogram(doc.name)
            .with_description(doc.help)
            .with_unit("s")
            .with_boundaries(BUCKETS.iter().map(|micros| *micros as f64 / 1e6).collect())
            .build();
        let labels = doc.labels.iter().copied().zip(labels);
        let labels: Vec<_> = labels
            .map(|(name, value)| KeyValue::new(name, (*value).to_owned()))
            .collect();
        Box::new(move |value: Duration| histogram.record(value.as_secs_f64(), &labels))
    })
}
