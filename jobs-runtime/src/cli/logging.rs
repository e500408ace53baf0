//! Logging: the program's log on standard error, and the handlers' log in the store.

use std::fmt;
use std::io;

use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{DefaultFields, Writer};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, registry};

use super::args::Command;
use super::error_stream::ErrorStream;
use super::output::Output;
use super::printable;
use crate::logs::SILENT_TARGET;

/// Starts logging. `JOBS_LOG`, else `RUST_LOG`, filters the log on standard error. Without them,
/// long-running commands show `info`, others `warn`. The filter does not apply to the handlers' log
/// in the store.
pub(super) fn start(command: &Command, output: Output) {
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
    let shown = tracing_subscriber::fmt::layer()
        .fmt_fields(PrintableFields::default())
        .with_writer(move || LogWriter(output.errors()))
        .log_internal_errors(false)
        .with_ansi(output.is_coloured())
        .with_filter(filter);
    // This fails if the application has installed its own subscriber, which then stays in use.
    let _ = registry()
        .with(shown)
        .with(crate::layer())
        .with(matches!(command, Command::Bench(_)).then(crate::bench::statement_counter))
        .try_init();
}

/// Writes the lines of the log to standard error, without waiting.
struct LogWriter(&'static ErrorStream);

impl io::Write for LogWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.push(&String::from_utf8_lossy(line));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The usual format of the fields of events and spans, in printable characters on one line.
#[derive(Debug, Default)]
struct PrintableFields(DefaultFields);

impl<'writer> FormatFields<'writer> for PrintableFields {
    fn format_fields<R: RecordFields>(
        &self,
        mut writer: Writer<'writer>,
        fields: R,
    ) -> fmt::Result {
        let mut text = String::new();
        self.0.format_fields(Writer::new(&mut text), fields)?;
        writer.write_str(&printable::line(&text))
    }
}
