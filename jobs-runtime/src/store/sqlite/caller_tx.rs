//! Enqueues and settlements in a transaction of the caller, on the same file.
//!
//! Each write runs in a savepoint. An error, a rejection and a caller that stops waiting leave the
//! transaction as it was.
//!
//! No event is published, because the store does not see the commit. The caller reports it with
//! [`committed`](crate::store::EnqueueStore::committed).

use std::path::{Path, PathBuf};

use jobs::TransactionRef;
use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection, Row};

use super::SqliteStore;
use super::conn::commit_group;
use super::conn::error::DbError;
use super::conn::operation::operation;
use crate::store::{EnqueueAnswer, NewExecution, Settlement, StoreError, WriteAnswer};

/// The identity of a database: its file, and the id in its layout.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    file: PathBuf,
    id: String,
}

impl Identity {
    /// Reads the identity of a connection's database; `None` if it has no layout.
    async fn on_conn(conn: &mut SqliteConnection) -> Result<Option<Self>, DbError> {
        let row = sqlx::query(include_str!("sql/caller_tx/identity.sql"))
            .fetch_one(conn)
            .await;
        match row {
            Ok(row) => Ok(Some(Self {
                file: row.try_get::<String, _>(0)?.into(),
                id: row.try_get(1)?,
            })),
            Err(error) if error.to_string().contains("no such table") => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Compares both parts: a copy of a file has the same id, and one file may have several paths.
    fn is_same(&self, other: &Self) -> bool {
        self.id == other.id && is_same_file(&self.file, &other.file)
    }
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    // A database in memory has no file. Each connection has its own, so two are never the same.
    let named = !one.as_os_str().is_empty();
    let canonical = |path: &Path| path.canonicalize().ok();
    named && (one == other || canonical(one).is_some_and(|one| canonical(other) == Some(one)))
}

impl SqliteStore {
    /// Creates executions in the caller's transaction.
    pub(super) async fn enqueue_in_caller_tx(
        &self,
        tx: TransactionRef<'_>,
        batch: Vec<NewExecution>,
    ) -> Result<Vec<EnqueueAnswer>, StoreError> {
        let (own, conn) = self.caller_tx(tx).await?;
        let enqueue = async {
            check_database(conn, &own).await?;
            let mut savepoint = conn.begin().await?;
            let (answers, _) = commit_group::enqueue_in_txn(&mut savepoint, &batch).await?;
            savepoint.commit().await?;
            Ok(answers)
        };
        enqueue
            .await
            .map_err(|error| explain_error(error, &self.location))
    }

    /// Ends an attempt in the caller's transaction.
    pub(super) async fn settle_in_caller_tx(
        &self,
        tx: TransactionRef<'_>,
        settlement: Settlement,
    ) -> Result<WriteAnswer, StoreError> {
        let (own, conn) = self.caller_tx(tx).await?;
        let settle = async {
            check_database(conn, &own).await?;
            let mut savepoint = conn.begin().await?;
            let answer = commit_group::settle_in_txn(&mut savepoint, &settlement).await?;
            savepoint.commit().await?;
            Ok(answer)
        };
        settle
            .await
            .map_err(|error| explain_error(error, &self.location))
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
                let own = self
                    .read(operation!(|conn| Identity::on_conn(conn)))
                    .await?;
                let own = own.ok_or_else(|| {
                    StoreError::Layout("its tables are missing: run the command `migrate`".into())
                })?;
                self.identity.get_or_init(|| own).clone()
            }
        };
        Ok((own, connection))
    }
}

/// Checks that the connection is in a transaction on the store's own database.
async fn check_database(conn: &mut SqliteConnection, own: &Identity) -> Result<(), DbError> {
    if !conn.is_in_transaction() {
        let reason = "the connection is in no transaction that sqlx knows of: begin it with \
                      `begin_with(\"BEGIN IMMEDIATE\")`";
        return Err(StoreError::Transaction(reason.to_owned()).into());
    }
    match Identity::on_conn(conn).await? {
        Some(found) if own.is_same(&found) => Ok(()),
        found => {
            let found = match found {
                Some(found) => found.file,
                None => file_of(conn).await?,
            };
            Err(StoreError::WrongDatabase {
                found: display(&found),
                expected: display(&own.file),
            }
            .into())
        }
    }
}

async fn file_of(conn: &mut SqliteConnection) -> Result<PathBuf, DbError> {
    let file: String =
        sqlx::query_scalar("SELECT file FROM pragma_database_list WHERE name = 'main'")
            .fetch_one(conn)
            .await?;
    Ok(file.into())
}

fn display(file: &Path) -> String {
    if file.as_os_str().is_empty() {
        "a database in memory".to_owned()
    } else {
        file.display().to_string()
    }
}

/// The error as the owner of the transaction sees it.
fn explain_error(error: DbError, location: &str) -> StoreError {
    if error.is_busy() {
        return StoreError::Transaction(
            "another connection holds the write lock, or has written since the transaction first \
             read: begin it with `begin_with(\"BEGIN IMMEDIATE\")`, which waits for the lock \
             before it reads"
                .to_owned(),
        );
    }
    match error.into_store_error(location) {
        StoreError::Unavailable { reason, .. } => StoreError::Transaction(reason),
        error => error,
    }
}
