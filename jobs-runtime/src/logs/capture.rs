//! The layer that sees events, and how it knows whose they are.

use std::sync::Arc;

use tokio::task_local;
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::buffer::LogBuffer;
use super::visit::Visited;
use crate::store::LogLevel;

/// The span of an attempt: its name and where it is made.
const SPAN: (&str, &str) = ("attempt", "jobs_runtime::engine::executor::attempt");

task_local! {
    /// The attempt whose handler this task or thread executes.
    static ATTEMPT: Arc<LogBuffer>;
}

/// Stores what handlers log with their attempts: INFO and up. To be added to the application's own
/// subscriber; `jobs_runtime::main` has it.
///
/// It has a filter of its own, so that what is stored does not depend on what is printed:
///
/// ```
/// use tracing_subscriber::layer::SubscriberExt;
///
/// let subscriber = tracing_subscriber::registry()
///     // .with(what prints, with its filter)
///     .with(jobs_runtime::layer());
/// # drop(subscriber);
/// ```
///
/// Per attempt 1,000 lines and 256 KiB are kept; a last line says when there was more. Logging
/// never waits for the store. A filter that is *global* in the subscriber (`.with(EnvFilter)`) also
/// filters what is stored: give it to the layer that prints (`.with_filter`).
///
/// Do not log what is `#[sensitive]`: a log is free text, in which nothing can be hidden.
pub fn layer<S>() -> impl Layer<S>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    layer_at(LevelFilter::INFO)
}

/// Like [`layer`], from another level on.
pub fn layer_at<S>(level: LevelFilter) -> impl Layer<S>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    LogLayer { level }.with_filter(level)
}

/// See [`layer`].
#[derive(Debug)]
pub(super) struct LogLayer {
    /// What its filter lets through.
    pub(super) level: LevelFilter,
}

/// The attempt, in the extensions of its span.
struct OfAttempt(Arc<LogBuffer>);

impl<S> Layer<S> for LogLayer
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let metadata = attributes.metadata();
        if (metadata.name(), metadata.target()) != SPAN {
            return;
        }
        if let (Some(attempt), Some(span)) = (current(), context.span(id)) {
            span.extensions_mut().insert(OfAttempt(attempt));
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

/// Runs a handler's future as this attempt's: also its destructors.
pub(crate) fn scope<F: Future>(
    attempt: Arc<LogBuffer>,
    handler: F,
) -> impl Future<Output = F::Output> {
    ATTEMPT.scope(attempt, handler)
}

/// Runs `work` as this attempt's. A span of the attempt that is made in it stands for the attempt
/// wherever it is entered.
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
            .get::<OfAttempt>()
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
            || info_span!(target: "jobs_runtime::engine::executor::attempt", "attempt"),
        )
    }

    #[test]
    fn what_is_emitted_in_the_scope_is_kept() {
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
    fn the_span_stands_for_the_attempt_on_other_threads() {
        let attempt = buffer();
        subscriber::with_default(registry().with(layer()), || {
            let span = span_of(&attempt);
            let dispatch = tracing::dispatcher::get_default(Clone::clone);
            let other = std::thread::spawn(move || {
                tracing::dispatcher::with_default(&dispatch, || {
                    info!("nobody's");
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
    fn attempts_stay_apart() {
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
    fn the_level_is_the_applications_choice() {
        let attempt = buffer();
        subscriber::with_default(registry().with(layer_at(LevelFilter::DEBUG)), || {
            in_scope(Arc::clone(&attempt), || debug!(target: "t", "shown"));
        });
        assert_eq!(log(&attempt), ["debug t shown"]);
    }
}
