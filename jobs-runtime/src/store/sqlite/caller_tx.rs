//! Joining a transaction of the application's on the same file.
//!
//! What is written goes into a savepoint, so that a refusal and a failure leave the transaction as
//! it was, and a caller that stops waiting leaves nothing half done behind.

use std::path::{Path, PathBuf};

use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection, Row};

use super::conn::commit_group;
use super::conn::error::Fault;
use crate::store::{EnqueueAnswer, NewExecution, Settlement, StoreError, WriteAnswer};

/// What tells one database from another.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    file: PathBuf,
    id: String,
}

impl Identity {
    /// Who a connection is connected to; `None` if that is nothing of ours.
    pub(super) async fn on_conn(conn: &mut SqliteConnection) -> Result<Option<Self>, Fault> {
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

    /// A copy of a file has its name as well, and a file may have several paths.
    fn is_same(&self, other: &Self) -> bool {
        self.id == other.id && is_same_file(&self.file, &other.file)
    }
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    // In memory there is no file, and every connection has a database of its own.
    let named = !one.as_os_str().is_empty();
    let canonical = |path: &Path| path.canonicalize().ok();
    named && (one == other || canonical(one).is_some_and(|one| canonical(other) == Some(one)))
}

/// Creates executions in the caller's transaction.
pub(super) async fn enqueue(
    conn: &mut SqliteConnection,
    own: &Identity,
    batch: &[NewExecution],
) -> Result<Vec<EnqueueAnswer>, Fault> {
    check(conn, own).await?;
    let mut savepoint = conn.begin().await?;
    let answers = commit_group::enqueue_in_txn(&mut savepoint, batch).await?;
    savepoint.commit().await?;
    Ok(answers)
}

/// Ends an attempt in the caller's transaction.
pub(super) async fn settle(
    conn: &mut SqliteConnection,
    own: &Identity,
    settlement: &Settlement,
) -> Result<WriteAnswer, Fault> {
    check(conn, own).await?;
    let mut savepoint = conn.begin().await?;
    let answer = commit_group::settle_in_txn(&mut savepoint, settlement).await?;
    savepoint.commit().await?;
    Ok(answer)
}

async fn check(conn: &mut SqliteConnection, own: &Identity) -> Result<(), Fault> {
    if !conn.is_in_transaction() {
        let reason = "the connection is in no transaction that sqlx knows of; begin it by \
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
                found: shown(&found),
                expected: shown(&own.file),
            }
            .into())
        }
    }
}

async fn file_of(conn: &mut SqliteConnection) -> Result<PathBuf, Fault> {
    let file: String =
        sqlx::query_scalar("SELECT file FROM pragma_database_list WHERE name = 'main'")
            .fetch_one(conn)
            .await?;
    Ok(file.into())
}

fn shown(file: &Path) -> String {
    match file.as_os_str().is_empty() {
        true => "a database in memory".to_owned(),
        false => file.display().to_string(),
    }
}

/// The same failure in words for the owner of the transaction.
pub(super) fn explained(fault: Fault, location: &str) -> StoreError {
    if fault.is_busy() {
        return StoreError::Transaction(
            "another connection holds the lock to write, or has written since the transaction \
             first read; begin it by `begin_with(\"BEGIN IMMEDIATE\")`, which waits for the lock \
             before it reads"
                .to_owned(),
        );
    }
    match fault.at(location) {
        StoreError::Unavailable { reason, .. } => StoreError::Transaction(reason),
        error => error,
    }
}
