//! The embedded store: one SQLite file, or memory.
//!
//! ```text
//!  callers ──▶ writer (one thread, one connection) ──▶ jobs.db ◀── other processes
//!     │           groups what waits into one commit      ▲  ▲           │
//!     │           └─▶ events ◀──── data_version ─────────│──┴───────────┘
//!     └───────▶ readers (a few connections) ─────────────┘
//! ```
//!
//! Where the number (`seq`) of an execution stands is its status; see
//! `sqlite/migrations/0001_layout.sql` for the tables. Every statement is a file in `sqlite/sql`
//! that begins with what it promises.
//!
//! **Order of claims.** Over all queues that a claim names: the most urgent first, the oldest among
//! equals. A queue that shall not wait for another's urgent work gets claims of its own.
//!
//! **Numbers of claims** grow within a session. A claim is known to be a repetition by the last
//! number that took something; one that took nothing may be asked again and then take.

mod migrate;

mod claim;
mod enqueue;
mod settle;

mod caller_tx;
mod conn;
mod limits;
mod operator;
mod raw;
mod read;
mod session;
mod transfer;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use jobs::{ExecutionId, TransactionRef};
use sqlx::Executor;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::broadcast;

use super::{
    BlockingLimit, CancelAnswer, CapScope, Claim, Claimed, DatabaseUrl, DeleteAnswer, EditAnswer,
    EnqueueAnswer, ExecutionEdit, ExecutionPage, ExecutionQuery, ExecutionRecord, ExecutionState,
    Fence, Limit, LogBatch, LogPage, LogQuery, MigrationStatus, NewExecution, ProcessRecord,
    ProgressReport, Promotion, PublishedJob, QueueRecord, Renewal, Reservation, RetryAnswer,
    SessionBeat, SessionId, SessionInfo, Settlement, Store, StoreDescription, StoreError,
    StoreEvent, Transferable, WriteAnswer, poison,
};
use crate::time::Timestamp;
use caller_tx::Identity;
use conn::change_detector::Watch;
use conn::commit_group::Call;
use conn::open::Opener;
use conn::operation::Work;
use conn::readers::Readers;
use conn::writer::Writer;
use limits::allocator::Due;

/// How long any call may take; in real time, whatever clock the engine runs by.
const DEADLINE: Duration = Duration::from_secs(30);

/// Events kept for those who are slow to listen.
const EVENTS: usize = 1_024;

/// A [`Store`] in a SQLite file or in memory.
#[derive(Debug)]
pub struct SqliteStore {
    writer: Writer,
    /// None for a database in memory: it has one connection, the writer's.
    readers: Option<Readers>,
    events: broadcast::Sender<StoreEvent>,
    location: Arc<str>,
    durability: String,
    /// Asked for when somebody first brings a transaction along.
    identity: OnceLock<Identity>,
}

impl SqliteStore {
    /// Opens the file, creating it if it is missing. Does not touch the layout: see
    /// [`Store::migrate`].
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] with the way out: the directory is missing, the file is
    /// read-only, it is something else than a database, it is on a network file system.
    pub async fn open(url: &DatabaseUrl) -> Result<Self, StoreError> {
        let location: Arc<str> = url.to_string().into();
        let opener = Opener::new(url)?;
        let mut connection = opener.writer().await.map_err(|fault| fault.at(&location))?;
        let watch = match opener.is_shared() {
            true => Some(Watch::start(&mut connection).await),
            false => None,
        };
        let (events, _) = broadcast::channel(EVENTS);
        let readers = opener.readers().map(Readers::new);
        let writer = Writer::start(
            opener,
            connection,
            watch,
            events.clone(),
            Arc::clone(&location),
        )?;
        Ok(Self {
            writer,
            readers,
            events,
            location,
            identity: OnceLock::new(),
            durability: match url {
                DatabaseUrl::Sqlite { synchronous, .. } => format!("synchronous = {synchronous}"),
                _ => "none: ends with the process".to_owned(),
            },
        })
    }

    /// Who we are, and the connection that a transaction is on.
    async fn joining<'t>(
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
                let work: Work<_> = Box::new(|conn| Box::pin(Identity::on_conn(conn)));
                let own = self.read(work).await?.ok_or_else(|| {
                    StoreError::Layout("its tables are missing: run the command `migrate`".into())
                })?;
                self.identity.get_or_init(|| own).clone()
            }
        };
        Ok((own, connection))
    }

    async fn read<T: Send + 'static>(&self, work: Work<T>) -> Result<T, StoreError> {
        match &self.readers {
            Some(readers) => {
                let result = readers.read(work).await;
                result.map_err(|fault| fault.at(&self.location))
            }
            None => self.writer.read(work).await,
        }
    }
}

#[async_trait]
impl Store for SqliteStore {
    fn transfer(&self) -> Option<&dyn Transferable> {
        Some(self)
    }

    async fn migrate(&self) -> Result<Vec<MigrationStatus>, StoreError> {
        while !self
            .writer
            .write(Box::new(|conn| {
                Box::pin(async move {
                    Ok((
                        migrate::migrate_next_in_txn(conn, migrate::MIGRATIONS).await?,
                        Vec::new(),
                    ))
                })
            }))
            .await?
        {}
        self.migrations().await
    }

    async fn migrations(&self) -> Result<Vec<MigrationStatus>, StoreError> {
        self.read(Box::new(|conn| {
            Box::pin(migrate::status_on_conn(conn, migrate::MIGRATIONS))
        }))
        .await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        // It writes: taking the lock alone would not notice a disk that is full.
        let work: Work<_> = Box::new(|conn| {
            Box::pin(async move {
                conn.execute(include_str!("sqlite/sql/conn/ping.sql"))
                    .await?;
                Ok(((), Vec::new()))
            })
        });
        self.writer.write(work).await
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
        let work: Work<_> = Box::new(move |conn| {
            Box::pin(async move { Ok(((), read::catalogue::publish_in_txn(conn, &jobs).await?)) })
        });
        self.writer.write(work).await
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
        self.writer.call(|reply| Call::Enqueue(batch, reply)).await
    }

    async fn enqueue_in(
        &self,
        tx: TransactionRef<'_>,
        batch: Vec<NewExecution>,
    ) -> Result<Vec<EnqueueAnswer>, StoreError> {
        let (own, connection) = self.joining(tx).await?;
        let answers = caller_tx::enqueue(connection, &own, &batch).await;
        answers.map_err(|fault| caller_tx::explained(fault, &self.location))
    }

    async fn settle_in(
        &self,
        tx: TransactionRef<'_>,
        settlement: Settlement,
    ) -> Result<WriteAnswer, StoreError> {
        let (own, connection) = self.joining(tx).await?;
        let answer = caller_tx::settle(connection, &own, &settlement).await;
        answer.map_err(|fault| caller_tx::explained(fault, &self.location))
    }

    fn committed(&self) {
        // Nobody may listen.
        let _ = self.events.send(StoreEvent::Elsewhere);
    }

    async fn open_session(&self, info: SessionInfo) -> Result<SessionId, StoreError> {
        let work: Work<_> = Box::new(move |conn| {
            Box::pin(async move { Ok((session::open_in_txn(conn, &info).await?, Vec::new())) })
        });
        self.writer.write(work).await
    }

    async fn renew(&self, session: SessionId, now: Timestamp) -> Result<Renewal, StoreError> {
        let work: Work<_> = Box::new(move |conn| {
            Box::pin(
                async move { Ok((session::renew_in_txn(conn, session, now).await?, Vec::new())) },
            )
        });
        self.writer.write_urgently(work).await
    }

    async fn close_session(&self, session: SessionId) -> Result<(), StoreError> {
        let work: Work<_> = Box::new(move |conn| {
            Box::pin(async move {
                session::close_in_txn(conn, session).await?;
                Ok(((), limits::wanted_in_txn(conn).await?))
            })
        });
        self.writer.write(work).await
    }

    async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>, StoreError> {
        poison::claim(self, claim).await
    }

    async fn settle(&self, batch: Vec<Settlement>) -> Result<Vec<WriteAnswer>, StoreError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        self.writer.call(|reply| Call::Settle(batch, reply)).await
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
        self.read(Box::new(move |conn| {
            Box::pin(session::cancel_requests_on_conn(conn, session))
        }))
        .await
    }

    async fn release_permits(&self, fences: Vec<Fence>) -> Result<(), StoreError> {
        if fences.is_empty() {
            return Ok(());
        }
        let work: Work<_> = Box::new(move |conn| {
            Box::pin(async move {
                limits::release_permits_in_txn(conn, &fences).await?;
                Ok(((), vec![StoreEvent::Scheduled(Timestamp::default())]))
            })
        });
        self.writer.write(work).await
    }

    async fn reserve(
        &self,
        limit: Limit,
        cost: u32,
        now: Timestamp,
        latest: Timestamp,
    ) -> Result<Reservation, StoreError> {
        let work: Work<_> = Box::new(move |conn| {
            Box::pin(async move {
                let reservation = limits::reserve_in_txn(conn, &limit, cost, now, latest).await?;
                Ok((reservation, Vec::new()))
            })
        });
        self.writer.write(work).await
    }

    async fn pause_limit(&self, keys: Vec<String>, until: Timestamp) -> Result<(), StoreError> {
        let work: Work<_> = Box::new(move |conn| {
            Box::pin(async move {
                Ok((
                    limits::pause_limit_in_txn(conn, &keys, until).await?,
                    Vec::new(),
                ))
            })
        });
        self.writer.write(work).await
    }

    async fn edit(
        &self,
        id: ExecutionId,
        change: ExecutionEdit,
        now: Timestamp,
    ) -> Result<EditAnswer, StoreError> {
        let work: Work<_> = Box::new(move |conn| {
            Box::pin(async move { operator::edit::change_in_txn(conn, id, &change, now).await })
        });
        self.writer.write(work).await
    }

    async fn queues(&self) -> Result<Vec<QueueRecord>, StoreError> {
        self.read(Box::new(|conn| Box::pin(limits::queues_on_conn(conn))))
            .await
    }

    async fn pause(&self, queue: String, now: Timestamp) -> Result<bool, StoreError> {
        let work: Work<_> = Box::new(move |conn| {
            Box::pin(
                async move { Ok((limits::pause_in_txn(conn, &queue, now).await?, Vec::new())) },
            )
        });
        self.writer.write(work).await
    }

    async fn resume(&self, queue: String) -> Result<bool, StoreError> {
        let work: Work<_> = Box::new(move |conn| {
            Box::pin(async move {
                let resumed = limits::resume_in_txn(conn, &queue).await?;
                Ok((resumed, vec![StoreEvent::Ready]))
            })
        });
        self.writer.write(work).await
    }

    async fn blocked_by(
        &self,
        id: ExecutionId,
        now: Timestamp,
    ) -> Result<Option<BlockingLimit>, StoreError> {
        self.read(Box::new(move |conn| {
            Box::pin(limits::blocked_by_on_conn(conn, id, now))
        }))
        .await
    }

    async fn promote(&self, now: Timestamp, limit: usize) -> Result<Promotion, StoreError> {
        // Usually nothing is due: see before taking the lock.
        let due = self
            .read(Box::new(|conn| Box::pin(Due::on_conn(conn))))
            .await?;
        if !due.is_now(now) {
            return Ok(Promotion {
                promoted: 0,
                next_due: due.next(now),
            });
        }
        let whole = || {
            let work: Work<_> =
                Box::new(move |conn| Box::pin(limits::allocator::promote_in_txn(conn, now, limit)));
            self.writer.write(work)
        };
        match whole().await {
            Err(StoreError::Database(_)) => {
                let moved = poison::promote(self, now, limit).await?;
                let promotion = poison::admit(self, now, limit, whole).await?;
                Ok(Promotion {
                    promoted: moved + promotion.promoted,
                    ..promotion
                })
            }
            promotion => promotion,
        }
    }

    async fn sessions(&self) -> Result<Vec<SessionBeat>, StoreError> {
        self.read(Box::new(|conn| Box::pin(session::list_on_conn(conn))))
            .await
    }

    async fn processes(&self) -> Result<Vec<ProcessRecord>, StoreError> {
        self.read(Box::new(|conn| Box::pin(session::processes_on_conn(conn))))
            .await
    }

    async fn take_over(&self, dead: SessionBeat, claim: Claim) -> Result<Vec<Claimed>, StoreError> {
        poison::take_over(self, dead, claim).await
    }

    async fn cancel(&self, id: ExecutionId, now: Timestamp) -> Result<CancelAnswer, StoreError> {
        let work: Work<_> = Box::new(move |conn| Box::pin(operator::cancel_in_txn(conn, id, now)));
        self.writer.write(work).await
    }

    async fn retry(
        &self,
        id: ExecutionId,
        payload: Option<String>,
        now: Timestamp,
    ) -> Result<RetryAnswer, StoreError> {
        let work: Work<_> = Box::new(move |conn| {
            Box::pin(async move { operator::retry_in_txn(conn, id, payload.as_deref(), now).await })
        });
        self.writer.write(work).await
    }

    async fn delete(&self, id: ExecutionId) -> Result<DeleteAnswer, StoreError> {
        let work: Work<_> = Box::new(move |conn| {
            Box::pin(async move { Ok((operator::delete_in_txn(conn, id).await?, Vec::new())) })
        });
        self.writer.write(work).await
    }

    async fn waiting_since(
        &self,
        queue: String,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<ExecutionId>, StoreError> {
        self.read(Box::new(move |conn| {
            Box::pin(async move { limits::waiting_since_on_conn(conn, &queue, since, limit).await })
        }))
        .await
    }

    async fn leases_of(&self, of: CapScope) -> Result<Vec<(SessionId, u64)>, StoreError> {
        self.read(Box::new(move |conn| {
            Box::pin(async move { session::held_of_on_conn(conn, &of).await })
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
            Box::pin(async move { read::execution::standings_on_conn(conn, &ids).await })
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
