//! How connections are made, and what the server is told about them.
//!
//! The server ends what takes too long, so that a client that has gone away leaves nothing running
//! and nothing locked. It is also told how to reach rows: a handful at a time, by an index. Its
//! estimates for tables that are empty one moment and full the next are of no use, and a plan made
//! for one of these states is quadratic in another.
//!
//! For the same reason statements that join write `a.seq = ANY (ARRAY[b.seq])`, not `a.seq = b.seq`:
//! the same rows, but an equality invites the planner to read a table whole, in the order of the
//! join, when it believes it to be empty. Like this it can only reach each row by its key.

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, SqlSafeStr, SqlStr};

use super::error::Fault;
use crate::store::{PostgresUrl, StoreError};

/// How long connecting may take.
const CONNECTING: Duration = Duration::from_secs(10);

/// What every connection is told. Statements end before the callers give up
/// ([`DEADLINE`](crate::store::postgres::DEADLINE)), and learn who holds a lock before that.
const SETTINGS: [(&str, &str); 11] = [
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
];

/// Makes the connections of one store.
#[derive(Clone, Debug)]
pub(in crate::store::postgres) struct Connector {
    options: PgConnectOptions,
    listening: Option<PgConnectOptions>,
    /// What begins each transaction behind a pooler, where a connection keeps no settings.
    prologue: Option<SqlStr>,
}

impl Connector {
    /// Reads the driver's part of the URL.
    pub(in crate::store::postgres) fn new(url: &PostgresUrl) -> Result<Self, StoreError> {
        let read = |text: &str| {
            // The driver's own words could repeat the password.
            let options =
                PgConnectOptions::from_str(text).map_err(|_| StoreError::Unavailable {
                    location: url.to_string(),
                    reason:
                        "the URL cannot be read: write postgres://USER:PASSWORD@HOST/DATABASE, \
                         with special characters percent-encoded"
                            .to_owned(),
                })?;
            let named = options.get_application_name().is_some();
            let options = match named {
                true => options,
                false => options.application_name("jobs"),
            };
            Ok::<_, StoreError>(traced(options))
        };
        let options = read(url.connection())?;
        let listening = url.listening().map(read).transpose()?;
        Ok(match url.is_pooled() {
            // A pooler refuses what it does not know when a connection is opened.
            true => Self {
                options: options.statement_cache_capacity(0),
                listening,
                prologue: Some(prologue()),
            },
            false => Self {
                options: options.options(SETTINGS),
                listening,
                prologue: None,
            },
        })
    }

    /// The same for those who wait no longer than this for a lock.
    pub(in crate::store::postgres) fn hurried(&self, patience: Duration) -> Self {
        let millis = patience.as_millis();
        Self {
            options: match self.prologue {
                Some(_) => self.options.clone(),
                None => self.options.clone().options([("lock_timeout", millis)]),
            },
            listening: self.listening.clone(),
            prologue: self.prologue.as_ref().map(|prologue| {
                let hurried = format!("{}SET LOCAL lock_timeout = {millis};", prologue.as_str());
                AssertSqlSafe(hurried).into_sql_str()
            }),
        }
    }

    /// The same for those who do not want to hear of what is no error.
    pub(in crate::store::postgres) fn quiet(&self) -> Self {
        let options = self.options.clone();
        Self {
            options: options.options([("client_min_messages", "error")]),
            ..self.clone()
        }
    }

    /// A connection to work with.
    pub(in crate::store::postgres) async fn connect(&self) -> Result<PgConnection, Fault> {
        match tokio::time::timeout(CONNECTING, self.options.connect()).await {
            Ok(connection) => Ok(connection?),
            Err(_) => Err(Fault::Unreachable(format!(
                "the server did not answer within {CONNECTING:?}"
            ))),
        }
    }

    /// Where to listen; `None` if that is not possible.
    pub(in crate::store::postgres) fn listening(&self) -> Option<&PgConnectOptions> {
        self.listening.as_ref()
    }

    /// What begins each transaction; `None` if connections keep their settings.
    pub(in crate::store::postgres) fn prologue(&self) -> Option<&SqlStr> {
        self.prologue.as_ref()
    }
}

/// Statements are told at the level of trace, for those who look for a slow one.
fn traced(options: PgConnectOptions) -> PgConnectOptions {
    // Spares a dependency for one name: the level's type is that of another crate.
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
