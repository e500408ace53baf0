//! Logging: the program's log on standard error, and the handlers' log in the store.

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt, registry};

use super::args::Command;
use crate::logs::SILENT_TARGET;

/// Starts logging. `JOBS_LOG`, else `RUST_LOG`, filters the log on standard error. Without them,
/// long-running commands show `info`, others `warn`. The filter does not apply to the handlers' log
/// in the store.
pub(super) fn start(command: &Command) {
    let default = if command.is_long_running() {
        "info"
    } else {
        "warn"
    };
    let mut filter = ["JOBS_LOG", "RUST_LOG"]
        .iter()
        .find_map(|name| std::env::var(name).ok())
        .and_then(|directives| EnvFilter::try_new(directives).ok())
        .unwrap_or_else(|| EnvFilter::new(default));
    if let Ok(silent) = format!("{SILENT_TARGET}=off").parse() {
        filter = filter.add_directive(silent);
    }
    let shown = fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_filter(filter);
    // This fails if the application has installed its own subscriber, which then stays in use.
    let _ = registry()
        .with(shown)
        .with(crate::layer())
        .with(matches!(command, Command::Bench(_)).then(crate::bench::statement_counter))
        .try_init();
}
