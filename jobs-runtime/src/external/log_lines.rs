//! Log lines of external workers, bounded as those of linked handlers.

use std::sync::Arc;

use serde_json::value::RawValue;

use crate::logs::{MAX_BYTES, MAX_LINES};
use crate::store::{LogLevel, LogLine};
use crate::time::Timestamp;

/// The longest message of a line, in bytes. A longer one is cut.
const MAX_MESSAGE: usize = 16 * 1024;

/// The target of lines that name none.
const TARGET: &str = "worker";

/// A line, as a worker reports it.
#[derive(Clone, Debug)]
pub(crate) struct ReportedLine {
    /// The number of the line in its attempt, from 1. A line that is sent again has its number.
    pub(crate) line: u32,
    pub(crate) at: Option<Timestamp>,
    pub(crate) level: LogLevel,
    pub(crate) target: Option<String>,
    pub(crate) message: String,
    pub(crate) fields: Option<Box<RawValue>>,
}

/// The bytes of an attempt's log so far, and whether it is full.
#[derive(Debug, Default)]
pub(super) struct LogLimit {
    /// The highest number of a line so far.
    last: u32,
    bytes: usize,
    is_full: bool,
}

impl LogLimit {
    /// Converts reported lines to stored ones. Lines beyond the limits are dropped; one line says
    /// so. Lines that are sent again count once.
    pub(super) fn take(
        &mut self,
        reported: Vec<ReportedLine>,
        now: Timestamp,
    ) -> Vec<Arc<LogLine>> {
        let mut lines = Vec::with_capacity(reported.len());
        for one in reported {
            let is_new = one.line > self.last;
            if is_new && self.is_full {
                continue;
            }
            let mut line = stored(one, now);
            if is_new {
                self.last = line.line;
                self.bytes += line.message.len() + line.target.len();
                self.bytes += line.fields.as_ref().map_or(0, |fields| fields.get().len());
                if line.line > MAX_LINES || self.bytes > MAX_BYTES {
                    self.is_full = true;
                    line = LogLine {
                        line: line.line.min(MAX_LINES + 1),
                        level: LogLevel::Warn,
                        target: "jobs_runtime::logs".to_owned(),
                        message: format!(
                            "the log of this attempt ends here: the limits are {MAX_LINES} lines \
                             and {} KiB",
                            MAX_BYTES / 1024
                        ),
                        fields: None,
                        ..line
                    };
                }
            }
            lines.push(Arc::new(line));
        }
        lines
    }
}

fn stored(reported: ReportedLine, now: Timestamp) -> LogLine {
    let mut message = reported.message;
    if message.len() > MAX_MESSAGE {
        message.truncate(message.floor_char_boundary(MAX_MESSAGE));
        message.push('…');
    }
    LogLine {
        line: reported.line,
        at: reported.at.unwrap_or(now),
        level: reported.level,
        target: reported.target.unwrap_or_else(|| TARGET.to_owned()),
        message,
        fields: reported.fields,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000);

    fn line(line: u32, message: &str) -> ReportedLine {
        ReportedLine {
            line,
            at: None,
            level: LogLevel::Info,
            target: None,
            message: message.to_owned(),
            fields: None,
        }
    }

    #[test]
    fn a_full_log_ends_with_a_line_that_says_so() {
        let mut limit = LogLimit::default();
        let many = (1..=MAX_LINES + 10).map(|n| line(n, "x")).collect();
        let lines = limit.take(many, NOW);
        assert_eq!(lines.len(), MAX_LINES as usize + 1);
        assert!(lines[MAX_LINES as usize].message.contains("ends here"));
        assert!(limit.take(vec![line(2_000, "late")], NOW).is_empty());
    }

    #[test]
    fn a_log_of_too_many_bytes_ends_and_a_repeated_line_counts_once() {
        let mut limit = LogLimit::default();
        let long = "x".repeat(10_000);
        for _ in 0..100 {
            assert_eq!(limit.take(vec![line(1, &long)], NOW).len(), 1);
        }
        let many = (2..100).map(|n| line(n, &long)).collect();
        let lines = limit.take(many, NOW);
        assert_eq!(lines.len(), 26);
        assert!(lines[25].message.contains("ends here"));
    }
}
