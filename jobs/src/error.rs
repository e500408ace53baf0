//! The error of a handler: its message, and the follow-up that it asks for.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::client::verdict_of_child;
use crate::{ResultError, guard};

type BoxError = Box<dyn Error + Send + Sync + 'static>;

/// The error of a handler, and the follow-up that it asks for.
///
/// `?` turns every error that converts into a boxed error (standard errors, `anyhow`, `eyre`,
/// strings) into a *retryable* failure: the job's retry list decides about the next attempt. The
/// constructors ask for another follow-up. So does the [`ResultError`] of a child that failed for
/// good: the parent fails for good as well.
///
/// ```
/// use jobs::JobError;
///
/// fn parse(line: &str) -> Result<u32, JobError> {
///     if line.is_empty() {
///         return Err(JobError::permanent("an empty line never becomes a number"));
///     }
///     Ok(line.parse()?)
/// }
/// assert!(parse("7").is_ok());
/// assert!(!parse("").unwrap_err().is_retryable());
/// assert!(parse("x").unwrap_err().is_retryable());
/// ```
// Deliberately not an `std::error::Error`: the blanket conversion below would overlap with
// `From<T> for T`.
pub struct JobError {
    verdict: Verdict,
    source: BoxError,
}

/// The follow-up that an error asks for; for runtimes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// Decide by the retry list.
    Retry,
    /// Run again after this delay, if the retry budget allows another attempt.
    RetryIn(Duration),
    /// Fail for good: no further attempt can help.
    Permanent,
    /// Run again after this delay, without spending the retry budget.
    Snooze(Duration),
    /// Like [`Snooze`](Self::Snooze), because an outside system asked to slow down.
    RateLimited(Duration),
    /// End the execution as cancelled: the work is no longer wanted.
    Cancel,
    /// Fail at once: the stored payload does not fit the handler's types, for example after a
    /// deploy. An operator can retry the execution after the fix. Made by the generated code.
    InvalidPayload,
    /// Fail: the handler's result cannot be serialised. Made by the generated code.
    InvalidResult,
}

impl JobError {
    /// A failure that no further attempt can fix.
    pub fn permanent(error: impl Into<BoxError>) -> Self {
        Self::new(Verdict::Permanent, error)
    }

    /// A failure with a retry delay of its own instead of the listed one.
    pub fn retry_in(delay: Duration, error: impl Into<BoxError>) -> Self {
        Self::new(Verdict::RetryIn(delay), error)
    }

    /// A request to run again after `delay`, without spending the retry budget. The runtime waits
    /// for at least one second.
    pub fn snooze(delay: Duration) -> Self {
        Self::new(Verdict::Snooze(delay), "snoozed")
    }

    /// A cancellation: the work is no longer wanted, and the execution ends as `cancelled`.
    pub fn cancel(reason: impl Into<BoxError>) -> Self {
        Self::new(Verdict::Cancel, reason)
    }

    /// A request to run again after `delay`, because an outside system asked to slow down.
    ///
    /// Spends no retry budget. The runtime waits for at least one second and at most 24 hours, and
    /// pauses the rate limits that the attempt has used.
    pub fn rate_limited(delay: Duration) -> Self {
        Self::new(Verdict::RateLimited(delay), "rate limited")
    }

    /// Returns `true` for a failure that the retry budget decides about.
    pub fn is_retryable(&self) -> bool {
        matches!(self.verdict, Verdict::Retry | Verdict::RetryIn(_))
    }

    /// The follow-up that the error asks for.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// The underlying error.
    pub fn source(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.source
    }

    pub(crate) fn new(verdict: Verdict, error: impl Into<BoxError>) -> Self {
        Self {
            verdict,
            source: error.into(),
        }
    }
}

impl<E: Into<BoxError>> From<E> for JobError {
    fn from(error: E) -> Self {
        let source = error.into();
        let of_child = guard::find_in_causes(&*source, verdict_of_child_in);
        Self {
            verdict: of_child.unwrap_or(Verdict::Retry),
            source,
        }
    }
}

/// The follow-up of an error that says how a child ended. A wrapper such as `anyhow::Error` hides
/// the type of the error in it, but not that of its cause.
fn verdict_of_child_in(error: &(dyn Error + 'static)) -> Option<Verdict> {
    let result = error.downcast_ref().map(ResultError::verdict);
    result.or_else(|| error.downcast_ref().map(verdict_of_child))
}

/// Writes the message and its causes, outermost first, joined by `: `. Stores keep this text. It is
/// bounded in length, and a message that panics or fails is replaced by a note.
impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&guard::error_text(&*self.source))
    }
}

impl fmt::Debug for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobError")
            .field("verdict", &self.verdict)
            .field("source", &self.source)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ErrorKind, ExecutionError};

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] std::num::ParseIntError);

    #[test]
    fn display_includes_the_causes() {
        let cause = "x".parse::<u8>().expect_err("not a number");
        let error = JobError::from(Outer(cause));
        assert_eq!(error.to_string(), "outer: invalid digit found in string");
        assert_eq!(error.verdict(), Verdict::Retry);
    }

    #[derive(Debug, thiserror::Error)]
    #[error(transparent)]
    struct Wrapped(ResultError);

    #[test]
    fn a_child_that_failed_for_good_is_found_in_other_errors() {
        let failed = |kind| {
            let message = "no such order".to_owned();
            ResultError::Failed(ExecutionError { kind, message })
        };
        let permanent = JobError::from(Wrapped(failed(ErrorKind::Permanent)));
        assert_eq!(permanent.verdict(), Verdict::Permanent);
        assert_eq!(
            permanent.to_string(),
            "the execution failed: no such order (permanent)"
        );
        // The child of a child says it once, too.
        let parent = ExecutionError {
            kind: ErrorKind::Permanent,
            message: permanent.to_string(),
        };
        assert_eq!(parent.to_string(), permanent.to_string());
        let grandparent = JobError::from(ResultError::Failed(parent));
        assert_eq!(grandparent.to_string(), permanent.to_string());
        let retried = JobError::from(Wrapped(failed(ErrorKind::TimedOut)));
        assert_eq!(retried.verdict(), Verdict::Retry);
    }
}
