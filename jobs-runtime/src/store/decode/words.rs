//! Stored words: the policy for rows that a newer program wrote, and the texts that both stores
//! decode in the same way.
//!
//! During a deployment, old and new programs share a store. A row may hold a word that the old
//! program does not know: a status, an outcome, a kind of limit, a field of a descriptor. The old
//! program skips such a row in pages, lists, promotions and exports, and logs it once per word. A
//! read of that execution alone fails with [`StoreError::Corrupt`].

use std::collections::BTreeSet;
use std::fmt::Display;
use std::sync::{Mutex, PoisonError};

use jobs::{ErrorKind, ExecutionError};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::store::{AttemptRecord, StoreError};
use crate::time::Timestamp;

/// The largest number of words that are logged.
const MAX_LOGGED: usize = 1_000;

/// The words that this process has logged. Nothing but the log depends on it.
static LOGGED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Logs a row that this program cannot read, once per reason.
pub(in crate::store) fn log_unreadable(row: impl Display, what: &str, reason: &str) {
    // The subscriber is code of the application: it runs without the lock.
    let is_new = {
        let mut logged = LOGGED.lock().unwrap_or_else(PoisonError::into_inner);
        logged.len() < MAX_LOGGED && logged.insert(format!("{what}: {reason}"))
    };
    if is_new {
        tracing::warn!(%row, what, reason, "skipped a value that this program does not know");
    }
}

/// Reads the error of an execution or an attempt; `None` without a kind. An unknown kind becomes
/// [`ErrorKind::Failed`].
pub(in crate::store) fn error(
    kind: Option<&str>,
    message: Option<String>,
) -> Option<ExecutionError> {
    let kind = kind?;
    let kind = kind.parse().unwrap_or_else(|error| {
        log_unreadable("an error", "the kind of an error", &format!("{error}"));
        ErrorKind::Failed
    });
    Some(ExecutionError {
        kind,
        message: message.unwrap_or_default(),
    })
}

/// The fields of an attempt in `read/attempts.sql`: number, outcome, kind and message of the error,
/// worker, start, end, time of the retry.
type AttemptRow = (
    u32,
    Option<String>,
    Option<String>,
    Option<String>,
    String,
    i64,
    Option<i64>,
    Option<i64>,
);

/// Reads the attempts of an execution from JSON. Skips those that cannot be read. `decode` decodes
/// a text.
pub(in crate::store) fn attempts(
    json: &str,
    decode: fn(String) -> String,
) -> Result<Vec<AttemptRecord>, StoreError> {
    let what = "an attempt";
    let rows: Vec<Value> = serde_json::from_str(json).map_err(|error| StoreError::Corrupt {
        what: what.to_owned(),
        reason: error.to_string(),
    })?;
    let mut attempts = Vec::with_capacity(rows.len());
    for row in rows {
        match attempt(row, decode) {
            Ok(attempt) => attempts.push(attempt),
            Err(reason) => log_unreadable("an attempt", "an attempt", &reason),
        }
    }
    Ok(attempts)
}

fn attempt(row: Value, decode: fn(String) -> String) -> Result<AttemptRecord, String> {
    let row: AttemptRow = serde_json::from_value(row).map_err(|error| error.to_string())?;
    let (number, outcome, kind, message, worker, started_at, finished_at, retry_at) = row;
    Ok(AttemptRecord {
        number,
        outcome: outcome
            .map(|word| word.parse())
            .transpose()
            .map_err(|error: jobs::ParseOutcomeError| error.to_string())?,
        error: error(kind.as_deref(), message.map(decode)),
        worker: decode(worker),
        started_at: Timestamp::from_millis(started_at),
        finished_at: finished_at.map(Timestamp::from_millis),
        retry_at: retry_at.map(Timestamp::from_millis),
    })
}

/// Reads stored JSON.
pub(in crate::store) fn json_text(what: &str, text: String) -> Result<Box<RawValue>, StoreError> {
    RawValue::from_string(text).map_err(|error| StoreError::Corrupt {
        what: what.to_owned(),
        reason: error.to_string(),
    })
}

/// Returns the trace id of a W3C `traceparent`: `00-<trace id>-<span id>-<flags>`.
pub(in crate::store) fn trace_id(trace_parent: &str) -> Option<String> {
    trace_parent.split('-').nth(1).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_with_an_unknown_outcome_is_left_out() {
        let rows = r#"[
            [1, "replayed", null, null, "w", 1, 2, null],
            [2, "failed", "quota", "no more", "w", 3, 4, null],
            [3, null, null, null, "w", 5, null, null]
        ]"#;
        let attempts = attempts(rows, |text| text).unwrap();
        let numbers: Vec<_> = attempts.iter().map(|attempt| attempt.number).collect();
        assert_eq!(numbers, [2, 3]);
        let error = attempts[0].error.as_ref().unwrap();
        assert_eq!(
            (error.kind, &*error.message),
            (ErrorKind::Failed, "no more")
        );
    }
}
