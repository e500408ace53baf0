//! Standard error, written by a thread of its own.
//!
//! A reader of standard error may pause, end, or have no room. Work must go on, so that a writer of
//! a line never waits: the line joins a bounded queue, and the thread writes it. Lines beyond the
//! bound are dropped. So are lines that cannot be written. The next line that is written is
//! preceded or followed by the number of dropped ones.

use std::io::{self, ErrorKind, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::logging::program_line;

/// The most bytes that wait.
const MAX_BYTES: usize = 1024 * 1024;

/// The pause before the next write to a stream that another program has made non-blocking.
const RETRY: Duration = Duration::from_millis(10);

/// Clears the line of the cursor.
const CLEAR: &str = "\r\u{1b}[K";

/// The queue of lines for standard error.
#[derive(Debug, Default)]
pub(super) struct ErrorStream {
    state: Mutex<State>,
    changed: Condvar,
    /// Every line is a JSON object.
    is_json: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    /// Whole lines that wait.
    lines: String,
    /// The lines dropped since the thread took `lines`.
    dropped: u64,
    /// The last line of a terminal, which is redrawn after other lines.
    status: String,
    /// The status line that the terminal shows.
    drawn: String,
    is_writing: bool,
}

impl ErrorStream {
    /// Starts the thread. The stream lives as long as the process.
    pub(super) fn start() -> io::Result<&'static Self> {
        let stream: &'static Self = Box::leak(Box::default());
        std::thread::Builder::new()
            .name("jobs-stderr".to_owned())
            .spawn(|| stream.write_lines(&mut io::stderr()))?;
        Ok(stream)
    }

    /// Lets every further line be a JSON object.
    pub(super) fn write_json(&self) {
        self.is_json.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_json(&self) -> bool {
        self.is_json.load(Ordering::Relaxed)
    }

    /// Adds a text of whole lines. Never waits for the reader.
    pub(super) fn push(&self, text: &str) {
        let mut state = self.state();
        // After a dropped line, later ones are dropped too, so that the number stands in its place.
        if state.dropped > 0 || state.lines.len() + text.len() > MAX_BYTES {
            state.dropped += count_lines(text);
            return;
        }
        state.lines.push_str(text);
        if !text.ends_with('\n') {
            state.lines.push('\n');
        }
        self.changed.notify_all();
    }

    /// Shows a status line below all other lines of a terminal. An empty one removes it.
    pub(super) fn set_status(&self, status: &str) {
        status.clone_into(&mut self.state().status);
        self.changed.notify_all();
    }

    /// Waits until all lines are written, at most for `limit`.
    pub(super) fn flush(&self, limit: Duration) {
        let waits = |state: &mut State| state.is_writing || state.has_work();
        let waited = self.changed.wait_timeout_while(self.state(), limit, waits);
        drop(waited);
    }

    /// Writes lines as they come, for ever.
    fn write_lines(&self, target: &mut impl Write) {
        let mut lost = 0;
        loop {
            let mut state = self.state();
            while !state.has_work() {
                state = self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            state.is_writing = true;
            let lines = std::mem::take(&mut state.lines);
            let dropped = std::mem::take(&mut state.dropped);
            let status = state.status.clone();
            let was_drawn = std::mem::replace(&mut state.drawn, status.clone());
            drop(state);

            let mut text = String::new();
            if !was_drawn.is_empty() {
                text.push_str(CLEAR);
            }
            text.push_str(&notice(lost));
            text.push_str(&lines);
            let notice = notice(dropped);
            text.push_str(&if self.is_json() && !notice.is_empty() {
                program_line("WARN", notice.trim_end())
            } else {
                notice
            });
            text.push_str(&status);
            lost = match write_all(target, text.as_bytes()) {
                Ok(()) => 0,
                // The error cannot be reported anywhere.
                Err(_) => lost + count_lines(&lines) + dropped,
            };

            self.state().is_writing = false;
            self.changed.notify_all();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn has_work(&self) -> bool {
        !self.lines.is_empty() || self.status != self.drawn
    }
}

fn count_lines(text: &str) -> u64 {
    u64::try_from(text.lines().count()).unwrap_or(u64::MAX)
}

/// The line about dropped lines, if there are any.
fn notice(dropped: u64) -> String {
    match dropped {
        0 => String::new(),
        1 => "1 line of this log was dropped: it could not be written\n".to_owned(),
        count => format!("{count} lines of this log were dropped: they could not be written\n"),
    }
}

/// Writes all bytes. Waits for a stream that another program has made non-blocking.
pub(super) fn write_all(target: &mut impl Write, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match target.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(RETRY),
            Err(error) => return Err(error),
        }
    }
    target.flush()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Sends what is written, after the permission that a test gives.
    struct Reader {
        permits: mpsc::Receiver<bool>,
        written: mpsc::Sender<String>,
    }

    impl Write for Reader {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if !self.permits.recv().unwrap_or(false) {
                return Err(ErrorKind::StorageFull.into());
            }
            let text = String::from_utf8_lossy(bytes).into_owned();
            self.written.send(text).map_err(|_| ErrorKind::BrokenPipe)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn start() -> (
        &'static ErrorStream,
        mpsc::Sender<bool>,
        mpsc::Receiver<String>,
    ) {
        let stream: &'static ErrorStream = Box::leak(Box::default());
        let (permit, permits) = mpsc::channel();
        let (written, texts) = mpsc::channel();
        std::thread::spawn(|| stream.write_lines(&mut Reader { permits, written }));
        (stream, permit, texts)
    }

    fn wait_until_taken(stream: &ErrorStream) {
        while !stream.state().is_writing {
            std::thread::yield_now();
        }
    }

    #[test]
    fn lines_beyond_the_bound_are_dropped_and_counted() {
        let (stream, permit, texts) = start();
        stream.push("first\n");
        wait_until_taken(stream);
        // The reader has paused. The queue fills up; no call waits.
        let long = "x".repeat(MAX_BYTES / 2 - 1);
        stream.push(&format!("{long}\n"));
        stream.push(&format!("{long}\n"));
        stream.push("third\n");
        stream.push("fourth\n");
        for _ in 0..2 {
            permit.send(true).expect("the thread runs");
        }
        assert_eq!(texts.recv().expect("a write"), "first\n");
        let rest = texts.recv().expect("a write");
        let last = rest.lines().last();
        let notice = "2 lines of this log were dropped: they could not be written";
        assert_eq!(last, Some(notice));
        assert_eq!(rest.lines().count(), 3);
    }

    #[test]
    fn lines_that_cannot_be_written_are_counted() {
        let (stream, permit, texts) = start();
        permit.send(false).expect("the thread runs");
        stream.push("no room\n");
        stream.flush(Duration::from_secs(60));
        permit.send(true).expect("the thread runs");
        stream.push("room again");
        let notice = "1 line of this log was dropped: it could not be written";
        assert_eq!(
            texts.recv().expect("a write"),
            format!("{notice}\nroom again\n")
        );
    }

    #[test]
    fn a_status_line_stays_below_the_other_lines() {
        let (stream, permit, texts) = start();
        for _ in 0..3 {
            permit.send(true).expect("the thread runs");
        }
        stream.set_status("[##  ]");
        assert_eq!(texts.recv().expect("a write"), "[##  ]");
        stream.push("a line\n");
        assert_eq!(
            texts.recv().expect("a write"),
            format!("{CLEAR}a line\n[##  ]")
        );
        stream.set_status("");
        assert_eq!(texts.recv().expect("a write"), CLEAR);
    }

    #[test]
    fn a_flush_ends_while_the_reader_pauses() {
        let (stream, _permit, _texts) = start();
        stream.push("never read\n");
        stream.flush(Duration::from_millis(20));
        assert!(stream.state().is_writing);
    }
}
