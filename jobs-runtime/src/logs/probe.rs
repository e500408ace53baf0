//! Finding out at start whether the application's subscriber has the layer.

use std::sync::Arc;

use jobs::Clock;
use tracing::dispatcher;
use tracing::level_filters::LevelFilter;

use super::buffer::LogBuffer;
use super::capture::{LogLayer, in_scope};

/// The target of the probe's event; the program's own log does not show it.
pub(crate) const SILENT_TARGET: &str = "jobs_runtime::logs::probe";

/// Whether what a handler logs on this runtime reaches its attempt.
///
/// Asked on a task: it sees the subscriber that attempts will see, not one that only the caller's
/// thread has set.
pub(crate) async fn is_captured(clock: Arc<dyn Clock>) -> bool {
    let asked = tokio::spawn(async { probe(clock) });
    // A task that cannot run is a runtime that ends.
    asked.await.unwrap_or(false)
}

fn probe(clock: Arc<dyn Clock>) -> bool {
    let level = dispatcher::get_default(|subscriber| {
        let layer = subscriber.downcast_ref::<LogLayer>();
        layer.map(|layer| layer.level)
    });
    match level {
        // Without the layer an event would be noise in a log that is not ours.
        None => false,
        // One that was told to keep less than the probe's event keeps what it was told to.
        Some(level) if level < LevelFilter::INFO => true,
        Some(_) => {
            let buffer = Arc::new(LogBuffer::new(clock));
            in_scope(Arc::clone(&buffer), || {
                tracing::info!(target: SILENT_TARGET, "what handlers log is stored with their attempts");
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
    fn tells_whether_the_layer_sees_events() {
        check(registry(), false);
        check(registry().with(layer()), true);
        check(registry().with(layer().boxed()), true);
        check(registry().with(layer_at(LevelFilter::WARN)), true);
        // A filter for all layers keeps events from this one, too.
        check(registry().with(layer()).with(LevelFilter::ERROR), false);
    }
}
