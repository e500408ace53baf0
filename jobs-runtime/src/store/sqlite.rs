//! The store on SQLite: one file, or a database in memory.
//!
//! ```text
//!  callers ──▶ writer (one thread, one connection) ──▶ jobs.db ◀── other processes
//!     │           commits a group of calls at once       ▲  ▲           │
//!     │           └─▶ events ◀──── data_version ─────────│──┴───────────┘
//!     └───────▶ readers (a pool of 4 connections) ───────┘
//! ```
//!
//! **Tables.** The status of an execution is the table that holds its `seq`; see
//! `migrations/0001_layout.sql`. Every statement is a file in `sql/`, in a folder for the module
//! that runs it.
//!
//! **Writes.** SQLite allows one writer at a time, so one thread (`conn::writer`) owns the
//! connection that writes. Enqueues, settlements and claims that wait at the same time become one
//! transaction, a commit group (`conn::commit_group`): they share one durable commit. Every other
//! write has a transaction of its own between two groups. A renewal of a session overtakes
//! everything in the queue.
//!
//! **Reads.** A file is in WAL mode, and a pool of connections (`conn::readers`) reads beside the
//! writer. A database in memory has one connection only: its reads go through the writer as well.
//!
//! **Changes by other processes.** Every 50 to 250 ms the writer reads `PRAGMA data_version`. A
//! commit by a connection that is not this store's is published as [`StoreEvent::Elsewhere`]; see
//! `conn::change_detector`. Writes of this store publish precise events.
//!
//! **Deadlines.** An operation on this store's connections ends within 30 s. The writer tries for
//! 20 s to get the write lock from another process, and for 5 s from a transaction of its own
//! process; then its callers receive the reason.
//!
//! **Order of claims.** A claim takes the most urgent execution of all queues that it names, and
//! the oldest among equally urgent ones. A queue that must not wait for urgent work of another
//! queue needs claims of its own.
//!
//! **Numbers of claims** grow within a session. The session stores the number of its last claim
//! that leased something. A claim with that number or a lower one is a repetition and returns its
//! leases. A claim that leased nothing may be repeated and then lease something.
//!
//! | module | content |
//! |---|---|
//! | `conn` | connections, group commit, errors |
//! | `enqueue`, `claim`, `settle` | plans and results of the calls that a group shares |
//! | `limits` | the permit allocator, lookup and release of permits |
//! | `promote` | due executions, and the run of the allocator |
//! | `session` | sessions and take-over |
//! | `operator` | cancel, retry, delete, edit; queues |
//! | `bulk` | bulk operations: matches, batches |
//! | `read`, `telemetry` | records, lists, logs, catalogue; the gauges of the fleet |
//! | `retention`, `expire` | deletion of what has expired, turns, erasure; late executions |
//! | `schedules` | schedules and their runs |
//! | `dispatch` | unpublished entries for a broker |
//! | `external` | sessions of external workers; the beats of their leases |
//! | `tokens`, `audit` | access tokens and sign-ins; the audit log |
//! | `transfer` | export and import of whole executions |
//! | `caller_tx` | writes in a transaction of the caller |
//! | `store`, `migrate` | the calls of the contract; the layout |
//! | `postpone` | executions whose rows the database rejects |
//!
//! The modules import the contract (`store/contract`), the rules (`store/rules`),
//! `store/transfer` and the clock. They never import the store on PostgreSQL, the engine or the
//! service.

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

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::broadcast;

use super::{DatabaseUrl, StoreError, StoreEvent};
use caller_tx::Identity;
use conn::change_detector::ChangeDetector;
use conn::open::Opener;
use conn::operation::{Operation, Outcome, silent};
use conn::readers::Readers;
use conn::session_locks::SessionLocks;
use conn::writer::Writer;

/// Longest time of any call, in real time even if the engine runs on a virtual clock.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// Events kept for a receiver that lags.
const EVENT_CAPACITY: usize = 1_024;

/// A [`Store`](super::Store) in a SQLite file or in memory.
#[derive(Debug)]
pub struct SqliteStore {
    writer: Writer,
    /// `None` for a database in memory, which has only the writer's connection.
    readers: Option<Readers>,
    /// `None` for a database in memory, whose only process is this one.
    session_locks: Option<SessionLocks>,
    events: broadcast::Sender<StoreEvent>,
    location: Arc<str>,
    durability: String,
    /// Read at the first call with a caller's transaction.
    identity: OnceLock<Identity>,
}

impl SqliteStore {
    /// Opens the file, and creates it if it is missing. Does not create the layout: see
    /// [`migrate`](super::SetupStore::migrate).
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] with the reason and what to do about it: the directory is
    /// missing, the file is read-only or not a database, or its file system does not support WAL
    /// mode.
    pub async fn open(url: &DatabaseUrl) -> Result<Self, StoreError> {
        let location: Arc<str> = url.to_string().into();
        let opener = Opener::new(url)?;
        let opened = opener.writer().await;
        let mut connection = opened.map_err(|error| error.into_store_error(&location))?;
        let change_detector = if opener.is_shared() {
            Some(ChangeDetector::start(&mut connection).await)
        } else {
            None
        };
        let (events, _) = broadcast::channel(EVENT_CAPACITY);
        let readers = opener.readers().map(Readers::new);
        let session_locks = opener.session_locks();
        let writer = Writer::start(
            opener,
            connection,
            change_detector,
            events.clone(),
            Arc::clone(&location),
        )?;
        Ok(Self {
            writer,
            readers,
            session_locks,
            events,
            location,
            identity: OnceLock::new(),
            durability: match url {
                DatabaseUrl::Sqlite { synchronous, .. } => format!("synchronous = {synchronous}"),
                _ => "none: ends with the process".to_owned(),
            },
        })
    }

    /// Runs an operation that only reads.
    async fn read<T: Send + 'static>(&self, operation: Operation<T>) -> Result<T, StoreError> {
        match &self.readers {
            Some(readers) => {
                let result = readers.read(operation).await;
                result.map_err(|error| error.into_store_error(&self.location))
            }
            None => self.writer.read(operation).await,
        }
    }

    /// Runs an operation in a transaction of its own. It publishes no event.
    async fn write<T: Send + 'static>(&self, operation: Operation<T>) -> Result<T, StoreError> {
        self.writer.write(silent(operation)).await
    }

    /// Like [`write`](Self::write), ahead of all requests in the queue.
    async fn write_urgently<T: Send + 'static>(
        &self,
        operation: Operation<T>,
    ) -> Result<T, StoreError> {
        self.writer.write_urgently(silent(operation)).await
    }

    /// Runs an operation in a transaction of its own, and publishes its events.
    async fn transition<T: Send + 'static>(
        &self,
        operation: Operation<Outcome<T>>,
    ) -> Result<T, StoreError> {
        self.writer.write(operation).await
    }
}
