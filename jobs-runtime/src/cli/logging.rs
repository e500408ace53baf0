//! Logging: the program's log on standard error, and the handlers' log in the store.
//!
//! [`json`] formats a line as JSON. The module may import the rest of `cli`, the layer of `logs`
//! and the statement counter of `bench`. It must not import a command, a store or the service.

mod json;

use std::ffi::OsString;
use std::fmt;
use std::io;

use jobs_grammar::suggestion::nearest;
use tracing::field::{Field, Visit};
use tracing::span::Record;
use tracing_subscriber::field::{RecordFields, VisitOutput};
use tracing_subscriber::fmt::format::{DefaultVisitor, Writer};
use tracing_subscriber::fmt::{FormatFields, FormattedFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, registry};

use super::args::Command;
use super::error_stream::ErrorStream;
use super::failure::Failure;
use super::output::Output;
use super::printable;
use super::settings::{LogFormat, Settings};
use crate::logs::SILENT_TARGET;

pub(super) use json::program_line;

/// The levels of a filter.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Starts logging. `JOBS_LOG`, else `RUST_LOG`, filters the log on standard error. Without them,
/// long-running commands show `info`, others `warn`. The filter does not apply to the handlers' log
/// in the store.
///
/// # Errors
/// `JOBS_LOG` cannot be read. A `RUST_LOG` that cannot be read is noted: it is for other programs,
/// too.
pub(super) fn start(command: &Command, output: Output, settings: &Settings) -> Result<(), Failure> {
    let default = if command.is_long_running() {
        "info"
    } else {
        "warn"
    };
    let mut filter = match (filter_of("JOBS_LOG"), filter_of("RUST_LOG")) {
        (Err(reason), _) => return Err(Failure::usage(reason)),
        (Ok(Some(filter)), _) | (Ok(None), Ok(Some(filter))) => filter,
        (Ok(None), Ok(None)) => EnvFilter::new(default),
        (Ok(None), Err(reason)) => {
            output.note(&format!("{reason} Without it, the log shows `{default}`."));
            EnvFilter::new(default)
        }
    };
    if let Ok(silent) = format!("{SILENT_TARGET}=off").parse() {
        filter = filter.add_directive(silent);
    }
    let text = (settings.log_format == LogFormat::Text).then(|| {
        tracing_subscriber::fmt::layer()
            .fmt_fields(PrintableFields)
            .with_writer(move || LogWriter(output.errors()))
            .log_internal_errors(false)
            .with_ansi(output.is_coloured())
    });
    let json = (settings.log_format == LogFormat::Json).then_some(json::JsonLog(output));
    let shown = Layer::and_then(text, json).with_filter(filter);
    #[cfg(feature = "otlp")]
    let exported = settings.telemetry.layer();
    #[cfg(not(feature = "otlp"))]
    let exported = None::<tracing_subscriber::layer::Identity>;
    // This fails if the application has installed its own subscriber, which then stays in use.
    let _ = registry()
        .with(shown)
        .with(crate::layer())
        .with(exported)
        .with(matches!(command, Command::Bench(_)).then(crate::bench::statement_counter))
        .try_init();
    Ok(())
}

/// The filter in a variable, if it is set.
fn filter_of(variable: &str) -> Result<Option<EnvFilter>, String> {
    match std::env::var_os(variable).map(OsString::into_string) {
        None => Ok(None),
        Some(Err(_)) => Err(format!("the value of {variable} is not UTF-8.")),
        Some(Ok(text)) if text.trim().is_empty() => Ok(None),
        Some(Ok(text)) => parse_filter(text.trim())
            .map(Some)
            .map_err(|reason| format!("{variable}: {reason}")),
    }
}

/// Parses a filter: `info`, `warn,my_jobs=debug`. A misspelt level would be taken for a target, and
/// silence everything else.
fn parse_filter(text: &str) -> Result<EnvFilter, String> {
    let words: Vec<_> = text.split(',').map(str::trim).collect();
    for word in &words {
        let is_level = LEVELS.iter().any(|level| level.eq_ignore_ascii_case(word));
        if !is_level && let Some(level) = near_level(word) {
            return Err(format!("`{word}` is no level, did you mean `{level}`?"));
        }
    }
    // A number from 0 to 5 is a level, too. Any other single word would show one target alone.
    if let [word] = *words
        && !word.contains(['=', '[', ':', '_'])
        && !LEVELS.iter().any(|level| level.eq_ignore_ascii_case(word))
        && word.parse::<u8>().is_err()
    {
        return Err(format!(
            "`{word}` is no level: write one of {}, or `{word}=debug` for the target {word}.",
            LEVELS.join(", ")
        ));
    }
    EnvFilter::try_new(text).map_err(|error| {
        format!(
            "`{text}` is no filter ({error}): write a level, as in `debug`, or `my_jobs=debug`."
        )
    })
}

/// The level that a word probably means.
fn near_level(word: &str) -> Option<&'static str> {
    match &*word.to_lowercase() {
        "warning" => Some("warn"),
        "verbose" | "all" => Some("trace"),
        "none" | "quiet" | "silent" => Some("off"),
        word => nearest(word, LEVELS),
    }
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
struct PrintableFields;

impl PrintableFields {
    fn text<R: RecordFields>(fields: R) -> Result<String, fmt::Error> {
        let mut text = String::new();
        let mut visitor = DefaultVisitor::new(Writer::new(&mut text), true);
        fields.record(&mut ShownVisitor(&mut visitor));
        visitor.finish()?;
        Ok(printable::line(&text).into_owned())
    }
}

impl<'writer> FormatFields<'writer> for PrintableFields {
    fn format_fields<R: RecordFields>(
        &self,
        mut writer: Writer<'writer>,
        fields: R,
    ) -> fmt::Result {
        writer.write_str(&Self::text(fields)?)
    }

    fn add_fields(
        &self,
        current: &'writer mut FormattedFields<Self>,
        fields: &Record<'_>,
    ) -> fmt::Result {
        let text = Self::text(fields)?;
        if !text.is_empty() && !current.fields.is_empty() {
            current.fields.push(' ');
        }
        current.fields.push_str(&text);
        Ok(())
    }
}

/// Leaves out the fields that only the export over OTLP reads.
struct ShownVisitor<'v>(&'v mut dyn Visit);

impl ShownVisitor<'_> {
    fn shows(field: &Field) -> bool {
        !field.name().starts_with("otel.")
    }
}

impl Visit for ShownVisitor<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if Self::shows(field) {
            self.0.record_debug(field, value);
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if Self::shows(field) {
            self.0.record_str(field, value);
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.0.record_error(field, value);
    }
}

#[cfg(test)]
mod tests {
    use super::parse_filter;

    #[test]
    fn misspelt_levels_are_rejected() {
        for text in [
            "info",
            "WARN",
            "warn,my_jobs=debug",
            "my_jobs",
            "off",
            "my::path=trace",
        ] {
            assert!(parse_filter(text).is_ok(), "{text}");
        }
        for (text, hint) in [
            ("inof", "`info`"),
            ("debgu", "`debug`"),
            ("my_jobs=loud", "is no filter"),
        ] {
            let error = parse_filter(text).err().unwrap_or_default();
            assert!(error.contains(hint), "{text}: {error}");
        }
    }
}
