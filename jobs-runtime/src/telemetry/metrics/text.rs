//! Metrics in the text format of Prometheus, version 0.0.4.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::prometheus_text::encode;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::families::{Family, Value};
use crate::telemetry::reference::MetricKind;

/// Renders the families.
pub(super) fn render(families: Vec<Family>) -> String {
    let mut page = String::new();
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Page(families)));
    // Writing to a string cannot fail.
    let _ = encode(&mut page, &registry);
    page
}

#[derive(Debug)]
struct Page(Vec<Family>);

impl Collector for Page {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for Family { doc, samples } in &self.0 {
            let kind = match doc.kind {
                MetricKind::Counter => MetricType::Counter,
                MetricKind::Gauge => MetricType::Gauge,
                MetricKind::Histogram => MetricType::Histogram,
            };
            // The encoder appends the suffix of a counter itself.
            let name = doc.name.strip_suffix("_total").unwrap_or(doc.name);
            let mut family = encoder.encode_descriptor(name, doc.help, None, kind)?;
            for (values, value) in samples {
                let labels = doc
                    .labels
                    .iter()
                    .copied()
                    .zip(values.iter().map(|it| &**it));
                let labels: Vec<(&str, &str)> = labels.collect();
                encode_value(&mut family.encode_family(&labels)?, doc.kind, value)?;
            }
        }
        Ok(())
    }
}

fn encode_value(encoder: &mut MetricEncoder<'_>, kind: MetricKind, value: &Value) -> fmt::Result {
    match value {
        Value::Count(count) if kind == MetricKind::Counter => {
            encoder.encode_counter::<NoLabelSet, u64, f64>(count, None)
        }
        Value::Count(count) => encoder.encode_gauge(count),
        Value::Number(value) if kind == MetricKind::Counter => {
            encoder.encode_counter::<NoLabelSet, f64, f64>(value, None)
        }
        Value::Number(value) => encoder.encode_gauge(value),
        Value::Distribution(found) => {
            let (sum, count) = (found.sum, found.count);
            encoder.encode_histogram::<NoLabelSet>(sum, count, &found.buckets, None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::metrics::instruments::Histogram;
    use crate::telemetry::reference;

    #[test]
    fn labels_are_escaped_and_buckets_add_up() {
        let waits = Histogram::default();
        waits.observe(std::time::Duration::from_millis(3));
        let page = render(vec![
            Family {
                doc: &reference::ENQUEUED,
                samples: vec![(vec!["a\"b".to_owned()], Value::Count(2))],
            },
            Family {
                doc: &reference::SCHEDULE_LAG,
                samples: vec![(Vec::new(), Value::Distribution(waits.read()))],
            },
        ]);
        for line in [
            "# TYPE jobs_enqueued_total counter",
            r#"jobs_enqueued_total{job_id="a\"b"} 2"#,
            r#"jobs_schedule_lag_seconds_bucket{le="0.0025"} 0"#,
            r#"jobs_schedule_lag_seconds_bucket{le="0.005"} 1"#,
            r#"jobs_schedule_lag_seconds_bucket{le="+Inf"} 1"#,
            "jobs_schedule_lag_seconds_sum 0.003",
            "jobs_schedule_lag_seconds_count 1",
        ] {
            assert!(page.lines().any(|found| found == line), "{line} in {page}");
        }
    }
}
