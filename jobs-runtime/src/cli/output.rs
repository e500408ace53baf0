//! Output on standard output and standard error. No other module prints.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "all output of the program goes through this module"
)]

use std::io::{IsTerminal, stderr};

use serde::Serialize;

use super::failure::Failure;

/// Prints results to standard output, as text or JSON, and notes and errors to standard error.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    pub(super) json: bool,
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Prints the result of a command: as one JSON document, or as the text that `to_text` makes.
    pub(super) fn result<T: Serialize>(self, value: &T, to_text: impl FnOnce(&T) -> String) {
        let text = if self.json {
            serde_json::to_string_pretty(value).unwrap_or_else(|error| error.to_string())
        } else {
            to_text(value)
        };
        println!("{}", text.trim_end_matches('\n'));
    }

    /// Prints a line of a streamed result: as JSON on one line, or as the text of `to_text`.
    pub(super) fn line<T: Serialize>(self, value: &T, to_text: impl FnOnce(&T) -> String) {
        let text = if self.json {
            serde_json::to_string(value).unwrap_or_else(|error| error.to_string())
        } else {
            to_text(value)
        };
        println!("{text}");
    }

    /// Prints a note to standard error.
    pub(super) fn note(self, text: &str) {
        eprintln!("{text}");
    }

    /// Prints a failure, unless the command has printed it.
    pub(super) fn failure(self, failure: &Failure) {
        match failure {
            Failure::FailedReported | Failure::UsageReported => {}
            failure => eprintln!("error: {failure}"),
        }
    }

    /// True if standard error is a terminal. Progress bars are drawn only there.
    pub(super) fn is_interactive(self) -> bool {
        stderr().is_terminal()
    }
}
