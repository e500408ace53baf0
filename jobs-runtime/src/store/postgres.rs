//! The store on a PostgreSQL server, shared by as many processes as like.
//!
//! ```text
//!  callers ──▶ lanes: claim │ settle │ note │ pulse │ enqueue (grouped) │ … with rules │ operate │ door │ permits
//!     │          │ after each commit                                             │
//!     │          ▼                                                               ▼
//!     │        herald ──▶ events here                                      a schema of ours
//!     │          └──────▶ NOTIFY, at most every 20 ms ──▶ listeners of other processes
//!     └───────▶ readers (a few connections) ─────────────────────────────────────▲
//! ```
//!
//! Where the number (`seq`) of an execution stands is its status; see `postgres/migrations` for the
//! tables. Every statement is a file in
//! `postgres/sql` that begins with what it promises. Versions 13 and later are supported.
//!
//! **What decides.** An execution's place is a row that whoever moves it deletes: of two who want to
//! move it, PostgreSQL lets one delete the row and the other wait, look again and find it gone. No
//! transition looks first and writes later without holding that row. Everything runs under READ
//! COMMITTED, where each statement sees what was committed before it began.
//!
//! **Order of locks.** The door before everything; sessions by id; then beats; then rows of `ready`,
//! `held`, `scheduled` and `leases`, several of one table in the order of their executions, or passed
//! over while others hold them; limits by id. Idempotency keys, then unique and debounce keys, each in
//! their own order, then the turn to count what waits, before the executions that bring them. A deadlock that comes
//! about all the same (with a caller's transaction, perhaps) is noticed by the server, and the one
//! it picks runs again.
//!
//! **Order of claims.** Over all queues that a claim names: the most urgent first, the oldest among
//! equals. What another claim is just taking is passed over.
//!
//! **Numbers of claims** grow within a session. A claim is known to be a repetition by the last
//! number that took something; one that took nothing may be asked again and then take.
//!
//! **Limits.** Claims, settlements and enqueues insert what happened to permits and wait for nobody;
//! [`promote`](Store::promote) counts it in and lets in, one at a time: see `postgres/door.rs`. It moves
//! what has no limits first, in another transaction.
//!
//! **Rows left behind.** Claims and ends delete, and a claim walks over what was deleted before. Whoever
//! claims has it vacuumed as soon as it is worth it (`postgres/sweep.rs`); behind a pooler only the server
//! does, once a minute. Where neither can, claims go on from where they were (`postgres/walk.rs`).
//!
//! **Deadlines.** A call ends after 30 seconds here, its statement after 25 on the server. A
//! connection whose call ran out of time is closed, never used again. The one that renews is closed
//! after five seconds of silence already, and the renewal is repeated on another: a lease would not
//! outlive the longer wait. In a transaction of a caller's, where the connection's settings are the
//! caller's, a lock is waited for as briefly as in our own, and the call ends after the same time.
//!
//! **Behind a pooler** in transaction mode (`pgbouncer=true`), every call is a transaction of its own
//! and no statement stays prepared. Notifications need an address that bypasses the pooler
//! (`listen=…`); without one, what other processes do is noticed within a second.

mod migrate;

mod claim;
mod enqueue;
mod settle;

mod caller_tx;
mod conn;
mod limits;
mod operator;
mod promote;
mod raw;
mod read;
mod session;
mod transfer;

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jobs::{ExecutionId, TransactionRef};
use tokio::runtime::Runtime;
use tokio::sync::broadcast;
use uuid::Uuid;

use super::{
    BlockingLimit, CancelAnswer, CapScope, Claim, Claimed, DeleteAnswer, EditAnswer, EnqueueAnswer,
    ExecutionEdit, ExecutionPage, ExecutionQuery, ExecutionRecord, ExecutionState, Fence, Limit,
    LogBatch, LogPage, LogQuery, MigrationStatus, NewExecution, PostgresUrl, ProcessRecord,
    ProgressReport, Promotion, PublishedJob, QueueRecord, Renewal, Reservation, RetryAnswer,
    SessionBeat, SessionId, SessionInfo, Settlement, Store, StoreDescription, StoreError,
    StoreEvent, Transferable, WriteAnswer, poison,
};
use crate::time::Timestamp;
use caller_tx::{Found, Guest, Identity};
use claim::scan::Walks;
use conn::connect::Connector;
use conn::error::{Fault, corrupt};
use conn::listener::Hearing;
use conn::notifier::Herald;
use conn::operation::Transition;
use conn::pool::{Lane, Manners, Shared};
use conn::statements::Statements;
use conn::vacuum::Broom;
use enqueue::batcher::Gate;
use limits::{Numbers, Wanted};
use promote::{Promote, Promoted};

/// How long any call may take; in real time, whatever clock the engine runs by.
const DEADLINE: Duration = Duration::from_secs(30);

/// Connections that only read, at most.
const READERS: usize = 3;

/// Threads of a store's own, for its connections.
const THREADS: usize = 2;

/// A [`Store`] in a schema of a PostgreSQL database.
pub struct PostgresStore {
    claims: Lane,
    settles: Lane,
    /// Progress and log lines: they wait for a transaction that is just ending their attempt, which
    /// no other attempt's end shall.
    notes: Lane,
    /// What keeps a session alive, and tells its worker what to stop.
    pulse: Lane,
    gate: Gate,
    /// One who lets in may have to wait for another, which no claim shall.
    door: Lane,
    /// What handlers take out of limits and give back, and limits that transactions bring.
    permits: Lane,
    /// What people and programs ask for now and then.
    operations: Lane,
    readers: Lane,
    shared: Arc<Shared>,
    walks: Walks,
    broom: Broom,
    schema: String,
    durability: String,
    /// Asked for when somebody first brings a transaction along.
    identity: Mutex<Option<Identity>>,
    /// Ends with the store; `None` while it is being dropped.
    runtime: Option<Runtime>,
}

impl PostgresStore {
    /// Connects to the server. Does not touch the layout: see [`Store::migrate`].
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] with the way out: the server cannot be reached, it refuses the
    /// role, the database does not exist.
    pub async fn open(url: &PostgresUrl) -> Result<Self, StoreError> {
        let location: Arc<str> = url.to_string().into();
        let connector = Connector::new(url)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("jobs-postgres")
            .enable_all()
            .build()
            .map_err(|error| StoreError::Unavailable {
                location: location.to_string(),
                reason: format!("its threads cannot be started: {error}"),
            })?;
        let shared = Arc::new(Shared {
            connector,
            sql: Statements::in_schema(url.schema()),
            herald: Herald::new(url.schema()),
            location,
        });
        let start = |width, manners| Lane::start(runtime.handle(), &shared, width, manners);
        let lane = |width| start(width, Manners::default());
        let prompt = Manners {
            patience: conn::pool::SILENCE,
            ..Manners::default()
        };
        let mut store = Self {
            claims: lane(1),
            settles: start(1, settle::MANNERS),
            notes: lane(1),
            pulse: start(1, prompt),
            gate: Gate::new(lane(1), lane(1)),
            door: lane(1),
            permits: lane(1),
            operations: lane(1),
            readers: lane(READERS),
            walks: Walks::default(),
            broom: Broom::default(),
            schema: url.schema().to_owned(),
            durability: String::new(),
            identity: Mutex::new(None),
            shared: Arc::clone(&shared),
            runtime: None,
        };
        let handle = runtime.handle().clone();
        let news = lane(1);
        let sweeps = start(1, Manners::quiet());
        // From here on the runtime ends with the store, also if the server does not answer.
        store.runtime = Some(runtime);
        store.durability = store.operations.run(conn::server::Describe).await?;
        let hearing = Hearing::default();
        handle.spawn(conn::listener::listen(Arc::clone(&shared), hearing.clone()));
        handle.spawn(conn::listener::look_around(Arc::clone(&shared), hearing));
        handle.spawn(Herald::call_out(Arc::clone(&shared), news));
        // Behind a pooler everything is a transaction, and in one nothing can be swept.
        if shared.connector.prologue().is_none() {
            handle.spawn(store.broom.clone().sweep(sweeps));
        }
        Ok(store)
    }

    async fn read<T: Transition>(&self, transition: T) -> Result<T::Answer, StoreError> {
        self.readers.run(transition).await
    }

    async fn operate<T: Transition>(&self, transition: T) -> Result<T::Answer, StoreError> {
        self.operations.run(transition).await
    }

    /// The caller's connection, if it is on our database.
    async fn joining<'t>(&'t self, tx: TransactionRef<'t>) -> Result<Guest<'t>, StoreError> {
        let location = &self.shared.location;
        let wrong = |found: String| StoreError::WrongDatabase {
            found,
            expected: location.to_string(),
        };
        let TransactionRef::Postgres(conn) = tx else {
            return Err(wrong("a database of another kind".to_owned()));
        };
        let mut guest = Guest {
            conn,
            sql: &self.shared.sql,
            schema: &self.schema,
            prepared: self.shared.connector.prologue().is_none(),
        };
        let found = guest.found().await;
        let found = match found.map_err(|fault| caller_tx::explained(fault, location))? {
            Found::Layout(found) => found,
            Found::Nothing(database) => {
                let schema = &self.schema;
                return Err(wrong(format!(
                    "the database {database}, which has no schema {schema} of ours"
                )));
            }
        };
        let known = self.identity().clone();
        if known.as_ref() == Some(&found) {
            return Ok(guest);
        }
        // Not known yet, or the server was restarted since.
        let own = self.read(caller_tx::Who).await?;
        *self.identity() = Some(own.clone());
        match own == found {
            true => Ok(guest),
            false => Err(wrong("another database with a layout of ours".to_owned())),
        }
    }

    fn identity(&self) -> std::sync::MutexGuard<'_, Option<Identity>> {
        self.identity.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for PostgresStore {
    fn drop(&mut self) {
        self.shared.herald.flush();
        if let Some(runtime) = self.runtime.take() {
            // Whoever drops a store may be in a runtime, where nobody may wait for another.
            runtime.shutdown_background();
        }
    }
}

impl std::fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresStore")
            .field("location", &self.shared.location)
            .finish_non_exhaustive()
    }
}

/// The answer of a call on a caller's connection, if it comes in time.
async fn in_time<T>(call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let answer = tokio::time::timeout(DEADLINE, call).await;
    answer.unwrap_or(Err(StoreError::Timeout(DEADLINE)))
}

/// An id as the database keeps it.
fn uuid_of(id: &ExecutionId) -> Uuid {
    Uuid::from_bytes(*id.as_bytes())
}

/// A number as the contract has it.
fn number<T, N>(what: &str, stored: T) -> Result<N, Fault>
where
    N: TryFrom<T>,
    T: Copy + std::fmt::Display,
{
    N::try_from(stored).map_err(|_| corrupt(what, format!("it is {stored}")))
}

#[async_trait]
impl Store for PostgresStore {
    fn transfer(&self) -> Option<&dyn Transferable> {
        Some(self)
    }

    async fn migrate(&self) -> Result<Vec<MigrationStatus>, StoreError> {
        // A role that may not create anything can use what others have created.
        let mut status = self.migrations().await?;
        if status.iter().any(|step| step.applied_at.is_none()) {
            let schema = || self.schema.clone();
            while !self
                .operate(migrate::MigrateNext { schema: schema() })
                .await?
            {}
            status = self.migrations().await?;
        }
        Ok(status)
    }

    async fn migrations(&self) -> Result<Vec<MigrationStatus>, StoreError> {
        let schema = self.schema.clone();
        self.operate(migrate::Status { schema }).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        // Not behind an operator's call that waits for a lock.
        self.read(conn::server::Ping).await
    }

    async fn server_time(&self) -> Result<Option<Timestamp>, StoreError> {
        self.pulse.run(conn::server::Time).await.map(Some)
    }

    fn describe(&self) -> StoreDescription {
        StoreDescription {
            kind: "postgres",
            location: self.shared.location.to_string(),
            durability: self.durability.clone(),
        }
    }

    fn events(&self) -> broadcast::Receiver<StoreEvent> {
        self.shared.herald.subscribe()
    }

    async fn publish(&self, jobs: Vec<PublishedJob>) -> Result<(), StoreError> {
        self.operate(read::catalogue::Publish(jobs)).await
    }

    async fn catalogue(&self) -> Result<Vec<PublishedJob>, StoreError> {
        self.read(read::catalogue::List).await
    }

    async fn enqueue(&self, batch: Vec<NewExecution>) -> Result<Vec<EnqueueAnswer>, StoreError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        self.gate.enqueue(conn::text::as_stored(batch)).await
    }

    async fn enqueue_in(
        &self,
        tx: TransactionRef<'_>,
        batch: Vec<NewExecution>,
    ) -> Result<Vec<EnqueueAnswer>, StoreError> {
        let location = &self.shared.location;
        let batch = conn::text::as_stored(batch);
        let joined = async {
            let mut guest = self.joining(tx).await?;
            // By ourselves: the caller's transaction may stay open for long.
            let wanted = Wanted::by(&batch);
            let limits = match wanted.is_empty() {
                true => Numbers::new(),
                false => self.permits.run(limits::Known(wanted)).await?,
            };
            let answers = guest.enqueue(&batch, &limits).await;
            answers.map_err(|fault| caller_tx::explained(fault, location))
        };
        in_time(joined).await
    }

    async fn settle_in(
        &self,
        tx: TransactionRef<'_>,
        settlement: Settlement,
    ) -> Result<WriteAnswer, StoreError> {
        let location = &self.shared.location;
        let joined = async {
            let mut guest = self.joining(tx).await?;
            let answer = guest.settle(settlement).await;
            answer.map_err(|fault| caller_tx::explained(fault, location))
        };
        in_time(joined).await
    }

    fn committed(&self) {
        self.shared.herald.tell(vec![StoreEvent::Elsewhere]);
    }

    async fn open_session(&self, info: SessionInfo) -> Result<SessionId, StoreError> {
        self.pulse.run(session::Open(info)).await
    }

    async fn renew(&self, session: SessionId, now: Timestamp) -> Result<Renewal, StoreError> {
        self.pulse.run(session::Renew(session, now)).await
    }

    async fn close_session(&self, session: SessionId) -> Result<(), StoreError> {
        self.pulse.run(session::Close(session)).await
    }

    async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>, StoreError> {
        poison::claim(self, claim).await
    }

    async fn settle(&self, batch: Vec<Settlement>) -> Result<Vec<WriteAnswer>, StoreError> {
        settle::settle(&self.settles, batch).await
    }

    async fn report(&self, batch: Vec<ProgressReport>) -> Result<Vec<WriteAnswer>, StoreError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        poison::report(self, batch).await
    }

    async fn append_logs(&self, batch: Vec<LogBatch>) -> Result<Vec<WriteAnswer>, StoreError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        poison::append_logs(self, batch).await
    }

    async fn cancel_requests(&self, session: SessionId) -> Result<Vec<Fence>, StoreError> {
        self.pulse.run(session::CancelRequests(session)).await
    }

    async fn release_permits(&self, fences: Vec<Fence>) -> Result<(), StoreError> {
        self.permits.run(limits::ReleasePermits(fences)).await
    }

    async fn reserve(
        &self,
        limit: Limit,
        cost: u32,
        now: Timestamp,
        latest: Timestamp,
    ) -> Result<Reservation, StoreError> {
        let limit = conn::text::limit_as_stored(limit);
        let reserve = limits::Reserve {
            limit,
            cost,
            now,
            latest,
        };
        self.permits.run(reserve).await
    }

    async fn pause_limit(&self, keys: Vec<String>, until: Timestamp) -> Result<(), StoreError> {
        let keys = conn::text::all_stored(&keys);
        let keys = keys.into_iter().map(Cow::into_owned).collect();
        self.permits.run(limits::Rest { keys, until }).await
    }

    async fn edit(
        &self,
        id: ExecutionId,
        change: ExecutionEdit,
        now: Timestamp,
    ) -> Result<EditAnswer, StoreError> {
        self.operate(operator::edit::Alter { id, change, now })
            .await
    }

    async fn queues(&self) -> Result<Vec<QueueRecord>, StoreError> {
        self.read(operator::queues::List).await
    }

    async fn pause(&self, queue: String, now: Timestamp) -> Result<bool, StoreError> {
        self.operate(operator::queues::Pause(queue, now)).await
    }

    async fn resume(&self, queue: String) -> Result<bool, StoreError> {
        self.operate(operator::queues::Resume(queue)).await
    }

    async fn blocked_by(
        &self,
        id: ExecutionId,
        now: Timestamp,
    ) -> Result<Option<BlockingLimit>, StoreError> {
        self.read(operator::queues::Before(id, now)).await
    }

    async fn promote(&self, now: Timestamp, limit: usize) -> Result<Promotion, StoreError> {
        let promoted = match self.claims.run(Promote { now, limit }).await {
            Err(StoreError::Database(_)) => {
                let moved = poison::promote(self, now, limit).await?;
                let mut promoted = self.claims.run(Promote { now, limit }).await?;
                promoted.ready += moved;
                promoted
            }
            promoted => promoted?,
        };
        let Promoted { ready, due, more } = promoted;
        if !due.at_the_door() {
            return Ok(Promotion {
                promoted: ready,
                next_due: due.next(more),
            });
        }
        // What has no limits is promoted by now, and claimed by others while this one waits.
        let whole = || self.door.run(limits::allocator::LetIn { now, limit });
        let entered = poison::admit(self, now, limit, whole).await?;
        Ok(match entered {
            Some(entered) => Promotion {
                promoted: ready + entered.ready,
                next_due: entered.due.next(promote::More {
                    scheduled: more.scheduled,
                    ..entered.more
                }),
            },
            None => Promotion {
                promoted: ready,
                next_due: Some(now),
            },
        })
    }

    async fn sessions(&self) -> Result<Vec<SessionBeat>, StoreError> {
        self.pulse.run(session::List).await
    }

    async fn processes(&self) -> Result<Vec<ProcessRecord>, StoreError> {
        self.read(session::Processes).await
    }

    async fn take_over(&self, dead: SessionBeat, claim: Claim) -> Result<Vec<Claimed>, StoreError> {
        poison::take_over(self, dead, claim).await
    }

    async fn cancel(&self, id: ExecutionId, now: Timestamp) -> Result<CancelAnswer, StoreError> {
        self.operate(operator::Cancel { id, now }).await
    }

    async fn retry(
        &self,
        id: ExecutionId,
        payload: Option<String>,
        now: Timestamp,
    ) -> Result<RetryAnswer, StoreError> {
        self.operate(operator::Retry { id, payload, now }).await
    }

    async fn delete(&self, id: ExecutionId) -> Result<DeleteAnswer, StoreError> {
        self.operate(operator::Delete(id)).await
    }

    async fn waiting_since(
        &self,
        queue: String,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<ExecutionId>, StoreError> {
        self.read(operator::queues::WaitingSince(queue, since, limit))
            .await
    }

    async fn leases_of(&self, of: CapScope) -> Result<Vec<(SessionId, u64)>, StoreError> {
        self.read(session::LeasesOf(of)).await
    }

    async fn ahead(&self, id: ExecutionId, limit: u64) -> Result<Option<u64>, StoreError> {
        self.read(operator::Ahead { id, limit }).await
    }

    async fn execution(&self, id: ExecutionId) -> Result<Option<ExecutionRecord>, StoreError> {
        self.read(read::execution::Execution(id)).await
    }

    async fn execution_states(
        &self,
        ids: Vec<ExecutionId>,
    ) -> Result<Vec<ExecutionState>, StoreError> {
        self.read(read::execution::Standings(ids)).await
    }

    async fn logs(&self, query: LogQuery) -> Result<Option<LogPage>, StoreError> {
        self.read(read::logs::Page(query)).await
    }

    async fn list_executions(&self, query: ExecutionQuery) -> Result<ExecutionPage, StoreError> {
        self.read(read::list::Page(query)).await
    }
}
