//! Invariants of a crash run, computed from the stored attempts and from the log of handler calls.

use std::collections::HashSet;
use std::time::Duration;

use jobs::{AttemptOutcome, ErrorKind, ExecutionId, ExecutionStatus};
use jobs_runtime::store::{AttemptRecord, ExecutionRecord};

use super::call_log::{CallLog, HandlerCall};

/// The death of a process, on the test's clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProcessDeath {
    pub(crate) process: usize,
    pub(crate) at: Duration,
}

/// Checks one execution against the log.
pub(crate) fn check(
    record: &ExecutionRecord,
    log: &CallLog,
    deaths: &[ProcessDeath],
    lease: Duration,
) {
    let context = || format!("{record:#?}\n{:#?}\n{deaths:?}", log.calls());
    assert!(
        is_final(record.status),
        "the execution has not ended: {}",
        context()
    );
    let numbers: Vec<_> = record.attempts.iter().map(|a| a.number).collect();
    assert!(
        numbers.windows(2).all(|two| two[0] < two[1]),
        "attempt numbers do not increase: {}",
        context()
    );
    assert!(
        record.attempts.iter().all(|a| a.outcome.is_some()),
        "an attempt has no outcome: {}",
        context()
    );
    check_budget(record, &context);
    check_calls(record, log, deaths, lease, &context);
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
    assert!(
        spent <= allowed,
        "more attempts were spent than allowed: {}",
        context()
    );
    let permanent = record
        .error
        .as_ref()
        .is_some_and(|error| error.kind == ErrorKind::Permanent);
    if record.status == ExecutionStatus::Failed && !permanent {
        assert_eq!(
            spent,
            allowed,
            "the execution failed before its budget was spent: {}",
            context()
        );
    }
}

fn check_calls(
    record: &ExecutionRecord,
    log: &CallLog,
    deaths: &[ProcessDeath],
    lease: Duration,
    context: &dyn Fn() -> String,
) {
    let calls = log.calls();
    let mut before: Option<(&AttemptRecord, HandlerCall)> = None;
    for attempt in &record.attempts {
        let Some(calls_of_attempt) = calls.get(&(record.id, attempt.number)) else {
            let may_be_uncalled = matches!(
                attempt.outcome,
                Some(AttemptOutcome::Lost | AttemptOutcome::Released | AttemptOutcome::Cancelled)
            );
            assert!(
                may_be_uncalled,
                "no handler was called for this outcome: {}",
                context()
            );
            continue;
        };
        let [call] = calls_of_attempt.as_slice() else {
            panic!("a handler was called twice for an attempt: {}", context());
        };
        if attempt.outcome == Some(AttemptOutcome::Succeeded) {
            assert_eq!(
                call.returned,
                Some(Ok(())),
                "the handler of a succeeded attempt did not return Ok: {}",
                context()
            );
        }
        if let Some((earlier, earlier_call)) = before
            && earlier.outcome == Some(AttemptOutcome::Lost)
            && let Some(death) = deaths.iter().find(|d| d.process == earlier_call.process)
        {
            // The lease lasts one `lease` from the start of the call, or from the death if earlier.
            assert!(
                call.begun_at >= (earlier_call.begun_at + lease).min(death.at + lease),
                "the next attempt began before the lease had expired: {}",
                context()
            );
        }
        before = Some((attempt, *call));
    }
    let known: HashSet<_> = record.attempts.iter().map(|a| a.number).collect();
    for (id, number) in calls.keys() {
        assert!(
            *id != record.id || known.contains(number),
            "a called attempt is not stored: {}",
            context()
        );
    }
    if record.status == ExecutionStatus::Succeeded {
        let last = record.attempts.last().map(|last| last.outcome);
        assert_eq!(
            last,
            Some(Some(AttemptOutcome::Succeeded)),
            "the last attempt did not succeed: {}",
            context()
        );
    }
}

/// The executions that were acknowledged or executed, and are not stored.
pub(crate) fn missing(
    records: &[ExecutionRecord],
    accepted: &[ExecutionId],
    log: &CallLog,
) -> Vec<ExecutionId> {
    let stored: HashSet<_> = records.iter().map(|record| record.id).collect();
    let mut expected = log.executions();
    expected.extend(accepted);
    expected.difference(&stored).copied().collect()
}
