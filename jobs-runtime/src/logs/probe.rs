//! The probe: finds out at start whether the application's subscriber captures log lines.

use std::sync::Arc;

use jobs::Clock;
use tracing::dispatcher;
use tracing::level_filters::LevelFilter;

use super::buffer::LogBuffer;
use super::capture::{LogLayer, in_scope};

/// The target of the probe's event; the program's own log does not show it.
pub(crate) const SILENT_TARGET: &str = "jobs_runtime::logs::probe";

/// Whether log lines of handlers are stored with their attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogCapture {
    Works,
    /// The subscriber has no layer of this crate.
    Absent,
    /// It has the layer, and another part of the subscriber keeps lines from it.
    Filtered,
}

/// The advice for a subscriber without the layer.
pub(crate) const ABSENT_ADVICE: &str = "log lines of handlers are not stored with their attempts; \
     add `jobs_runtime::layer()` to the subscriber";

/// The advice for a subscriber that has the layer behind a filter.
pub(crate) const FILTERED_ADVICE: &str = "a filter of the whole subscriber (`.with(EnvFilter…)`) \
     also keeps log lines of handlers from being stored; give it to the layer that prints \
     (`.with_filter(…)`)";

/// Finds out whether log lines of handlers on this runtime reach their attempts.
///
/// The probe runs in a task, which sees the subscriber that attempts will see. The caller's thread
/// may have a subscriber of its own.
pub(crate) async fn log_capture(clock: Arc<dyn Clock>) -> LogCapture {
    let probed = tokio::spawn(async { probe(clock) });
    // The task fails only if the runtime shuts down.
    probed.await.unwrap_or(LogCapture::Absent)
}

fn probe(clock: Arc<dyn Clock>) -> LogCapture {
    let level = dispatcher::get_default(|subscriber| {
        let layer = subscriber.downcast_ref::<LogLayer>();
        layer.map(|layer| layer.level)
    });
    match level {
        // No layer is installed. The event would only appear in the application's own log.
        None => LogCapture::Absent,
        // The layer captures lines, but its level excludes the probe's event.
        Some(level) if level < LevelFilter::INFO => LogCapture::Works,
        Some(_) => {
            let buffer = Arc::new(LogBuffer::new(clock));
            in_scope(Arc::clone(&buffer), || {
                tracing::info!(target: SILENT_TARGET, "log lines are stored with their attempts");
            });
            if buffer.waiting().is_empty() {
                LogCapture::Filtered
            } else {
                LogCapture::Works
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tracing::{Subscriber, subscriber};
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::{Layer, registry};

    use super::*;
    use crate::SystemClock;
    use crate::logs::{layer, layer_at};

    fn check(subscriber: impl Subscriber + Send + Sync, captured: LogCapture) {
        subscriber::with_default(subscriber, || {
            assert_eq!(probe(Arc::new(SystemClock::new())), captured);
        });
    }

    #[test]
    fn the_probe_detects_whether_the_layer_sees_events() {
        check(registry(), LogCapture::Absent);
        check(registry().with(layer()), LogCapture::Works);
        check(registry().with(layer().boxed()), LogCapture::Works);
        check(
            registry().with(layer_at(LevelFilter::WARN)),
            LogCapture::Works,
        );
        // A filter for all layers also keeps events from this layer.
        for filtered in [LevelFilter::ERROR, LevelFilter::WARN] {
            check(
                registry().with(layer()).with(filtered),
                LogCapture::Filtered,
            );
        }
        #[cfg(feature = "cli")]
        {
            use tracing_subscriber::EnvFilter;
            use tracing_subscriber::layer::Identity;

            let filtered = registry().with(EnvFilter::new("warn")).with(layer());
            check(filtered, LogCapture::Filtered);
            let printing = Identity::new().with_filter(EnvFilter::new("warn"));
            check(registry().with(printing).with(layer()), LogCapture::Works);
        }
    }
}
