//! Enqueueing in a transaction of the application's own.

use std::fmt;

#[cfg(feature = "sqlx-postgres")]
use sqlx::postgres::{PgConnection, Postgres};
#[cfg(feature = "sqlx-sqlite")]
use sqlx::sqlite::{Sqlite, SqliteConnection};

use super::enqueue::{Enqueue, EnqueueError, Many, One};
use super::{Client, Execution};
use crate::BoxFuture;

/// A transaction that jobs can be enqueued in: one of `sqlx`, on the store's own database.
///
/// On PostgreSQL any transaction will do: `pool.begin()`. On SQLite begin it to write:
/// `pool.begin_with("BEGIN IMMEDIATE")`. SQLite refuses to let a transaction that has read before
/// (`pool.begin()`) write, once somebody else has written meanwhile.
///
/// A connection that is in a transaction by [`Connection::begin`](sqlx::Connection::begin) will do
/// as well.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no transaction that jobs can be enqueued in",
    note = "give `&mut tx`, where `tx` comes from `pool.begin().await?` on PostgreSQL, from \
            `pool.begin_with(\"BEGIN IMMEDIATE\").await?` on SQLite",
    note = "the feature of the database's driver is needed as well: `sqlx-postgres` or \
            `sqlx-sqlite` of `jobs`"
)]
pub trait Transaction: sealed::Sealed + Send {
    /// The transaction as a runtime takes it.
    fn by_ref(&mut self) -> TransactionRef<'_>;
}

/// A transaction on its way to a runtime.
#[derive(Debug)]
#[non_exhaustive]
pub enum TransactionRef<'t> {
    /// The connection that it is on.
    #[cfg(feature = "sqlx-postgres")]
    Postgres(&'t mut PgConnection),
    /// The connection that it is on.
    #[cfg(feature = "sqlx-sqlite")]
    Sqlite(&'t mut SqliteConnection),
}

#[cfg(feature = "sqlx-postgres")]
impl Transaction for sqlx::Transaction<'_, Postgres> {
    fn by_ref(&mut self) -> TransactionRef<'_> {
        TransactionRef::Postgres(self)
    }
}

#[cfg(feature = "sqlx-postgres")]
impl Transaction for PgConnection {
    fn by_ref(&mut self) -> TransactionRef<'_> {
        TransactionRef::Postgres(self)
    }
}

#[cfg(feature = "sqlx-sqlite")]
impl Transaction for sqlx::Transaction<'_, Sqlite> {
    fn by_ref(&mut self) -> TransactionRef<'_> {
        TransactionRef::Sqlite(self)
    }
}

#[cfg(feature = "sqlx-sqlite")]
impl Transaction for SqliteConnection {
    fn by_ref(&mut self) -> TransactionRef<'_> {
        TransactionRef::Sqlite(self)
    }
}

mod sealed {
    pub trait Sealed {}

    #[cfg(feature = "sqlx-postgres")]
    impl Sealed for sqlx::Transaction<'_, sqlx::Postgres> {}
    #[cfg(feature = "sqlx-postgres")]
    impl Sealed for sqlx::postgres::PgConnection {}
    #[cfg(feature = "sqlx-sqlite")]
    impl Sealed for sqlx::Transaction<'_, sqlx::Sqlite> {}
    #[cfg(feature = "sqlx-sqlite")]
    impl Sealed for sqlx::sqlite::SqliteConnection {}
}

impl Client {
    /// Commits a transaction that jobs were enqueued in, and lets this process look at once. After
    /// `tx.commit()` it looks as soon as it notices, like every other process: within 250 ms on
    /// SQLite, with its next poll on PostgreSQL.
    ///
    /// # Errors
    /// The database's.
    pub async fn commit<DB: sqlx::Database>(
        &self,
        tx: sqlx::Transaction<'_, DB>,
    ) -> Result<(), sqlx::Error> {
        tx.commit().await?;
        self.backend().committed();
        Ok(())
    }
}

impl<Kind> Enqueue<Kind> {
    /// Enqueues in a transaction of the application's: with its other writes, or not at all.
    ///
    /// The transaction is on the store's own database (the file of `sqlite:…`), another one is
    /// refused as [`WrongDatabase`](EnqueueError::WrongDatabase). A refusal leaves the transaction
    /// as it was, and usable. Nothing is executed before the commit; see [`Client::commit`].
    ///
    /// While an SQLite transaction is open, nobody else writes to the file, neither workers: keep
    /// it short, and give it to *every* enqueue within. One without it would wait for this very
    /// transaction, and fails after five seconds.
    ///
    /// ```no_run
    /// # use jobs::{job, Client, JobError};
    /// # #[job(id = "send-mail")]
    /// # async fn send_mail(to: String) -> Result<(), JobError> { let _ = to; Ok(()) }
    /// # async fn demo(jobs: Client, pool: sqlx::SqlitePool) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
    /// sqlx::query("INSERT INTO users (name) VALUES ('alice')").execute(&mut *tx).await?;
    /// jobs.enqueue(SendMail::new("alice@example.org")).tx(&mut tx).await?;
    /// jobs.commit(tx).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn tx<T: Transaction>(self, tx: &mut T) -> EnqueueIn<'_, Kind> {
        EnqueueIn {
            enqueue: self,
            tx: tx.by_ref(),
        }
    }
}

/// An enqueue into a transaction; `.await` it.
#[must_use = "nothing is enqueued until it is awaited"]
pub struct EnqueueIn<'t, Kind> {
    enqueue: Enqueue<Kind>,
    tx: TransactionRef<'t>,
}

impl<'t, T: 'static> IntoFuture for EnqueueIn<'t, One<T>> {
    type Output = Result<Execution<T>, EnqueueError>;
    type IntoFuture = BoxFuture<'t, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let mut executions = send(self).await?;
            executions.pop().ok_or_else(|| {
                EnqueueError::Store("the runtime answered a request with nothing".into())
            })
        })
    }
}

impl<'t, T: 'static> IntoFuture for EnqueueIn<'t, Many<T>> {
    type Output = Result<Vec<Execution<T>>, EnqueueError>;
    type IntoFuture = BoxFuture<'t, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(send(self))
    }
}

async fn send<T, Kind>(this: EnqueueIn<'_, Kind>) -> Result<Vec<Execution<T>>, EnqueueError> {
    let (client, requests) = this.enqueue.into_parts();
    let answers = client.backend().enqueue_in(this.tx, requests?).await?;
    Ok(answers
        .into_iter()
        .map(|answer| Execution::new(client.clone(), answer))
        .collect())
}

impl<Kind> fmt::Debug for EnqueueIn<'_, Kind> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EnqueueIn").field(&self.enqueue).finish()
    }
}
