//! What can go wrong in here, and how it is told to those outside.

use crate::store::StoreError;

/// A failure before it knows which store it happened in.
#[derive(Debug)]
pub(in crate::store::sqlite) enum Fault {
    /// Said in the contract's words already.
    Store(StoreError),
    /// Said by SQLite.
    Sql(sqlx::Error),
    /// The file cannot be used as it is; says the way out.
    Unusable(String),
    /// A transaction of this very process holds the lock to write.
    OwnLock,
    /// What the optimistic way took for in_use does not hold: look first, then write.
    Unexpected,
}

/// The primary result codes of SQLite that mean something to us.
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

impl Fault {
    /// Whether another connection held what we wanted: nothing was done, try again.
    pub(in crate::store::sqlite) fn is_busy(&self) -> bool {
        matches!(self.code(), Some(code::BUSY | code::LOCKED))
    }

    /// Whether the connection is of no further use.
    pub(in crate::store::sqlite) fn is_disconnected(&self) -> bool {
        matches!(
            self,
            Self::Sql(sqlx::Error::WorkerCrashed | sqlx::Error::PoolClosed)
        )
    }

    /// Whether the store as a whole is in trouble, whatever was asked of it.
    pub(in crate::store::sqlite) fn is_outage(&self) -> bool {
        self.is_disconnected()
            || matches!(self, Self::OwnLock)
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

    /// Whether the file, or what SQLite keeps beside it, cannot be opened for writing.
    pub(in crate::store::sqlite) fn is_unwritable(&self) -> bool {
        matches!(self.code(), Some(code::READONLY | code::CANTOPEN))
    }

    /// Whether the database will not have what was written, and has nothing else against us.
    pub(in crate::store::sqlite) fn is_rejection(&self) -> bool {
        matches!(self, Self::Sql(sqlx::Error::Database(_))) && !self.is_outage()
    }

    /// Whether a row was there already.
    pub(in crate::store::sqlite) fn is_unique_violation(&self) -> bool {
        matches!(self, Self::Sql(sqlx::Error::Database(error)) if error.is_unique_violation())
    }

    /// The primary result code, if SQLite said one.
    fn code(&self) -> Option<i32> {
        match self {
            Self::Sql(sqlx::Error::Database(error)) => {
                error.code()?.parse::<i32>().ok().map(|code| code & 0xff)
            }
            _ => None,
        }
    }

    /// The same, with the place and the way out.
    pub(in crate::store::sqlite) fn at(self, location: &str) -> StoreError {
        let unavailable = |reason: &str| StoreError::Unavailable {
            location: location.to_owned(),
            reason: reason.to_owned(),
        };
        let code = self.code();
        let error = match self {
            Self::Store(error) => return error,
            Self::Unusable(reason) => return unavailable(&reason),
            Self::OwnLock => {
                return unavailable(
                    "a transaction of this very process keeps the lock to write. If the code that \
                     waits here has begun it, it waits for itself: enqueue in that transaction by \
                     `.tx(&mut tx)`, or commit it first",
                );
            }
            Self::Unexpected => return unavailable("a write did not do what it announced"),
            Self::Sql(error) => error,
        };
        if error.to_string().contains("no such table: jobs_") {
            return StoreError::Layout(
                "its tables are missing: run the command `migrate`".to_owned(),
            );
        }
        match code {
            Some(code::BUSY | code::LOCKED) => unavailable(
                "another program holds its write lock for too long: look for one that keeps a \
                 transaction open",
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
                sqlx::Error::PoolTimedOut => StoreError::Timeout(crate::store::sqlite::DEADLINE),
                sqlx::Error::WorkerCrashed => unavailable("its connection was lost"),
                error => StoreError::Database(Box::new(error)),
            },
        }
    }
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// A stored value that this program cannot read.
#[expect(
    clippy::needless_pass_by_value,
    reason = "an error that ends here; `map_err` hands it over"
)]
pub(in crate::store::sqlite) fn corrupt(what: &str, reason: impl ToString) -> Fault {
    Fault::Store(StoreError::Corrupt {
        what: what.to_owned(),
        reason: reason.to_string(),
    })
}
