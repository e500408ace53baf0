//! What follows an attempt.
//!
//! The one place that decides about retries, for attempts that ended here and for those of a
//! worker that was lost.

use std::sync::Arc;
use std::time::Duration;

use jobs::runtime::{HandlerResult, Verdict};
use jobs::{AttemptOutcome, ErrorKind, ExecutionError, JobError, Progress};

use super::executor::limiter::asked_to_wait;
use crate::store::{AttemptEnd, ExecutionPolicy, LogLine, Next};
use crate::time::Timestamp;

/// The largest result kept, in bytes.
pub(crate) const RESULT_LIMIT: usize = 1024 * 1024;

/// The longest error message kept, in bytes.
const MESSAGE_LIMIT: usize = 16 * 1024;

/// How an attempt came to its end.
#[derive(Debug)]
pub(crate) enum Conclusion {
    /// The handler returned.
    Returned(HandlerResult),
    /// The handler panicked, with this message.
    Panicked(String),
    /// The handler was not done in time.
    TimedOut(Duration),
    /// The execution was cancelled while the handler ran, and it did not succeed.
    Cancelled(Option<String>),
    /// Its worker stopped renewing the lease.
    Lost,
    /// Its worker shut down.
    Released,
    /// Its row cannot be read: the handler was not called.
    Unreadable(String),
}

impl Conclusion {
    /// For how long nothing shall start under the rate limits of the execution.
    pub(crate) fn rests_for(&self) -> Option<Duration> {
        match self {
            Self::Returned(returned) => asked_to_wait(returned),
            _ => None,
        }
    }
}

/// When an attempt ran and how far it came.
#[derive(Debug)]
pub(crate) struct Course {
    pub(crate) started_at: Timestamp,
    pub(crate) finished_at: Timestamp,
    pub(crate) progress: Option<Progress>,
    /// What is left to write of its log.
    pub(crate) logs: Vec<Arc<LogLine>>,
}

/// What an execution may still spend.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget<'a> {
    pub(crate) policy: &'a ExecutionPolicy,
    /// Attempts spent before this one.
    pub(crate) spent: u32,
    /// A random number from 0 to 1, to spread the delay.
    pub(crate) chance: f64,
}

/// Decides how an attempt is recorded and what follows it.
pub(crate) fn decide(
    conclusion: Conclusion,
    course: Course,
    budget: Budget<'_>,
) -> (AttemptEnd, Next) {
    let now = course.finished_at;
    let (outcome, error, next) = match conclusion {
        Conclusion::Returned(Ok(result)) if result.len() > RESULT_LIMIT => {
            failed(ErrorKind::InvalidResult, too_long(&result), Next::Fail)
        }
        Conclusion::Returned(Ok(result)) => {
            (AttemptOutcome::Succeeded, None, Next::Succeed(result))
        }
        Conclusion::Returned(Err(error)) => after_error(&error, now, budget),
        Conclusion::Panicked(message) => {
            let next = budget.next(now);
            let (_, error, next) = failed(ErrorKind::Panicked, message, next);
            (AttemptOutcome::Panicked, error, next)
        }
        Conclusion::TimedOut(limit) => {
            let message = format!("not done within {limit:?}");
            let (_, error, next) = failed(ErrorKind::TimedOut, message, budget.next(now));
            (AttemptOutcome::TimedOut, error, next)
        }
        Conclusion::Lost => {
            let message = "its worker stopped renewing the lease".to_owned();
            let (_, error, next) = failed(ErrorKind::Lost, message, budget.next(now));
            (AttemptOutcome::Lost, error, next)
        }
        Conclusion::Cancelled(reason) => cancelled(reason.unwrap_or_else(|| "cancelled".into())),
        Conclusion::Released => (AttemptOutcome::Released, None, Next::GiveBack),
        Conclusion::Unreadable(reason) => failed(ErrorKind::InvalidPayload, reason, Next::Fail),
    };
    let end = AttemptEnd {
        outcome,
        error,
        started_at: course.started_at,
        finished_at: course.finished_at,
        progress: course.progress,
        logs: course.logs,
    };
    (end, next)
}

pub(crate) fn too_long(result: &str) -> String {
    let size = result.len();
    format!("the result has {size} bytes, {RESULT_LIMIT} are allowed")
}

type Decision = (AttemptOutcome, Option<ExecutionError>, Next);

fn after_error(error: &JobError, now: Timestamp, budget: Budget<'_>) -> Decision {
    let message = error.to_string();
    match error.verdict() {
        Verdict::Retry => failed(ErrorKind::Failed, message, budget.next(now)),
        Verdict::RetryIn(delay) => {
            let next = match budget.is_exhausted() {
                true => Next::Fail,
                false => Next::RetryAt(now.after(delay)),
            };
            failed(ErrorKind::Failed, message, next)
        }
        Verdict::Snooze(delay) => {
            let next = Next::RetryAt(now.after(delay));
            (AttemptOutcome::Snoozed, None, next)
        }
        Verdict::RateLimited(delay) => {
            let next = Next::RetryAt(now.after(delay));
            let (_, error, next) = failed(ErrorKind::RateLimited, message, next);
            (AttemptOutcome::Snoozed, error, next)
        }
        Verdict::Cancel => cancelled(message),
        Verdict::InvalidPayload => failed(ErrorKind::InvalidPayload, message, Next::Fail),
        Verdict::InvalidResult => failed(ErrorKind::InvalidResult, message, Next::Fail),
        // `Permanent`, and whatever a newer `jobs` adds: failing keeps the message in sight.
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

impl Budget<'_> {
    /// Whether this attempt, once spent, was the last one.
    fn is_exhausted(self) -> bool {
        self.spent + 1 >= self.policy.max_attempts
    }

    /// The next attempt by the retry list, if the budget has one.
    fn next(self, now: Timestamp) -> Next {
        if self.is_exhausted() {
            return Next::Fail;
        }
        let delays = &self.policy.retry_delays_ms;
        let place = usize::try_from(self.spent).unwrap_or(usize::MAX);
        let listed = delays.get(place).or(delays.last()).copied().unwrap_or(0);
        let jitter = f64::from(self.policy.retry_jitter) * (2.0 * self.chance - 1.0);
        let delay = Duration::from_millis(listed).mul_f64((1.0 + jitter).max(0.0));
        // Times are whole milliseconds: to the nearest one, not the one before.
        Next::RetryAt(now.after(delay + Duration::from_micros(500)))
    }
}

#[cfg(test)]
mod tests {
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

    fn check(conclusion: Conclusion, spent: u32, outcome: AttemptOutcome, next: &Next) {
        let policy = policy();
        let course = Course {
            started_at: NOW,
            finished_at: NOW,
            progress: None,
            logs: Vec::new(),
        };
        let budget = Budget {
            policy: &policy,
            spent,
            chance: 0.5,
        };
        let (end, follows) = decide(conclusion, course, budget);
        assert_eq!((end.outcome, &follows), (outcome, next));
    }

    fn error(error: impl Into<JobError>) -> Conclusion {
        Conclusion::Returned(Err(error.into()))
    }

    fn in_millis(millis: i64) -> Next {
        Next::RetryAt(Timestamp::from_millis(NOW.as_millis() + millis))
    }

    #[test]
    fn the_listed_delays_are_followed_until_the_budget_ends() {
        use AttemptOutcome::{Failed, Lost, Panicked, TimedOut};
        check(error("x"), 0, Failed, &in_millis(30));
        check(error("x"), 1, Failed, &in_millis(60));
        check(error("x"), 2, Failed, &Next::Fail);
        check(
            Conclusion::Panicked("x".into()),
            0,
            Panicked,
            &in_millis(30),
        );
        check(
            Conclusion::TimedOut(Duration::ZERO),
            1,
            TimedOut,
            &in_millis(60),
        );
        check(Conclusion::Lost, 0, Lost, &in_millis(30));
        check(Conclusion::Lost, 2, Lost, &Next::Fail);
    }

    #[test]
    fn handlers_may_say_otherwise() {
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
        check(error(JobError::snooze(delay)), 2, Snoozed, &in_millis(5));
        check(
            error(JobError::rate_limited(delay)),
            2,
            Snoozed,
            &in_millis(5),
        );
        check(error(JobError::cancel("x")), 0, Cancelled, &Next::Cancel);
    }

    #[test]
    fn what_costs_nothing_spends_nothing() {
        check(
            Conclusion::Released,
            2,
            AttemptOutcome::Released,
            &Next::GiveBack,
        );
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
            let budget = Budget {
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
            Conclusion::Returned(Ok(result)),
            0,
            AttemptOutcome::Failed,
            &Next::Fail,
        );
    }
}
