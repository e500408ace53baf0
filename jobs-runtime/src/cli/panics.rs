//! The panic hook of the program: panic messages go to the log.
//!
//! The hook of the standard library writes to standard error itself. It would wait for a paused
//! reader on the thread of a handler, and print control sequences of the message.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::{PanicHookInfo, set_hook};

use super::output::Output;
use super::printable;

/// Sets the hook. It replaces a hook that the application set before.
pub(super) fn install(output: Output) {
    set_hook(Box::new(move |info| {
        let mut text = describe(info);
        let backtrace = Backtrace::capture();
        if backtrace.status() == BacktraceStatus::Captured {
            text.push_str(&format!("\n{backtrace}"));
        }
        output.note_at("ERROR", &text);
    }));
}

/// Formats a panic as one line: `` thread `main` panicked at src/jobs.rs:7:9: out of bounds ``.
fn describe(info: &PanicHookInfo<'_>) -> String {
    let thread = std::thread::current();
    let thread = printable::line(thread.name().unwrap_or("?"));
    let message = printable::line(info.payload_as_str().unwrap_or("a value that is no text"));
    match info.location() {
        Some(at) => format!("thread `{thread}` panicked at {at}: {message}"),
        None => format!("thread `{thread}` panicked: {message}"),
    }
}
