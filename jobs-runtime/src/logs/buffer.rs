//! The log buffer of one attempt: the lines that the store has not acknowledged.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jobs::Clock;

use super::visit::Visited;
use crate::clock::timestamp;
use crate::store::{LogLevel, LogLine};

/// The most lines of an attempt. One more line says that the log was cut.
pub(crate) const MAX_LINES: u32 = 1_000;

/// The most bytes of messages, targets and fields of an attempt.
pub(crate) const MAX_BYTES: usize = 256 * 1024;

/// The target of the line that ends a full log.
const TARGET: &str = "jobs_runtime::logs";

/// Collects the lines of an attempt. It never waits for the store, and keeps a line until the store
/// has acknowledged it.
pub(crate) struct LogBuffer {
    clock: Arc<dyn Clock>,
    /// The buffer takes no more lines: the attempt has ended or a limit is reached.
    closed: AtomicBool,
    lines: Mutex<Lines>,
}

#[derive(Default)]
struct Lines {
    /// Lines that are not acknowledged, in order.
    waiting: Vec<Arc<LogLine>>,
    /// The number of lines so far, acknowledged ones included.
    count: u32,
    bytes: usize,
}

impl LogBuffer {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            closed: AtomicBool::new(false),
            lines: Mutex::default(),
        }
    }

    /// True if another line would be dropped, so that it need not be built.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Adds a line. If a limit is exceeded, adds the closing line instead and closes the buffer.
    pub(super) fn push(&self, level: LogLevel, target: &str, visited: Visited) {
        let mut lines = self.lines();
        if self.is_closed() {
            return;
        }
        let fields = visited.fields();
        let bytes =
            target.len() + visited.message.len() + fields.as_ref().map_or(0, |f| f.get().len());
        lines.bytes += bytes;
        let line = LogLine {
            line: 0,
            // Read under the lock, so that the times of the lines are in order.
            at: timestamp(&*self.clock),
            level,
            target: target.to_owned(),
            message: visited.message,
            fields,
        };
        if lines.count < MAX_LINES && lines.bytes <= MAX_BYTES {
            lines.add(line);
            return;
        }
        self.closed.store(true, Ordering::Relaxed);
        lines.add(LogLine {
            level: LogLevel::Warn,
            target: TARGET.to_owned(),
            message: format!(
                "the log of this attempt ends here: the limits are {MAX_LINES} lines and {} KiB",
                MAX_BYTES / 1024
            ),
            fields: None,
            ..line
        });
    }

    /// The lines that the store has not acknowledged.
    pub(crate) fn waiting(&self) -> Vec<Arc<LogLine>> {
        self.lines().waiting.clone()
    }

    /// Removes the lines up to this number: the store has them.
    pub(crate) fn acknowledge(&self, number: u32) {
        self.lines().waiting.retain(|line| line.line > number);
    }

    /// Closes the buffer and returns the lines that are left.
    pub(crate) fn close(&self) -> Vec<Arc<LogLine>> {
        let mut lines = self.lines();
        self.closed.store(true, Ordering::Relaxed);
        std::mem::take(&mut lines.waiting)
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
    fn add(&mut self, line: LogLine) {
        self.count += 1;
        let line = LogLine {
            line: self.count,
            ..line
        };
        self.waiting.push(Arc::new(line));
    }
}

impl fmt::Debug for LogBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogBuffer")
            .field("closed", &self.closed)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemClock;

    fn buffer() -> LogBuffer {
        LogBuffer::new(Arc::new(SystemClock::new()))
    }

    fn log(buffer: &LogBuffer, message: &str) {
        let visited = Visited {
            message: message.to_owned(),
            ..Visited::default()
        };
        buffer.push(LogLevel::Info, "t", visited);
    }

    #[test]
    fn a_full_log_ends_with_a_line_that_says_so() {
        let buffer = buffer();
        for n in 0..2 * MAX_LINES {
            log(&buffer, &n.to_string());
        }
        let lines = buffer.waiting();
        assert_eq!(lines.len(), 1_001);
        assert_eq!(lines[999].message, "999");
        assert_eq!(
            (lines[1_000].line, lines[1_000].level),
            (1_001, LogLevel::Warn)
        );
        assert!(lines[1_000].message.contains("ends here"));
    }

    #[test]
    fn a_log_of_too_many_bytes_ends_too() {
        let buffer = buffer();
        let long = "x".repeat(10_000);
        (0..100).for_each(|_| log(&buffer, &long));
        let lines = buffer.waiting();
        assert_eq!(lines.len(), 27);
        assert!(lines[26].message.contains("ends here"));
        log(&buffer, "");
        assert_eq!(buffer.waiting().len(), 27);
    }

    #[test]
    fn acknowledged_lines_are_removed_and_still_count() {
        let buffer = buffer();
        (0..600).for_each(|_| log(&buffer, "x"));
        buffer.acknowledge(600);
        assert!(buffer.waiting().is_empty());
        (0..600).for_each(|_| log(&buffer, "x"));
        buffer.acknowledge(700);
        let rest = buffer.close();
        assert_eq!((rest[0].line, rest.len()), (701, 301));
        log(&buffer, "too late");
        assert!(buffer.close().is_empty());
    }
}
