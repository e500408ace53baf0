//! The contract of a store: the trait [`Store`] and the types that its calls take and return.

pub(in crate::store) mod error;
pub(in crate::store) mod execution;
pub(in crate::store) mod lease;
pub mod limit;
pub(in crate::store) mod list;
pub(in crate::store) mod logs;
pub(in crate::store) mod publish;
pub(in crate::store) mod url;

use std::sync::Arc;

use async_trait::async_trait;
use jobs::{ExecutionId, TransactionRef};
use tokio::sync::broadcast;

use super::*;
use crate::time::Timestamp;

/// The transitions of an execution's life.
///
/// Implementations are shared by every part of a process. No method waits for another process to
/// finish its work; each has a deadline of its own and fails with [`StoreError::Timeout`] rather
/// than hang.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Reads and writes everything that is kept, for a move to another store; `None` where that is
    /// not to be had.
    fn transfer(&self) -> Option<&dyn Transferable> {
        None
    }

    /// Brings the layout up to date. Safe to call by several starters at once; applies nothing
    /// twice. Answers with the status after it.
    async fn migrate(&self) -> Result<Vec<MigrationStatus>, StoreError>;

    /// Which migrations are known to this program, and when each was applied.
    async fn migrations(&self) -> Result<Vec<MigrationStatus>, StoreError>;

    /// Fails if the store cannot be read and written right now; finds out by writing something that
    /// changes nothing.
    async fn ping(&self) -> Result<(), StoreError>;

    /// The time of the store's server; `None` for a store that keeps none of its own. A fleet that
    /// goes by it is not misled by a worker whose clock is wrong.
    async fn server_time(&self) -> Result<Option<Timestamp>, StoreError>;

    /// What kind of store it is, for people.
    fn describe(&self) -> StoreDescription;

    /// What happens in the store, as far as this process notices: hints for those who wait.
    fn events(&self) -> broadcast::Receiver<StoreEvent>;

    /// Writes the jobs that a program has linked. A job already known by its fingerprint only
    /// gets a newer time.
    async fn publish(&self, jobs: Vec<PublishedJob>) -> Result<(), StoreError>;

    /// The newest publication of every job, sorted by id.
    async fn catalogue(&self) -> Result<Vec<PublishedJob>, StoreError>;

    /// Creates executions: all of them, durably, or none. Answers in the order of the batch.
    ///
    /// An execution that exists under its id is taken for this one (a repeated call after a lost
    /// answer). Then its [rules](EnqueueRules) are asked: a live idempotency key answers with the
    /// execution it names; a unique key under which another lives answers with that one
    /// ([`EnqueueAnswer::Skipped`]) or gives it the payload ([`EnqueueAnswer::Merged`]); a debounce key
    /// under which another has not been due yet gives that one the payload and the later time. What is
    /// created with limits is held until [`promote`](Store::promote) lets it in.
    ///
    /// # Errors
    /// [`StoreError::IdempotencyConflict`] if a key was used with another payload,
    /// [`StoreError::UniqueConflict`] and [`StoreError::QueueFull`] as the rules say.
    async fn enqueue(&self, batch: Vec<NewExecution>) -> Result<Vec<EnqueueAnswer>, StoreError>;

    /// Like [`enqueue`](Store::enqueue), within a transaction of the caller's: it is written once
    /// the caller commits. A refusal leaves the transaction as it was; of a caller that stops waiting
    /// everything is written or nothing.
    ///
    /// # Errors
    /// [`StoreError::WrongDatabase`] if the transaction is on another database,
    /// [`StoreError::Transaction`] if it cannot be written to.
    async fn enqueue_in(
        &self,
        tx: TransactionRef<'_>,
        batch: Vec<NewExecution>,
    ) -> Result<Vec<EnqueueAnswer>, StoreError>;

    /// Like [`settle`](Store::settle) of one attempt, within a transaction of the caller's. Once
    /// that is committed, the same attempt's settlement is [`WriteAnswer::AlreadyMine`], whatever it
    /// says.
    ///
    /// # Errors
    /// Those of [`enqueue_in`](Store::enqueue_in).
    async fn settle_in(
        &self,
        tx: TransactionRef<'_>,
        settlement: Settlement,
    ) -> Result<WriteAnswer, StoreError>;

    /// Tells those who listen in this process that a caller has committed a transaction with
    /// something of ours.
    fn committed(&self);

    /// Begins a worker's session. Ids of sessions are never used again.
    async fn open_session(&self, info: SessionInfo) -> Result<SessionId, StoreError>;

    /// Says that the session lives: its beat changes. One row, however much it has leased.
    async fn renew(&self, session: SessionId, now: Timestamp) -> Result<Renewal, StoreError>;

    /// Ends a session that holds no lease any more; one that still does is left to be taken over.
    async fn close_session(&self, session: SessionId) -> Result<(), StoreError>;

    /// Moves up to `claim.limit` ready executions into leases of the session, the most urgent
    /// first, oldest first among equals, and returns them. Takes nothing from queues that are paused.
    ///
    /// All of a claim is leased or nothing is. Asked again with the same number, it returns what
    /// that number holds by now and leases nothing more.
    ///
    /// # Errors
    /// [`StoreError::SessionLost`] if the session has been taken over.
    async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>, StoreError>;

    /// Ends attempts, each with what follows. Answers per row, in the order of the batch: a stale
    /// one never fails the others. The attempt's record, its last log lines, the outcome, the release
    /// of the lease and the return of its permits are one transaction.
    async fn settle(&self, batch: Vec<Settlement>) -> Result<Vec<WriteAnswer>, StoreError>;

    /// Notes the progress of running attempts.
    async fn report(&self, batch: Vec<ProgressReport>) -> Result<Vec<WriteAnswer>, StoreError>;

    /// Writes what running attempts have logged. Repeatable: a line is written once under its
    /// number, so lines whose answer was lost are sent again, alone or with the settlement.
    async fn append_logs(&self, batch: Vec<LogBatch>) -> Result<Vec<WriteAnswer>, StoreError>;

    /// The attempts of a session whose cancellation was requested.
    async fn cancel_requests(&self, session: SessionId) -> Result<Vec<Fence>, StoreError>;

    /// Gives back the permits that settlements of this session have [kept](Permits::kept), once the
    /// handlers of those attempts have really ended. Repeatable: what came back does so once.
    async fn release_permits(&self, fences: Vec<Fence>) -> Result<(), StoreError>;

    /// Takes `cost` starts out of a rate limit for whatever a handler is about to do: at the first
    /// moment they are to be had, unless that is after `latest`. Several who ask get different
    /// moments; what is taken is not given back.
    async fn reserve(
        &self,
        limit: Limit,
        cost: u32,
        now: Timestamp,
        latest: Timestamp,
    ) -> Result<Reservation, StoreError>;

    /// Nothing more is taken out of these rate limits, by their keys, before `until`. Those that do
    /// not exist are left out.
    async fn pause_limit(&self, keys: Vec<String>, until: Timestamp) -> Result<(), StoreError>;

    /// Moves up to `limit` scheduled executions that are due into ready, or to the door if they have
    /// limits; then lets in up to as many of the held as there are permits for.
    ///
    /// [`Promotion::next_due`] also tells when time alone will make room at a limit where somebody
    /// waits.
    async fn promote(&self, now: Timestamp, limit: usize) -> Result<Promotion, StoreError>;

    /// Every session and its beat that is open, or that was closed by a take-over which has not
    /// moved all of its leases yet: for those who watch whether a beat changes. One that was
    /// closed half taken over is found here by whoever goes on when its rescuer has died as well.
    async fn sessions(&self) -> Result<Vec<SessionBeat>, StoreError>;

    /// Every open session with what it executes, oldest first, for people.
    async fn processes(&self) -> Result<Vec<ProcessRecord>, StoreError>;

    /// Takes over from `dead`, provided that its beat is still the one that the caller watched
    /// stand still: closes it if it is open, then moves up to `claim.limit` of its leases to the
    /// session of `claim`, in one transaction. The rest is moved by further calls, each with a claim
    /// number of its own, until one answers with fewer than its limit.
    ///
    /// From the first call on, `dead` renews ([`Renewal::Lost`]) and claims
    /// ([`StoreError::SessionLost`]) nothing any more, so that a worker which comes back in between
    /// gives up all of it. What it writes about an attempt whose lease has not moved yet still
    /// holds: the attempt is nobody else's, and the lease ends with it.
    ///
    /// Repeatable like [`claim`](Store::claim): asked again with the same number, it returns what
    /// that number holds by now and moves nothing more.
    ///
    /// # Errors
    /// [`StoreError::SessionLost`] if the session of `claim` has been taken over itself.
    async fn take_over(&self, dead: SessionBeat, claim: Claim) -> Result<Vec<Claimed>, StoreError>;

    /// Cancels a waiting execution, or asks for the cancellation of a running one.
    async fn cancel(&self, id: ExecutionId, now: Timestamp) -> Result<CancelAnswer, StoreError>;

    /// An operator's retry of a failed or cancelled execution: at once, with a fresh budget and
    /// growing attempt numbers; what became of the last run stays with its attempt.
    async fn retry(
        &self,
        id: ExecutionId,
        payload: Option<String>,
        now: Timestamp,
    ) -> Result<RetryAnswer, StoreError>;

    /// Deletes a final execution with its attempts, its log and its idempotency keys. Its number
    /// and its attempts' numbers are never used again. A repeated call finds it unknown.
    async fn delete(&self, id: ExecutionId) -> Result<DeleteAnswer, StoreError>;

    /// Changes an execution that waits, all that is asked for or nothing. What is held or ready keeps
    /// its permits only if its priority stays.
    async fn edit(
        &self,
        id: ExecutionId,
        change: ExecutionEdit,
        now: Timestamp,
    ) -> Result<EditAnswer, StoreError>;

    /// Every queue that has been paused or that something waits or runs in, by name.
    async fn queues(&self) -> Result<Vec<QueueRecord>, StoreError>;

    /// Claims take nothing from this queue any more, until it is resumed. Answers whether it was not
    /// paused before.
    async fn pause(&self, queue: String, now: Timestamp) -> Result<bool, StoreError>;

    /// Claims take from this queue again. Answers whether it was paused.
    async fn resume(&self, queue: String) -> Result<bool, StoreError>;

    /// The limit that a held execution waits at, and who has its permits; `None` if it is not held, or
    /// has not been looked at yet.
    async fn blocked_by(
        &self,
        id: ExecutionId,
        now: Timestamp,
    ) -> Result<Option<BlockingLimit>, StoreError>;

    /// Ready executions of a queue that were due before `since` and are not the most urgent yet, up to
    /// `limit`; looked for among the oldest of each priority.
    async fn waiting_since(
        &self,
        queue: String,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<ExecutionId>, StoreError>;

    /// How many attempts of a queue, or of a job, each session holds; sessions without any are left out.
    async fn leases_of(&self, of: CapScope) -> Result<Vec<(SessionId, u64)>, StoreError>;

    /// How many executions of its queue will be claimed before this one, counted up to `limit`;
    /// `None` if it is not ready.
    async fn ahead(&self, id: ExecutionId, limit: u64) -> Result<Option<u64>, StoreError>;

    /// One execution with all of its attempts.
    async fn execution(&self, id: ExecutionId) -> Result<Option<ExecutionRecord>, StoreError>;

    /// Where these executions stand, in the order of their ids; unknown ones are left out.
    async fn execution_states(
        &self,
        ids: Vec<ExecutionId>,
    ) -> Result<Vec<ExecutionState>, StoreError>;

    /// A part of an execution's log, oldest first; `None` if there is no such execution.
    async fn logs(&self, query: LogQuery) -> Result<Option<LogPage>, StoreError>;

    /// A page of executions, newest first, without their attempts.
    ///
    /// Examines a bounded number of rows: a page may be short, even empty, and still carry a
    /// cursor to go on from.
    async fn list_executions(&self, query: ExecutionQuery) -> Result<ExecutionPage, StoreError>;
}

/// Something that happened in a store.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum StoreEvent {
    /// Executions became ready.
    Ready,
    /// Executions were scheduled for later; this is the earliest of their times.
    Scheduled(Timestamp),
    /// These executions became final.
    Finished(Arc<[ExecutionId]>),
    /// The cancellation of a running execution was requested.
    CancelRequested,
    /// Another process wrote: anything may have happened.
    Elsewhere,
}
