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
    /// The name on the command line, and the first part of idempotency keys.
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
    key_prefix: String,
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
        let (connection, tables) = opened.map_err(|error| ImportError::Read { system, error })?;
        let key_prefix = tables.map_or_else(
            || format!("{system}:"),
            |tables| format!("{system}:{tables}:"),
        );
        Ok(Self {
            system,
            connection,
            key_prefix,
        })
    }

    /// The text before a row's id that makes it an idempotency key. Each import of the same tables
    /// has the same one.
    pub(super) fn key_prefix(&self) -> &str {
        &self.key_prefix
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

/// A connection, and a digest of its tables where a row's id alone does not name a row.
type Opened = (Connection, Option<String>);

async fn open_sqlite(path: PathBuf) -> Result<Opened, sqlx::Error> {
    let options = SqliteConnectOptions::new().filename(path).read_only(true);
    let connection = options.connect().await?;
    let statement = include_str!("sql/apalis_sqlite.sql");
    Ok((Connection::Sqlite(connection, statement), None))
}

/// Connects for reading only. With a schema, it reads the tables there, whose ids are counters.
#[cfg(feature = "postgres")]
async fn open_postgres(
    url: &str,
    schema: Option<&str>,
    statement: &'static str,
) -> Result<Opened, sqlx::Error> {
    let mut options: PgConnectOptions = url.parse()?;
    options = options.options([("default_transaction_read_only", "on")]);
    let tables = schema.map(|schema| digest_of_tables(&options, schema));
    if let Some(schema) = schema {
        options = options.options([("search_path", schema)]);
    }
    let connection = options.connect().await?;
    Ok((Connection::Postgres(connection, statement), tables))
}

/// A digest of the place of tables: host, port, database and schema, as the URL names them.
#[cfg(feature = "postgres")]
fn digest_of_tables(options: &PgConnectOptions, schema: &str) -> String {
    let socket = options.get_socket().map(|path| path.to_string_lossy());
    let host = socket.unwrap_or_else(|| options.get_host().to_lowercase().into());
    // Without a name, the server chooses the database with the name of the user.
    let database = options.get_database().unwrap_or(options.get_username());
    let place = serde_json::json!([host, options.get_port(), database, schema]);
    crate::fingerprint::fingerprint(&(&place).into())
}

#[cfg(all(test, feature = "postgres"))]
mod tests {
    use super::*;

    #[test]
    fn the_digest_of_tables_names_their_place_and_no_user() {
        let digest = |url: &str, schema: &str| {
            let options: PgConnectOptions = url.parse().expect("a URL");
            digest_of_tables(&options, schema)
        };
        let first = digest("postgres://app:secret@db:5432/app", "graphile_worker");
        for url in [
            "postgres://app:secret@db:5432/app",
            "postgresql://other:changed@DB:5432/app?sslmode=disable",
            "postgres://app@ignored:1/ignored?host=db&port=5432&dbname=app",
        ] {
            assert_eq!(digest(url, "graphile_worker"), first, "{url}");
        }
        for url in [
            "postgres://app@db2:5432/app",
            "postgres://app@db:5433/app",
            "postgres://app@db:5432/app2",
            "postgres://app@%2Frun%2Fpg:5432/app",
        ] {
            assert_ne!(digest(url, "graphile_worker"), first, "{url}");
        }
        assert_ne!(digest("postgres://app@db:5432/app", "worker2"), first);
        assert_eq!(first.len(), 32);
    }
}
