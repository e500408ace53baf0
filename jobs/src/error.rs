//! How a handler says that it did not succeed.

use std::error::Error;
use std::fmt;
use std::time::Duration;

type BoxError = Box<dyn Error + Send + Sync + 'static>;

/// Why an attempt did not succeed, and what should follow.
///
/// `?` turns every error that converts into a boxed error (standard errors, `anyhow`, `eyre`,
/// strings) into a *retryable* failure: the job's retry list decides about the next attempt. The
/// constructors say something else.
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

/// What a failure asks for; what a runtime matches on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The retry list decides.
    Retry,
    /// Another attempt after this delay, if the budget allows one.
    RetryIn(Duration),
    /// No further attempt can help.
    Permanent,
    /// Not yet: another attempt after this delay, at no cost to the budget.
    Snooze(Duration),
    /// An outside limit was hit: like a snooze, shown as what it is.
    RateLimited(Duration),
    /// The work is no longer wanted.
    Cancel,
    /// The stored payload does not fit the handler's types (after a deploy). Made by the
    /// generated code; fails at once and can be retried by hand after the fix.
    InvalidPayload,
    /// The handler's result could not be turned into JSON. Made by the generated code.
    InvalidResult,
}

impl JobError {
    /// A failure that no retry can mend.
    pub fn permanent(error: impl Into<BoxError>) -> Self {
        Self::new(Verdict::Permanent, error)
    }

    /// A failure that wants its next attempt after `delay` instead of the listed one.
    pub fn retry_in(delay: Duration, error: impl Into<BoxError>) -> Self {
        Self::new(Verdict::RetryIn(delay), error)
    }

    /// Not yet: run again after `delay`, without counting this attempt.
    pub fn snooze(delay: Duration) -> Self {
        Self::new(Verdict::Snooze(delay), "snoozed")
    }

    /// The work is no longer wanted: the execution ends as `cancelled`.
    pub fn cancel(reason: impl Into<BoxError>) -> Self {
        Self::new(Verdict::Cancel, reason)
    }

    /// An outside system asked to wait: run again after `delay`, without counting this attempt.
    pub fn rate_limited(delay: Duration) -> Self {
        Self::new(Verdict::RateLimited(delay), "rate limited")
    }

    /// Whether the job's retry list decides about another attempt.
    pub fn is_retryable(&self) -> bool {
        matches!(self.verdict, Verdict::Retry | Verdict::RetryIn(_))
    }

    /// What the failure asks for.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// The error that caused it.
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
        Self::new(Verdict::Retry, error)
    }
}

/// The message with its causes, outermost first, joined by `: `. This is what is stored.
impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = self.source.to_string();
        f.write_str(&said)?;
        let mut cause = self.source.source();
        while let Some(error) = cause {
            let text = error.to_string();
            // Many errors already quote their cause in their own message.
            if !said.contains(&text) {
                write!(f, ": {text}")?;
                said.push_str(&text);
            }
            cause = error.source();
        }
        Ok(())
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

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] std::num::ParseIntError);

    #[test]
    fn shows_the_causes() {
        let cause = "x".parse::<u8>().expect_err("not a number");
        let error = JobError::from(Outer(cause));
        assert_eq!(error.to_string(), "outer: invalid digit found in string");
        assert_eq!(error.verdict(), Verdict::Retry);
    }
}
