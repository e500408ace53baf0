//! The values of all metrics at one moment, by metric.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::instruments::{Distribution, Histogram};
use super::jobs::{JobMetrics, OUTCOMES};
use super::readings::Readings;
use super::{MAX_QUEUES, Metrics};
use crate::store::QueueGauges;
use crate::telemetry::reference::{self, MetricDoc, OTHER};

/// A metric with its values.
#[derive(Debug)]
pub(super) struct Family {
    pub(super) doc: &'static MetricDoc,
    /// The values, each with the values of the labels in the order of the reference.
    pub(super) samples: Vec<(Vec<String>, Value)>,
}

/// The value of a metric.
#[derive(Debug)]
pub(crate) enum Value {
    Count(u64),
    Number(f64),
    Distribution(Distribution),
}

/// Returns every metric, in the order of the reference. Some have no value yet.
pub(super) fn of(metrics: &Metrics, readings: &Readings) -> Vec<Family> {
    let mut values = Values::default();
    values.jobs(&metrics.jobs.all());
    values.histogram(&reference::SCHEDULE_LAG, [], &metrics.schedule_lag);
    values.fleet(readings);
    values.worker(metrics, readings);
    for (call, found) in metrics.store_calls.all() {
        values.histogram(&reference::STORE_CALL_DURATION, [call], &found.duration);
        values.count(&reference::STORE_CALL_ERRORS, [call], found.errors.get());
    }
    #[cfg(feature = "rabbitmq")]
    values.broker(readings);
    values.process(readings);
    values.in_order()
}

/// Returns the values of one metric, with the values of its labels.
#[cfg(feature = "otlp")]
pub(in crate::telemetry) fn samples_of(
    metrics: &Metrics,
    readings: &Readings,
    doc: &MetricDoc,
) -> Vec<(Vec<String>, Value)> {
    let mut families = of(metrics, readings).into_iter();
    let family = families.find(|family| family.doc.name == doc.name);
    family.map(|family| family.samples).unwrap_or_default()
}

/// Collects the values by the name of their metric.
#[derive(Default)]
struct Values(BTreeMap<&'static str, Vec<(Vec<String>, Value)>>);

impl Values {
    fn add<const N: usize>(&mut self, doc: &MetricDoc, labels: [&str; N], value: Value) {
        debug_assert_eq!(doc.labels.len(), N, "{}", doc.name);
        let labels = labels.iter().map(|&label| label.to_owned()).collect();
        self.0.entry(doc.name).or_default().push((labels, value));
    }

    fn number<const N: usize>(&mut self, doc: &MetricDoc, labels: [&str; N], value: f64) {
        self.add(doc, labels, Value::Number(value));
    }

    fn count<const N: usize>(&mut self, doc: &MetricDoc, labels: [&str; N], count: u64) {
        self.add(doc, labels, Value::Count(count));
    }

    fn histogram<const N: usize>(
        &mut self,
        doc: &MetricDoc,
        labels: [&str; N],
        histogram: &Histogram,
    ) {
        let distribution = histogram.read();
        // Most linked jobs have not run yet, and an empty distribution takes twenty lines.
        if distribution.count > 0 {
            self.add(doc, labels, Value::Distribution(distribution));
        }
    }

    fn jobs(&mut self, jobs: &[(String, Arc<JobMetrics>)]) {
        for (id, job) in jobs {
            self.count(&reference::ENQUEUED, [id], job.enqueued.get());
            self.count(&reference::STARTED, [id], job.started.get());
            for (outcome, count) in OUTCOMES.iter().zip(&job.finished) {
                let labels = [id.as_str(), outcome.as_str()];
                self.count(&reference::FINISHED, labels, count.get());
            }
            self.count(&reference::FAILED, [id], job.failed.get());
            self.histogram(&reference::DURATION, [id], &job.duration);
            self.histogram(&reference::WAIT, [id], &job.wait);
        }
    }

    fn fleet(&mut self, readings: &Readings) {
        let is_up = u64::from(readings.gauges.is_some());
        self.count(&reference::STORE_UP, [], is_up);
        let Some(gauges) = &readings.gauges else {
            return;
        };
        let (own, rest) = gauges.queues.split_at(gauges.queues.len().min(MAX_QUEUES));
        for queue in own {
            let age = queue.ready_since.map(|since| readings.now.since(since));
            let age = age.unwrap_or_default().as_secs_f64();
            self.queue(&queue.record.queue, std::slice::from_ref(queue), age);
        }
        if !rest.is_empty() {
            let since = rest.iter().filter_map(|queue| queue.ready_since).min();
            let age = since.map(|since| readings.now.since(since));
            self.queue(OTHER, rest, age.unwrap_or_default().as_secs_f64());
        }
        for permits in &gauges.permits {
            self.count(&reference::PERMITS, [&permits.job_id], permits.in_use);
        }
    }

    /// Adds the sums of these queues under one name.
    fn queue(&mut self, name: &str, queues: &[QueueGauges], age: f64) {
        let records = || queues.iter().map(|queue| &queue.record);
        let ready = records().map(|queue| queue.ready).sum();
        let blocked = records().map(|queue| queue.blocked).sum();
        let running = records().map(|queue| queue.running).sum();
        let is_paused = records().any(|queue| queue.paused_at.is_some());
        self.count(&reference::QUEUE_READY, [name], ready);
        self.count(&reference::QUEUE_BLOCKED, [name], blocked);
        self.count(&reference::QUEUE_RUNNING, [name], running);
        self.number(&reference::QUEUE_READY_AGE, [name], age);
        self.count(&reference::QUEUE_PAUSED, [name], u64::from(is_paused));
    }

    fn worker(&mut self, metrics: &Metrics, readings: &Readings) {
        self.count(&reference::LEASE_LOSSES, [], metrics.lease_losses.get());
        let refused = &readings.refused;
        for (write, count) in [
            ("end", refused.ends),
            ("progress", refused.progress),
            ("log", refused.logs),
            ("session", refused.sessions),
        ] {
            self.count(&reference::REFUSED_WRITES, [write], count);
        }
        self.count(&reference::RUNNING, [], readings.running as u64);
        for (kind, slots) in ["async", "blocking"].iter().zip(&metrics.slots) {
            self.count(&reference::SLOTS, [*kind], slots.get());
        }
        let runtime = &readings.runtime;
        self.count(&reference::RUNTIME_THREADS, [], runtime.threads as u64);
        self.count(&reference::RUNTIME_TASKS, [], runtime.tasks as u64);
        self.count(&reference::RUNTIME_QUEUE, [], runtime.queue_depth as u64);
        self.count(&reference::BUILD, [env!("CARGO_PKG_VERSION")], 1);
    }

    #[cfg(feature = "rabbitmq")]
    fn broker(&mut self, readings: &Readings) {
        let Some(broker) = &readings.broker else {
            return;
        };
        let parts = [("relay", Some(broker.relay)), ("consumer", broker.consumer)];
        for (part, is_connected) in parts {
            if let Some(is_connected) = is_connected {
                self.count(
                    &reference::BROKER_CONNECTED,
                    [part],
                    u64::from(is_connected),
                );
            }
        }
        self.number(&reference::BROKER_LAG, [], broker.lag.as_secs_f64());
        self.count(
            &reference::BROKER_UNCONFIRMED,
            [],
            broker.unconfirmed as u64,
        );
        self.count(
            &reference::BROKER_PUBLISHED,
            ["confirmed"],
            broker.published,
        );
        self.count(&reference::BROKER_PUBLISHED, ["returned"], broker.returned);
        if let Some(dead_letters) = broker.dead_letters {
            self.count(&reference::BROKER_DEAD_LETTERS, [], dead_letters.into());
        }
        let deliveries = &broker.deliveries;
        for (answer, count) in [
            ("claimed", deliveries.claimed),
            ("gone", deliveries.gone),
            ("not_yet", deliveries.not_yet),
            ("not_mine", deliveries.not_mine),
            ("returned", deliveries.returned),
            ("undecodable", deliveries.undecodable),
        ] {
            self.count(&reference::BROKER_DELIVERIES, [answer], count);
        }
    }

    fn process(&mut self, readings: &Readings) {
        let Some(process) = &readings.process else {
            return;
        };
        self.number(&reference::PROCESS_START, [], process.started_at);
        self.number(&reference::PROCESS_CPU, [], process.cpu_seconds);
        self.number(&reference::PROCESS_MEMORY, [], process.resident_bytes);
        self.number(&reference::PROCESS_FDS, [], process.open_fds);
        self.number(&reference::PROCESS_THREADS, [], process.threads);
    }

    fn in_order(mut self) -> Vec<Family> {
        let families = reference::METRICS.iter().map(|doc| Family {
            doc,
            samples: self.0.remove(doc.name).unwrap_or_default(),
        });
        families.collect()
    }
}
