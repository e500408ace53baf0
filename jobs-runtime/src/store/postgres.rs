//! The store in a schema of a PostgreSQL database, shared by a fleet of processes.
//!
//! ```text
//!                ┌─ pools, of one connection if no number is given ─────────┐
//!                │ claim       claims, take-overs, closings of sessions     │
//!                │ promotion   due executions                               │
//!                │ settle      ends of attempts, in batches                 │
//!                │ progress    progress reports and log lines               │
//!  calls ──────▶ │ sessions    open, renew and close sessions; server time  │ ──▶ the schema
//!                │ monitor     beats of sessions, cancel requests           │
//!                │ batcher     enqueues: plain ones │ ones with lookups     │
//!                │ waiting     enqueues that wait for a lock, up to 3       │
//!                │ allocator   permits for blocked executions               │
//!                │ permits     reservations, pauses, returned permits       │
//!                │ inbox       requests by SQL                               │
//!                │ operator    cancel, retry, edit, delete, pause, migrate  │
//!                │ retention   deletions of what has expired, erasure       │
//!                │ readers     up to 3 connections                          │
//!                │ vacuum      deleted rows of the small hot tables         │
//!                └──────┬───────────────────────────────────────────────────┘
//!                       │ events of committed operations
//!                       ▼
//!                    notifier ──▶ subscribers in this process, at once
//!                       └───────▶ NOTIFY, once per 20 ms at most ──▶ listeners of other processes
//! ```
//!
//! A call becomes an *operation*: a value that a pool executes on one of its connections and may
//! execute again after a lost connection, a deadlock or a lost race. PostgreSQL 13 and later are
//! supported. The tables are described in `migrations/0001_layout.sql`. Each statement is a file in
//! `sql/`, whose folders are those of the Rust modules.
//!
//! # State
//! The table that holds an execution's `seq` is its status: `ready` and `blocked` (queued),
//! `scheduled` (pending), `leases` (running), `outcomes` (final). A transition deletes the row from
//! one table and inserts it into another, in one transaction. Every transaction runs under READ
//! COMMITTED. If two transactions delete the same row, the second one waits for the first and then
//! finds no row. An operation that reads a row before it writes has locked the row, or its write
//! checks the value again.
//!
//! # Claims
//! * **Order:** the lowest `rank` (100 - priority) first, then the lowest `seq`, over all queues
//!   that the claim names. Rows that another transaction has locked are skipped.
//! * **Repetition:** claim numbers grow within a session. `sessions.last_claim` keeps the last
//!   number that leased something. A claim with that number or a lower one returns its leases
//!   again. A claim that leased nothing may lease something when it is repeated.
//! * **Dead rows:** claims and settlements delete rows, and a claim's scan passes the dead index
//!   entries until a vacuum removes them. `conn/vacuum.rs` vacuums after 25,000 claimed rows.
//!   `claim/scan.rs` resumes scans behind entries that cannot be vacuumed yet.
//!
//! # Limits
//! `max_concurrent` and `rate_limit` are enforced in `limits/allocator.rs`. `max_waiting` is
//! enforced by an enqueue, which counts the backlog in `enqueue/lookup.rs`. Claims and settlements
//! insert permit events and wait for no limit. [`promote`](super::WorkerStore::promote) first moves
//! due executions, in one transaction. In another one it counts the events and admits blocked
//! executions. One process of the fleet at a time does the latter.
//!
//! # Lock order
//! A transaction takes its locks in this order, which prevents deadlocks between operations:
//!
//! 0. a schedule;
//! 1. idempotency keys, then unique and debounce keys, each by job and key;
//! 2. the advisory lock of a job's backlog count;
//! 3. `allocator_lock`;
//! 4. sessions by id, then their beats;
//! 5. rows of `ready`, `blocked`, `scheduled` and `leases`: several rows of one table by `seq`, or
//!    with SKIP LOCKED;
//! 6. limits by id.
//!
//! A deadlock is still possible, with a caller's transaction for example. The server then aborts
//! one transaction, and its operation runs again.
//!
//! # Deadlines
//! * A call ends after 30 s. The server cancels its statement after 25 s.
//! * A wait for a lock ends after 5 s, with these exceptions: 250 ms for a settlement, 1 s for the
//!   allocator, 20 s for a migration.
//! * A batch of enqueues waits for a lock for 50 ms. An enqueue that needs this lock then waits
//!   apart from the batch, 5 s in all (`enqueue/waiting.rs`).
//! * A connection whose call ran out of time is closed. It is never used again.
//! * A call on an established connection of the `sessions` pool has 5 s. The call is then
//!   repeated on a new connection, so that a dead connection does not outlast a lease.
//! * In a caller's transaction the same limits hold for the call and, if the caller has set no
//!   `lock_timeout`, for locks.
//!
//! # Poolers
//! Behind a pooler in transaction mode (`pgbouncer=true`):
//!
//! * each operation is one transaction, and no statement stays prepared;
//! * no vacuum is run by this process; autovacuum remains;
//! * notifications need an address that bypasses the pooler (`listen=…`); without it, changes of
//!   other processes are noticed by polling, every 400 to 600 ms.
//!
//! # Modules
//! The modules have the names of those of the store on SQLite. They may import the contract, the
//! rules, `store/decode`, `store/transfer`, `threads` and the clock. They must never import the
//! store on SQLite, the engine or the service.

mod migrate;

mod claim;
mod enqueue;
mod settle;

mod audit;
mod bulk;
mod caller_tx;
mod conn;
mod dispatch;
mod expire;
mod external;
mod inbox;
mod limits;
mod operator;
mod postpone;
mod promote;
mod read;
mod retention;
mod schedules;
mod session;
mod store;
mod telemetry;
mod tokens;
mod transfer;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jobs::ExecutionId;
use tokio::runtime::Runtime;
use uuid::Uuid;

use super::{PostgresUrl, StoreError};
use crate::threads;
use caller_tx::Identity;
use claim::look::BusyClaims;
use claim::scan::ScanHistory;
use conn::connect::Connector;
use conn::error::{DbError, corrupt};
use conn::listener::Listener;
use conn::notifier::Notifier;
use conn::operation::Operation;
use conn::pool::{Pool, PoolOptions, Shared};
use conn::statements::Statements;
use conn::vacuum::Vacuum;
use enqueue::batcher::EnqueueBatcher;
use enqueue::waiting;

/// Time limit of a call, in real time whatever clock the engine runs by.
const DEADLINE: Duration = Duration::from_secs(30);

/// Connections of the pool that only reads.
const READERS: usize = 3;

/// Threads of the store's own runtime, on which its connection tasks run.
const THREADS: usize = 2;

/// A [`Store`](super::Store) in a schema of a PostgreSQL database.
pub struct PostgresStore {
    claim: Pool,
    /// Promotions of due executions. They may pass many dead rows, and claims must not wait behind
    /// them.
    promotion: Pool,
    settle: Pool,
    /// Progress and log lines. They may wait for a caller's transaction that ends their attempt,
    /// and settlements of other attempts must not wait behind them.
    progress: Pool,
    /// Openings and renewals of sessions. No statement of this pool scans a table or waits for a
    /// lock.
    sessions: Pool,
    /// Beats and cancel requests, which are polled.
    monitor: Pool,
    batcher: EnqueueBatcher,
    /// Admission of blocked executions. It may wait for the allocator of another process, and
    /// claims must not wait behind it.
    allocator: Pool,
    /// Reservations and pauses of rate limits, released permits, limits of callers' transactions.
    permits: Pool,
    /// Requests by SQL. They may wait for the keys of a caller's transaction.
    inbox: Pool,
    /// Calls of operators and of programs that start.
    operator: Pool,
    /// Deletions of retention. Operators must not wait behind them.
    retention: Pool,
    readers: Pool,
    shared: Arc<Shared>,
    busy_claims: BusyClaims,
    scans: ScanHistory,
    vacuum: Vacuum,
    schema: String,
    durability: String,
    /// Identity of this store's database; read at the first call with a caller's transaction.
    identity: Mutex<Option<Identity>>,
    /// Runs the connection tasks. `None` while the store is being dropped.
    runtime: Option<Runtime>,
}

impl PostgresStore {
    /// Connects to the server. Does not touch the layout: see
    /// [`migrate`](super::SetupStore::migrate).
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the server cannot be reached, rejects the role or has no such
    /// database; its text says what to do.
    pub async fn open(url: &PostgresUrl) -> Result<Self, StoreError> {
        let location: Arc<str> = url.to_string().into();
        let connector = Connector::new(url)?;
        let runtime = threads::check(THREADS).and_then(|()| {
            tokio::runtime::Builder::new_multi_thread()
                .worker_threads(THREADS)
                .thread_name("jobs-postgres")
                .enable_all()
                .build()
        });
        let runtime = runtime.map_err(|error| StoreError::Unavailable {
            location: location.to_string(),
            reason: format!("its threads cannot be started: {error}"),
        })?;
        let shared = Arc::new(Shared {
            connector,
            sql: Statements::in_schema(url.schema()),
            notifier: Notifier::new(url.schema()),
            location,
        });
        let start =
            |connections, options| Pool::start(runtime.handle(), &shared, connections, options);
        let pool = |connections| start(connections, PoolOptions::default());
        let mut store = Self {
            claim: pool(1),
            promotion: pool(1),
            settle: start(1, settle::POOL_OPTIONS),
            progress: pool(1),
            sessions: start(1, PoolOptions::for_sessions()),
            monitor: start(1, PoolOptions::for_sessions()),
            batcher: EnqueueBatcher::new(
                pool(1),
                start(1, waiting::checked_pool_options()),
                start(
                    waiting::WAITING_CONNECTIONS,
                    waiting::waiting_pool_options(),
                ),
            ),
            allocator: pool(1),
            permits: pool(1),
            inbox: start(1, inbox::POOL_OPTIONS),
            operator: pool(1),
            retention: pool(1),
            readers: pool(READERS),
            busy_claims: BusyClaims::default(),
            scans: ScanHistory::default(),
            vacuum: Vacuum::default(),
            schema: url.schema().to_owned(),
            durability: String::new(),
            identity: Mutex::new(None),
            shared: Arc::clone(&shared),
            runtime: None,
        };
        let handle = runtime.handle().clone();
        let notifications = pool(1);
        let vacuums = start(1, PoolOptions::without_warnings());
        // From here on, dropping the store ends the runtime, also if the server does not answer.
        store.runtime = Some(runtime);
        store.durability = store.operator.run(conn::server::DescribeServer).await?;
        let listener = Listener::default();
        handle.spawn(conn::listener::listen(
            Arc::clone(&shared),
            listener.clone(),
        ));
        handle.spawn(conn::listener::poll(Arc::clone(&shared), listener));
        handle.spawn(Notifier::send_notifications(
            Arc::clone(&shared),
            notifications,
        ));
        // Behind a pooler every operation is a transaction, and VACUUM cannot run in one.
        if shared.connector.prologue().is_none() {
            handle.spawn(store.vacuum.clone().run_forever(vacuums));
        }
        Ok(store)
    }

    /// Runs an operation that only reads.
    async fn read<T: Operation>(&self, operation: T) -> Result<T::Output, StoreError> {
        self.readers.run(operation).await
    }

    /// Runs an operation of an operator.
    async fn operate<T: Operation>(&self, operation: T) -> Result<T::Output, StoreError> {
        self.operator.run(operation).await
    }
}

impl Drop for PostgresStore {
    fn drop(&mut self) {
        self.shared.notifier.flush();
        if let Some(runtime) = self.runtime.take() {
            // The store may be dropped inside of a runtime, where blocking would panic.
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

/// An execution's id as the database stores it.
fn uuid_of(id: &ExecutionId) -> Uuid {
    Uuid::from_bytes(*id.as_bytes())
}

/// Converts a stored number to the contract's type; `what` names it in the error.
fn number<T, N>(what: &str, stored: T) -> Result<N, DbError>
where
    N: TryFrom<T>,
    T: Copy + std::fmt::Display,
{
    N::try_from(stored).map_err(|_| corrupt(what, format!("it is {stored}")))
}
