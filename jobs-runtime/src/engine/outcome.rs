//! The outcome of an attempt, and the retry delay (backoff) before the next one.
//!
//! [`decide`] is the only code that decides about retries. It decides for attempts that ended in
//! this worker and for those of a lost worker. Its input is the [`Exit`] of the attempt and the
//! retry policy in the execution's row: the list of retry delays, its jitter and `max_attempts`.
//!
//! | exit | outcome | next |
//! |---|---|---|
//! | returned a result | `succeeded` | final |
//! | returned an error | `failed`, `snoozed` or `cancelled`, by the error | by the error |
//! | panicked, timed out, lost | `panicked`, `timed_out`, `lost` | retry while the budget lasts |
//! | lost for the first time | `lost` | the same, without a delay |
//! | cancelled | `cancelled` | final |
//! | released at shutdown | `released` | ready again, no attempt spent |
//! | unreadable payload, readable elsewhere | `released` | later, no attempt spent |
//! | unreadable row | `failed` | final |

use std::sync::Arc;
use std::time::Duration;

use jobs::runtime::{ErrorReport, Verdict};
use jobs::{AttemptOutcome, ErrorKind, ExecutionError, Progress};

use super::executor::limiter::rate_limit_pause;
use crate::store::{AttemptEnd, ExecutionPolicy, LogLine, Next};
use crate::time::Timestamp;

/// The largest result kept, in bytes.
pub(crate) const RESULT_LIMIT: usize = 1024 * 1024;

/// The longest error message kept, in bytes.
const MESSAGE_LIMIT: usize = 16 * 1024;

/// The shortest snooze. An attempt that spends no budget would otherwise repeat without a pause.
const MIN_SNOOZE: Duration = Duration::from_secs(1);

/// The way in which an attempt ended.
#[derive(Debug)]
pub(crate) enum Exit {
    /// The handler returned. Its error was read and dropped in the attempt's task.
    Returned(Result<String, ErrorReport>),
    /// The handler panicked, with this message.
    Panicked(String),
    /// The handler did not return before its timeout, or it returned this error when the timeout
    /// came close.
    TimedOut {
        limit: Duration,
        error: Option<String>,
    },
    /// The execution was cancelled while the handler ran, and the handler did not succeed. The text
    /// is the handler's error.
    Cancelled(Option<String>),
    /// The attempt's worker was lost: it stopped renewing its session.
    Lost {
        /// An earlier attempt of the execution was lost as well.
        again: bool,
    },
    /// The worker released the execution, at shutdown or because its lease was in doubt.
    Released,
    /// This program cannot read the payload, for the reason in the message. Another program may.
    ReadElsewhere {
        message: String,
        /// The time for which no worker claims the execution.
        delay: Duration,
    },
    /// The execution's row cannot be read, for this reason. The handler was not called.
    Unreadable(String),
}

impl Exit {
    /// The text of the handler in this exit, if there is one.
    pub(crate) fn message_mut(&mut self) -> Option<&mut String> {
        match self {
            Self::Returned(Err(report)) => Some(&mut report.message),
            Self::Panicked(message)
            | Self::ReadElsewhere { message, .. }
            | Self::Unreadable(message) => Some(message),
            Self::TimedOut { error, .. } => error.as_mut(),
            Self::Cancelled(error) => error.as_mut(),
            Self::Returned(Ok(_)) | Self::Lost { .. } | Self::Released => None,
        }
    }

    /// The kind and the message of the exit's error, for the span of the attempt. A snooze, a
    /// cancellation and a release are no errors.
    pub(crate) fn error(&self) -> Option<(&'static str, &str)> {
        let (kind, message) = match self {
            Self::Returned(Err(report)) => {
                let kind = match report.verdict {
                    Verdict::Snooze(_) | Verdict::RateLimited(_) | Verdict::Cancel => return None,
                    Verdict::Permanent => ErrorKind::Permanent,
                    Verdict::InvalidPayload => ErrorKind::InvalidPayload,
                    Verdict::InvalidResult => ErrorKind::InvalidResult,
                    _ => ErrorKind::Failed,
                };
                (kind, report.message.as_str())
            }
            Self::Panicked(message) => (ErrorKind::Panicked, message.as_str()),
            Self::TimedOut { error, .. } => {
                let message = error.as_deref();
                (
                    ErrorKind::TimedOut,
                    message.unwrap_or("the handler did not return in time"),
                )
            }
            Self::Unreadable(reason) => (ErrorKind::Permanent, reason.as_str()),
            Self::Lost { .. } => (ErrorKind::Lost, "its worker stopped renewing the lease"),
            Self::Returned(Ok(_))
            | Self::Cancelled(_)
            | Self::Released
            | Self::ReadElsewhere { .. } => return None,
        };
        Some((kind.as_str(), message))
    }

    /// The pause that the exit imposes on the rate limits of the execution.
    pub(crate) fn rate_limit_pause(&self) -> Option<Duration> {
        match self {
            Self::Returned(returned) => rate_limit_pause(returned),
            _ => None,
        }
    }
}

/// The times, the last progress and the remaining log lines of an attempt that has ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) started_at: Timestamp,
    pub(crate) finished_at: Timestamp,
    pub(crate) progress: Option<Progress>,
    /// Log lines that the store has not acknowledged.
    pub(crate) logs: Vec<Arc<LogLine>>,
}

/// The retry policy of an execution, and the part of it that is spent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RetryBudget<'a> {
    pub(crate) policy: &'a ExecutionPolicy,
    /// The attempts spent before this one.
    pub(crate) spent: u32,
    /// A random number from 0 to 1, for the jitter of the retry delay.
    pub(crate) chance: f64,
}

/// Decides the outcome of an attempt and the next step of its execution.
pub(crate) fn decide(
    exit: Exit,
    finished: Finished,
    budget: RetryBudget<'_>,
) -> (AttemptEnd, Next) {
    let now = finished.finished_at;
    let (outcome, error, next) = match exit {
        Exit::Returned(Ok(result)) if result.len() > RESULT_LIMIT => {
            failed(ErrorKind::InvalidResult, too_long(&result), Next::Fail)
        }
        Exit::Returned(Ok(result)) => (AttemptOutcome::Succeeded, None, Next::Succeed(result)),
        Exit::Returned(Err(error)) => after_error(error, now, budget),
        Exit::Panicked(message) => {
            let next = budget.next(now);
            let (_, error, next) = failed(ErrorKind::Panicked, message, next);
            (AttemptOutcome::Panicked, error, next)
        }
        Exit::TimedOut { limit, error } => {
            let message = match error {
                None => format!("the handler did not return within {limit:?}"),
                Some(error) => format!("the timeout of {limit:?} was close: {error}"),
            };
            let (_, error, next) = failed(ErrorKind::TimedOut, message, budget.next(now));
            (AttemptOutcome::TimedOut, error, next)
        }
        Exit::Lost { again } => {
            let message = "its worker stopped renewing the lease".to_owned();
            // The first loss is the worker's; after another one, the handler may be the cause.
            let next = if again || budget.is_exhausted() {
                budget.next(now)
            } else {
                Next::RetryAt(now)
            };
            let (_, error, next) = failed(ErrorKind::Lost, message, next);
            (AttemptOutcome::Lost, error, next)
        }
        Exit::Cancelled(reason) => cancelled(reason.unwrap_or_else(|| "cancelled".into())),
        Exit::Released => (AttemptOutcome::Released, None, Next::GiveBack),
        Exit::ReadElsewhere { message, delay } => {
            let next = Next::RetryAt(now.after(delay));
            let (_, error, next) = failed(ErrorKind::InvalidPayload, message, next);
            (AttemptOutcome::Released, error, next)
        }
        Exit::Unreadable(reason) => failed(ErrorKind::InvalidPayload, reason, Next::Fail),
    };
    let end = AttemptEnd {
        outcome,
        error,
        started_at: finished.started_at,
        finished_at: finished.finished_at,
        progress: finished.progress,
        logs: finished.logs,
    };
    (end, next)
}

pub(crate) fn too_long(result: &str) -> String {
    let size = result.len();
    format!("the result has {size} bytes, the limit is {RESULT_LIMIT}")
}

/// The longest delay of a rate-limit error. The delay often comes from an outside service, and it
/// pauses a rate of the whole fleet.
pub(in crate::engine) const MAX_PAUSE: Duration = Duration::from_secs(24 * 3_600);

type Decision = (AttemptOutcome, Option<ExecutionError>, Next);

fn after_error(error: ErrorReport, now: Timestamp, budget: RetryBudget<'_>) -> Decision {
    let ErrorReport { verdict, message } = error;
    match verdict {
        Verdict::Retry => failed(ErrorKind::Failed, message, budget.next(now)),
        Verdict::RetryIn(delay) => {
            let next = if budget.is_exhausted() {
                Next::Fail
            } else {
                Next::RetryAt(now.after(delay))
            };
            failed(ErrorKind::Failed, message, next)
        }
        Verdict::Snooze(delay) => {
            let next = Next::RetryAt(now.after(delay.max(MIN_SNOOZE)));
            (AttemptOutcome::Snoozed, None, next)
        }
        Verdict::RateLimited(delay) => {
            let next = Next::RetryAt(now.after(delay.clamp(MIN_SNOOZE, MAX_PAUSE)));
            let (_, error, next) = failed(ErrorKind::RateLimited, message, next);
            (AttemptOutcome::Snoozed, error, next)
        }
        Verdict::Cancel => cancelled(message),
        Verdict::InvalidPayload => failed(ErrorKind::InvalidPayload, message, Next::Fail),
        Verdict::InvalidResult => failed(ErrorKind::InvalidResult, message, Next::Fail),
        // `Permanent`, and verdicts of a newer `jobs` crate: the failure keeps the message.
        _ => failed(ErrorKind::Permanent, message, Next::Fail),
    }
}

fn failed(kind: ErrorKind, mut message: String, next: Next) -> Decision {
    if message.len() > MESSAGE_LIMIT {
        message.truncate(message.floor_char_boundary(MESSAGE_LIMIT));
        message.push('…');
    }
    let error = ExecutionError { kind, message };
    (AttemptOutcome::Failed, Some(error), next)
}

fn cancelled(message: String) -> Decision {
    let (_, error, next) = failed(ErrorKind::Cancelled, message, Next::Cancel);
    (AttemptOutcome::Cancelled, error, next)
}

impl RetryBudget<'_> {
    /// True if no attempt is left after this one.
    fn is_exhausted(self) -> bool {
        self.spent + 1 >= self.policy.max_attempts
    }

    /// The next attempt, after the retry delay from the list, or failure if none is left. The last
    /// delay of the list repeats.
    fn next(self, now: Timestamp) -> Next {
        if self.is_exhausted() {
            return Next::Fail;
        }
        let delays = &self.policy.retry_delays_ms;
        let index = usize::try_from(self.spent).unwrap_or(usize::MAX);
        let listed = delays.get(index).or(delays.last()).copied().unwrap_or(0);
        let jitter = f64::from(self.policy.retry_jitter) * (2.0 * self.chance - 1.0);
        let delay = Duration::from_millis(listed).mul_f64((1.0 + jitter).max(0.0));
        // Timestamps are truncated to milliseconds; half a millisecond more rounds to the nearest.
        Next::RetryAt(now.after(delay + Duration::from_micros(500)))
    }
}

#[cfg(test)]
mod tests {
    use jobs::JobError;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    fn policy() -> ExecutionPolicy {
        ExecutionPolicy {
            timeout_ms: None,
            max_attempts: 3,
            retry_delays_ms: vec![30, 60],
            retry_jitter: 0.0,
        }
    }

    fn check(exit: Exit, spent: u32, outcome: AttemptOutcome, next: &Next) {
        let policy = policy();
        let finished = Finished {
            started_at: NOW,
            finished_at: NOW,
            progress: None,
            logs: Vec::new(),
        };
        let budget = RetryBudget {
            policy: &policy,
            spent,
            chance: 0.5,
        };
        let (end, decided) = decide(exit, finished, budget);
        assert_eq!((end.outcome, &decided), (outcome, next));
    }

    fn error(error: impl Into<JobError>) -> Exit {
        Exit::Returned(Err(ErrorReport::read(error.into())))
    }

    fn in_millis(millis: i64) -> Next {
        Next::RetryAt(Timestamp::from_millis(NOW.as_millis() + millis))
    }

    #[test]
    fn retries_follow_the_list_until_the_budget_is_spent() {
        use AttemptOutcome::{Failed, Lost, Panicked, TimedOut};
        check(error("x"), 0, Failed, &in_millis(30));
        check(error("x"), 1, Failed, &in_millis(60));
        check(error("x"), 2, Failed, &Next::Fail);
        check(Exit::Panicked("x".into()), 0, Panicked, &in_millis(30));
        let timed_out = Exit::TimedOut {
            limit: Duration::ZERO,
            error: None,
        };
        check(timed_out, 1, TimedOut, &in_millis(60));
        check(Exit::Lost { again: false }, 0, Lost, &in_millis(0));
        check(Exit::Lost { again: true }, 1, Lost, &in_millis(60));
        for again in [false, true] {
            check(Exit::Lost { again }, 2, Lost, &Next::Fail);
        }
    }

    #[test]
    fn errors_of_the_handler_override_the_list() {
        use AttemptOutcome::{Cancelled, Failed, Snoozed};
        let delay = Duration::from_millis(5);
        check(error(JobError::permanent("x")), 0, Failed, &Next::Fail);
        check(
            error(JobError::retry_in(delay, "x")),
            0,
            Failed,
            &in_millis(5),
        );
        check(
            error(JobError::retry_in(delay, "x")),
            2,
            Failed,
            &Next::Fail,
        );
        let minute = Duration::from_secs(60);
        for (delay, expected) in [(minute, 60_000), (Duration::ZERO, 1_000)] {
            let next = in_millis(expected);
            check(error(JobError::snooze(delay)), 2, Snoozed, &next);
            check(error(JobError::rate_limited(delay)), 2, Snoozed, &next);
        }
        let two_days = Duration::from_secs(2 * 24 * 3_600);
        let day = in_millis(24 * 3_600 * 1_000);
        check(error(JobError::rate_limited(two_days)), 0, Snoozed, &day);
        check(error(JobError::cancel("x")), 0, Cancelled, &Next::Cancel);
    }

    #[test]
    fn released_and_snoozed_attempts_spend_no_budget() {
        check(Exit::Released, 2, AttemptOutcome::Released, &Next::GiveBack);
        assert!(!AttemptOutcome::Released.spends_budget());
        assert!(!AttemptOutcome::Snoozed.spends_budget());
    }

    #[test]
    fn jitter_spreads_around_the_listed_delay() {
        let policy = ExecutionPolicy {
            retry_jitter: 0.1,
            retry_delays_ms: vec![1000],
            ..policy()
        };
        for (chance, millis) in [(0.0, 900), (0.5, 1000), (1.0, 1100)] {
            let budget = RetryBudget {
                policy: &policy,
                spent: 0,
                chance,
            };
            assert_eq!(budget.next(NOW), in_millis(millis));
        }
    }

    #[test]
    fn an_oversized_result_fails_at_once() {
        let result = "x".repeat(RESULT_LIMIT + 1);
        check(
            Exit::Returned(Ok(result)),
            0,
            AttemptOutcome::Failed,
            &Next::Fail,
        );
    }
}
