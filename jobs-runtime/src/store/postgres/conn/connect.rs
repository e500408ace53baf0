//! Opening connections, and the server settings of each.
//!
//! * **Timeouts:** the server cancels long statements, long waits for locks and idle transactions.
//!   A client that has vanished leaves nothing running and nothing locked.
//! * **Plans:** only generic plans with nested loops over indexes are allowed. Several tables are
//!   empty at one moment and full at the next, so the planner's estimates are wrong. A plan for an
//!   empty table takes quadratic time on a full one. No statement is executed in parallel: each
//!   reads few rows, and several processes of the server would do the work of one.
//!
//! For the same reason statements join by `a.seq = ANY (ARRAY[b.seq])` instead of `a.seq = b.seq`.
//! The rows are the same. With an equality, the planner may read a table that it believes to be
//! empty as a whole, in the order of the join. With `ANY` it can only look up each row by its key.

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, SqlSafeStr, SqlStr};

use super::error::DbError;
use crate::store::{PostgresUrl, StoreError};

/// Time limit of an attempt to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Settings of every connection. A statement ends before its caller's
/// [`DEADLINE`](crate::store::postgres::DEADLINE), and a wait for a lock before that.
const SETTINGS: [(&str, &str); 12] = [
    ("statement_timeout", "25s"),
    ("lock_timeout", "5s"),
    ("idle_in_transaction_session_timeout", "20s"),
    ("default_transaction_isolation", "read committed"),
    ("client_encoding", "UTF8"),
    ("jit", "off"),
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_bitmapscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("max_parallel_workers_per_gather", "0"),
];

/// Opens the connections of one store.
#[derive(Clone, Debug)]
pub(in crate::store::postgres) struct Connector {
    options: PgConnectOptions,
    listening: Option<PgConnectOptions>,
    /// `SET LOCAL` statements that begin each transaction behind a pooler, where a connection keeps
    /// no settings.
    prologue: Option<SqlStr>,
}

impl Connector {
    /// Parses the URL for the driver.
    pub(in crate::store::postgres) fn new(url: &PostgresUrl) -> Result<Self, StoreError> {
        let read = |text: &str| {
            // The driver's own message could repeat the password.
            let options =
                PgConnectOptions::from_str(text).map_err(|_| StoreError::Unavailable {
                    location: url.to_string(),
                    reason:
                        "the URL cannot be read: write postgres://USER:PASSWORD@HOST/DATABASE, \
                         with special characters percent-encoded"
                            .to_owned(),
                })?;
            let named = options.get_application_name().is_some();
            let options = if named {
                options
            } else {
                options.application_name("jobs")
            };
            Ok::<_, StoreError>(traced(options))
        };
        let options = read(url.connection())?;
        let listening = url.listening().map(read).transpose()?;
        Ok(if url.is_pooled() {
            // A pooler rejects settings that it does not know in the startup message.
            Self {
                options: options.statement_cache_capacity(0).extra_float_digits(None),
                listening,
                prologue: Some(prologue()),
            }
        } else {
            Self {
                options: options.options(SETTINGS),
                listening,
                prologue: None,
            }
        })
    }

    /// Returns a connector with another `lock_timeout`.
    pub(in crate::store::postgres) fn with_lock_timeout(&self, timeout: Duration) -> Self {
        let millis = timeout.as_millis();
        Self {
            options: match self.prologue {
                Some(_) => self.options.clone(),
                None => self.options.clone().options([("lock_timeout", millis)]),
            },
            listening: self.listening.clone(),
            prologue: self.prologue.as_ref().map(|prologue| {
                let prologue = format!("{}SET LOCAL lock_timeout = {millis};", prologue.as_str());
                AssertSqlSafe(prologue).into_sql_str()
            }),
        }
    }

    /// Returns a connector for statements that may take hours, without time limits.
    ///
    /// Its statements run without the prologue. Behind a pooler they have the limits of the role,
    /// none by default.
    pub(in crate::store::postgres) fn without_timeouts(&self) -> Self {
        let names = SETTINGS.iter().map(|(name, _)| *name);
        let limits = names.filter(|name| name.ends_with("_timeout"));
        Self {
            options: match self.prologue {
                Some(_) => self.options.clone(),
                None => self.options.clone().options(limits.map(|name| (name, "0"))),
            },
            ..self.clone()
        }
    }

    /// Returns a connector to which the server sends errors only, no notices and warnings.
    pub(in crate::store::postgres) fn without_warnings(&self) -> Self {
        let options = self.options.clone();
        Self {
            options: options.options([("client_min_messages", "error")]),
            ..self.clone()
        }
    }

    /// Opens a connection.
    pub(in crate::store::postgres) async fn connect(&self) -> Result<PgConnection, DbError> {
        match tokio::time::timeout(CONNECT_TIMEOUT, self.options.connect()).await {
            Ok(connection) => Ok(connection?),
            Err(_) => Err(DbError::Unreachable(format!(
                "the server did not answer within {CONNECT_TIMEOUT:?}"
            ))),
        }
    }

    /// Address for LISTEN; `None` behind a pooler without one.
    pub(in crate::store::postgres) fn listening(&self) -> Option<&PgConnectOptions> {
        self.listening.as_ref()
    }

    /// Statements that begin each transaction; `None` if connections keep their settings.
    pub(in crate::store::postgres) fn prologue(&self) -> Option<&SqlStr> {
        self.prologue.as_ref()
    }
}

/// Logs statements at the level trace.
fn traced(options: PgConnectOptions) -> PgConnectOptions {
    // The level's type is of a crate that is no dependency; parsing avoids naming it.
    match "trace".parse() {
        Ok(level) => options
            .log_statements(level)
            .log_slow_statements(level, Duration::MAX),
        Err(_) => options.disable_statement_logging(),
    }
}

fn prologue() -> SqlStr {
    let local = SETTINGS
        .iter()
        .filter(|(name, _)| !matches!(*name, "default_transaction_isolation" | "client_encoding"))
        .map(|(name, value)| format!("SET LOCAL {name} = '{value}';"));
    AssertSqlSafe(local.collect::<String>()).into_sql_str()
}
