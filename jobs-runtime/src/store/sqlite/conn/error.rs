//! Errors of a SQLite connection, and their translation into errors of the store's contract.

use crate::store::decode::RowError;
pub(in crate::store::sqlite) use crate::store::decode::readable;
use crate::store::{StoreError, decode};

/// An error of an operation. It does not name the database yet.
#[derive(Debug)]
pub(in crate::store) enum DbError {
    /// An error that is already one of the contract's.
    Store(StoreError),
    /// An error of SQLite or of its driver.
    Sql(sqlx::Error),
    /// The file cannot be used. The text says why, and what to do about it.
    Unusable(String),
    /// Another connection of this process holds the write lock.
    OwnLock,
    /// A statement changed fewer rows than an optimistic write assumed. The group is rolled back
    /// and written again in the careful mode.
    AssumptionFailed,
}

/// Primary result codes of SQLite, see <https://sqlite.org/rescode.html>.
mod code {
    pub(in crate::store::sqlite) const BUSY: i32 = 5;
    pub(in crate::store::sqlite) const LOCKED: i32 = 6;
    pub(in crate::store::sqlite) const READONLY: i32 = 8;
    pub(in crate::store::sqlite) const IOERR: i32 = 10;
    pub(in crate::store::sqlite) const CORRUPT: i32 = 11;
    pub(in crate::store::sqlite) const FULL: i32 = 13;
    pub(in crate::store::sqlite) const CANTOPEN: i32 = 14;
    pub(in crate::store::sqlite) const NOTADB: i32 = 26;
}

impl DbError {
    /// True if another connection held a lock. Nothing was written; the statement may be repeated.
    pub(in crate::store::sqlite) fn is_busy(&self) -> bool {
        matches!(self.code(), Some(code::BUSY | code::LOCKED))
    }

    /// True if the connection is broken and has to be replaced.
    pub(in crate::store::sqlite) fn is_disconnected(&self) -> bool {
        matches!(
            self,
            Self::Sql(sqlx::Error::WorkerCrashed | sqlx::Error::PoolClosed)
        )
    }

    /// True if every other statement would fail as well: the file, the disk or the lock is the
    /// cause.
    pub(in crate::store::sqlite) fn is_outage(&self) -> bool {
        self.is_disconnected()
            || self.is_moved()
            || matches!(self, Self::OwnLock | Self::Unusable(_))
            || matches!(
                self.code(),
                Some(
                    code::BUSY
                        | code::LOCKED
                        | code::READONLY
                        | code::IOERR
                        | code::CORRUPT
                        | code::FULL
                        | code::CANTOPEN
                        | code::NOTADB
                )
            )
    }

    /// True if the file, its `-wal` or its `-shm` file cannot be opened for writing.
    pub(in crate::store::sqlite) fn is_unwritable(&self) -> bool {
        matches!(self.code(), Some(code::READONLY | code::CANTOPEN))
    }

    /// True if the database or the decoder rejects this row, and would accept others.
    pub(in crate::store::sqlite) fn is_rejection(&self) -> bool {
        matches!(self, Self::Sql(_) | Self::Store(StoreError::Corrupt { .. })) && !self.is_outage()
    }

    /// True if a row with the same unique key exists.
    pub(in crate::store::sqlite) fn is_unique_violation(&self) -> bool {
        matches!(self, Self::Sql(sqlx::Error::Database(error)) if error.is_unique_violation())
    }

    /// True if the store was moved to another one.
    fn is_moved(&self) -> bool {
        matches!(self, Self::Sql(sqlx::Error::Database(error))
            if error.message().contains("this store was moved"))
    }

    /// The primary result code, if the error comes from SQLite.
    fn code(&self) -> Option<i32> {
        match self {
            Self::Sql(sqlx::Error::Database(error)) => {
                error.code()?.parse::<i32>().ok().map(|code| code & 0xff)
            }
            _ => None,
        }
    }

    /// The error as callers of the store see it, with the location and what to do about it.
    pub(in crate::store::sqlite) fn into_store_error(self, location: &str) -> StoreError {
        let unavailable = |reason: &str| StoreError::Unavailable {
            location: location.to_owned(),
            reason: reason.to_owned(),
        };
        if self.is_moved() {
            return StoreError::Moved {
                location: location.to_owned(),
                to: "another store".to_owned(),
            };
        }
        let code = self.code();
        let error = match self {
            Self::Store(error) => return error,
            Self::Unusable(reason) => return unavailable(&reason),
            Self::OwnLock => {
                return unavailable(
                    "another transaction of this process holds the write lock. If the waiting code \
                     began that transaction, it waits for itself: enqueue in the transaction with \
                     `.tx(&mut tx)`, or commit it first",
                );
            }
            Self::AssumptionFailed => {
                return unavailable("a statement changed fewer rows than planned");
            }
            Self::Sql(error) => error,
        };
        if error.to_string().contains("no such table: jobs_") {
            return StoreError::Layout(
                "its tables are missing: run the command `migrate`".to_owned(),
            );
        }
        match code {
            Some(code::BUSY | code::LOCKED) => unavailable(
                "another program holds the write lock for too long: look for a program that keeps \
                 a transaction open",
            ),
            Some(code::READONLY) => unavailable(
                "it is read-only: make the file and its directory writable for this user",
            ),
            Some(code::FULL) => unavailable("the disk is full: free some space"),
            Some(code::IOERR) => unavailable(&format!(
                "the disk failed or is full ({error}): check the file system"
            )),
            Some(code::CANTOPEN) => unavailable(
                "the file cannot be opened or created: check its directory and its permissions",
            ),
            Some(code::NOTADB) => unavailable(
                "the file is not a SQLite database: name another file, or move this one away",
            ),
            Some(code::CORRUPT) => {
                unavailable("the file is damaged: restore a backup, or try `sqlite3 FILE .recover`")
            }
            _ => match error {
                sqlx::Error::PoolTimedOut => {
                    StoreError::Timeout(crate::store::sqlite::CALL_TIMEOUT)
                }
                sqlx::Error::WorkerCrashed => unavailable("its connection was lost"),
                error => StoreError::Database(Box::new(error)),
            },
        }
    }
}

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<StoreError> for DbError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl RowError for DbError {
    fn as_store_error(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) => Some(error),
            _ => None,
        }
    }
}

/// Returns the error for a stored value that this program cannot read.
pub(in crate::store::sqlite) fn corrupt(what: &str, reason: impl ToString) -> DbError {
    decode::corrupt(what, reason).into()
}
