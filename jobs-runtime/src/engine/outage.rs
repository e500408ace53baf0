//! Log lines about a store that does not answer: one when it goes away, one a minute, and one when
//! it is back.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jobs::Clock;

use crate::store::StoreError;

/// The time between two lines about the same outage.
const REMINDER: Duration = Duration::from_secs(60);

/// The outage of a store, as its caller sees it.
#[derive(Debug, Default)]
pub(crate) struct OutageLog(Mutex<Option<Outage>>);

/// An outage that has not ended.
#[derive(Debug)]
struct Outage {
    since: Duration,
    told_at: Duration,
    failed_calls: u64,
}

impl OutageLog {
    /// Records a call that the store has answered.
    pub(crate) fn answered(&self, clock: &dyn Clock) {
        let mut outage = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(outage) = outage.take() {
            let seconds = clock.elapsed().saturating_sub(outage.since).as_secs();
            let failed_calls = outage.failed_calls;
            tracing::info!(failed_calls, "the store answers again, after {seconds} s");
        }
    }

    /// Records a failed call, and logs it unless that was done within the last minute. An error
    /// that is no outage is always logged.
    pub(crate) fn failed(&self, error: &StoreError, clock: &dyn Clock) {
        let text = crate::error::chain(error);
        if !is_outage(error) {
            tracing::warn!(error = %text, "a call to the store failed");
            return;
        }
        if let Some(line) = self.next_line(clock.elapsed(), &text) {
            tracing::warn!("{line}");
        }
    }

    fn next_line(&self, now: Duration, error: &dyn fmt::Display) -> Option<String> {
        let mut outage = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(outage) = outage.as_mut() else {
            *outage = Some(Outage {
                since: now,
                told_at: now,
                failed_calls: 1,
            });
            return Some(format!("the store does not answer: {error}"));
        };
        outage.failed_calls += 1;
        if now.saturating_sub(outage.told_at) < REMINDER {
            return None;
        }
        outage.told_at = now;
        let seconds = now.saturating_sub(outage.since).as_secs();
        let calls = outage.failed_calls;
        Some(format!(
            "the store has not answered for {seconds} s, in {calls} calls: {error}"
        ))
    }
}

/// True for errors of a store that may answer later.
pub(crate) fn is_outage(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Unavailable { .. }
            | StoreError::Refused { .. }
            | StoreError::Moved { .. }
            | StoreError::Timeout(_)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_told_at_its_begin_and_once_a_minute() {
        let log = OutageLog::default();
        let mut lines = Vec::new();
        for second in 0..=130 {
            lines.extend(log.next_line(Duration::from_secs(second), &"refused"));
        }
        assert_eq!(
            lines,
            [
                "the store does not answer: refused",
                "the store has not answered for 60 s, in 61 calls: refused",
                "the store has not answered for 120 s, in 121 calls: refused",
            ]
        );
    }

    #[test]
    fn an_answer_ends_the_outage() {
        let log = OutageLog::default();
        let clock = crate::SystemClock::new();
        assert!(log.next_line(Duration::ZERO, &"refused").is_some());
        log.answered(&clock);
        assert!(log.next_line(Duration::ZERO, &"refused").is_some());
    }
}
