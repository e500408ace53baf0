//! Backends: sources of empty databases for the stores under test.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use jobs::{ExecutionId, TransactionRef};

use crate::store::Store;

/// An error of a backend.
pub type BackendError = Box<dyn Error + Send + Sync>;

/// A kind of store under test: a column of the table.
#[async_trait]
pub trait Backend: Send + Sync + 'static {
    /// Returns the head of the column.
    fn name(&self) -> &str;

    /// Creates an empty database, without a layout, for one requirement. The suite calls it several
    /// times at once.
    async fn create_database(&self) -> Result<Box<dyn Database>, BackendError>;

    /// Returns the directory for failed sequences of the model test. The suite writes shrunk
    /// sequences there and repeats them in every run. With `None` it only prints them.
    fn regressions(&self) -> Option<PathBuf> {
        None
    }
}

/// One database. Dropping it removes it.
#[async_trait]
pub trait Database: Send + Sync + 'static {
    /// Returns the store handle under test.
    fn store(&self) -> Arc<dyn Store>;

    /// Opens a further store handle on the database, as another process does. `None` if that is not
    /// possible.
    async fn open_again(&self) -> Result<Option<Arc<dyn Store>>, BackendError> {
        Ok(None)
    }

    /// Begins a transaction on the database, as an application does. `None` if the store does not
    /// write in callers' transactions.
    async fn begin(&self) -> Result<Option<Box<dyn Transaction>>, BackendError> {
        Ok(None)
    }

    /// Damages a stored value of an execution. Returns `false` if the backend cannot do that.
    async fn damage(&self, id: ExecutionId, what: Damage) -> Result<bool, BackendError> {
        let _ = (id, what);
        Ok(false)
    }

    /// Makes the database reject a write about an execution, for example by a trigger, or accept it
    /// again. Returns `false` if the backend cannot do that.
    async fn set_rejected(
        &self,
        id: ExecutionId,
        write: Write,
        rejected: bool,
    ) -> Result<bool, BackendError> {
        let _ = (id, write, rejected);
        Ok(false)
    }
}

/// A stored value of an execution that can be damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Damage {
    /// The text of its retry policy.
    Retries,
    /// The limits that it waits for, or whose permits it holds.
    Limits,
    /// Its final status becomes one that this program does not know.
    NewStatus,
    /// Words that this program does not know: the outcomes and errors of its attempts, the handler
    /// of its job, the kind of a unique key; the slot caps of every session.
    NewWords,
    /// A permit event of a kind that this program does not know, for each of its limits.
    NewPermitEvent,
    /// Its limits become ones of a kind that this program does not know.
    NewLimitKind,
    /// Every bulk operation gets an act that this program does not know.
    NewAct,
}

/// A write about an execution that can be rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Write {
    /// The execution itself.
    Execution,
    /// Its place among the ready executions.
    Ready,
    /// Its place among the blocked executions.
    Blocked,
    /// Its lease, with the progress.
    Lease,
    /// A line of its log.
    Log,
    /// Its final outcome.
    Outcome,
}

/// A transaction of an application. The transactions of `sqlx` implement it.
#[async_trait]
pub trait Transaction: Send {
    /// Returns the reference that a store takes.
    fn by_ref(&mut self) -> TransactionRef<'_>;

    /// Commits the transaction.
    async fn commit(self: Box<Self>) -> Result<(), BackendError>;

    /// Rolls the transaction back.
    async fn roll_back(self: Box<Self>) -> Result<(), BackendError>;
}

/// Implements [`Transaction`] for the transactions of an `sqlx` database.
macro_rules! transaction {
    ($database:ty) => {
        #[async_trait]
        impl Transaction for sqlx::Transaction<'static, $database> {
            fn by_ref(&mut self) -> TransactionRef<'_> {
                jobs::Transaction::by_ref(self)
            }

            async fn commit(self: Box<Self>) -> Result<(), BackendError> {
                Ok(sqlx::Transaction::commit(*self).await?)
            }

            async fn roll_back(self: Box<Self>) -> Result<(), BackendError> {
                Ok(sqlx::Transaction::rollback(*self).await?)
            }
        }
    };
}

transaction!(sqlx::Sqlite);
#[cfg(feature = "postgres")]
transaction!(sqlx::Postgres);
