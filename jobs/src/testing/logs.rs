//! The log of a test: `tracing` events of a handler.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::Poll;
use std::time::SystemTime;

use serde_json::Value;
use tracing::dispatcher::{Dispatch, with_default};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{Interest, NoSubscriber};
use tracing::{Event, Level, Metadata, Subscriber};

use super::ManualClock;
use crate::Clock as _;

/// A line of a handler's log, made from a `tracing` event as a worker does.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LogLine {
    /// The time of the event, by the test's clock.
    pub at: SystemTime,
    /// The level: `INFO`, `WARN` or `ERROR`. Events below `INFO` are not recorded.
    pub level: Level,
    /// The event's target; by default the module that logged.
    pub target: String,
    /// The message.
    pub message: String,
    /// The event's other fields, in order.
    pub fields: Vec<(&'static str, Value)>,
}

impl LogLine {
    /// The value of a field.
    pub fn field(&self, name: &str) -> Option<&Value> {
        let mut fields = self.fields.iter();
        fields.find_map(|(field, value)| (*field == name).then_some(value))
    }
}

/// The log of one test. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Logs {
    dispatch: Dispatch,
    lines: Arc<Mutex<Vec<LogLine>>>,
}

impl Logs {
    pub(super) fn new(clock: ManualClock) -> Self {
        // With a single subscriber in the program, `tracing` asks only the current thread's one
        // whether a call site is of interest. It caches the answer for all threads. A thread
        // without the collector would disable the call site for every test. A second subscriber
        // makes `tracing` ask each of them.
        static SECOND: OnceLock<Dispatch> = OnceLock::new();
        SECOND.get_or_init(|| Dispatch::new(NoSubscriber::default()));

        let lines = Arc::default();
        Self {
            dispatch: Dispatch::new(Collector {
                clock,
                lines: Arc::clone(&lines),
            }),
            lines,
        }
    }

    pub(super) fn lines(&self) -> Vec<LogLine> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.clone()
    }

    /// Collects the events of `work`.
    pub(super) fn collect<T>(&self, work: impl FnOnce() -> T) -> T {
        with_default(&self.dispatch, work)
    }

    /// Collects the events of `future`, on each thread that polls it.
    pub(super) async fn collect_async<F: Future>(&self, future: F) -> F::Output {
        let mut future = std::pin::pin!(future);
        std::future::poll_fn(|context| -> Poll<F::Output> {
            self.collect(|| future.as_mut().poll(context))
        })
        .await
    }
}

/// A subscriber that collects events and ignores spans.
#[derive(Debug)]
struct Collector {
    clock: ManualClock,
    lines: Arc<Mutex<Vec<LogLine>>>,
}

impl Subscriber for Collector {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.enabled(metadata) {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() <= Level::INFO
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::INFO)
    }

    fn event(&self, event: &Event<'_>) {
        let mut values = EventValues::default();
        event.record(&mut values);
        let line = LogLine {
            at: self.clock.now(),
            level: *event.metadata().level(),
            target: event.metadata().target().to_owned(),
            message: values.message,
            fields: values.fields,
        };
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(line);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// The message and the fields of an event.
#[derive(Default)]
struct EventValues {
    message: String,
    fields: Vec<(&'static str, Value)>,
}

impl EventValues {
    fn insert(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::String(message)) => self.message = message,
            (name, value) => self.fields.push((name, value)),
        }
    }
}

impl Visit for EventValues {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.insert(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.insert(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.insert(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.insert(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.insert(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.insert(field, value.into());
    }
}
