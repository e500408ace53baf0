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
//! | `read` | records, lists, logs, catalogue |
//! | `schedules` | schedules and their runs |
//! | `transfer` | export and import of whole executions |
//! | `caller_tx` | writes in a transaction of the caller |
//! | `migrate` | the layout |
//! | `postpone` | executions whose rows the database rejects |
//!
//! The modules import the contract (`store/contract`), the rules (`store/rules`),
//! `store/transfer` and the clock. They never import the store on PostgreSQL, the engine or the
//! service.

mod migrate;

mod claim;
mod enqueue;
mod settle;

mod caller_tx;
mod conn;
mod limits;
mod operator;
mod postpone;
mod promote;
mod read;
mod schedules;
mod session;
mod transfer;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use jobs::{ExecutionId, TransactionRef};
use sqlx::Executor;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::broadcast;

use super::rules::poison_rows::{is_rejection, without_rejected, write_rows};
use super::{
    BlockingLimit, CancelAnswer, CapScope, Claim, Claimed, DatabaseUrl, DeleteAnswer, EditAnswer,
    EnqueueAnswer, ExecutionEdit, ExecutionPage, ExecutionQuery, ExecutionRecord, ExecutionState,
    Fence, Limit, LogBatch, LogPage, LogQuery, MigrationStatus, NewExecution, ProcessRecord,
    ProgressReport, Promotion, PublishedJob, QueueRecord, Renewal, Reservation, RetryAnswer,
    SessionBeat, SessionId, SessionInfo, Settlement, Store, StoreDescription, StoreError,
    StoreEvent, Transferable, WriteAnswer, session_nonce,
};
use crate::time::Timestamp;
use caller_tx::Identity;
use conn::change_detector::ChangeDetector;
use conn::commit_group::WriteCall;
use conn::open::Opener;
use conn::operation::{Operation, without_events};
use conn::readers::Readers;
use conn::session_locks::SessionLocks;
use conn::writer::Writer;
use promote::DueWork;

/// Longest time of any call, in real time even if the engine runs on a virtual clock.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// Events kept for a receiver that lags.
const EVENT_CAPACITY: usize = 1_024;

/// A [`Store`] in a SQLite file or in memory.
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
    /// [`Store::migrate`].
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

    /// The identity of this store's database, and the connection of the caller's transaction.
    async fn caller_tx<'t>(
        &self,
        tx: TransactionRef<'t>,
    ) -> Result<(Identity, &'t mut SqliteConnection), StoreError> {
        let TransactionRef::Sqlite(connection) = tx else {
            return Err(StoreError::WrongDatabase {
                found: "a database of another kind".to_owned(),
                expected: self.location.to_string(),
            });
        };
        let own = match self.identity.get() {
            Some(own) => own.clone(),
            None => {
                let operation: Operation<_> = Box::new(|conn| Box::pin(Identity::on_conn(conn)));
                let own = self.read(operation).await?.ok_or_else(|| {
                    StoreError::Layout("its tables are missing: run the command `migrate`".into())
                })?;
                self.identity.get_or_init(|| own).clone()
            }
        };
        Ok((own, connection))
    }

    async fn read<T: Send + 'static>(&self, operation: Operation<T>) -> Result<T, StoreError> {
        match &self.readers {
            Some(readers) => {
                let result = readers.read(operation).await;
                result.map_err(|error| error.into_store_error(&self.location))
            }
            None => self.writer.read(operation).await,
        }
    }
}

#[async_trait]
impl Store for SqliteStore {
    fn transfer(&self) -> Option<&dyn Transferable> {
        Some(self)
    }

    async fn migrate(&self) -> Result<Vec<MigrationStatus>, StoreError> {
        loop {
            let operation: Operation<_> = Box::new(|conn| {
                Box::pin(async move {
                    let complete = migrate::migrate_next_in_txn(conn, migrate::MIGRATIONS).await?;
                    Ok(without_events(complete))
                })
            });
            if self.writer.write(operation).await? {
                return self.migrations().await;
            }
        }
    }

    async fn migrations(&self) -> Result<Vec<MigrationStatus>, StoreError> {
        self.read(Box::new(|conn| {
            Box::pin(migrate::status_on_conn(conn, migrate::MIGRATIONS))
        }))
        .await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        // Writes a page: the write lock alone does not reveal a full disk.
        let operation: Operation<_> = Box::new(|conn| {
            Box::pin(async move {
                conn.execute(include_str!("sqlite/sql/conn/ping.sql"))
                    .await?;
                Ok(without_events(()))
            })
        });
        self.writer.write(operation).await
    }

    async fn server_time(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(None)
    }

    fn describe(&self) -> StoreDescription {
        StoreDescription {
            kind: "sqlite",
            location: self.location.to_string(),
            durability: self.durability.clone(),
        }
    }

    fn events(&self) -> broadcast::Receiver<StoreEvent> {
        self.events.subscribe()
    }

    async fn publish(&self, jobs: Vec<PublishedJob>) -> Result<(), StoreError> {
        let operation: Operation<_> = Box::new(move |conn| {
            Box::pin(async move { Ok(((), read::catalogue::publish_in_txn(conn, &jobs).await?)) })
        });
        self.writer.write(operation).await
    }

    async fn catalogue(&self) -> Result<Vec<PublishedJob>, StoreError> {
        self.read(Box::new(|conn| {
            Box::pin(read::catalogue::list_on_conn(conn))
        }))
        .await
    }

    async fn enqueue(&self, batch: Vec<NewExecution>) -> Result<Vec<EnqueueAnswer>, StoreError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        self.writer
            .call(|reply| WriteCall::Enqueue(batch, reply))
            .await
    }

    async fn enqueue_in(
        &self,
        tx: TransactionRef<'_>,
        batch: Vec<NewExecution>,
    ) -> Result<Vec<EnqueueAnswer>, StoreError> {
        let (own, connection) = self.caller_tx(tx).await?;
        let answers = caller_tx::enqueue(connection, &own, &batch).await;
        answers.map_err(|error| caller_tx::explain_error(error, &self.location))
    }

    async fn settle_in(
        &self,
        tx: TransactionRef<'_>,
        settlement: Settlement,
    ) -> Result<WriteAnswer, StoreError> {
        let (own, connection) = self.caller_tx(tx).await?;
        let answer = caller_tx::settle(connection, &own, &settlement).await;
        answer.map_err(|error| caller_tx::explain_error(error, &self.location))
    }

    fn committed(&self) {
        // Fails if there is no receiver.
        let _ = self.events.send(StoreEvent::Elsewhere);
    }

    async fn open_session(&self, info: SessionInfo) -> Result<SessionId, StoreError> {
        let nonce = session_nonce(&self.location)?;
        let operation: Operation<_> = Box::new(move |conn| {
            Box::pin(async move {
                let session = session::open_in_txn(conn, &info, nonce).await?;
                Ok(without_events(session))
            })
        });
        let session = self.writer.write(operation).await?;
        if let Some(locks) = &self.session_locks {
            locks.take(session);
        }
        Ok(session)
    }

    async fn renew(&self, session: SessionId, now: Timestamp) -> Result<Renewal, StoreError> {
        let operation: Operation<_> = Box::new(move |conn| {
            Box::pin(async move {
                let renewal = session::renew_in_txn(conn, session, now).await?;
                Ok(without_events(renewal))
            })
        });
        let renewal = self.writer.write_urgently(operation).await?;
        if let (Some(locks), Renewal::Lost) = (&self.session_locks, renewal) {
            locks.remove(session);
        }
        Ok(renewal)
    }

    async fn close_session(&self, session: SessionId) -> Result<(), StoreError> {
        let operation: Operation<_> = Box::new(move |conn| {
            Box::pin(async move {
                session::close_in_txn(conn, session).await?;
                Ok(((), limits::allocator_wanted_in_txn(conn).await?))
            })
        });
        self.writer.write(operation).await?;
        if let Some(locks) = &self.session_locks {
            locks.remove(session);
        }
        Ok(())
    }

    async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>, StoreError> {
        without_rejected(
            || {
                let claim = Box::new(claim.clone());
                self.writer.call(|reply| WriteCall::Claim(claim, reply))
            },
            || {
                let claim = claim.clone();
                let operation: Operation<_> = Box::new(move |conn| {
                    Box::pin(async move { postpone::leases_in_txn(conn, &claim).await })
                });
                self.writer.write(operation)
            },
        )
        .await
    }

    async fn settle(&self, batch: Vec<Settlement>) -> Result<Vec<WriteAnswer>, StoreError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        self.writer
            .call(|reply| WriteCall::Settle(batch, reply))
            .await
    }

    async fn report(&self, batch: Vec<ProgressReport>) -> Result<Vec<WriteAnswer>, StoreError> {
        write_rows(batch, |batch| {
            let operation: Operation<_> = Box::new(move |conn| {
                Box::pin(async move {
                    let answers = settle::report_in_txn(conn, &batch).await?;
                    Ok(without_events(answers))
                })
            });
            self.writer.write(operation)
        })
        .await
    }

    async fn append_logs(&self, batch: Vec<LogBatch>) -> Result<Vec<WriteAnswer>, StoreError> {
        write_rows(batch, |batch| {
            let operation: Operation<_> = Box::new(move |conn| {
                Box::pin(async move {
                    let answers = read::logs::append_in_txn(conn, &batch).await?;
                    Ok(without_events(answers))
                })
            });
            self.writer.write(operation)
        })
        .await
    }

    async fn cancel_requests(&self, session: SessionId) -> Result<Vec<Fence>, StoreError> {
        self.read(Box::new(move |conn| {
            Box::pin(session::cancel_requests_on_conn(conn, session))
        }))
        .await
    }

    async fn release_permits(&self, fences: Vec<Fence>) -> Result<(), StoreError> {
        if fences.is_empty() {
            return Ok(());
        }
        let operation: Operation<_> = Box::new(move |conn| {
            Box::pin(async move {
                limits::release_permits_in_txn(conn, &fences).await?;
                Ok(((), vec![StoreEvent::Scheduled(Timestamp::default())]))
            })
        });
        self.writer.write(operation).await
    }

    async fn reserve(
        &self,
        limit: Limit,
        cost: u32,
        now: Timestamp,
        latest: Timestamp,
    ) -> Result<Reservation, StoreError> {
        let operation: Operation<_> = Box::new(move |conn| {
            Box::pin(async move {
                let reservation = limits::reserve_in_txn(conn, &limit, cost, now, latest).await?;
                Ok(without_events(reservation))
            })
        });
        self.writer.write(operation).await
    }

    async fn pause_limit(&self, keys: Vec<String>, until: Timestamp) -> Result<(), StoreError> {
        let operation: Operation<_> = Box::new(move |conn| {
            Box::pin(async move {
                limits::pause_limit_in_txn(conn, &keys, until).await?;
                Ok(without_events(()))
            })
        });
        self.writer.write(operation).await
    }

    async fn edit(
        &self,
        id: ExecutionId,
        edit: ExecutionEdit,
        now: Timestamp,
    ) -> Result<EditAnswer, StoreError> {
        let operation: Operation<_> = Box::new(move |conn| {
            Box::pin(async move { operator::edit::edit_in_txn(conn, id, &edit, now).await })
        });
        self.writer.write(operation).await
    }

    async fn queues(&self) -> Result<Vec<QueueRecord>, StoreError> {
        self.read(Box::new(|conn| {
            Box::pin(operator::queues::queues_on_conn(conn))
        }))
        .await
    }

    async fn pause(&self, queue: String, now: Timestamp) -> Result<bool, StoreError> {
        let operation: Operation<_> = Box::new(move |conn| {
            Box::pin(async move {
                let paused = operator::queues::pause_in_txn(conn, &queue, now).await?;
                Ok(without_events(paused))
            })
        });
        self.writer.write(operation).await
    }

    async fn resume(&self, queue: String) -> Result<bool, StoreError> {
        let operation: Operation<_> = Box::new(move |conn| {
            Box::pin(async move {
                let resumed = operator::queues::resume_in_txn(conn, &queue).await?;
                Ok((resumed, vec![StoreEvent::Ready]))
            })
        });
        self.writer.write(operation).await
    }

    async fn blocked_by(
        &self,
        id: ExecutionId,
        now: Timestamp,
    ) -> Result<Option<BlockingLimit>, StoreError> {
        self.read(Box::new(move |conn| {
            Box::pin(operator::queues::blocked_by_on_conn(conn, id, now))
        }))
        .await
    }

    async fn promote(&self, now: Timestamp, limit: usize) -> Result<Promotion, StoreError> {
        // Usually nothing is due: a read finds out without the write lock.
        let due = self
            .read(Box::new(|conn| Box::pin(DueWork::on_conn(conn))))
            .await?;
        if !due.is_due(now) {
            return Ok(Promotion {
                promoted: 0,
                next_due: due.next(now),
            });
        }
        let promote_all = || {
            let operation: Operation<_> =
                Box::new(move |conn| Box::pin(promote::promote_in_txn(conn, now, limit)));
            self.writer.write(operation)
        };
        match promote_all().await {
            Err(error) if is_rejection(&error) => {
                let move_due = || {
                    let operation: Operation<_> =
                        Box::new(move |conn| Box::pin(promote::move_due_in_txn(conn, now, limit)));
                    self.writer.write(operation)
                };
                let postpone_due = || {
                    let operation: Operation<_> =
                        Box::new(move |conn| Box::pin(postpone::due_in_txn(conn, now, limit)));
                    self.writer.write(operation)
                };
                let postpone_waiters = || {
                    let operation: Operation<_> =
                        Box::new(move |conn| Box::pin(postpone::waiters_in_txn(conn, now, limit)));
                    self.writer.write(operation)
                };
                let moved = without_rejected(move_due, postpone_due).await?;
                let promotion = without_rejected(promote_all, postpone_waiters).await?;
                Ok(Promotion {
                    promoted: moved + promotion.promoted,
                    ..promotion
                })
            }
            promotion => promotion,
        }
    }

    async fn sessions(&self) -> Result<Vec<SessionBeat>, StoreError> {
        let operation: Operation<_> = Box::new(|conn| Box::pin(session::list_on_conn(conn)));
        let mut sessions = self.read(operation).await?;
        if let Some(locks) = &self.session_locks {
            for beat in &mut sessions {
                beat.is_dead = locks.is_dead(beat.session);
            }
        }
        Ok(sessions)
    }

    async fn processes(&self) -> Result<Vec<ProcessRecord>, StoreError> {
        self.read(Box::new(|conn| Box::pin(session::processes_on_conn(conn))))
            .await
    }

    async fn take_over(&self, dead: SessionBeat, claim: Claim) -> Result<Vec<Claimed>, StoreError> {
        let take_over = |one_by_one| {
            let (dead, claim) = (dead.clone(), claim.clone());
            let operation: Operation<_> = Box::new(move |conn| {
                Box::pin(async move {
                    let claimed =
                        session::take_over_in_txn(conn, &dead, &claim, one_by_one).await?;
                    Ok((claimed, limits::allocator_wanted_in_txn(conn).await?))
                })
            });
            self.writer.write(operation)
        };
        let taken = match take_over(false).await {
            Err(error) if is_rejection(&error) => take_over(true).await,
            taken => taken,
        };
        if let Some(locks) = &self.session_locks
            && taken.is_ok()
            && locks.is_dead(dead.session)
        {
            locks.remove(dead.session);
        }
        taken
    }

    async fn cancel(&self, id: ExecutionId, now: Timestamp) -> Result<CancelAnswer, StoreError> {
        let operation: Operation<_> =
            Box::new(move |conn| Box::pin(operator::cancel_in_txn(conn, id, now)));
        self.writer.write(operation).await
    }

    async fn retry(
        &self,
        id: ExecutionId,
        payload: Option<String>,
        now: Timestamp,
    ) -> Result<RetryAnswer, StoreError> {
        let operation: Operation<_> = Box::new(move |conn| {
            Box::pin(async move { operator::retry_in_txn(conn, id, payload.as_deref(), now).await })
        });
        self.writer.write(operation).await
    }

    async fn delete(&self, id: ExecutionId) -> Result<DeleteAnswer, StoreError> {
        let operation: Operation<_> = Box::new(move |conn| {
            Box::pin(async move {
                let answer = operator::delete_in_txn(conn, id).await?;
                Ok(without_events(answer))
            })
        });
        self.writer.write(operation).await
    }

    async fn waiting_since(
        &self,
        queue: String,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<ExecutionId>, StoreError> {
        self.read(Box::new(move |conn| {
            Box::pin(async move {
                operator::queues::waiting_since_on_conn(conn, &queue, since, limit).await
            })
        }))
        .await
    }

    async fn leases_of(&self, scope: CapScope) -> Result<Vec<(SessionId, u64)>, StoreError> {
        self.read(Box::new(move |conn| {
            Box::pin(async move { session::count_leases_on_conn(conn, &scope).await })
        }))
        .await
    }

    async fn ahead(&self, id: ExecutionId, limit: u64) -> Result<Option<u64>, StoreError> {
        self.read(Box::new(move |conn| {
            Box::pin(operator::ahead_on_conn(conn, id, limit))
        }))
        .await
    }

    async fn execution(&self, id: ExecutionId) -> Result<Option<ExecutionRecord>, StoreError> {
        self.read(Box::new(move |conn| {
            Box::pin(read::execution::execution_on_conn(conn, id))
        }))
        .await
    }

    async fn execution_states(
        &self,
        ids: Vec<ExecutionId>,
    ) -> Result<Vec<ExecutionState>, StoreError> {
        self.read(Box::new(move |conn| {
            Box::pin(async move { read::execution::states_on_conn(conn, &ids).await })
        }))
        .await
    }

    async fn logs(&self, query: LogQuery) -> Result<Option<LogPage>, StoreError> {
        self.read(Box::new(move |conn| {
            Box::pin(async move { read::logs::page_on_conn(conn, &query).await })
        }))
        .await
    }

    async fn list_executions(&self, query: ExecutionQuery) -> Result<ExecutionPage, StoreError> {
        self.read(Box::new(move |conn| {
            Box::pin(async move { read::list::page_on_conn(conn, &query).await })
        }))
        .await
    }
}
