//! Moving everything from one store to another.
//!
//! People start embedded and outgrow one machine. What a store keeps is read out whole, oldest
//! first, and written down elsewhere as it was: queued executions in their order, history with its
//! attempts and logs, idempotency keys, every publication of the catalogue. Sessions and leases
//! are not moved: the source has to be at rest.

pub(crate) mod copy;
pub(in crate::store) mod rows;

use async_trait::async_trait;
use jobs::{AttemptOutcome, ExecutionError, ExecutionStatus};
use serde::Serialize;

use super::{Cursor, DedupKind, IdempotencyKey, LogRecord, NewExecution, PublishedJob, StoreError};
use crate::time::Timestamp;

/// The ability of a store to be moved, in either direction.
#[async_trait]
pub trait Transferable: Send + Sync {
    /// What is kept about the oldest executions that stand after `after`: up to `limit` of them,
    /// fewer where they are long.
    async fn export(&self, after: Option<Cursor>, limit: usize) -> Result<Export, StoreError>;

    /// Writes executions down as they are, in their order, after those that exist. One that is
    /// there already under its id is left alone, so that a move can be repeated. All of the batch
    /// or nothing; answers for each, in order, whether it was written by this call.
    ///
    /// # Errors
    /// [`StoreError::Transaction`] for one that is running: leases are not moved.
    async fn import(&self, batch: Vec<TransferredExecution>) -> Result<Vec<bool>, StoreError>;

    /// Every publication that is kept, the outdated ones too.
    async fn publications(&self) -> Result<Vec<PublishedJob>, StoreError>;

    /// How much the store keeps. Reads all of it.
    async fn row_counts(&self) -> Result<RowCounts, StoreError>;
}

/// A part of what a store keeps.
#[derive(Clone, Debug)]
pub struct Export {
    /// Oldest first.
    pub executions: Vec<TransferredExecution>,
    /// Where to go on; `None` at the end.
    pub next: Option<Cursor>,
}

/// An execution and all that became of it.
#[derive(Clone, Debug)]
pub struct TransferredExecution {
    /// What was asked for. Its idempotency key stands in `keys`, its unique and debounce keys in `names`;
    /// of `max_waiting` only whether there is one.
    pub request: NewExecution,
    /// Where it is in its life.
    pub place: TransferredState,
    /// Attempts that others followed.
    pub attempts: Vec<TransferredAttempt>,
    /// What its attempts logged.
    pub logs: Vec<LogRecord>,
    /// The keys that name it.
    pub keys: Vec<IdempotencyKey>,
    /// The keys under which it is the newest of those that are the same.
    pub names: Vec<(DedupKind, String)>,
}

/// Where an execution stands, with what is kept for that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransferredState {
    /// Ready.
    Queued {
        /// The number of its next attempt.
        attempt: u32,
        /// The budget used so far.
        spent: u32,
    },
    /// Waiting for its time.
    Scheduled {
        /// When it becomes ready.
        run_at: Timestamp,
        /// The number of its next attempt.
        attempt: u32,
        /// The budget used so far.
        spent: u32,
    },
    /// Leased to a session.
    Running,
    /// Final.
    Final(Box<TransferredOutcome>),
}

/// An attempt that others followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferredAttempt {
    /// From 1.
    pub number: u32,
    /// How it ended.
    pub outcome: AttemptOutcome,
    /// Who executed it.
    pub worker: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// When the next one was due.
    pub retry_at: Option<Timestamp>,
    /// What went wrong.
    pub error: Option<ExecutionError>,
    /// 0–100.
    pub progress: u8,
    /// What the handler said it was doing.
    pub progress_message: Option<String>,
    /// The result of one that had ended an execution before an operator retried it: JSON text.
    pub result: Option<String>,
}

/// The end of an execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferredOutcome {
    /// Which end.
    pub status: ExecutionStatus,
    /// When.
    pub finished_at: Timestamp,
    /// The number of its last attempt; 0 if there was none.
    pub attempt: u32,
    /// How that ended; `None` if the execution was cancelled while it waited.
    pub outcome: Option<AttemptOutcome>,
    /// Who executed it.
    pub worker: Option<String>,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// What went wrong.
    pub error: Option<ExecutionError>,
    /// 0–100.
    pub progress: u8,
    /// What the handler said it was doing.
    pub progress_message: Option<String>,
    /// JSON text.
    pub result: Option<String>,
}

/// How much a store keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RowCounts {
    /// Ready.
    pub queued: u64,
    /// Waiting for their time.
    pub pending: u64,
    /// Leased.
    pub running: u64,
    /// Final.
    pub succeeded: u64,
    /// Final.
    pub failed: u64,
    /// Final.
    pub cancelled: u64,
    /// Attempts that others followed.
    pub attempts: u64,
    /// Log lines.
    pub log_lines: u64,
    /// Idempotency keys.
    pub keys: u64,
    /// Publications of jobs.
    pub publications: u64,
}

impl RowCounts {
    /// Counts an execution in.
    pub fn count(&mut self, archived: &TransferredExecution) {
        let place = match &archived.place {
            TransferredState::Queued { .. } => &mut self.queued,
            TransferredState::Scheduled { .. } => &mut self.pending,
            TransferredState::Running => &mut self.running,
            TransferredState::Final(outcome) => match outcome.status {
                ExecutionStatus::Succeeded => &mut self.succeeded,
                ExecutionStatus::Cancelled => &mut self.cancelled,
                _ => &mut self.failed,
            },
        };
        *place += 1;
        self.attempts += archived.attempts.len() as u64;
        self.log_lines += archived.logs.len() as u64;
        self.keys += archived.keys.len() as u64;
    }

    /// Executions, wherever they stand.
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
        }
    }
}
