//! What a handler says by `tracing`.

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

/// A line of a handler's log: what a worker stores of a `tracing` event.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LogLine {
    /// By the test's clock.
    pub at: SystemTime,
    /// `INFO`, `WARN` or `ERROR`: what is less important is not kept.
    pub level: Level,
    /// The module that logged, unless the event says otherwise.
    pub target: String,
    /// The text.
    pub message: String,
    /// The other fields of the event, in its order.
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
        // While a program has one subscriber only, `tracing` asks that of the *current thread*
        // whether a call site is wanted, and remembers the answer for all: a test without our
        // subscriber would silence another's log. A second one that lives on makes it ask all.
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

    /// Collects what is logged while `work` runs.
    pub(super) fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        with_default(&self.dispatch, work)
    }

    /// Collects what is logged while `future` is polled, on whatever thread.
    pub(super) async fn of<F: Future>(&self, future: F) -> F::Output {
        let mut future = std::pin::pin!(future);
        std::future::poll_fn(|context| -> Poll<F::Output> {
            self.during(|| future.as_mut().poll(context))
        })
        .await
    }
}

/// The one subscriber: spans mean nothing to it.
#[derive(Debug)]
struct Collector {
    clock: ManualClock,
    lines: Arc<Mutex<Vec<LogLine>>>,
}

impl Subscriber for Collector {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        match self.enabled(metadata) {
            true => Interest::always(),
            false => Interest::never(),
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() <= Level::INFO
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::INFO)
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = Text::default();
        event.record(&mut text);
        let line = LogLine {
            at: self.clock.now(),
            level: *event.metadata().level(),
            target: event.metadata().target().to_owned(),
            message: text.message,
            fields: text.fields,
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

#[derive(Default)]
struct Text {
    message: String,
    fields: Vec<(&'static str, Value)>,
}

impl Text {
    fn put(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::String(message)) => self.message = message,
            (name, value) => self.fields.push((name, value)),
        }
    }
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.put(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }
}
