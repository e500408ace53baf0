//! Bulk operations: an act on every execution that a filter matches, in batches that survive a
//! crash.
//!
//! The service plans a batch: it looks executions up and decides what to do with each. The store
//! then writes the batch and the operation's new position in one transaction. A batch that was
//! planned at another position is rejected, so an operation touches no execution twice.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jobs::{ExecutionError, ExecutionId, ExecutionStatus};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::store::{Cursor, EnqueueRules, ExecutionEdit, ExecutionQuery, SessionId, StoreError};
use crate::time::Timestamp;

/// The part of a store that keeps bulk operations and executes their batches. Errors: see
/// [`Store`](crate::store::Store).
#[async_trait]
pub trait OperationStore: Send + Sync {
    /// Finds executions that pass the filters of a query, newest first, without their payloads.
    /// Examines a bounded number of rows: a page may be short, or empty, and have a cursor.
    async fn find_matches(&self, query: ExecutionQuery) -> Result<MatchPage, StoreError>;

    /// Creates an operation. It begins at the newest execution, so later ones are not touched.
    /// Repeatable, because the caller chooses the id: a second call returns the first one's record.
    async fn start_operation(&self, new: NewOperation) -> Result<BulkOperation, StoreError>;

    /// Returns an operation.
    async fn operation(&self, id: String) -> Result<Option<BulkOperation>, StoreError>;

    /// Lists up to `limit` operations, newest first.
    async fn operations(&self, limit: usize) -> Result<Vec<BulkOperation>, StoreError>;

    /// Returns the oldest operation that runs.
    async fn next_operation(&self) -> Result<Option<BulkOperation>, StoreError>;

    /// Writes a batch and the operation's new position, both or neither. Returns the operation;
    /// `None` if it has another position or has ended. Then nothing is written.
    ///
    /// An item whose execution is in another state than the act needs is skipped, and counted by
    /// its reason. A repeated call answers `None`.
    async fn apply_batch(&self, batch: BulkBatch) -> Result<Option<BulkOperation>, StoreError>;

    /// Ends an operation that runs. What it has changed stays changed. Returns the operation;
    /// `None` if there is none with this id. Repeatable.
    async fn cancel_operation(
        &self,
        id: String,
        now: Timestamp,
    ) -> Result<Option<BulkOperation>, StoreError>;
}

/// The filter of an operation. An execution matches if it passes all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct BulkFilter {
    /// Executions of this job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    /// Executions in this status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<ExecutionStatus>,
    /// Executions in this queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// Executions with this item id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item_id: Option<String>,
    /// Executions with this correlation id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// Executions created by this user or program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// Executions with this tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Executions created at this time or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Executions created before this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Failed executions whose error has this fingerprint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_fingerprint: Option<String>,
    /// These executions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000))]
    pub ids: Vec<ExecutionId>,
}

impl BulkFilter {
    /// Returns the query for a page of the matches.
    pub(crate) fn query(&self, limit: usize, cursor: Option<Cursor>) -> ExecutionQuery {
        let Self {
            job_id,
            status,
            queue,
            item_id,
            correlation_id,
            created_by,
            tag,
            since,
            until,
            error_fingerprint,
            ids,
        } = self.clone();
        ExecutionQuery {
            job_id,
            status,
            queue,
            item_id,
            correlation_id,
            created_by,
            tag,
            since,
            until,
            error_fingerprint,
            ids,
            cursor,
            ..ExecutionQuery::newest(limit)
        }
    }
}

/// The act of an operation on each execution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", tag = "act", content = "edit")]
pub enum BulkAct {
    /// Cancel it if it waits; request its cancellation if it runs.
    Cancel,
    /// Retry it if it has failed or was cancelled.
    Retry,
    /// Delete it if it is final.
    Delete,
    /// Edit it if it waits.
    Edit(BulkEdit),
}

impl BulkAct {
    /// Returns the word of the act.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Retry => "retry",
            Self::Delete => "delete",
            Self::Edit(_) => "edit",
        }
    }
}

/// An edit of every match. An absent value stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct BulkEdit {
    /// The new priority, 0–100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<u8>,
    /// The new time at which it becomes ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_at: Option<Timestamp>,
    /// The new queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
}

/// An act with its filter, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkRequest {
    /// The act.
    #[serde(flatten)]
    pub act: BulkAct,
    /// The filter.
    pub filter: BulkFilter,
}

/// An operation to create.
#[derive(Clone, Debug)]
pub struct NewOperation {
    /// The id, chosen by the caller.
    pub id: String,
    /// The act and the filter.
    pub request: BulkRequest,
    /// The number of matches of the preview.
    pub expected: u64,
    /// True if `expected` is the number of all matches; false if there may be more.
    pub exact: bool,
    /// The user or program that requests it.
    pub created_by: Option<String>,
    /// The time of creation.
    pub created_at: Timestamp,
}

/// The state of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum OperationStatus {
    /// Batches are executed.
    Running,
    /// Every match was changed or skipped.
    Done,
    /// An operator has ended it before its last match.
    Cancelled,
}

/// An operation as readers see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BulkOperation {
    /// The id.
    pub id: String,
    /// The act.
    #[serde(flatten)]
    pub act: BulkAct,
    /// The filter.
    pub filter: BulkFilter,
    /// The state.
    pub status: OperationStatus,
    /// The number of matches that its preview counted.
    pub expected: u64,
    /// True if `expected` counts all matches; false if there were at least as many.
    pub exact: bool,
    /// The executions that it has changed.
    pub changed: u64,
    /// The executions that it has skipped.
    pub skipped: u64,
    /// The skipped executions by reason.
    pub skipped_by: BTreeMap<String, u64>,
    /// The user or program that requested it.
    pub created_by: Option<String>,
    /// The time at which it was created.
    pub created_at: Timestamp,
    /// The time of its last batch.
    pub updated_at: Timestamp,
    /// The time at which it ended.
    pub finished_at: Option<Timestamp>,
    /// The position: executions before it in the list are done.
    #[serde(skip)]
    pub position: Cursor,
}

/// A page of executions that match a filter.
#[derive(Clone, Debug)]
pub struct MatchPage {
    /// The executions, newest first.
    pub matches: Vec<Match>,
    /// The cursor for the next page; `None` at the end.
    pub next: Option<Cursor>,
}

/// An execution that matches a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// The position behind it.
    pub place: Cursor,
    /// The execution.
    pub id: ExecutionId,
    /// The job.
    pub job_id: String,
    /// The status.
    pub status: ExecutionStatus,
    /// The error of a final execution; its message is cut to 2,048 characters.
    pub error: Option<ExecutionError>,
    /// The time at which it became final.
    pub finished_at: Option<Timestamp>,
    /// The session that executed the last attempt of a final execution; `None` without an attempt.
    pub session: Option<SessionId>,
}

/// A batch of an operation.
#[derive(Clone, Debug)]
pub struct BulkBatch {
    /// The operation.
    pub operation: String,
    /// The position at which the batch was planned.
    pub position: Cursor,
    /// The position after the batch; `None` if the operation ends with it.
    pub next: Option<Cursor>,
    /// The executions, in order.
    pub items: Vec<BulkItem>,
    /// The present time.
    pub now: Timestamp,
}

/// An execution of a batch.
#[derive(Clone, Debug)]
pub struct BulkItem {
    /// The execution.
    pub id: ExecutionId,
    /// The job.
    pub job_id: String,
    /// The status that the execution must have; in another one it is skipped.
    pub expected: Option<ExecutionStatus>,
    /// The act.
    pub act: ItemAct,
}

/// The act on one execution.
#[derive(Clone, Debug)]
pub enum ItemAct {
    /// See [`cancel`](crate::store::OperatorStore::cancel).
    Cancel,
    /// See [`retry`](crate::store::OperatorStore::retry).
    Retry(EnqueueRules),
    /// See [`delete`](crate::store::OperatorStore::delete).
    Delete,
    /// See [`edit`](crate::store::OperatorStore::edit).
    Edit(ExecutionEdit),
    /// Count it as skipped.
    Skip(SkipReason),
}

/// The reason why an operation left an execution as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// It is final, so it cannot be cancelled.
    Final,
    /// It is not final, so it cannot be deleted.
    NotFinal,
    /// It runs or is final, so it cannot be edited.
    NotWaiting,
    /// It has neither failed nor been cancelled, so it cannot be retried.
    NotRetryable,
    /// Its payload was erased, so it cannot be retried.
    Erased,
    /// Another execution is live under its unique key.
    UniqueConflict,
    /// As many executions of its job wait as `max_waiting` allows.
    QueueFull,
    /// It has left the status of the filter.
    StatusChanged,
    /// It was deleted.
    Deleted,
    /// The database rejects the change of its row.
    Rejected,
}

impl SkipReason {
    /// Returns the word of the reason.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Final => "final",
            Self::NotFinal => "notFinal",
            Self::NotWaiting => "notWaiting",
            Self::NotRetryable => "notRetryable",
            Self::Erased => "erased",
            Self::UniqueConflict => "uniqueConflict",
            Self::QueueFull => "queueFull",
            Self::StatusChanged => "statusChanged",
            Self::Deleted => "deleted",
            Self::Rejected => "rejected",
        }
    }
}
