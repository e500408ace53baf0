//! Output on standard output and standard error. No other module prints.
//!
//! Results go to standard output. A reader that has read enough (`list | head -1`) ends the command
//! without a message. Notes, errors and the log go to standard error through [`ErrorStream`], which
//! never makes work wait. Every text passes [`printable`] on its way.

use std::io::{ErrorKind, IsTerminal, stderr, stdout};
use std::time::Duration;

use serde::Serialize;

use super::error_stream::{ErrorStream, write_all};
use super::failure::Failure;
use super::logging::program_line;
use super::printable;

/// The longest time that the end of the program waits for the reader of standard error.
const FLUSH: Duration = Duration::from_secs(2);

/// Prints results to standard output, as text or JSON, and notes and errors to standard error.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    pub(super) json: bool,
    errors: &'static ErrorStream,
}

impl Output {
    /// Starts the thread of standard error.
    pub(super) fn start() -> std::io::Result<Self> {
        let errors = ErrorStream::start()?;
        Ok(Self {
            json: false,
            errors,
        })
    }

    /// The same output with results as JSON, or as text.
    pub(super) fn with_json(self, json: bool) -> Self {
        Self { json, ..self }
    }

    /// Prints the result of a command: as one JSON document, or as the text that `to_text` makes.
    ///
    /// # Errors
    /// The result cannot be written. A reader that has ended is no error: the command has done its
    /// work.
    pub(super) fn result<T: Serialize>(
        self,
        value: &T,
        to_text: impl FnOnce(&T) -> String,
    ) -> Result<(), Failure> {
        let written = if self.json {
            let document = serde_json::to_string_pretty(value);
            print(&printable::json(&document.map_err(not_json)?))
        } else {
            print(&printable::text(&to_text(value)))
        };
        match written {
            Err(Failure::OutputClosed) => Ok(()),
            written => written,
        }
    }

    /// Prints a line of a streamed result: as JSON on one line, or as the text of `to_text`.
    ///
    /// # Errors
    /// The line cannot be written, or the reader has ended.
    pub(super) fn line<T: Serialize>(
        self,
        value: &T,
        to_text: impl FnOnce(&T) -> String,
    ) -> Result<(), Failure> {
        if self.json {
            let document = serde_json::to_string(value);
            print(&printable::json(&document.map_err(not_json)?))
        } else {
            print(&printable::line(&to_text(value)))
        }
    }

    /// Prints a view in the place of the one before it on a terminal, and below it elsewhere. JSON
    /// is one line.
    ///
    /// # Errors
    /// The view cannot be written, or the reader has ended.
    pub(super) fn screen<T: Serialize>(
        self,
        value: &T,
        to_text: impl FnOnce(&T) -> String,
    ) -> Result<(), Failure> {
        if self.json {
            return self.line(value, |_| String::new());
        }
        let text = printable::text(&to_text(value)).into_owned();
        if !stdout().is_terminal() || !self.is_interactive() {
            return print(&format!("\n{text}"));
        }
        // To the upper left corner; each line to its end; then what is below.
        let lines: String = text.lines().map(|line| format!("{line}\x1b[K\n")).collect();
        print(&format!("\x1b[H{lines}\x1b[J"))
    }

    /// Prints the message of the command line's parser: help to standard output, errors to standard
    /// error.
    pub(super) fn parser_message(self, message: &clap::Error) -> Result<(), Failure> {
        let text = message.render().to_string();
        if message.use_stderr() {
            self.note(text.trim_end());
            return Ok(());
        }
        self.help(&text)
    }

    /// Prints help to standard output.
    pub(super) fn help(self, text: &str) -> Result<(), Failure> {
        match print(&printable::text(text)) {
            Err(Failure::OutputClosed) => Ok(()),
            written => written,
        }
    }

    /// Prints a note to standard error.
    pub(super) fn note(self, text: &str) {
        self.note_at("INFO", text);
    }

    /// Prints a note that stands in a log of JSON with this level.
    pub(super) fn note_at(self, level: &str, text: &str) {
        if self.errors.is_json() {
            self.errors.push(&program_line(level, text.trim()));
        } else {
            self.errors.push(&format!("{}\n", printable::text(text)));
        }
    }

    /// Prints a failure, unless the command has printed it.
    pub(super) fn failure(self, failure: &Failure) {
        match failure {
            Failure::FailedReported | Failure::UsageReported | Failure::OutputClosed => {}
            failure => {
                // The message may quote a text of several lines.
                let text = failure.to_string().replace('\n', "\n  ");
                self.note_at("ERROR", &format!("error: {text}"));
            }
        }
    }

    /// Shows a line below all others on a terminal, until it is changed. An empty text removes it.
    pub(super) fn status(self, text: &str) {
        self.errors.set_status(&printable::line(text));
    }

    /// The stream for the program's log, whose lines are printable already.
    pub(super) fn errors(self) -> &'static ErrorStream {
        self.errors
    }

    /// Waits for the reader of standard error, at most for two seconds.
    pub(super) fn flush(self) {
        self.errors.flush(FLUSH);
    }

    /// True if standard error is a terminal that moves its cursor. Progress bars need one.
    pub(super) fn is_interactive(self) -> bool {
        stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
    }

    /// True if the log has colours: on a terminal, without `NO_COLOR`.
    pub(super) fn is_coloured(self) -> bool {
        self.is_interactive() && std::env::var_os("NO_COLOR").is_none_or(|it| it.is_empty())
    }
}

/// Writes a printable text and a line break to standard output.
fn print(text: &str) -> Result<(), Failure> {
    let text = format!("{}\n", text.trim_end_matches('\n'));
    write_all(&mut stdout().lock(), text.as_bytes()).map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => Failure::OutputClosed,
        _ => Failure::failed(format!("cannot write to standard output: {error}")),
    })
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn not_json(error: serde_json::Error) -> Failure {
    Failure::failed(format!("the result cannot be shown as JSON: {error}"))
}
