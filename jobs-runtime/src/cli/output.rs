//! The one place that prints.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "printing is what this module is for"
)]

use std::io::{IsTerminal, stderr};

use serde::Serialize;

use super::failure::Failure;

/// Results on standard output, for people or as one JSON document; everything else on standard
/// error.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    pub(super) json: bool,
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Prints a result: as JSON, or as the text that `people` makes of it.
    pub(super) fn result<T: Serialize>(self, value: &T, people: impl FnOnce(&T) -> String) {
        let text = match self.json {
            true => serde_json::to_string_pretty(value).unwrap_or_else(|error| error.to_string()),
            false => people(value),
        };
        println!("{}", text.trim_end_matches('\n'));
    }

    /// Prints one line of a result that goes on: as JSON on a line, or as people read it.
    pub(super) fn line<T: Serialize>(self, value: &T, people: impl FnOnce(&T) -> String) {
        let text = match self.json {
            true => serde_json::to_string(value).unwrap_or_else(|error| error.to_string()),
            false => people(value),
        };
        println!("{text}");
    }

    /// Says something beside the result.
    pub(super) fn say(self, text: &str) {
        eprintln!("{text}");
    }

    pub(super) fn failure(self, failure: &Failure) {
        match failure {
            Failure::Told | Failure::ToldUsage => {}
            failure => eprintln!("error: {failure}"),
        }
    }

    /// Whether somebody watches: progress is drawn for people only.
    pub(super) fn is_watched(self) -> bool {
        stderr().is_terminal()
    }
}
