//! Work: sessions, claims, settlements, logs, maintenance.

use async_trait::async_trait;
use jobs::{ExecutionId, TransactionRef};

use crate::store::{
    Claim, Claimed, Fence, LogBatch, ProgressReport, Promotion, PublishedJob, Renewal, SessionBeat,
    SessionId, SessionInfo, Settlement, StoreError, WriteAnswer,
};
use crate::time::Timestamp;

/// The part of a store that executes: sessions, claims, settlements, logs, maintenance. Errors: see
/// [`Store`](crate::store::Store).
#[async_trait]
pub trait WorkerStore: Send + Sync {
    /// Opens a session for a worker and returns its id. A session id is never used again.
    ///
    /// Not repeatable: a lost answer leaves a session without a worker, which another worker
    /// takes over.
    async fn open_session(&self, info: SessionInfo) -> Result<SessionId, StoreError>;

    /// Renews a session: changes its beat. Writes one row, however many leases the session holds.
    ///
    /// Answers [`Renewal::Lost`] if the session is closed. Repeatable.
    async fn renew(&self, session: SessionId, now: Timestamp) -> Result<Renewal, StoreError>;

    /// Closes a session that holds no lease. A session with leases stays open until another worker
    /// takes it over. Repeatable.
    async fn close_session(&self, session: SessionId) -> Result<(), StoreError>;

    /// Leases up to `claim.limit` ready executions to the session: the most urgent first, the
    /// oldest first among equals. Takes nothing from paused queues.
    ///
    /// The leases of a claim are written in one transaction. Repeatable: a second call with the
    /// same number returns the leases that the first still holds and takes nothing more.
    ///
    /// # Errors
    /// [`StoreError::SessionLost`] if the session is closed.
    async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>, StoreError>;

    /// Ends attempts and applies what follows each. Returns one answer per settlement, in order.
    ///
    /// One transaction writes all of a settlement: the attempt's record, its last log lines, the
    /// outcome, the end of the lease and the release of its permits. A stale settlement does not
    /// fail the others. Repeatable: the second call answers [`WriteAnswer::AlreadyMine`].
    async fn settle(&self, batch: Vec<Settlement>) -> Result<Vec<WriteAnswer>, StoreError>;

    /// Does the same as [`settle`](Self::settle) for one attempt, within the caller's transaction.
    ///
    /// The attempt has ended once the caller commits. A later settlement of the same attempt
    /// answers [`WriteAnswer::AlreadyMine`], whatever its outcome is.
    ///
    /// # Errors
    /// [`StoreError::WrongDatabase`] if the transaction is on another database,
    /// [`StoreError::Transaction`] if the transaction cannot be written to.
    async fn settle_in(
        &self,
        tx: TransactionRef<'_>,
        settlement: Settlement,
    ) -> Result<WriteAnswer, StoreError>;

    /// Writes the progress of running attempts. Returns one answer per report, in order.
    /// Repeatable: progress never decreases.
    async fn report(&self, batch: Vec<ProgressReport>) -> Result<Vec<WriteAnswer>, StoreError>;

    /// Writes log lines of attempts. Returns one answer per attempt's batch, in order.
    ///
    /// Repeatable: a line is written once under its number. Lines whose answer was lost are sent
    /// again, alone or with the settlement. The session that has settled an attempt may still add
    /// lines to it; the answer is [`WriteAnswer::AlreadyMine`].
    async fn append_logs(&self, batch: Vec<LogBatch>) -> Result<Vec<WriteAnswer>, StoreError>;

    /// Returns the attempts of a session whose cancellation was requested.
    async fn cancel_requests(&self, session: SessionId) -> Result<Vec<Fence>, StoreError>;

    /// Returns the publications by which other programs may read the payload of an attempt.
    ///
    /// These are the publications, under one of `job_ids`, of programs with an open session that
    /// claims from the execution's queue. The program of the attempt's own session is left out. So
    /// is a program that has released the execution with an error of the kind
    /// [`InvalidPayload`](jobs::ErrorKind::InvalidPayload) since it last ended otherwise.
    async fn other_readers(
        &self,
        fence: Fence,
        job_ids: Vec<String>,
    ) -> Result<Vec<PublishedJob>, StoreError>;

    /// Releases the permits that settlements have [retained](crate::store::Permits::retained), once
    /// the handlers of these attempts have ended. Repeatable: each permit is released once.
    async fn release_permits(&self, fences: Vec<Fence>) -> Result<(), StoreError>;

    /// Moves up to `limit` due scheduled executions to ready, or to blocked if they have limits.
    /// Then the permit allocator looks at up to `limit` new waiters and at the limits that are due.
    /// It admits the executions that have got their permits.
    ///
    /// First of all, the call cancels executions whose first attempt has not started by their
    /// [`expires_at`](crate::store::NewExecution::expires_at), with the error kind `expired`. The
    /// store bounds their number. A claim does not take such an execution, however late it is
    /// cancelled.
    ///
    /// [`Promotion::next_due`] includes the time at which a rate limit with waiters has its next
    /// permit. Several processes may call it at once: each execution is promoted once. A crash
    /// leaves every execution where it was or where it belongs. Repeatable.
    async fn promote(&self, now: Timestamp, limit: usize) -> Result<Promotion, StoreError>;

    /// Returns the sessions that a liveness monitor has to watch, with their beats.
    ///
    /// These are the open sessions, and the closed sessions that still hold leases because their
    /// take-over was interrupted. The next rescuer finds the latter here and goes on.
    async fn sessions(&self) -> Result<Vec<SessionBeat>, StoreError>;

    /// Takes over the session `dead`, if its beat is still the one that the caller has observed:
    /// closes the session, then moves up to `claim.limit` of its leases to the session of `claim`.
    ///
    /// One transaction does both. Further calls, each with its own claim number, move the rest,
    /// until one returns fewer leases than its limit.
    ///
    /// From the first call on, `dead` cannot renew ([`Renewal::Lost`]) nor claim
    /// ([`StoreError::SessionLost`]). Its worker can still settle an attempt whose lease has not
    /// moved: no other session holds it, and the settlement ends the lease.
    ///
    /// Repeatable like [`claim`](Self::claim): a second call with the same number returns the
    /// leases that the first still holds and moves nothing more.
    ///
    /// # Errors
    /// [`StoreError::SessionLost`] if the session of `claim` is closed.
    async fn take_over(&self, dead: SessionBeat, claim: Claim) -> Result<Vec<Claimed>, StoreError>;

    /// Returns up to `limit` ready executions of a queue that became ready before `since` and do
    /// not have the highest priority. A retry becomes ready when it is due, whatever the age of its
    /// execution. Considers the oldest executions of each priority. Ageing raises the priority of
    /// what it returns.
    async fn waiting_since(
        &self,
        queue: String,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<ExecutionId>, StoreError>;
}
