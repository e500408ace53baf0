//! Bulk operations: preview, start, and the plan of a batch.
//!
//! A preview counts the matches of a filter in up to [`MAX_PAGES`] pages. An operation is a
//! row of the store. Any process executes its batches: it finds the next matches, plans what to do
//! with some of them, and lets the store write these as a batch with the operation's new position
//! ([`OperationStore`](crate::store::OperationStore)).
//!
//! `request` parses and checks what an operator asks for, and `batch` plans a batch. The folder may
//! import the rest of `service` and the store contract. It must not import `http`, the command line
//! or the loop in `operations.rs`, which calls it.

mod batch;
mod request;

use std::collections::BTreeMap;
use std::sync::Arc;

use jobs::runtime::Due;
use jobs::{EnqueueError, ExecutionId, ExecutionStatus};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::Notify;

use super::{JobService, options};
use crate::store::{BulkAct, BulkFilter, BulkOperation, BulkRequest, NewOperation, StoreError};
use crate::time::Timestamp;

pub(crate) use batch::FoundMatches;
#[cfg(feature = "http")]
pub(crate) use request::check;

/// The most pages that a preview reads: 50,000 matches, of 125,000 examined executions.
const MAX_PAGES: usize = 50;

/// The executions of a page of matches.
const PAGE: usize = 1_000;

/// The executions of a preview's sample.
const SAMPLE: usize = 10;

/// The preview of an operation.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BulkPreview {
    /// The number of executions that match.
    pub(crate) count: u64,
    /// True if `count` is the number of all matches. False if there are at least as many: a preview
    /// examines a bounded number of executions.
    pub(crate) exact: bool,
    /// The matches by status, with the effect on them.
    pub(crate) consequences: Vec<Consequence>,
    /// The newest matches.
    pub(crate) sample: Vec<MatchedExecution>,
}

/// The effect of an operation on the matches in one status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Consequence {
    /// The status.
    pub(crate) status: ExecutionStatus,
    /// The number of matches in it.
    pub(crate) count: u64,
    /// The effect.
    pub(crate) effect: BulkEffect,
}

/// The effect of an operation on an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum BulkEffect {
    /// It is cancelled.
    Cancelled,
    /// Its worker is asked to end it.
    CancelRequested,
    /// It is queued again, unless its unique key or `max_waiting` forbids it.
    Queued,
    /// It is deleted.
    Deleted,
    /// It is edited.
    Edited,
    /// It stays as it is.
    Skipped,
}

impl BulkEffect {
    /// Returns the effect of an act on an execution in this status.
    fn of(act: &BulkAct, status: ExecutionStatus) -> Self {
        let is_waiting = matches!(status, ExecutionStatus::Pending | ExecutionStatus::Queued);
        match act {
            BulkAct::Cancel if is_waiting => Self::Cancelled,
            BulkAct::Cancel if status == ExecutionStatus::Running => Self::CancelRequested,
            BulkAct::Retry
                if matches!(status, ExecutionStatus::Failed | ExecutionStatus::Cancelled) =>
            {
                Self::Queued
            }
            BulkAct::Delete if status.is_final() => Self::Deleted,
            BulkAct::Edit(_) if is_waiting => Self::Edited,
            _ => Self::Skipped,
        }
    }

    /// Returns the effect as words.
    #[cfg(feature = "cli")]
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::CancelRequested => "asked to cancel",
            Self::Queued => "queued again",
            Self::Deleted => "deleted",
            Self::Edited => "edited",
            Self::Skipped => "left as they are",
        }
    }
}

/// An execution of a preview's sample.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MatchedExecution {
    /// The id.
    pub(crate) id: ExecutionId,
    /// The job.
    pub(crate) job_id: String,
    /// The status.
    pub(crate) status: ExecutionStatus,
}

impl JobService {
    /// Counts the matches of a filter, and tells what an act would do with them. Changes nothing.
    pub(crate) async fn preview_operation(
        &self,
        act: &BulkAct,
        filter: &BulkFilter,
    ) -> Result<BulkPreview, StoreError> {
        let mut counts = BTreeMap::<&'static str, (ExecutionStatus, u64)>::new();
        let mut sample = Vec::new();
        let (mut cursor, mut pages) = (None, 0);
        loop {
            let page = self.inner.store.find_matches(filter.query(PAGE, cursor));
            let page = page.await?;
            for found in page.matches {
                let count = counts.entry(found.status.as_str());
                count.or_insert((found.status, 0)).1 += 1;
                if sample.len() < SAMPLE {
                    sample.push(MatchedExecution {
                        id: found.id,
                        job_id: found.job_id,
                        status: found.status,
                    });
                }
            }
            cursor = page.next;
            pages += 1;
            if cursor.is_none() || pages >= MAX_PAGES {
                break;
            }
        }
        let consequences = counts.into_values().map(|(status, count)| Consequence {
            status,
            count,
            effect: BulkEffect::of(act, status),
        });
        let consequences: Vec<_> = consequences.collect();
        Ok(BulkPreview {
            count: consequences.iter().map(|one| one.count).sum(),
            exact: cursor.is_none(),
            consequences,
            sample,
        })
    }

    /// Returns the time of a due time: now, if it has passed.
    pub(crate) fn due_time(&self, due: Due) -> Result<Timestamp, EnqueueError> {
        let now = self.now();
        Ok(options::run_at(now, due)?.unwrap_or(now))
    }

    /// Starts an operation. Its batches are executed by the processes of the fleet.
    pub(crate) async fn start_operation(
        &self,
        act: BulkAct,
        filter: BulkFilter,
        created_by: Option<String>,
    ) -> Result<BulkOperation, EnqueueError> {
        let created_by = options::text("created by", created_by)?;
        let store_error = |error: StoreError| EnqueueError::Store(Box::new(error));
        let preview = self.preview_operation(&act, &filter).await;
        let preview = preview.map_err(store_error)?;
        let new = NewOperation {
            id: self
                .inner
                .entropy
                .execution_id(&*self.inner.clock)
                .to_string(),
            request: BulkRequest { act, filter },
            expected: preview.count,
            exact: preview.exact,
            created_by,
            created_at: self.now(),
        };
        let operation = self.inner.store.start_operation(new).await;
        let operation = operation.map_err(store_error)?;
        let after = json!(BulkRequest {
            act: operation.act.clone(),
            filter: operation.filter.clone(),
        });
        self.record_act("operation.start", operation.id.clone(), None, Some(after))
            .await;
        self.inner.operation_changes.notify_waiters();
        Ok(operation)
    }

    /// Returns the signal that an operation has started in this process.
    pub(crate) fn operation_changes(&self) -> Arc<Notify> {
        Arc::clone(&self.inner.operation_changes)
    }

    /// Ends an operation that runs; `None` if there is none with this id.
    pub(crate) async fn cancel_operation(
        &self,
        id: String,
    ) -> Result<Option<BulkOperation>, StoreError> {
        let now = self.now();
        let ended = self.inner.store.cancel_operation(id.clone(), now).await?;
        if let Some(operation) = &ended {
            let after = json!({"status": operation.status, "changed": operation.changed});
            self.record_act("operation.cancel", id, None, Some(after))
                .await;
        }
        Ok(ended)
    }
}
