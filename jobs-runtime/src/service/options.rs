//! The options of a request beside its payload, and their bounds.

use std::time::{Duration, SystemTime};

use jobs::EnqueueError;
use jobs::runtime::Due;

use crate::time::Timestamp;

/// The largest payload, in bytes of its text with the defaults.
pub const MAX_PAYLOAD_BYTES: usize = 1024 * 1024;

/// The largest batch, in executions.
pub const MAX_BATCH: usize = 10_000;

/// The time for which an idempotency key returns the execution that it created.
pub const IDEMPOTENCY_KEY_KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// The longest idempotency key, correlation id, item id, tag or creator's name, in characters.
pub const MAX_TEXT_CHARS: usize = 255;

/// The most tags of one execution, including those of its job.
pub const MAX_TAGS: usize = 32;

/// The last moment that RFC 3339 can express.
const END_OF_TIME: Timestamp = Timestamp::from_millis(253_402_300_799_999);

/// Accepts a text of the caller that is not empty, not too long and without control characters.
pub(crate) fn text(
    field: &'static str,
    text: Option<String>,
) -> Result<Option<String>, EnqueueError> {
    if let Some(text) = &text {
        check_text(field, text)?;
    }
    Ok(text)
}

/// Merges the tags of the job and of the request, without repetitions.
pub(crate) fn tags(job: &[String], request: Vec<String>) -> Result<Vec<String>, EnqueueError> {
    let mut tags = job.to_vec();
    for tag in request {
        check_text("tags", &tag)?;
        if tags.contains(&tag) {
            continue;
        }
        if tags.len() >= MAX_TAGS {
            return Err(invalid("tags", format!("at most {MAX_TAGS} are allowed")));
        }
        tags.push(tag);
    }
    Ok(tags)
}

/// Returns the time at which an execution becomes available; `None` if it is available at once.
pub(crate) fn run_at(now: Timestamp, due: Due) -> Result<Option<Timestamp>, EnqueueError> {
    let (field, at) = match due {
        Due::Now => return Ok(None),
        Due::After(delay) => ("delay", now.after(delay)),
        Due::At(time) => ("run at", time_of(time)),
    };
    if at > END_OF_TIME {
        return Err(invalid(field, "it is later than the year 9999".to_owned()));
    }
    Ok((at > now).then_some(at))
}

/// Returns the time by which the first attempt of an execution must start.
pub(crate) fn expires_at(due: Timestamp, expires: Duration) -> Result<Timestamp, EnqueueError> {
    if expires.is_zero() {
        return Err(invalid("expires", "it is zero".to_owned()));
    }
    Ok(due.after(expires).min(END_OF_TIME))
}

/// Returns a later time, at most the end of the year 9999.
pub(crate) fn postpone(at: Timestamp, delay_ms: u64) -> Timestamp {
    at.after(Duration::from_millis(delay_ms)).min(END_OF_TIME)
}

pub(crate) fn invalid(field: &'static str, reason: String) -> EnqueueError {
    EnqueueError::InvalidOption { field, reason }
}

fn check_text(field: &'static str, text: &str) -> Result<(), EnqueueError> {
    if text.is_empty() {
        return Err(invalid(field, "it is empty".to_owned()));
    }
    if text.chars().any(char::is_control) {
        return Err(invalid(field, "it contains control characters".to_owned()));
    }
    // The byte length is known already; characters are counted only for a long text.
    if text.len() > MAX_TEXT_CHARS && text.chars().count() > MAX_TEXT_CHARS {
        return Err(invalid(
            field,
            format!("at most {MAX_TEXT_CHARS} characters are allowed"),
        ));
    }
    Ok(())
}

/// Converts to milliseconds, rounded up: an execution never becomes available too early.
fn time_of(time: SystemTime) -> Timestamp {
    let floor = Timestamp::from(time);
    if SystemTime::from(floor) < time {
        floor.after(Duration::from_millis(1))
    } else {
        floor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_bounded() {
        let check = |text: &str, reason: Option<&str>| {
            let answer = super::text("item id", Some(text.to_owned()));
            assert_eq!(
                answer.err().map(|error| error.to_string()).as_deref(),
                reason
            );
        };
        check("abc-123", None);
        check(&"é".repeat(255), None);
        check("", Some("invalid item id: it is empty"));
        check(
            "a\nb",
            Some("invalid item id: it contains control characters"),
        );
        check(
            &"é".repeat(256),
            Some("invalid item id: at most 255 characters are allowed"),
        );
    }

    #[test]
    fn a_due_time_in_the_past_means_at_once() {
        let now = Timestamp::from_millis(1_000);
        let at = |due| run_at(now, due).expect("a time");
        assert_eq!(at(Due::Now), None);
        assert_eq!(at(Due::After(Duration::ZERO)), None);
        assert_eq!(
            at(Due::After(Duration::from_millis(5))),
            Some(Timestamp::from_millis(1_005))
        );
        assert_eq!(at(Due::At(SystemTime::UNIX_EPOCH)), None);
        assert!(run_at(now, Due::After(Duration::MAX)).is_err());
    }
}
