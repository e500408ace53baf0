//! Retention: the calls that bound the rows of a store, and the erasure of payloads.

use async_trait::async_trait;
use jobs::{ExecutionId, ExecutionStatus};
use schemars::JsonSchema;
use serde::Serialize;

use crate::store::{Cursor, StoreError, TransferredExecution};
use crate::time::Timestamp;

/// The part of a store that bounds what it keeps.
///
/// The calls are small: each examines or deletes a bounded number of rows, so that none holds up a
/// claim. Several processes may make them at once. Each row is then deleted, and counted, once. A
/// crash between two calls loses nothing: the next pass finds the rows again.
#[async_trait]
pub trait RetentionStore: Send + Sync + 'static {
    /// Gives a task's turn to a process, or keeps it there. Returns whether the process has it.
    ///
    /// A turn spares the fleet repeated work; no promise depends on it. Repeatable.
    async fn take_turn(&self, turn: Turn) -> Result<bool, StoreError>;

    /// Ends the turn of `holder`. The task rests until `until`. Repeatable.
    async fn end_turn(
        &self,
        task: String,
        holder: String,
        until: Timestamp,
    ) -> Result<(), StoreError>;

    /// Finds final executions whose retention has ended, oldest first. Examines up to `scan.limit`
    /// rows and changes nothing.
    ///
    /// An execution is kept longer while an idempotency key that has not expired names it. It is
    /// also kept while the execution whose handler enqueued it is not final.
    async fn find_expired(&self, scan: ExpiryScan) -> Result<ExpiryPage, StoreError>;

    /// Reads executions that a scan has found, with their attempts and log lines, for an archive.
    ///
    /// Long executions make a short answer: the oldest of them. Executions that this program cannot
    /// read, and those that are gone, are left out. The statements are not one snapshot: what runs
    /// again meanwhile may be incomplete. [`delete_expired`](Self::delete_expired) then leaves it
    /// alone.
    async fn read_expired(
        &self,
        batch: Vec<Expired>,
    ) -> Result<Vec<TransferredExecution>, StoreError>;

    /// Deletes executions that a scan has found, each as
    /// [`delete`](crate::store::OperatorStore::delete) does. Returns those that this call has
    /// deleted.
    ///
    /// An execution that has run again or was erased since the scan is left alone. All of the batch
    /// is deleted or nothing. A repeated call deletes nothing.
    async fn delete_expired(&self, batch: Vec<Expired>) -> Result<Vec<ExecutionId>, StoreError>;

    /// Deletes up to `sweep.limit` rows of one kind that nothing needs any more. Returns how many.
    /// Zero means that none is left. Repeatable.
    async fn sweep(&self, sweep: Sweep) -> Result<u64, StoreError>;

    /// Records that a live program links these jobs, each with this fingerprint. Does not change
    /// which publication of a job is the newest. Repeatable.
    async fn renew_publications(
        &self,
        jobs: Vec<(String, String)>,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Erases what callers and handlers have written into a final execution: payload, results,
    /// messages of errors and progress, log lines, unique and debounce keys. The record of the
    /// execution stays, with the time of the erasure and its author.
    ///
    /// Atomic. A repeated call changes nothing and answers with the first erasure.
    async fn erase(
        &self,
        id: ExecutionId,
        by: Option<String>,
        now: Timestamp,
    ) -> Result<EraseAnswer, StoreError>;
}

/// A request for the fleet's turn at a task.
///
/// It is granted if the process holds the turn already, or if the task's rest is over. It is also
/// granted if another process has held the turn up to `until` without ending it.
#[derive(Clone, Debug)]
pub struct Turn {
    /// The task.
    pub task: String,
    /// The process, by a name of its own.
    pub holder: String,
    /// The present time.
    pub now: Timestamp,
    /// The time up to which the process holds the turn.
    pub until: Timestamp,
    /// A stored time after this one comes from a wrong clock and counts as past.
    pub latest: Timestamp,
    /// True if the process does not wait for the end of the task's rest.
    pub urgent: bool,
}

/// A search for expired executions: those of one job, or those of all jobs without some.
#[derive(Clone, Debug)]
pub struct ExpiryScan {
    /// The job id; `None` for all jobs.
    pub job_id: Option<String>,
    /// Job ids whose executions are left out.
    pub except: Vec<String>,
    /// The times of the end up to which executions have expired.
    pub cutoffs: Cutoffs,
    /// The present time.
    pub now: Timestamp,
    /// The cursor of the previous page; `None` for the first page.
    pub after: Option<Cursor>,
    /// The largest number of executions that the call examines.
    pub limit: usize,
}

impl ExpiryScan {
    /// Returns whether no execution behind a page can have expired: the page examined fewer rows
    /// than it might have, or its last execution was created after every cutoff. A time of creation
    /// in the future comes from a wrong clock and proves nothing.
    pub(in crate::store) fn is_last_page(
        &self,
        examined: i64,
        last_created_at: Option<Timestamp>,
    ) -> bool {
        let is_short = usize::try_from(examined).is_ok_and(|examined| examined < self.limit);
        let is_young = |at: Timestamp| at >= self.cutoffs.latest() && at <= self.now;
        is_short || last_created_at.is_none_or(is_young)
    }
}

/// For each final status, the time before which an execution must have ended to be expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cutoffs {
    /// The time for succeeded executions.
    pub succeeded: Timestamp,
    /// The time for failed executions.
    pub failed: Timestamp,
    /// The time for cancelled executions.
    pub cancelled: Timestamp,
}

impl Cutoffs {
    /// Returns the latest of the times. No execution that was created after it has expired.
    pub fn latest(&self) -> Timestamp {
        self.succeeded.max(self.failed).max(self.cancelled)
    }
}

/// A page of expired executions.
#[derive(Clone, Debug)]
pub struct ExpiryPage {
    /// The executions. A page may be short, or empty, and still have a cursor.
    pub expired: Vec<Expired>,
    /// The cursor for the next page; `None` if no later execution can have expired.
    pub next: Option<Cursor>,
}

/// An execution whose retention has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Expired {
    /// The execution.
    pub execution_id: ExecutionId,
    /// The job id under which it was enqueued.
    pub job_id: String,
    /// The final status.
    pub status: ExecutionStatus,
    /// The time at which it became final.
    pub finished_at: Timestamp,
    /// Whether its payload was erased.
    pub is_erased: bool,
}

/// A deletion of rows that nothing needs any more.
#[derive(Clone, Copy, Debug)]
pub struct Sweep {
    /// The kind of the rows.
    pub rows: Leftover,
    /// Rows that were needed after this time are kept.
    pub before: Timestamp,
    /// The largest number of rows that the call deletes.
    pub limit: usize,
}

/// A kind of rows that a store keeps beside executions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leftover {
    /// Idempotency keys that have expired.
    IdempotencyKeys,
    /// Closed sessions without leases. Attempts that name one lose the name of their worker.
    Sessions,
    /// Publications that no program has made or renewed. The newest publication of a job is kept
    /// while the job has an execution.
    Publications,
    /// Bulk operations that have ended.
    Operations,
    /// Limits that no execution names and no permit is in use of. `before` must be the present
    /// time.
    Limits,
    /// Entries of the audit log.
    Audit,
    /// Points of series that have expired.
    Series,
    /// Tokens and sign-ins that were revoked or had expired. The newest token is kept, so that a
    /// store with tokens never becomes one without.
    Tokens,
}

/// The erasure of an execution's payload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Erasure {
    /// The time.
    pub at: Timestamp,
    /// The user or program that requested it, as far as it was said.
    pub by: Option<String>,
}

/// The answer to an erasure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EraseAnswer {
    /// The payload is erased: by this call, or by an earlier one.
    Erased(Erasure),
    /// The execution is not final, so its payload is needed.
    NotFinal(ExecutionStatus),
    /// There is no such execution.
    Unknown,
}
