//! The `tracing` layer that captures events and assigns them to attempts.

use std::sync::Arc;

use tokio::task_local;
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::buffer::LogBuffer;
use super::visit::Visited;
use crate::store::LogLevel;

/// The target of the spans of attempts, for the filters of applications.
pub(crate) const ATTEMPT_TARGET: &str = "jobs_runtime::engine::executor::attempt";

/// The span of an attempt: its name and its target.
const SPAN: (&str, &str) = ("attempt", ATTEMPT_TARGET);

task_local! {
    /// The attempt whose handler this task or thread executes.
    static ATTEMPT: Arc<LogBuffer>;
}

/// A `tracing` layer that stores the log lines of handlers with their attempts, from level INFO on.
/// Add it to the application's subscriber; `jobs_runtime::main` has it already.
///
/// The layer has a filter of its own, so the stored lines do not depend on the printed ones:
///
/// ```
/// use tracing_subscriber::layer::SubscriberExt;
///
/// let subscriber = tracing_subscriber::registry()
///     // .with(the layer that prints, with its filter)
///     .with(jobs_runtime::layer());
/// # drop(subscriber);
/// ```
///
/// An attempt keeps at most 1,000 lines and 256 KiB; a last line says that the log was cut. Logging
/// never waits for the store. A *global* filter of the subscriber (`.with(EnvFilter)`) also filters
/// the stored lines: attach it to the layer that prints (`.with_filter`).
///
/// Do not log a `#[sensitive]` value: a log is free text and is not redacted.
pub fn layer<S>() -> impl Layer<S>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    layer_at(LevelFilter::INFO)
}

/// Like [`layer`], from a level of your choice on.
pub fn layer_at<S>(level: LevelFilter) -> impl Layer<S>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    LogLayer { level }.with_filter(level)
}

/// The layer that [`layer`] returns, without its filter.
#[derive(Debug)]
pub(super) struct LogLayer {
    /// The lowest level that its filter accepts.
    pub(super) level: LevelFilter,
}

/// The buffer of an attempt, in the extensions of its span.
struct AttemptBuffer(Arc<LogBuffer>);

impl<S> Layer<S> for LogLayer
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if !is_attempt(attributes.metadata()) {
            return;
        }
        if let (Some(attempt), Some(span)) = (current(), context.span(id)) {
            span.extensions_mut().insert(AttemptBuffer(attempt));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let Some(attempt) = current().or_else(|| by_span(event, &context)) else {
            return;
        };
        if attempt.is_closed() {
            return;
        }
        let mut visited = Visited::default();
        event.record(&mut visited);
        let target = visited.target.take();
        let metadata = event.metadata();
        let target = target.as_deref().unwrap_or(metadata.target());
        attempt.push(level_of(metadata.level()), target, visited);
    }
}

/// True for the span of an attempt.
pub(crate) fn is_attempt(metadata: &Metadata<'_>) -> bool {
    (metadata.name(), metadata.target()) == SPAN
}

/// Assigns the events of a handler's future to this attempt, its destructors included.
pub(crate) fn scope<F: Future>(
    attempt: Arc<LogBuffer>,
    handler: F,
) -> impl Future<Output = F::Output> {
    ATTEMPT.scope(attempt, handler)
}

/// Assigns the events of `work` to this attempt. If `work` creates the attempt's span, that span
/// carries the assignment wherever it is entered.
pub(crate) fn in_scope<T>(attempt: Arc<LogBuffer>, work: impl FnOnce() -> T) -> T {
    ATTEMPT.sync_scope(attempt, work)
}

fn current() -> Option<Arc<LogBuffer>> {
    ATTEMPT.try_with(Arc::clone).ok()
}

fn by_span<S>(event: &Event<'_>, context: &Context<'_, S>) -> Option<Arc<LogBuffer>>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    context.event_scope(event)?.find_map(|span| {
        span.extensions()
            .get::<AttemptBuffer>()
            .map(|of| Arc::clone(&of.0))
    })
}

fn level_of(level: &Level) -> LogLevel {
    match *level {
        Level::ERROR => LogLevel::Error,
        Level::WARN => LogLevel::Warn,
        Level::INFO => LogLevel::Info,
        Level::DEBUG => LogLevel::Debug,
        Level::TRACE => LogLevel::Trace,
    }
}

#[cfg(test)]
mod tests {
    use tracing::{debug, error, info, info_span, subscriber, warn};
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::registry;

    use super::*;
    use crate::SystemClock;

    fn buffer() -> Arc<LogBuffer> {
        Arc::new(LogBuffer::new(Arc::new(SystemClock::new())))
    }

    fn log(buffer: &LogBuffer) -> Vec<String> {
        let lines = buffer.waiting();
        let text = lines.iter().map(|line| {
            let fields = line.fields.as_ref().map_or("", |fields| fields.get());
            format!("{} {} {}{fields}", line.level, line.target, line.message)
        });
        text.collect()
    }

    fn span_of(attempt: &Arc<LogBuffer>) -> tracing::Span {
        in_scope(
            Arc::clone(attempt),
            || info_span!(target: ATTEMPT_TARGET, "attempt"),
        )
    }

    #[test]
    fn events_in_the_scope_are_kept() {
        let attempt = buffer();
        subscriber::with_default(registry().with(layer()), || {
            info!("before");
            in_scope(Arc::clone(&attempt), || {
                info!(target: "members", count = 3, name = "ü", "{} added", 3);
                debug!("not interesting");
                warn!(error = &std::io::Error::other("full") as &dyn std::error::Error);
            });
            info!("after");
        });
        assert_eq!(
            log(&attempt),
            [
                r#"info members 3 added{"count":3,"name":"ü"}"#,
                r#"warn jobs_runtime::logs::capture::tests {"error":"full"}"#,
            ]
        );
    }

    #[test]
    fn the_span_carries_the_attempt_to_other_threads() {
        let attempt = buffer();
        subscriber::with_default(registry().with(layer()), || {
            let span = span_of(&attempt);
            let dispatch = tracing::dispatcher::get_default(Clone::clone);
            let other = std::thread::spawn(move || {
                tracing::dispatcher::with_default(&dispatch, || {
                    info!("of no attempt");
                    span.in_scope(|| {
                        let inner = tracing::debug_span!("inner").entered();
                        error!("failed there");
                        drop(inner);
                    });
                });
            });
            other.join().expect("no panic");
        });
        assert_eq!(
            log(&attempt),
            ["error jobs_runtime::logs::capture::tests failed there"]
        );
    }

    #[test]
    fn attempts_do_not_mix() {
        let (one, two) = (buffer(), buffer());
        subscriber::with_default(registry().with(layer()), || {
            let span = span_of(&one);
            let spawned = span_of(&two);
            in_scope(Arc::clone(&one), || {
                span.in_scope(|| info!(target: "t", "1"));
            });
            spawned.in_scope(|| info!(target: "t", "2"));
        });
        assert_eq!(
            (log(&one), log(&two)),
            (vec!["info t 1".into()], vec!["info t 2".into()])
        );
    }

    #[test]
    fn the_application_chooses_the_level() {
        let attempt = buffer();
        subscriber::with_default(registry().with(layer_at(LevelFilter::DEBUG)), || {
            in_scope(Arc::clone(&attempt), || debug!(target: "t", "shown"));
        });
        assert_eq!(log(&attempt), ["debug t shown"]);
    }
}
