//! Transfer: copying executions and everything that they need from one store into another.
//!
//! [`copy::transfer`] reads the source with [`Transferable::export`], oldest execution first, and
//! writes the target with [`Transferable::import`]. It copies:
//!
//! * queued executions in their order;
//! * the history, with its attempts and logs;
//! * idempotency keys;
//! * every publication of the catalogue;
//! * schedules, with their runs;
//! * access tokens;
//! * pauses of queues, and of rates.
//!
//! The command marks the source as moved, so that nothing is enqueued there any more.
//!
//! Sessions and leases are not copied: no worker may use the source. The audit log and bulk
//! operations stay in the source.
//!
//! `copy` knows only the trait. `rows` prepares the rows that both stores insert, and `order` finds
//! those that are out of order.
//!
//! The folder may import the contract, the rules, the clock and `decode/window`. It must never
//! import a particular store.

pub(crate) mod copy;
pub(in crate::store) mod order;
pub(in crate::store) mod rows;

use async_trait::async_trait;
use jobs::{AttemptOutcome, ExecutionError, ExecutionStatus};
use serde::Serialize;

use super::{
    Cursor, DedupKind, Erasure, IdempotencyKey, Limit, LogRecord, NewExecution, PublishedJob,
    StoreError,
};
use crate::time::Timestamp;

/// A store that a transfer can read from and write to.
#[async_trait]
pub trait Transferable: Send + Sync {
    /// Reads up to `limit` executions after the cursor, oldest first. Long executions make a
    /// shorter page.
    async fn export(&self, after: Option<Cursor>, limit: usize) -> Result<Export, StoreError>;

    /// Writes executions as they are, in their order, after the existing ones. Returns for each, in
    /// order, whether this call has written it.
    ///
    /// Writes all of the batch or nothing. An execution whose id exists is left alone, so that a
    /// transfer can be repeated.
    ///
    /// # Errors
    /// [`StoreError::Transaction`] if an execution is running: leases are not copied.
    async fn import(&self, batch: Vec<TransferredExecution>) -> Result<Vec<bool>, StoreError>;

    /// Returns every publication, outdated ones included.
    async fn publications(&self) -> Result<Vec<PublishedJob>, StoreError>;

    /// Counts the rows of the store. Reads all of them.
    async fn row_counts(&self) -> Result<RowCounts, StoreError>;

    /// Returns the rates that are paused after `now`, or whose next start is later than that.
    async fn paused_rates(&self, now: Timestamp) -> Result<Vec<PausedRate>, StoreError>;

    /// Pauses these rates, and creates those that do not exist. Repeatable.
    async fn pause_rates(&self, rates: Vec<PausedRate>) -> Result<(), StoreError>;

    /// Marks the store as moved: it accepts no new executions and no sessions, from any process,
    /// and answers [`StoreError::Moved`]. `None` removes the mark. Repeatable.
    async fn mark_moved(&self, to: Option<String>) -> Result<(), StoreError>;

    /// Checks that the store is not marked as moved.
    ///
    /// # Errors
    /// [`StoreError::Moved`] if it is.
    async fn check_not_moved(&self) -> Result<(), StoreError>;
}

/// A rate with the time of its next start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PausedRate {
    /// The limit.
    pub limit: Limit,
    /// The place of the limit among those of its job.
    pub stage: i64,
    /// No start before this time.
    pub until: Timestamp,
}

/// A page of an export.
#[derive(Clone, Debug)]
pub struct Export {
    /// The executions, oldest first.
    pub executions: Vec<TransferredExecution>,
    /// The cursor for the next page; `None` at the end.
    pub next: Option<Cursor>,
}

/// An execution with its history.
#[derive(Clone, Debug)]
pub struct TransferredExecution {
    /// The execution as it was enqueued. Its idempotency keys are in `keys`, its unique and
    /// debounce keys in `names`. Of `max_waiting` only its presence is kept.
    pub request: NewExecution,
    /// The state.
    pub state: TransferredState,
    /// The attempts that further attempts have followed.
    pub attempts: Vec<TransferredAttempt>,
    /// The log lines of its attempts.
    pub logs: Vec<LogRecord>,
    /// The idempotency keys that name it.
    pub keys: Vec<IdempotencyKey>,
    /// The unique and debounce keys of which it is the newest execution.
    pub names: Vec<(DedupKind, String)>,
    /// The erasure of its payload, if it was erased.
    pub erased: Option<Erasure>,
}

/// The state of an execution, with the data of the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransferredState {
    /// Ready, or blocked by limits.
    Queued {
        /// The number of its next attempt.
        attempt: u32,
        /// The number of attempts that the retry budget has spent.
        spent: u32,
    },
    /// Scheduled for a later time.
    Scheduled {
        /// The time at which it becomes ready.
        run_at: Timestamp,
        /// The number of its next attempt.
        attempt: u32,
        /// The number of attempts that the retry budget has spent.
        spent: u32,
    },
    /// Leased to a session.
    Running,
    /// Final.
    Final(Box<TransferredOutcome>),
}

/// An attempt that a further attempt has followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferredAttempt {
    /// The number, from 1.
    pub number: u32,
    /// The outcome.
    pub outcome: AttemptOutcome,
    /// The worker that executed it.
    pub worker: String,
    /// The time at which it started.
    pub started_at: Timestamp,
    /// The time at which it ended.
    pub finished_at: Timestamp,
    /// The time at which the next attempt was due.
    pub retry_at: Option<Timestamp>,
    /// The error.
    pub error: Option<ExecutionError>,
    /// The progress, 0–100.
    pub progress: u8,
    /// The message of the last progress report.
    pub progress_message: Option<String>,
    /// The result, if the attempt had ended the execution before an operator retried it: JSON text.
    pub result: Option<String>,
}

/// The outcome of a final execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferredOutcome {
    /// The final status.
    pub status: ExecutionStatus,
    /// The time at which it became final.
    pub finished_at: Timestamp,
    /// The number of the last attempt; 0 if there was none.
    pub attempt: u32,
    /// The outcome of the last attempt; `None` if the execution was cancelled while it waited.
    pub outcome: Option<AttemptOutcome>,
    /// The worker that executed it.
    pub worker: Option<String>,
    /// The time at which it started.
    pub started_at: Option<Timestamp>,
    /// The error.
    pub error: Option<ExecutionError>,
    /// The progress, 0–100.
    pub progress: u8,
    /// The message of the last progress report.
    pub progress_message: Option<String>,
    /// The result: JSON text.
    pub result: Option<String>,
}

/// The number of rows of a store, per kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RowCounts {
    /// Ready and blocked executions.
    pub queued: u64,
    /// Scheduled executions.
    pub pending: u64,
    /// Leased executions.
    pub running: u64,
    /// Succeeded executions.
    pub succeeded: u64,
    /// Failed executions.
    pub failed: u64,
    /// Cancelled executions.
    pub cancelled: u64,
    /// Attempts that further attempts have followed.
    pub attempts: u64,
    /// Log lines.
    pub log_lines: u64,
    /// Idempotency keys.
    pub keys: u64,
    /// Publications of jobs.
    pub publications: u64,
    /// Schedules.
    pub schedules: u64,
}

impl RowCounts {
    /// Adds an execution with its rows.
    pub fn add_execution(&mut self, execution: &TransferredExecution) {
        let count = match &execution.state {
            TransferredState::Queued { .. } => &mut self.queued,
            TransferredState::Scheduled { .. } => &mut self.pending,
            TransferredState::Running => &mut self.running,
            TransferredState::Final(outcome) => match outcome.status {
                ExecutionStatus::Succeeded => &mut self.succeeded,
                ExecutionStatus::Cancelled => &mut self.cancelled,
                _ => &mut self.failed,
            },
        };
        *count += 1;
        self.attempts += execution.attempts.len() as u64;
        self.log_lines += execution.logs.len() as u64;
        self.keys += execution.keys.len() as u64;
    }

    /// Returns the number of executions in all states.
    pub fn executions(&self) -> u64 {
        self.queued + self.pending + self.running + self.succeeded + self.failed + self.cancelled
    }
}

impl std::ops::Add for RowCounts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            queued: self.queued + other.queued,
            pending: self.pending + other.pending,
            running: self.running + other.running,
            succeeded: self.succeeded + other.succeeded,
            failed: self.failed + other.failed,
            cancelled: self.cancelled + other.cancelled,
            attempts: self.attempts + other.attempts,
            log_lines: self.log_lines + other.log_lines,
            keys: self.keys + other.keys,
            publications: self.publications + other.publications,
            schedules: self.schedules + other.schedules,
        }
    }
}
