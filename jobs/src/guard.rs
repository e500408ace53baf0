//! Guards around code of applications: messages, destructors and panics of foreign types.
//!
//! A runtime formats and drops errors whose `Display`, `source` and `Drop` it did not write. Each
//! of them may panic, fail, recurse deeply or never end. The functions here turn such an error into
//! text, bounded in depth and length. A caller that needs a bound in time runs them on a thread
//! that it does not wait for.

use std::any::Any;
use std::error::Error;
use std::fmt::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::JobError;
use crate::error::Verdict;

/// The longest text kept of an error or a panic, in bytes.
const MAX_TEXT: usize = 16 * 1024;

/// The most causes that the text of an error names.
const MAX_CAUSES: usize = 64;

/// The depth from which a chain of causes is formatted and dropped on a thread of its own: both
/// recurse in most error types.
const DEEP_CHAIN: usize = 256;

/// The stack of that thread in bytes. The system provides only the part that is used.
const DEEP_STACK: usize = 256 * 1024 * 1024;

/// The longest chain that is formatted by its own code and dropped. A longer one is leaked.
const LONGEST_CHAIN: usize = 100_000;

/// The panics of destructors of one panic payload after which the payload is leaked.
const MAX_DROP_PANICS: usize = 3;

/// The parts of a handler's error that a runtime keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorReport {
    /// The follow-up that the error asks for.
    pub verdict: Verdict,
    /// The message and its causes, as [`JobError`] displays them.
    pub message: String,
}

impl ErrorReport {
    /// Reads an error and drops it. Runs the application's code on this thread, or on another one
    /// that this thread waits for.
    pub fn read(error: JobError) -> Self {
        let verdict = error.verdict();
        let message = match depth(error.source()) {
            Some(0..DEEP_CHAIN) => read_and_drop(error),
            Some(_) => on_deep_stack(move || read_and_drop(error)),
            None => {
                std::mem::forget(error);
                format!("an error with more than {LONGEST_CHAIN} causes")
            }
        };
        Self { verdict, message }
    }
}

/// Calls code of the application. A panic becomes its message.
///
/// # Errors
/// The message of the panic.
pub fn guarded<T>(call: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(call)).map_err(panic_text)
}

/// The message of a panic. Drops the payload, whose destructor may panic again.
pub fn panic_text(payload: Box<dyn Any + Send>) -> String {
    let text = match payload.downcast_ref::<&str>() {
        Some(text) => Some(*text),
        None => payload.downcast_ref::<String>().map(String::as_str),
    };
    let text = text.unwrap_or("a panic with a value that is not text");
    let mut kept = BoundedText::default();
    // An error means that the text is cut, which is its purpose.
    let _ = kept.write_str(text);
    drop_payload(payload);
    kept.finish()
}

/// The message of an error and its causes, outermost first, joined by `: `.
pub fn error_text(error: &(dyn Error + 'static)) -> String {
    let mut text = message(error);
    let mut cause = source(error);
    for _ in 0..MAX_CAUSES {
        let Some(error) = cause else {
            return text;
        };
        let part = message(error);
        // Many errors quote their cause in their own message.
        if !text.contains(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
        if text.len() > MAX_TEXT {
            text.truncate(text.floor_char_boundary(MAX_TEXT));
            break;
        }
        cause = source(error);
    }
    if cause.is_some() {
        text.push('…');
    }
    text
}

fn message(error: &(dyn Error + 'static)) -> String {
    let mut text = BoundedText::default();
    let note = match guarded(|| write!(text, "{error}")) {
        Ok(Ok(())) => None,
        Ok(Err(_)) if text.is_cut => None,
        Ok(Err(_)) => Some("the error cannot be formatted".to_owned()),
        Err(panic) => Some(format!(
            "the error panicked while it was formatted: {panic}"
        )),
    };
    let mut text = text.finish();
    if let Some(note) = note {
        if !text.is_empty() {
            text.push_str(" … ");
        }
        text.push_str(&note);
    }
    text
}

/// The first answer of `find` for an error or one of its causes, outermost first.
pub(crate) fn find_in_causes<T>(
    error: &(dyn Error + 'static),
    find: impl Fn(&(dyn Error + 'static)) -> Option<T>,
) -> Option<T> {
    let mut cause = Some(error);
    for _ in 0..MAX_CAUSES {
        let error = cause?;
        if let Some(found) = find(error) {
            return Some(found);
        }
        cause = source(error);
    }
    None
}

fn source<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    guarded(|| error.source()).unwrap_or_default()
}

/// The number of causes. `None` if there are more than [`LONGEST_CHAIN`].
fn depth(error: &(dyn Error + 'static)) -> Option<usize> {
    let mut cause = source(error);
    for depth in 0..=LONGEST_CHAIN {
        match cause {
            Some(error) => cause = source(error),
            None => return Some(depth),
        }
    }
    None
}

fn read_and_drop(error: JobError) -> String {
    let text = error_text(error.source());
    match guarded(|| drop(error)) {
        Ok(()) => text,
        Err(panic) => format!("{text} … the error panicked while it was dropped: {panic}"),
    }
}

/// Runs `read` on a thread with room for deep recursion.
fn on_deep_stack(read: impl FnOnce() -> String + Send) -> String {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(DEEP_STACK);
        match thread.spawn_scoped(scope, read) {
            Ok(thread) => thread.join().unwrap_or_else(panic_text),
            Err(error) => format!("an error whose causes need a thread of their own: {error}"),
        }
    })
}

fn drop_payload(mut payload: Box<dyn Any + Send>) {
    for _ in 0..MAX_DROP_PANICS {
        match catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            Ok(()) => return,
            Err(next) => payload = next,
        }
    }
    std::mem::forget(payload);
}

/// A text of at most [`MAX_TEXT`] bytes. Writing more is an error, which ends most formatting.
#[derive(Default)]
struct BoundedText {
    text: String,
    is_cut: bool,
}

impl BoundedText {
    fn finish(mut self) -> String {
        if self.is_cut {
            self.text.push('…');
        }
        self.text
    }
}

impl Write for BoundedText {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let room = MAX_TEXT - self.text.len();
        self.is_cut |= part.len() > room;
        self.text.push_str(&part[..part.floor_char_boundary(room)]);
        if self.is_cut { Err(fmt::Error) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An error with a number of causes, each with the same message as its cause.
    #[derive(Debug)]
    struct Nested(Option<Box<Nested>>);

    impl fmt::Display for Nested {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            match &self.0 {
                Some(cause) => cause.fmt(f),
                None => f.write_str("the root"),
            }
        }
    }

    impl Error for Nested {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.0.as_deref().map(|cause| cause as &dyn Error)
        }
    }

    fn nested(causes: usize) -> Nested {
        (0..causes).fold(Nested(None), |cause, _| Nested(Some(Box::new(cause))))
    }

    #[test]
    fn a_deep_chain_is_read_and_dropped_on_a_stack_of_its_own() {
        for causes in [0, 10, 50_000] {
            let report = ErrorReport::read(JobError::from(nested(causes)));
            assert!(report.message.starts_with("the root"), "{report:?}");
        }
    }

    /// Its source is itself, its message has no end, and dropping it panics.
    #[derive(Debug)]
    struct Endless;

    impl fmt::Display for Endless {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            loop {
                f.write_str("and so on, ")?;
            }
        }
    }

    impl Error for Endless {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(self)
        }
    }

    #[test]
    fn endless_messages_and_causes_are_cut() {
        let text = error_text(&Endless);
        assert!(text.len() <= MAX_TEXT + 8, "{} bytes", text.len());
        let report = ErrorReport::read(JobError::from(Endless));
        assert!(report.message.contains("100000 causes"), "{report:?}");
    }

    /// Panics whenever it is dropped, with itself as the payload.
    struct PanicsAgain;

    impl Drop for PanicsAgain {
        fn drop(&mut self) {
            std::panic::resume_unwind(Box::new(PanicsAgain));
        }
    }

    #[test]
    fn a_payload_that_panics_while_it_is_dropped_is_leaked() {
        let caught = guarded(|| std::panic::resume_unwind(Box::new(PanicsAgain)));
        assert_eq!(
            caught.map(|never: ()| never),
            Err("a panic with a value that is not text".to_owned())
        );
    }
}
