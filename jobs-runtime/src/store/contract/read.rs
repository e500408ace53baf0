//! Reads: executions, lists, logs, queues, processes, the catalogue.

use async_trait::async_trait;
use jobs::{ExecutionId, ExecutionStatus};

use crate::store::{
    CapScope, ExecutionPage, ExecutionQuery, ExecutionRecord, ExecutionState, LogPage, LogQuery,
    ProcessRecord, PublishedJob, QueueRecord, SessionId, SessionPublication, StoreError,
};
use crate::time::Timestamp;

/// The end of an execution, for statistics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecentOutcome {
    /// The job.
    pub job_id: String,
    /// The final status.
    pub status: ExecutionStatus,
    /// The number of the last attempt.
    pub attempt: u32,
    /// The time at which it was enqueued.
    pub created_at: Timestamp,
    /// The time at which it was due first.
    pub due_at: Timestamp,
    /// The time at which its last attempt started; `None` without an attempt.
    pub started_at: Option<Timestamp>,
    /// The time at which it became final.
    pub finished_at: Timestamp,
}

/// The part of a store that is read without a change. Errors: see [`Store`](crate::store::Store).
#[async_trait]
pub trait ReadStore: Send + Sync {
    /// Returns one execution with all of its attempts, or `None` if it does not exist.
    async fn execution(&self, id: ExecutionId) -> Result<Option<ExecutionRecord>, StoreError>;

    /// Returns the states of these executions, in the order of `ids`. Unknown ids are left out.
    async fn execution_states(
        &self,
        ids: Vec<ExecutionId>,
    ) -> Result<Vec<ExecutionState>, StoreError>;

    /// Returns a page of executions, newest first, without their attempts.
    ///
    /// A call examines a bounded number of rows. A page may therefore be short, or even empty, and
    /// still carry a cursor for the next call.
    async fn list_executions(&self, query: ExecutionQuery) -> Result<ExecutionPage, StoreError>;

    /// Returns a page of an execution's log, oldest line first, or `None` if the execution does
    /// not exist.
    async fn logs(&self, query: LogQuery) -> Result<Option<LogPage>, StoreError>;

    /// Returns the newest final executions, at most `limit`; with a job, those among its newest
    /// `limit` executions. Newest means created last.
    async fn recent_outcomes(
        &self,
        job_id: Option<String>,
        limit: usize,
    ) -> Result<Vec<RecentOutcome>, StoreError>;

    /// Counts the executions of the same queue that will be claimed before this one, up to
    /// `limit`. `None` if the execution is not ready.
    async fn ahead(&self, id: ExecutionId, limit: u64) -> Result<Option<u64>, StoreError>;

    /// Returns every queue that is paused or has waiting or running executions, by name.
    async fn queues(&self) -> Result<Vec<QueueRecord>, StoreError>;

    /// Returns every open session with the jobs and queues that it executes, oldest first.
    async fn processes(&self) -> Result<Vec<ProcessRecord>, StoreError>;

    /// Counts the leases of a queue, or of a job, per session. Sessions without any are left out.
    async fn leases_of(&self, scope: CapScope) -> Result<Vec<(SessionId, u64)>, StoreError>;

    /// Returns the publications of jobs by the programs of sessions, for pairs of a session and a
    /// job. A pair is left out if its session or its publication is gone, or if the session does
    /// not publish its jobs.
    async fn session_publications(
        &self,
        pairs: Vec<(SessionId, String)>,
    ) -> Result<Vec<SessionPublication>, StoreError>;

    /// Returns the newest publication of every job, sorted by job id.
    async fn catalogue(&self) -> Result<Vec<PublishedJob>, StoreError>;

    /// Returns the names of the fields that any publication of these jobs marks as sensitive, each
    /// name once. A stored payload keeps the fields of its time.
    async fn sensitive_fields(&self, job_ids: Vec<String>) -> Result<Vec<String>, StoreError>;
}
