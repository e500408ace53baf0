//! The program's own log, on standard error.

use tracing_subscriber::EnvFilter;

/// Starts the log: `JOBS_LOG` or `RUST_LOG` say what it shows. Commands that answer and end show
/// warnings only.
pub(super) fn start(long_running: bool) {
    let default = match long_running {
        true => "info",
        false => "warn",
    };
    let filter = ["JOBS_LOG", "RUST_LOG"]
        .iter()
        .find_map(|name| std::env::var(name).ok())
        .and_then(|directives| EnvFilter::try_new(directives).ok())
        .unwrap_or_else(|| EnvFilter::new(default));
    // An application may have installed a subscriber of its own before it called us.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .try_init();
}
