//! The tables of other queues, read as rows of one shape.
//!
//! The statements name the layouts of apalis 1.0 and of graphile_worker 0.14. A statement fails on
//! another layout, before anything is written.

use std::path::PathBuf;

use jobs::EnqueueError;
#[cfg(feature = "postgres")]
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Row as _};

use crate::store::DatabaseUrl;

/// A system whose tables an import reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum SourceKind {
    /// Apalis 1.0, on SQLite or PostgreSQL.
    Apalis,
    /// `graphile_worker` 0.14, on PostgreSQL.
    GraphileWorker,
}

impl SourceKind {
    /// The name on the command line, and in idempotency keys.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Apalis => "apalis",
            Self::GraphileWorker => "graphile-worker",
        }
    }
}

/// The error of an import.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImportError {
    /// The URL does not fit the system.
    #[error("{0}")]
    Url(String),
    /// The tables cannot be read.
    #[error("the tables of {system} cannot be read: {error}")]
    Read {
        system: &'static str,
        error: sqlx::Error,
    },
    /// The executions cannot be written.
    #[error(transparent)]
    Enqueue(Box<EnqueueError>),
}

/// A row that waits or runs in the other system.
#[derive(Debug)]
pub(super) struct SourceRow {
    /// Its id there.
    pub(super) id: String,
    /// The name of its type, task or job there.
    pub(super) name: String,
    pub(super) payload: Vec<u8>,
    pub(super) is_running: bool,
    /// The time at which it is due, in milliseconds since 1970.
    pub(super) run_at: i64,
    /// Above 0 for a row that comes before others.
    pub(super) priority: i64,
    /// The other system executes it after the rows before it.
    pub(super) is_ordered: bool,
}

/// An open connection to the tables.
pub(crate) struct Source {
    system: &'static str,
    connection: Connection,
}

enum Connection {
    Sqlite(SqliteConnection, &'static str),
    #[cfg(feature = "postgres")]
    Postgres(PgConnection, &'static str),
}

/// Reads the columns that all statements have.
macro_rules! source_row {
    ($row:expr) => {{
        let row = $row;
        Ok(SourceRow {
            id: row.try_get("id")?,
            name: row.try_get("name")?,
            payload: row.try_get("payload")?,
            is_running: row.try_get("is_running")?,
            run_at: row.try_get("run_at")?,
            priority: row.try_get("priority")?,
            is_ordered: row.try_get("is_ordered")?,
        })
    }};
}

impl Source {
    /// Connects to the database of the other system. A SQLite file is opened for reading only.
    ///
    /// # Errors
    /// The URL is of the wrong kind, or nothing answers there.
    pub(crate) async fn open(
        kind: SourceKind,
        url: &str,
        schema: &str,
    ) -> Result<Self, ImportError> {
        let system = kind.name();
        let parsed: DatabaseUrl = url
            .parse()
            .map_err(|error| ImportError::Url(format!("{error}")))?;
        let opened = match (kind, parsed) {
            (SourceKind::Apalis, DatabaseUrl::Sqlite { path, .. }) => open_sqlite(path).await,
            #[cfg(feature = "postgres")]
            (SourceKind::Apalis, DatabaseUrl::Postgres(_)) => {
                let statement = include_str!("sql/apalis_postgres.sql");
                open_postgres(url, None, statement).await
            }
            #[cfg(feature = "postgres")]
            (SourceKind::GraphileWorker, DatabaseUrl::Postgres(_)) => {
                let statement = include_str!("sql/graphile_worker.sql");
                open_postgres(url, Some(schema), statement).await
            }
            (SourceKind::Apalis, _) => {
                let hint = "apalis is read from `sqlite:FILE` or `postgres://…`";
                return Err(ImportError::Url(hint.to_owned()));
            }
            (SourceKind::GraphileWorker, _) => {
                let hint = "graphile_worker is read from `postgres://…`";
                return Err(ImportError::Url(hint.to_owned()));
            }
        };
        let _ = schema;
        match opened {
            Ok(connection) => Ok(Self { system, connection }),
            Err(error) => Err(ImportError::Read { system, error }),
        }
    }

    /// Reads up to `limit` rows with larger ids than `after`.
    pub(super) async fn rows(
        &mut self,
        after: &str,
        limit: usize,
    ) -> Result<Vec<SourceRow>, ImportError> {
        let system = self.system;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = match &mut self.connection {
            Connection::Sqlite(connection, statement) => {
                let query = sqlx::query(*statement).bind(after).bind(limit);
                let rows = query.fetch_all(connection).await;
                rows.and_then(|rows| rows.into_iter().map(|row| source_row!(row)).collect())
            }
            #[cfg(feature = "postgres")]
            Connection::Postgres(connection, statement) => {
                let query = sqlx::query(*statement).bind(after).bind(limit);
                let rows = query.fetch_all(connection).await;
                rows.and_then(|rows| rows.into_iter().map(|row| source_row!(row)).collect())
            }
        };
        rows.map_err(|error| ImportError::Read { system, error })
    }
}

async fn open_sqlite(path: PathBuf) -> Result<Connection, sqlx::Error> {
    let options = SqliteConnectOptions::new().filename(path).read_only(true);
    let connection = options.connect().await?;
    Ok(Connection::Sqlite(
        connection,
        include_str!("sql/apalis_sqlite.sql"),
    ))
}

#[cfg(feature = "postgres")]
async fn open_postgres(
    url: &str,
    schema: Option<&str>,
    statement: &'static str,
) -> Result<Connection, sqlx::Error> {
    let mut options: PgConnectOptions = url.parse()?;
    options = options.options([("default_transaction_read_only", "on")]);
    if let Some(schema) = schema {
        options = options.options([("search_path", schema)]);
    }
    let connection = options.connect().await?;
    Ok(Connection::Postgres(connection, statement))
}
