//! The program's own log, on standard error, and that of its handlers, in the store.

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt, registry};

use super::args::Command;
use crate::logs::SILENT_TARGET;

/// Starts the log: `JOBS_LOG` or `RUST_LOG` say what it shows. Commands that answer and end show
/// warnings only. What handlers log is stored whatever is shown.
pub(super) fn start(command: &Command) {
    let default = match command.is_long_running() {
        true => "info",
        false => "warn",
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
    // An application may have installed a subscriber of its own before it called us.
    let _ = registry()
        .with(shown)
        .with(crate::layer())
        .with(matches!(command, Command::Bench(_)).then(crate::bench::counting))
        .try_init();
}
