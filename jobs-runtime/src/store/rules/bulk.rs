//! Decisions about bulk operations that both stores share: the effect of an answer, the counts of a
//! batch, and the text of an operation's columns.

use std::collections::BTreeMap;

use jobs::ExecutionStatus;

use crate::store::decode::corrupt;
use crate::store::{
    BulkOperation, BulkRequest, CancelAnswer, Cursor, DeleteAnswer, EditAnswer, NewOperation,
    OperationStatus, RetryAnswer, SkipReason, StoreError,
};
use crate::time::Timestamp;

/// The effect of a batch's item: changed, or skipped for a reason.
pub(in crate::store) type ItemEffect = Result<(), SkipReason>;

/// Returns the effect of a cancellation.
pub(in crate::store) fn cancelled(answer: CancelAnswer) -> ItemEffect {
    match answer {
        CancelAnswer::Cancelled | CancelAnswer::Requested => Ok(()),
        CancelAnswer::Final(_) => Err(SkipReason::Final),
        CancelAnswer::Unknown => Err(SkipReason::Deleted),
    }
}

/// Returns the effect of a retry. An error of the contract that concerns one execution skips it.
pub(in crate::store) fn retried<E>(
    answer: Result<RetryAnswer, E>,
    as_store_error: impl Fn(&E) -> Option<&StoreError>,
) -> Result<ItemEffect, E> {
    match answer {
        Ok(RetryAnswer::Queued) => Ok(Ok(())),
        Ok(RetryAnswer::NotRetryable(_)) => Ok(Err(SkipReason::NotRetryable)),
        Ok(RetryAnswer::Erased) => Ok(Err(SkipReason::Erased)),
        Ok(RetryAnswer::Unknown) => Ok(Err(SkipReason::Deleted)),
        Err(error) => match as_store_error(&error) {
            Some(StoreError::UniqueConflict { .. }) => Ok(Err(SkipReason::UniqueConflict)),
            Some(StoreError::QueueFull { .. }) => Ok(Err(SkipReason::QueueFull)),
            _ => Err(error),
        },
    }
}

/// Returns the effect of a deletion.
pub(in crate::store) fn deleted(answer: DeleteAnswer) -> ItemEffect {
    match answer {
        DeleteAnswer::Deleted => Ok(()),
        DeleteAnswer::NotFinal(_) => Err(SkipReason::NotFinal),
        DeleteAnswer::Unknown => Err(SkipReason::Deleted),
    }
}

/// Returns the effect of an edit.
pub(in crate::store) fn edited(answer: EditAnswer) -> ItemEffect {
    match answer {
        EditAnswer::Changed => Ok(()),
        EditAnswer::NotWaiting(_) => Err(SkipReason::NotWaiting),
        EditAnswer::Unknown => Err(SkipReason::Deleted),
    }
}

/// Returns the reason to skip an execution that has left the expected status.
pub(in crate::store) fn check_status(
    expected: Option<ExecutionStatus>,
    found: Option<ExecutionStatus>,
) -> ItemEffect {
    match (expected, found) {
        (None, _) => Ok(()),
        (Some(_), None) => Err(SkipReason::Deleted),
        (Some(expected), Some(found)) if expected == found => Ok(()),
        (Some(_), Some(_)) => Err(SkipReason::StatusChanged),
    }
}

/// An operation as its row has it.
pub(in crate::store) struct OperationRow {
    pub(in crate::store) id: String,
    /// The act and the filter, as JSON.
    pub(in crate::store) request: String,
    pub(in crate::store) status: String,
    pub(in crate::store) expected: i64,
    pub(in crate::store) exact: bool,
    pub(in crate::store) changed: i64,
    /// The skipped executions by reason, as a JSON object.
    pub(in crate::store) skipped: String,
    pub(in crate::store) created_by: Option<String>,
    pub(in crate::store) created_at: i64,
    pub(in crate::store) updated_at: i64,
    pub(in crate::store) finished_at: Option<i64>,
    pub(in crate::store) position: i64,
}

impl OperationRow {
    /// Reads the row.
    pub(in crate::store) fn read(self) -> Result<BulkOperation, StoreError> {
        let BulkRequest { act, filter } = serde_json::from_str(&self.request)
            .map_err(|error| corrupt("an operation's request", error))?;
        let skipped_by: BTreeMap<String, u64> = serde_json::from_str(&self.skipped)
            .map_err(|error| corrupt("an operation's counts", error))?;
        Ok(BulkOperation {
            id: self.id,
            act,
            filter,
            status: match &*self.status {
                "running" => OperationStatus::Running,
                "done" => OperationStatus::Done,
                "cancelled" => OperationStatus::Cancelled,
                word => return Err(corrupt("an operation's status", word)),
            },
            expected: self.expected.unsigned_abs(),
            exact: self.exact,
            changed: self.changed.unsigned_abs(),
            skipped: skipped_by.values().sum(),
            skipped_by,
            created_by: self.created_by,
            created_at: Timestamp::from_millis(self.created_at),
            updated_at: Timestamp::from_millis(self.updated_at),
            finished_at: self.finished_at.map(Timestamp::from_millis),
            position: Cursor(self.position),
        })
    }
}

/// Returns the JSON text of a new operation's request.
pub(in crate::store) fn request_text(new: &NewOperation) -> Result<String, StoreError> {
    serde_json::to_string(&new.request).map_err(|error| corrupt("an operation", error))
}

/// The counts of an operation after a batch.
pub(in crate::store) struct NewCounts {
    pub(in crate::store) changed: i64,
    /// The skipped executions by reason, as a JSON object.
    pub(in crate::store) skipped: String,
}

impl NewCounts {
    /// Adds the effects of a batch to the counts of the operation.
    pub(in crate::store) fn of(
        before: &BulkOperation,
        effects: &[ItemEffect],
    ) -> Result<Self, StoreError> {
        let mut changed = before.changed;
        let mut skipped = before.skipped_by.clone();
        for effect in effects {
            match effect {
                Ok(()) => changed += 1,
                Err(reason) => *skipped.entry(reason.as_str().to_owned()).or_default() += 1,
            }
        }
        Ok(Self {
            changed: i64::try_from(changed).unwrap_or(i64::MAX),
            skipped: serde_json::to_string(&skipped)
                .map_err(|error| corrupt("an operation's counts", error))?,
        })
    }
}
