//! How often the database is spoken to.
//!
//! The driver tells of every statement at the level of trace. What the runtime sends as one script
//! is one of them: a round trip.

use std::sync::atomic::{AtomicU64, Ordering};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// Where the driver tells of them.
const TARGET: &str = "sqlx::query";

static SENT: AtomicU64 = AtomicU64::new(0);
static COMMITS: AtomicU64 = AtomicU64::new(0);

/// Statements sent so far, and those among them that commit.
pub(crate) fn sent() -> (u64, u64) {
    (
        SENT.load(Ordering::Relaxed),
        COMMITS.load(Ordering::Relaxed),
    )
}

/// Counts every statement of this process from now on.
pub(crate) fn counting<S>() -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    Counting.with_filter(Targets::new().with_target(TARGET, LevelFilter::TRACE))
}

struct Counting;

impl<S: Subscriber> Layer<S> for Counting {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut commits = Commits(false);
        event.record(&mut commits);
        SENT.fetch_add(1, Ordering::Relaxed);
        COMMITS.fetch_add(u64::from(commits.0), Ordering::Relaxed);
    }
}

/// Whether a statement has a commit in it.
struct Commits(bool);

impl Visit for Commits {
    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}

    fn record_str(&mut self, field: &Field, value: &str) {
        // A short statement is its own summary, and then there is no text beside it.
        if matches!(field.name(), "summary" | "db.statement") {
            self.0 |= value.contains("COMMIT");
        }
    }
}
