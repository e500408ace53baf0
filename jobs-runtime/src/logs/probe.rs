//! The probe: finds out at start whether the application's subscriber captures log lines.

use std::sync::Arc;

use jobs::Clock;
use tracing::dispatcher;
use tracing::level_filters::LevelFilter;

use super::buffer::LogBuffer;
use super::capture::{LogLayer, in_scope};

/// The target of the probe's event; the program's own log does not show it.
pub(crate) const SILENT_TARGET: &str = "jobs_runtime::logs::probe";

/// True if log lines of handlers on this runtime reach their attempts.
///
/// The probe runs in a task, which sees the subscriber that attempts will see. The caller's thread
/// may have a subscriber of its own.
pub(crate) async fn is_captured(clock: Arc<dyn Clock>) -> bool {
    let probed = tokio::spawn(async { probe(clock) });
    // The task fails only if the runtime shuts down.
    probed.await.unwrap_or(false)
}

fn probe(clock: Arc<dyn Clock>) -> bool {
    let level = dispatcher::get_default(|subscriber| {
        let layer = subscriber.downcast_ref::<LogLayer>();
        layer.map(|layer| layer.level)
    });
    match level {
        // No layer is installed. The event would only appear in the application's own log.
        None => false,
        // The layer captures lines, but its level excludes the probe's event.
        Some(level) if level < LevelFilter::INFO => true,
        Some(_) => {
            let buffer = Arc::new(LogBuffer::new(clock));
            in_scope(Arc::clone(&buffer), || {
                tracing::info!(target: SILENT_TARGET, "log lines are stored with their attempts");
            });
            !buffer.waiting().is_empty()
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

    fn check(subscriber: impl Subscriber + Send + Sync, captured: bool) {
        subscriber::with_default(subscriber, || {
            assert_eq!(probe(Arc::new(SystemClock::new())), captured);
        });
    }

    #[test]
    fn the_probe_detects_whether_the_layer_sees_events() {
        check(registry(), false);
        check(registry().with(layer()), true);
        check(registry().with(layer().boxed()), true);
        check(registry().with(layer_at(LevelFilter::WARN)), true);
        // A filter for all layers also keeps events from this layer.
        check(registry().with(layer()).with(LevelFilter::ERROR), false);
    }
}
