//! Enqueueing in the application's own transaction.

use std::fmt;

#[cfg(feature = "sqlx-postgres")]
use sqlx::postgres::{PgConnection, Postgres};
#[cfg(feature = "sqlx-sqlite")]
use sqlx::sqlite::{Sqlite, SqliteConnection};

use super::enqueue::{Enqueue, EnqueueError, Many, One};
use super::{Client, Execution};
use crate::BoxFuture;

/// A `sqlx` transaction on the store's own database.
///
/// | database | begin the transaction by |
/// |---|---|
/// | PostgreSQL | `pool.begin()`, or any other way |
/// | SQLite | `pool.begin_with("BEGIN IMMEDIATE")` |
///
/// On SQLite, a transaction from `pool.begin()` takes no write lock. If it reads first and another
/// connection writes meanwhile, SQLite rejects its writes.
///
/// A connection inside a transaction from [`Connection::begin`](sqlx::Connection::begin) works too.
#[diagnostic::on_unimplemented(
    message = "jobs cannot be enqueued in a `{Self}`",
    note = "pass `&mut tx`: `tx` comes from `pool.begin().await?` on PostgreSQL, from \
            `pool.begin_with(\"BEGIN IMMEDIATE\").await?` on SQLite",
    note = "enable the feature of the database's driver: `sqlx-postgres` or `sqlx-sqlite` of `jobs`"
)]
pub trait Transaction: sealed::Sealed + Send {
    /// Borrows the transaction for a runtime.
    fn by_ref(&mut self) -> TransactionRef<'_>;
}

/// A borrowed transaction, as a runtime receives it.
#[derive(Debug)]
#[non_exhaustive]
pub enum TransactionRef<'t> {
    /// A PostgreSQL connection with an open transaction.
    #[cfg(feature = "sqlx-postgres")]
    Postgres(&'t mut PgConnection),
    /// A SQLite connection with an open transaction.
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
    /// Commits a transaction and makes this process poll for work at once.
    ///
    /// After a plain `tx.commit()`, this process finds the new executions like any other process:
    /// within 250 ms on SQLite, by its next poll on PostgreSQL.
    ///
    /// # Errors
    /// The error of the commit.
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
    /// Enqueues in the application's transaction, together with its other writes.
    ///
    /// The executions exist once the transaction is committed, so no worker runs them earlier. See
    /// [`Client::commit`].
    ///
    /// The transaction must be on the store's own database; for `sqlite:…`, on the same file.
    /// Another database gives [`WrongDatabase`](EnqueueError::WrongDatabase). An enqueue that is
    /// rejected leaves the transaction unchanged and usable.
    ///
    /// An open SQLite transaction blocks every other writer to the file, including workers. Keep it
    /// short, and pass it to *every* enqueue inside it. An enqueue without it waits for the write
    /// lock and fails after five seconds.
    ///
    /// ```no_run
    /// # use jobs::{job, Client, JobError};
    /// # #[job(id = "send-mail")]
    /// # async fn send_mail(to: String) -> std::result::Result<(), JobError> { drop(to); Ok(()) }
    /// # type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;
    /// # async fn demo(jobs: Client, pool: sqlx::SqlitePool) -> Result<()> {
    /// let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
    /// sqlx::query("INSERT INTO users (name) VALUES ('alice')")
    ///     .execute(&mut *tx)
    ///     .await?;
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

/// A builder of an enqueue in a transaction; `.await` it.
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
                EnqueueError::Store("the runtime returned no answer to the request".into())
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
