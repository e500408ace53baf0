//! Connections to one SQLite database: the writer thread, the readers and what both share.
//!
//! | module | content |
//! |---|---|
//! | `open` | checks of the path, connection options, WAL mode |
//! | `writer` | the thread that owns the connection that writes |
//! | `commit_group` | enqueues, settlements and a claim that share one transaction |
//! | `lookup`, `script` | a group's reads before it writes; its statements as one query |
//! | `readers` | the pool of connections that only read |
//! | `operation` | functions that run on a connection |
//! | `change_detector` | detection of commits by other processes |
//! | `lock_owner` | the process that holds the write lock |
//! | `file_identity` | detection that the file was removed or replaced |
//! | `session_locks` | locks beside the file that end with the process of their session |
//! | `error`, `json` | errors of SQLite; batches as JSON parameters |
//! | `columns` | the columns of a row by their names |
//!
//! Every module of the store may import this one. `commit_group`, `lookup` and `script` import the
//! plans of [`enqueue`](super::enqueue), [`settle`](super::settle), [`claim`](super::claim) and
//! [`limits`](super::limits). The modules in here must not import `read`, `operator`, `session` or
//! `transfer`: their work arrives as an operation.

pub(in crate::store::sqlite) mod change_detector;
mod columns;
pub(in crate::store::sqlite) mod commit_group;
pub(in crate::store::sqlite) mod error;
pub(in crate::store::sqlite) mod file_identity;
pub(in crate::store::sqlite) mod json;
pub(in crate::store::sqlite) mod lock_owner;
pub(in crate::store::sqlite) mod lookup;
pub(in crate::store::sqlite) mod open;
pub(in crate::store::sqlite) mod operation;
pub(in crate::store::sqlite) mod readers;
pub(in crate::store::sqlite) mod script;
pub(in crate::store::sqlite) mod session_locks;
pub(in crate::store::sqlite) mod writer;

use sqlx::Executor;
use sqlx::sqlite::SqliteConnection;

use error::DbError;

/// Writes a page: the write lock alone does not reveal a full disk.
pub(super) async fn ping_in_txn(conn: &mut SqliteConnection) -> Result<(), DbError> {
    conn.execute(include_str!("sql/conn/ping.sql")).await?;
    Ok(())
}
