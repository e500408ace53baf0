//! The contract of a store: the trait [`Store`] and the types that its methods take and return.
//!
//! The types import nothing of an implementation. Both stores, the engine and the service import
//! them from [`crate::store`].

pub(in crate::store) mod enqueue_rules;
pub(in crate::store) mod error;
pub(in crate::store) mod execution;
pub(in crate::store) mod lease;
pub(in crate::store) mod limit;
pub(in crate::store) mod list;
pub(in crate::store) mod logs;
pub(in crate::store) mod operator;
pub(in crate::store) mod publish;
pub(in crate::store) mod schedule;
pub(in crate::store) mod session;
pub(in crate::store) mod settlement;
pub(in crate::store) mod url;

use std::sync::Arc;

use async_trait::async_trait;
use jobs::{ExecutionId, TransactionRef};
use tokio::sync::broadcast;

use crate::store::{
    BlockingLimit, CancelAnswer, CapScope, Claim, Claimed, DeleteAnswer, EditAnswer, EnqueueAnswer,
    ExecutionEdit, ExecutionPage, ExecutionQuery, ExecutionRecord, ExecutionState, Fence, Limit,
    LogBatch, LogPage, LogQuery, MigrationStatus, NewExecution, ProcessRecord, ProgressReport,
    Promotion, PublishedJob, QueueRecord, Renewal, Reservation, RetryAnswer, ScheduleStore,
    SessionBeat, SessionId, SessionInfo, Settlement, StoreDescription, StoreError, Transferable,
    WriteAnswer,
};
use crate::time::Timestamp;

/// The operations of a store: every transition of an execution's life, in batches.
///
/// All parts of a process share one implementation. A write is durable when its method returns
/// `Ok`; [`StoreDescription::durability`] names the failures that it survives.
///
/// # Errors
/// Every asynchronous method can fail with:
///
/// * [`StoreError::Unavailable`]: the store cannot be reached, opened or written;
/// * [`StoreError::Timeout`]: the call exceeded its own deadline. No method waits for another
///   process to finish its work;
/// * [`StoreError::Database`]: the database rejected a statement;
/// * [`StoreError::Corrupt`]: a row holds a value that this program cannot read.
///
/// After an error, a write may or may not have taken effect. A method that is documented as
/// repeatable can then be called again with the same arguments. The second call finds the effects
/// of the first. Each method lists its further errors.
#[async_trait]
pub trait Store: ScheduleStore {
    // ---- Setup: layout, health, events -----------------------------------------------------

    /// Applies the migrations that the layout lacks and returns the status of all.
    ///
    /// Several processes may call it at once: each migration is applied once. A crash leaves a
    /// migration applied or not applied, never half applied. Repeatable.
    ///
    /// # Errors
    /// [`StoreError::Layout`] if the layout is newer than this program, or was changed by hand.
    async fn migrate(&self) -> Result<Vec<MigrationStatus>, StoreError>;

    /// Returns the migrations that this program knows, with the time at which each was applied.
    /// Changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Layout`] if the layout is newer than this program, or was changed by hand.
    async fn migrations(&self) -> Result<Vec<MigrationStatus>, StoreError>;

    /// Checks that the store can be read and written now. It performs a write that changes no data.
    async fn ping(&self) -> Result<(), StoreError>;

    /// Returns the time of the store's server, or `None` if the store has no server.
    ///
    /// A fleet that takes its time from the server tolerates a worker with a wrong clock.
    async fn server_time(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Returns the kind, the location and the durability of the store, for people.
    fn describe(&self) -> StoreDescription;

    /// Subscribes to the events of the store.
    ///
    /// An event is a hint: it may be lost, repeated or late. A subscriber polls as well.
    fn events(&self) -> broadcast::Receiver<StoreEvent>;

    /// Returns the interface that copies this store into another, or `None` if there is none.
    fn transfer(&self) -> Option<&dyn Transferable> {
        None
    }

    // ---- Enqueue: the catalogue, new executions, callers' transactions ---------------------

    /// Publishes the jobs that a program has linked.
    ///
    /// A job that is published under a new fingerprint is added; under a known fingerprint only
    /// its time of publication changes. Atomic and repeatable.
    async fn publish(&self, jobs: Vec<PublishedJob>) -> Result<(), StoreError>;

    /// Creates executions: all of the batch, or none. Returns one answer per execution, in order.
    ///
    /// For each execution the store checks, in this order:
    ///
    /// 1. the execution id: an id that exists answers [`EnqueueAnswer::Created`] and writes
    ///    nothing;
    /// 2. the idempotency key: a key that has not expired answers
    ///    [`EnqueueAnswer::Replayed`] with the execution that it names;
    /// 3. the [unique key](super::UniqueKey): a live execution with the same key is answered
    ///    ([`EnqueueAnswer::Skipped`]), or receives the payload ([`EnqueueAnswer::Merged`]); with
    ///    [`OnConflict::Replace`](jobs::OnConflict) a running one does neither, and another is
    ///    created beside it;
    /// 4. the [debounce key](super::DebounceKey): an execution with the same key that is not due
    ///    yet receives the payload and the new time ([`EnqueueAnswer::Merged`]);
    /// 5. [`max_waiting`](super::EnqueueRules::max_waiting).
    ///
    /// An execution without limits is ready, or scheduled until its time. An execution with limits
    /// is ready at once if the store can take all of its permits. Otherwise it is blocked until
    /// [`promote`](Self::promote) admits it.
    ///
    /// Repeatable, because the caller chooses the ids.
    ///
    /// # Errors
    /// Each of these rejects the whole batch:
    /// [`StoreError::IdempotencyConflict`] if an idempotency key names an execution with another
    /// payload, [`StoreError::UniqueConflict`] if the unique key's rule is to reject, and
    /// [`StoreError::QueueFull`] if `max_waiting` would be exceeded.
    async fn enqueue(&self, batch: Vec<NewExecution>) -> Result<Vec<EnqueueAnswer>, StoreError>;

    /// Does the same as [`enqueue`](Self::enqueue) within the caller's transaction.
    ///
    /// The executions exist once the caller commits. An error leaves the transaction as it was
    /// before the call. If the caller drops the future, all of the batch is written or nothing.
    ///
    /// # Errors
    /// Those of [`enqueue`](Self::enqueue); [`StoreError::WrongDatabase`] if the transaction is on
    /// another database; [`StoreError::Transaction`] if the transaction cannot be written to.
    async fn enqueue_in(
        &self,
        tx: TransactionRef<'_>,
        batch: Vec<NewExecution>,
    ) -> Result<Vec<EnqueueAnswer>, StoreError>;

    /// Emits the events of a caller's transaction in this process, after the caller has committed.
    fn committed(&self);

    // ---- Worker: sessions, claims, settlements, logs, maintenance --------------------------

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

    /// Releases the permits that settlements have [retained](super::Permits::retained), once the
    /// handlers of these attempts have ended. Repeatable: each permit is released once.
    async fn release_permits(&self, fences: Vec<Fence>) -> Result<(), StoreError>;

    /// Moves up to `limit` due scheduled executions to ready, or to blocked if they have limits.
    /// Then the permit allocator looks at up to `limit` new waiters and at the limits that are due,
    /// and admits the executions that have got their permits.
    ///
    /// [`Promotion::next_due`] includes the time at which a rate limit with waiters has its next
    /// permit. Several processes may call it at once: each execution is promoted once. A crash
    /// leaves every execution where it was or where it belongs. Repeatable.
    async fn promote(&self, now: Timestamp, limit: usize) -> Result<Promotion, StoreError>;

    /// Returns the sessions that a liveness monitor has to watch, with their beats.
    ///
    /// These are the open sessions, and the closed sessions that still hold leases because their
    /// take-over was interrupted. Another rescuer finds those here and goes on.
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

    /// Returns up to `limit` ready executions of a queue that were due before `since` and do not
    /// have the highest priority. Considers the oldest executions of each priority. Ageing raises
    /// the priority of what it returns.
    async fn waiting_since(
        &self,
        queue: String,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<ExecutionId>, StoreError>;

    // ---- Limits ----------------------------------------------------------------------------

    /// Reserves `cost` starts of a rate limit, at the earliest time when they are free.
    ///
    /// Reserves nothing if that time is after `latest`. Concurrent callers get different times. A
    /// reservation is not given back. Not repeatable: a repeated call reserves again.
    async fn reserve(
        &self,
        limit: Limit,
        cost: u32,
        now: Timestamp,
        latest: Timestamp,
    ) -> Result<Reservation, StoreError>;

    /// Pauses rate limits, named by their keys: no start counts against them before `until`. Keys
    /// that do not exist are ignored. Repeatable.
    async fn pause_limit(&self, keys: Vec<String>, until: Timestamp) -> Result<(), StoreError>;

    /// Returns the limit that blocks an execution, with some holders of its permits.
    ///
    /// `None` if no limit blocks the execution, or the allocator has not seen it yet.
    async fn blocked_by(
        &self,
        id: ExecutionId,
        now: Timestamp,
    ) -> Result<Option<BlockingLimit>, StoreError>;

    // ---- Operator --------------------------------------------------------------------------

    /// Cancels a waiting execution at once, or requests the cancellation of a running one.
    ///
    /// Atomic. Repeatable: the second call answers with the state that the first has left.
    async fn cancel(&self, id: ExecutionId, now: Timestamp) -> Result<CancelAnswer, StoreError>;

    /// Retries a failed or cancelled execution at once, with `payload` if one is given.
    ///
    /// The execution gets a fresh retry budget; its attempt numbers go on. The outcome of its last
    /// run stays with the attempt. Atomic. A repeated call answers [`RetryAnswer::NotRetryable`].
    async fn retry(
        &self,
        id: ExecutionId,
        payload: Option<String>,
        now: Timestamp,
    ) -> Result<RetryAnswer, StoreError>;

    /// Deletes a final execution with its attempts, its log and its idempotency keys.
    ///
    /// Its row number and its attempts' numbers are never used again. Atomic. A repeated call
    /// answers [`DeleteAnswer::Unknown`].
    async fn delete(&self, id: ExecutionId) -> Result<DeleteAnswer, StoreError>;

    /// Edits a waiting execution: applies all of the edit or nothing. Repeatable.
    ///
    /// An execution that is blocked or ready keeps its permits only if its priority and its time
    /// stay.
    async fn edit(
        &self,
        id: ExecutionId,
        edit: ExecutionEdit,
        now: Timestamp,
    ) -> Result<EditAnswer, StoreError>;

    /// Pauses a queue: claims take nothing from it until it is resumed. Returns `true` if the
    /// queue was not paused before. Repeatable.
    async fn pause(&self, queue: String, now: Timestamp) -> Result<bool, StoreError>;

    /// Resumes a queue: claims take from it again. Returns `true` if the queue was paused.
    /// Repeatable.
    async fn resume(&self, queue: String) -> Result<bool, StoreError>;

    // ---- Read ------------------------------------------------------------------------------

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

    /// Counts the executions of the same queue that will be claimed before this one, up to
    /// `limit`. `None` if the execution is not ready.
    async fn ahead(&self, id: ExecutionId, limit: u64) -> Result<Option<u64>, StoreError>;

    /// Returns every queue that is paused or has waiting or running executions, by name.
    async fn queues(&self) -> Result<Vec<QueueRecord>, StoreError>;

    /// Returns every open session with the jobs and queues that it executes, oldest first.
    async fn processes(&self) -> Result<Vec<ProcessRecord>, StoreError>;

    /// Counts the leases of a queue, or of a job, per session. Sessions without any are left out.
    async fn leases_of(&self, scope: CapScope) -> Result<Vec<(SessionId, u64)>, StoreError>;

    /// Returns the newest publication of every job, sorted by job id.
    async fn catalogue(&self) -> Result<Vec<PublishedJob>, StoreError>;
}

/// A change in a store, announced to the subscribers of [`Store::events`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum StoreEvent {
    /// Executions became ready.
    Ready,
    /// Executions of these jobs became ready. A worker without these jobs need not look.
    JobsReady(Arc<[String]>),
    /// Executions were scheduled, or blocked executions may be admitted: promote at this time, the
    /// earliest of them.
    Scheduled(Timestamp),
    /// These executions became final.
    Finished(Arc<[ExecutionId]>),
    /// The cancellation of a running execution was requested.
    CancelRequested,
    /// Another process wrote: any of the other events may have happened.
    Elsewhere,
}

impl StoreEvent {
    /// True if the event says that executions became ready.
    pub fn is_ready(&self) -> bool {
        matches!(self, Self::Ready | Self::JobsReady(_))
    }
}
