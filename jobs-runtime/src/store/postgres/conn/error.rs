//! Errors of the database: their classes, and their translation into [`StoreError`].

use crate::store::decode::RowError;
pub(in crate::store::postgres) use crate::store::decode::readable;
use crate::store::{StoreError, decode};
use std::borrow::Cow;

/// An error that does not name the store yet; see [`DbError::at`].
#[derive(Debug)]
pub(in crate::store) enum DbError {
    /// An error of the contract.
    Store(StoreError),
    /// An error of the server or of the driver.
    Sql(sqlx::Error),
    /// The last attempt to connect failed for this reason.
    Unreachable(String),
    /// The server refused the user of the last attempt to connect, for this reason.
    Refused(String),
    /// Another transaction has changed the rows in between: the operation has to run again.
    Raced,
}

/// SQLSTATE codes (appendix A of PostgreSQL's documentation).
mod code {
    pub(in crate::store::postgres) const READ_ONLY: &str = "25006";
    pub(in crate::store::postgres) const ABORTED: &str = "25P02";
    /// PgBouncer rejects settings of a connection with it.
    pub(in crate::store::postgres) const PROTOCOL: &str = "08P01";
    pub(in crate::store::postgres) const SERIALIZATION: &str = "40001";
    pub(in crate::store::postgres) const DEADLOCK: &str = "40P01";
    pub(in crate::store::postgres) const UNPREPARED: &str = "26000";
    pub(in crate::store::postgres) const PREPARED: &str = "42P05";
    /// A prepared statement was made for another layout.
    pub(in crate::store::postgres) const CHANGED: &str = "0A000";
    pub(in crate::store::postgres) const PRIVILEGE: &str = "42501";
    pub(in crate::store::postgres) const NO_TABLE: &str = "42P01";
    pub(in crate::store::postgres) const NO_COLUMN: &str = "42703";
    pub(in crate::store::postgres) const NO_SCHEMA: &str = "3F000";
    pub(in crate::store::postgres) const NO_DATABASE: &str = "3D000";
    pub(in crate::store::postgres) const LOCKED: &str = "55P03";
    pub(in crate::store::postgres) const CANCELED: &str = "57014";
    pub(in crate::store::postgres) const TOO_MANY: &str = "53300";
    /// Raised by the store's own triggers: it was moved to another store.
    pub(in crate::store::postgres) const MOVED: &str = "JM001";
}

impl DbError {
    /// Returns true if the transaction was undone because of a concurrent one and may be repeated.
    pub(in crate::store::postgres) fn is_contention(&self) -> bool {
        matches!(self, Self::Raced)
            || matches!(
                self.code().as_deref(),
                Some(code::SERIALIZATION | code::DEADLOCK)
            )
    }

    /// Returns true if the connection must be replaced. Beside lost connections these are:
    ///
    /// * a server that has become read-only: the next connection may reach the new primary;
    /// * a server that does not know a prepared statement: a pooler has switched servers;
    /// * a statement that was prepared for another layout.
    pub(in crate::store::postgres) fn is_disconnected(&self) -> bool {
        match self {
            Self::Sql(sqlx::Error::Database(_)) => {
                let code = self.code();
                let code = code.as_deref().unwrap_or_default();
                matches!(
                    code,
                    code::READ_ONLY | code::UNPREPARED | code::PREPARED | code::CHANGED
                ) || code.starts_with("08")
                    || code.starts_with("57P")
                    || code == "25P03"
            }
            Self::Sql(
                sqlx::Error::Io(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::Protocol(_)
                | sqlx::Error::WorkerCrashed
                | sqlx::Error::PoolClosed,
            )
            | Self::Unreachable(_)
            | Self::Refused(_) => true,
            Self::Store(StoreError::Timeout(_)) => true,
            _ => false,
        }
    }

    /// Returns true if every other call would fail as well.
    pub(in crate::store::postgres) fn is_outage(&self) -> bool {
        let code = self.code();
        let code = code.as_deref().unwrap_or_default();
        self.is_disconnected()
            || matches!(
                code,
                code::NO_TABLE | code::NO_SCHEMA | code::PRIVILEGE | code::CANCELED | code::MOVED
            )
            || code.starts_with("53")
            || code.starts_with("58")
    }

    /// Returns true if the server or the decoder rejects this row, and nothing else is wrong.
    pub(in crate::store::postgres) fn is_rejection(&self) -> bool {
        matches!(self, Self::Sql(_) | Self::Store(StoreError::Corrupt { .. }))
            && !self.is_contention()
            && !self.is_locked()
            && !self.is_outage()
    }

    /// Returns true if a row with the same key exists.
    pub(in crate::store::postgres) fn is_unique_violation(&self) -> bool {
        matches!(self, Self::Sql(sqlx::Error::Database(error)) if error.is_unique_violation())
    }

    /// Returns true if a wait for a lock has timed out.
    pub(in crate::store::postgres) fn is_locked(&self) -> bool {
        self.code().as_deref() == Some(code::LOCKED)
    }

    /// Returns true if an earlier statement of the transaction has failed.
    pub(in crate::store::postgres) fn is_aborted(&self) -> bool {
        self.code().as_deref() == Some(code::ABORTED)
    }

    /// SQLSTATE of an error of the server.
    fn code(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Sql(sqlx::Error::Database(error)) => error.code(),
            _ => None,
        }
    }

    /// Translates the error for the caller: with the store's location and what to do about it.
    pub(in crate::store::postgres) fn at(self, location: &str) -> StoreError {
        let unavailable = |reason: String| StoreError::Unavailable {
            location: location.to_owned(),
            reason,
        };
        let refused = |reason: String| StoreError::Refused {
            location: location.to_owned(),
            reason,
        };
        let code = self.code().map(Cow::into_owned).unwrap_or_default();
        let error = match self {
            Self::Store(error) => return error,
            Self::Unreachable(reason) => return unavailable(reason),
            Self::Refused(reason) => return refused(reason),
            Self::Raced => {
                return unavailable(
                    "other transactions kept changing the same rows: try again".to_owned(),
                );
            }
            Self::Sql(error) => error,
        };
        match code.as_str() {
            code::NO_TABLE | code::NO_SCHEMA | code::NO_COLUMN => StoreError::Layout(
                "its tables are missing or older than this program: run the command `migrate`"
                    .to_owned(),
            ),
            code::MOVED => StoreError::Moved {
                location: location.to_owned(),
                to: "another store".to_owned(),
            },
            code::PRIVILEGE => unavailable(format!(
                "the role may not do this ({}): let it own the schema, or grant it USAGE on the \
                 schema and all rights on its tables",
                message(&error)
            )),
            code::LOCKED => unavailable(
                "a transaction of another program holds a lock on the same row for too long: look \
                 for one that is kept open (pg_stat_activity), perhaps by the code that waits here"
                    .to_owned(),
            ),
            code::READ_ONLY => {
                unavailable("the server is read-only, as a standby is: name the primary".to_owned())
            }
            // Transient: the same write may succeed later, so it is no rejection of the values.
            code::SERIALIZATION | code::DEADLOCK => unavailable(format!(
                "other transactions kept interfering: {}",
                message(&error)
            )),
            code::UNPREPARED | code::PREPARED => unavailable(format!(
                "{}: if a pooler in transaction mode stands in between, add pgbouncer=true to the \
                 URL",
                message(&error)
            )),
            code::NO_DATABASE => unavailable(format!("{}: create it", message(&error))),
            code::TOO_MANY => unavailable(format!(
                "{}: raise max_connections, or put a pooler in between (pgbouncer=true)",
                message(&error)
            )),
            code::CANCELED => unavailable(format!("the server gave up: {}", message(&error))),
            code if code.starts_with("28") => refused(format!(
                "{}: check the user and the password",
                message(&error)
            )),
            code::CHANGED => unavailable(format!("its layout has changed: {}", message(&error))),
            code::PROTOCOL if message(&error).contains("startup parameter") => {
                unavailable(format!(
                    "{}: a pooler stands in between: add pgbouncer=true to the URL",
                    message(&error)
                ))
            }
            code if code.starts_with("57P") || code.starts_with("08") || code == "25P03" => {
                unavailable(format!("the connection was ended: {}", message(&error)))
            }
            code if code.starts_with("53") || code.starts_with("58") => {
                unavailable(format!("the server is in trouble: {}", message(&error)))
            }
            _ => match error {
                sqlx::Error::Io(error) => unavailable(format!(
                    "{error}: check that the server runs and can be reached"
                )),
                sqlx::Error::Tls(error) => unavailable(format!("TLS failed: {error}")),
                sqlx::Error::PoolTimedOut => StoreError::Timeout(crate::store::postgres::DEADLINE),
                sqlx::Error::Protocol(reason) => {
                    unavailable(format!("the connection was lost: {reason}"))
                }
                error => StoreError::Database(Box::new(error)),
            },
        }
    }
}

/// The server's own message, without the driver's prefix.
fn message(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => error.message().to_owned(),
        error => error.to_string(),
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
pub(in crate::store::postgres) fn corrupt(what: &str, reason: impl ToString) -> DbError {
    decode::corrupt(what, reason).into()
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::fmt;

    use sqlx::error::{DatabaseError, ErrorKind};

    use super::*;

    /// An error of the server, whose message is its code.
    #[derive(Debug)]
    struct ServerError(&'static str);

    impl fmt::Display for ServerError {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for ServerError {}

    impl DatabaseError for ServerError {
        fn message(&self) -> &str {
            self.0
        }

        fn code(&self) -> Option<Cow<'_, str>> {
            Some(Cow::Borrowed(self.0))
        }

        fn as_error(&self) -> &(dyn Error + Send + Sync + 'static) {
            self
        }

        fn as_error_mut(&mut self) -> &mut (dyn Error + Send + Sync + 'static) {
            self
        }

        fn into_error(self: Box<Self>) -> Box<dyn Error + Send + Sync + 'static> {
            self
        }

        fn kind(&self) -> ErrorKind {
            ErrorKind::Other
        }
    }

    fn server_error(code: &'static str) -> DbError {
        DbError::Sql(sqlx::Error::Database(Box::new(ServerError(code))))
    }

    #[test]
    fn transient_errors_are_no_rejections_of_the_written_values() {
        // A rejection would turn a success that is being settled into a failure.
        for code in [
            "40001", "40P01", "26000", "42P05", "0A000", "25006", "53100", "57P01",
        ] {
            let error = server_error(code).at("here");
            assert!(
                matches!(error, StoreError::Unavailable { .. }),
                "{code}: {error:?}"
            );
        }
        for code in ["22P05", "23502", "54000"] {
            let error = server_error(code).at("here");
            assert!(
                matches!(error, StoreError::Database(_)),
                "{code}: {error:?}"
            );
        }
    }

    #[test]
    fn a_connection_without_its_prepared_statements_is_replaced() {
        for code in ["26000", "42P05", "0A000"] {
            assert!(server_error(code).is_disconnected(), "{code}");
        }
        let error = server_error("26000").at("here").to_string();
        assert!(error.contains("pgbouncer=true"), "{error}");
    }
}
