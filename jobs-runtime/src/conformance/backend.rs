//! Where stores under test come from.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use jobs::{ExecutionId, TransactionRef};

use crate::store::Store;

/// Why a backend could not do what it was asked for.
pub type BackendError = Box<dyn Error + Send + Sync>;

/// A kind of store, to be put to the test: a column of the table.
#[async_trait]
pub trait Backend: Send + Sync + 'static {
    /// The head of its column.
    fn name(&self) -> &str;

    /// A database that nobody else uses, empty: its layout is the suite's first call. Called once
    /// for every point, several times at once.
    async fn fresh(&self) -> Result<Box<dyn Database>, BackendError>;

    /// A directory for stories that went wrong, shrunk: they are written there, and played again
    /// by every run. `None` if they are only told.
    fn regressions(&self) -> Option<PathBuf> {
        None
    }
}

/// One database, removed when dropped.
#[async_trait]
pub trait Database: Send + Sync + 'static {
    /// The handle under test.
    fn store(&self) -> Arc<dyn Store>;

    /// One more handle on the same database, as another process opens one. `None` if there cannot
    /// be one.
    async fn another(&self) -> Result<Option<Arc<dyn Store>>, BackendError> {
        Ok(None)
    }

    /// A transaction on the same database, as an application begins one. `None` if the store joins
    /// none.
    async fn begin(&self) -> Result<Option<Box<dyn Transaction>>, BackendError> {
        Ok(None)
    }

    /// Damages what is stored of an execution, wherever it waits. Answers `false` if that cannot be done
    /// here.
    async fn damage(&self, id: ExecutionId, what: Damage) -> Result<bool, BackendError> {
        let _ = (id, what);
        Ok(false)
    }

    /// Has the database refuse this write about an execution, or no longer: as a trigger of its owner's
    /// does, or a page that is damaged. Answers `false` if that cannot be done here.
    async fn refuse(
        &self,
        id: ExecutionId,
        write: Write,
        refuse: bool,
    ) -> Result<bool, BackendError> {
        let _ = (id, write, refuse);
        Ok(false)
    }
}

/// Something stored of an execution that no program wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Damage {
    /// The text of its retries.
    Retries,
    /// The limits that it waits at, or has permits of.
    Limits,
}

/// Something that a store writes about an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Write {
    /// That it exists.
    Execution,
    /// That it is ready.
    Ready,
    /// Where a limit holds it.
    Held,
    /// That an attempt of it is leased, to whom, and how far it is.
    Lease,
    /// A line of its log.
    Log,
}

/// A transaction of an application's own. `sqlx`'s are ones.
#[async_trait]
pub trait Transaction: Send {
    /// As a store takes it.
    fn by_ref(&mut self) -> TransactionRef<'_>;

    /// Makes what was written in it visible.
    async fn commit(self: Box<Self>) -> Result<(), BackendError>;

    /// Undoes what was written in it.
    async fn roll_back(self: Box<Self>) -> Result<(), BackendError>;
}

/// For each kind of transaction that `jobs` knows.
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
