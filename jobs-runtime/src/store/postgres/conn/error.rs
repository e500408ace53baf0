//! What can go wrong in here, and how it is told to those outside.

use std::borrow::Cow;

use crate::store::StoreError;

/// A failure before it knows which store it happened in.
#[derive(Debug)]
pub(in crate::store::postgres) enum Fault {
    /// Said in the contract's words already.
    Store(StoreError),
    /// Said by the server or by the driver.
    Sql(sqlx::Error),
    /// Connecting failed a moment ago, for this reason.
    Unreachable(String),
    /// Another transaction came in between: look again.
    Raced,
}

/// What PostgreSQL's codes mean to us (appendix A of its documentation).
mod code {
    pub(in crate::store::postgres) const READ_ONLY: &str = "25006";
    pub(in crate::store::postgres) const ABORTED: &str = "25P02";
    pub(in crate::store::postgres) const SERIALIZATION: &str = "40001";
    pub(in crate::store::postgres) const DEADLOCK: &str = "40P01";
    pub(in crate::store::postgres) const UNPREPARED: &str = "26000";
    pub(in crate::store::postgres) const PREPARED: &str = "42P05";
    /// What was prepared was made for another layout.
    pub(in crate::store::postgres) const CHANGED: &str = "0A000";
    pub(in crate::store::postgres) const PRIVILEGE: &str = "42501";
    pub(in crate::store::postgres) const NO_TABLE: &str = "42P01";
    pub(in crate::store::postgres) const NO_COLUMN: &str = "42703";
    pub(in crate::store::postgres) const NO_SCHEMA: &str = "3F000";
    pub(in crate::store::postgres) const NO_DATABASE: &str = "3D000";
    pub(in crate::store::postgres) const LOCKED: &str = "55P03";
    pub(in crate::store::postgres) const CANCELED: &str = "57014";
    pub(in crate::store::postgres) const TOO_MANY: &str = "53300";
}

impl Fault {
    /// Whether nothing was done because of what others did at the same time: try again.
    pub(in crate::store::postgres) fn is_contention(&self) -> bool {
        matches!(self, Self::Raced)
            || matches!(
                self.code().as_deref(),
                Some(code::SERIALIZATION | code::DEADLOCK)
            )
    }

    /// Whether the connection is of no further use. A server that has become read-only is not the
    /// one to talk to any more: the next connection may reach the one that is. One that does not
    /// know what was prepared on it is not the one that it was prepared on; what was prepared for another
    /// layout is to be prepared again.
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
            | Self::Unreachable(_) => true,
            Self::Store(StoreError::Timeout(_)) => true,
            _ => false,
        }
    }

    /// Whether the store as a whole is in trouble, whatever was asked of it.
    pub(in crate::store::postgres) fn is_outage(&self) -> bool {
        let code = self.code();
        let code = code.as_deref().unwrap_or_default();
        self.is_disconnected()
            || matches!(
                code,
                code::NO_TABLE | code::NO_SCHEMA | code::PRIVILEGE | code::CANCELED
            )
            || code.starts_with("53")
            || code.starts_with("58")
    }

    /// Whether the server will not have what was written, and has nothing else against us.
    pub(in crate::store::postgres) fn is_rejection(&self) -> bool {
        matches!(self, Self::Sql(sqlx::Error::Database(_)))
            && !self.is_contention()
            && !self.is_locked()
            && !self.is_outage()
    }

    /// Whether a row was there already.
    pub(in crate::store::postgres) fn is_unique_violation(&self) -> bool {
        matches!(self, Self::Sql(sqlx::Error::Database(error)) if error.is_unique_violation())
    }

    /// Whether it waited too long for somebody else's lock.
    pub(in crate::store::postgres) fn is_locked(&self) -> bool {
        self.code().as_deref() == Some(code::LOCKED)
    }

    /// Whether an earlier statement of the transaction has failed.
    pub(in crate::store::postgres) fn is_aborted(&self) -> bool {
        self.code().as_deref() == Some(code::ABORTED)
    }

    /// The server's code, if the server said something.
    fn code(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Sql(sqlx::Error::Database(error)) => error.code(),
            _ => None,
        }
    }

    /// The same, with the place and the way out.
    pub(in crate::store::postgres) fn at(self, location: &str) -> StoreError {
        let unavailable = |reason: String| StoreError::Unavailable {
            location: location.to_owned(),
            reason,
        };
        let code = self.code().map(Cow::into_owned).unwrap_or_default();
        let error = match self {
            Self::Store(error) => return error,
            Self::Unreachable(reason) => return unavailable(reason),
            Self::Raced => {
                return unavailable("others kept changing what was to be written".to_owned());
            }
            Self::Sql(error) => error,
        };
        match code.as_str() {
            code::NO_TABLE | code::NO_SCHEMA | code::NO_COLUMN => StoreError::Layout(
                "its tables are missing or older than this program: run the command `migrate`"
                    .to_owned(),
            ),
            code::PRIVILEGE => unavailable(format!(
                "the role may not do this ({}): let it own the schema, or grant it USAGE on the \
                 schema and all rights on its tables",
                said(&error)
            )),
            code::LOCKED => unavailable(
                "a transaction of another program holds a lock on the same row for too long: look \
                 for one that is kept open (pg_stat_activity), perhaps by the code that waits here"
                    .to_owned(),
            ),
            code::READ_ONLY => {
                unavailable("the server is read-only, as a standby is: name the primary".to_owned())
            }
            // Nothing of it speaks against what was to be written: the same may be taken later.
            code::SERIALIZATION | code::DEADLOCK => {
                unavailable(format!("others kept coming in between: {}", said(&error)))
            }
            code::UNPREPARED | code::PREPARED => unavailable(format!(
                "{}: if a pooler in transaction mode stands in between, add pgbouncer=true to the \
                 URL",
                said(&error)
            )),
            code::NO_DATABASE => unavailable(format!("{}: create it", said(&error))),
            code::TOO_MANY => unavailable(format!(
                "{}: raise max_connections, or put a pooler in between (pgbouncer=true)",
                said(&error)
            )),
            code::CANCELED => unavailable(format!("the server gave up: {}", said(&error))),
            code if code.starts_with("28") => {
                unavailable(format!("{}: check the user and the password", said(&error)))
            }
            code::CHANGED => unavailable(format!("its layout has changed: {}", said(&error))),
            code if code.starts_with("57P") || code.starts_with("08") || code == "25P03" => {
                unavailable(format!("the connection was ended: {}", said(&error)))
            }
            code if code.starts_with("53") || code.starts_with("58") => {
                unavailable(format!("the server is in trouble: {}", said(&error)))
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

/// What the server said, without the driver's words around it.
fn said(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => error.message().to_owned(),
        error => error.to_string(),
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
pub(in crate::store::postgres) fn corrupt(what: &str, reason: impl ToString) -> Fault {
    Fault::Store(StoreError::Corrupt {
        what: what.to_owned(),
        reason: reason.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::fmt;

    use sqlx::error::{DatabaseError, ErrorKind};

    use super::*;

    /// What a server says.
    #[derive(Debug)]
    struct Said(&'static str);

    impl fmt::Display for Said {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Said {}

    impl DatabaseError for Said {
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

    fn fault(code: &'static str) -> Fault {
        Fault::Sql(sqlx::Error::Database(Box::new(Said(code))))
    }

    #[test]
    fn what_may_be_taken_later_is_no_refusal_of_what_was_written() {
        // A refusal turns a success that was to be written into a failure.
        for code in [
            "40001", "40P01", "26000", "42P05", "0A000", "25006", "53100", "57P01",
        ] {
            let error = fault(code).at("here");
            assert!(
                matches!(error, StoreError::Unavailable { .. }),
                "{code}: {error:?}"
            );
        }
        for code in ["22P05", "23502", "54000"] {
            let error = fault(code).at("here");
            assert!(
                matches!(error, StoreError::Database(_)),
                "{code}: {error:?}"
            );
        }
    }

    #[test]
    fn a_connection_that_has_forgotten_what_was_prepared_is_left() {
        for code in ["26000", "42P05", "0A000"] {
            assert!(fault(code).is_disconnected(), "{code}");
        }
        let error = fault("26000").at("here").to_string();
        assert!(error.contains("pgbouncer=true"), "{error}");
    }
}
