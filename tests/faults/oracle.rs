//! What has to hold afterwards, recomputed from the attempts on record and from what the handlers
//! really did.

use std::collections::HashSet;
use std::time::Duration;

use jobs::{AttemptOutcome, ErrorKind, ExecutionId, ExecutionStatus};
use jobs_runtime::store::{AttemptRecord, ExecutionRecord};

use super::book::Book;

/// When a process died, on the test's clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Died {
    pub(crate) process: usize,
    pub(crate) at: Duration,
}

/// Holds one execution against the book.
pub(crate) fn check(record: &ExecutionRecord, book: &Book, deaths: &[Died], lease: Duration) {
    let context = || format!("{record:#?}\n{:#?}\n{deaths:?}", book.calls());
    assert!(is_final(record.status), "it has an end: {}", context());
    let numbers: Vec<_> = record.attempts.iter().map(|a| a.number).collect();
    assert!(
        numbers.windows(2).all(|two| two[0] < two[1]),
        "numbers grow: {}",
        context()
    );
    assert!(
        record.attempts.iter().all(|a| a.outcome.is_some()),
        "every attempt has an end: {}",
        context()
    );
    check_budget(record, &context);
    check_calls(record, book, deaths, lease, &context);
}

fn is_final(status: ExecutionStatus) -> bool {
    matches!(
        status,
        ExecutionStatus::Succeeded | ExecutionStatus::Failed | ExecutionStatus::Cancelled
    )
}

fn is_spent(attempt: &&AttemptRecord) -> bool {
    matches!(
        attempt.outcome,
        Some(
            AttemptOutcome::Failed
                | AttemptOutcome::TimedOut
                | AttemptOutcome::Panicked
                | AttemptOutcome::Lost
        )
    )
}

fn check_budget(record: &ExecutionRecord, context: &dyn Fn() -> String) {
    let spent = record.attempts.iter().filter(is_spent).count();
    let allowed = usize::try_from(record.max_attempts).unwrap();
    assert!(spent <= allowed, "the budget holds: {}", context());
    let permanent = record
        .error
        .as_ref()
        .is_some_and(|error| error.kind == ErrorKind::Permanent);
    if record.status == ExecutionStatus::Failed && !permanent {
        assert_eq!(spent, allowed, "the budget is used up: {}", context());
    }
}

fn check_calls(
    record: &ExecutionRecord,
    book: &Book,
    deaths: &[Died],
    lease: Duration,
    context: &dyn Fn() -> String,
) {
    let calls = book.calls();
    let mut before: Option<(&AttemptRecord, super::book::Call)> = None;
    for attempt in &record.attempts {
        let Some(made) = calls.get(&(record.id, attempt.number)) else {
            let never = matches!(
                attempt.outcome,
                Some(AttemptOutcome::Lost | AttemptOutcome::Released | AttemptOutcome::Cancelled)
            );
            assert!(never, "what has an outcome was executed: {}", context());
            continue;
        };
        let [call] = made.as_slice() else {
            panic!("an attempt is executed once: {}", context());
        };
        if attempt.outcome == Some(AttemptOutcome::Succeeded) {
            assert_eq!(
                call.returned,
                Some(Ok(())),
                "a success is one: {}",
                context()
            );
        }
        if let Some((earlier, earlier_call)) = before
            && earlier.outcome == Some(AttemptOutcome::Lost)
            && let Some(death) = deaths.iter().find(|d| d.process == earlier_call.process)
        {
            // The dead one could have gone on until then, had it lived.
            assert!(
                call.begun_at >= (earlier_call.begun_at + lease).min(death.at + lease),
                "a lease is waited for: {}",
                context()
            );
        }
        before = Some((attempt, *call));
    }
    let known: HashSet<_> = record.attempts.iter().map(|a| a.number).collect();
    for (id, number) in calls.keys() {
        assert!(
            *id != record.id || known.contains(number),
            "what was executed is on record: {}",
            context()
        );
    }
    if record.status == ExecutionStatus::Succeeded {
        let last = record.attempts.last().map(|last| last.outcome);
        assert_eq!(last, Some(Some(AttemptOutcome::Succeeded)), "{}", context());
    }
}

/// Every execution that somebody heard was accepted, or that was executed, is there.
pub(crate) fn missing(
    records: &[ExecutionRecord],
    accepted: &[ExecutionId],
    book: &Book,
) -> Vec<ExecutionId> {
    let there: HashSet<_> = records.iter().map(|record| record.id).collect();
    let mut wanted = book.executions();
    wanted.extend(accepted);
    wanted.difference(&there).copied().collect()
}
