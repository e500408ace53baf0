//! Decisions about schedule runs that both stores share.

use jobs::Overlap;

use crate::store::{EnqueueAnswer, Firing, NewExecution, NewRun, ScheduleRun, Skip, StoreError};
use crate::time::Timestamp;

/// The decision about a firing before its first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum FireDecision {
    /// Record the times. The flag tells whether an execution of the schedule is live.
    Fire { live: bool },
    /// The execution that is live has to end first.
    Wait,
}

/// Decides whether a firing proceeds.
pub(in crate::store) fn decide(firing: &Firing, live: bool) -> FireDecision {
    let starts = firing.runs.iter().any(|run| run.start.is_ok());
    if live && starts && firing.overlap == Overlap::Queue {
        FireDecision::Wait
    } else {
        FireDecision::Fire { live }
    }
}

/// Returns the execution that a time creates, or the reason why it creates none.
pub(in crate::store) fn start(
    run: &NewRun,
    overlap: Overlap,
    live: bool,
) -> Result<&NewExecution, Skip> {
    match &run.start {
        Ok(_) if live && overlap != Overlap::Allow => Err(Skip::new(
            Skip::OVERLAP,
            "an earlier execution of the schedule had not ended",
        )),
        Ok(execution) => Ok(execution),
        Err(skip) => Err(skip.clone()),
    }
}

/// The record of a time that creates no execution.
pub(in crate::store) fn skipped(time: Timestamp, now: Timestamp, skip: Skip) -> ScheduleRun {
    ScheduleRun {
        time,
        manual: false,
        fired_at: now,
        execution_id: None,
        skipped: Some(skip),
    }
}

/// The record of a time whose execution was given to the store.
pub(in crate::store) fn enqueued(
    time: Timestamp,
    manual: bool,
    execution: &NewExecution,
    answer: Result<EnqueueAnswer, StoreError>,
) -> ScheduleRun {
    let merged = |detail: &str| Some(Skip::new(Skip::MERGED, detail));
    let (execution_id, skipped) = match answer {
        Ok(EnqueueAnswer::Created) => (Some(execution.id), None),
        Ok(EnqueueAnswer::Replayed(id)) => {
            let detail = "an execution with the same idempotency key exists";
            (Some(id), merged(detail))
        }
        Ok(EnqueueAnswer::Skipped(id)) => (
            Some(id),
            merged("an execution with the same unique key is live"),
        ),
        Ok(EnqueueAnswer::Merged(id)) => (
            Some(id),
            merged("an execution with the same key waits and took the payload"),
        ),
        Err(error) => (None, Some(Skip::new(Skip::REJECTED, error.to_string()))),
    };
    ScheduleRun {
        time,
        manual,
        fired_at: execution.created_at,
        execution_id,
        skipped,
    }
}

/// True for an error of the contract that rejects one execution and leaves the transaction usable.
pub(in crate::store) fn rejects_execution(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::IdempotencyConflict { .. }
            | StoreError::UniqueConflict { .. }
            | StoreError::QueueFull { .. }
    )
}
