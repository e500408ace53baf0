//! Counts the statements that this process sends to databases.
//!
//! `sqlx` emits one trace event per statement. A script that the runtime sends as one statement
//! counts once: it is one round trip.

use std::sync::atomic::{AtomicU64, Ordering};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// The target of the driver's events.
const TARGET: &str = "sqlx::query";

static SENT: AtomicU64 = AtomicU64::new(0);
static COMMITS: AtomicU64 = AtomicU64::new(0);

/// The number of statements sent so far, and the number of those that commit.
pub(crate) fn counts() -> (u64, u64) {
    (
        SENT.load(Ordering::Relaxed),
        COMMITS.load(Ordering::Relaxed),
    )
}

/// A layer that counts every statement of this process.
pub(crate) fn statement_counter<S>() -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    StatementCounter.with_filter(Targets::new().with_target(TARGET, LevelFilter::TRACE))
}

struct StatementCounter;

impl<S: Subscriber> Layer<S> for StatementCounter {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut commit = CommitDetector { found: false };
        event.record(&mut commit);
        SENT.fetch_add(1, Ordering::Relaxed);
        COMMITS.fetch_add(u64::from(commit.found), Ordering::Relaxed);
    }
}

/// Looks for a `COMMIT` in a statement.
struct CommitDetector {
    found: bool,
}

impl Visit for CommitDetector {
    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}

    fn record_str(&mut self, field: &Field, value: &str) {
        // `sqlx` records a short statement as `summary` only.
        if matches!(field.name(), "summary" | "db.statement") {
            self.found |= value.contains("COMMIT");
        }
    }
}
