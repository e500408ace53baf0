//! A monitoring connection to the measured database.

#[cfg(feature = "postgres")]
mod postgres;

use super::error::BenchError;
use crate::store::DatabaseUrl;

/// Reads counters of the database and prepares it for a trial, on a separate connection.
#[derive(Debug)]
pub(crate) enum Monitor {
    /// An embedded store: it has no counters.
    Embedded,
    /// A PostgreSQL server.
    #[cfg(feature = "postgres")]
    Postgres(postgres::PostgresMonitor),
}

/// Cumulative counters of a database, except for `dead_tuples`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DatabaseCounters {
    /// Committed transactions.
    pub(crate) commits: Option<u64>,
    /// Bytes of write-ahead log.
    pub(crate) wal_bytes: Option<u64>,
    /// Dead tuples in the schema at the time of the reading.
    pub(crate) dead_tuples: Option<u64>,
}

impl Monitor {
    pub(crate) async fn open(url: &DatabaseUrl) -> Result<Self, BenchError> {
        match url {
            #[cfg(feature = "postgres")]
            DatabaseUrl::Postgres(url) => {
                Ok(Self::Postgres(postgres::PostgresMonitor::open(url).await?))
            }
            _ => Ok(Self::Embedded),
        }
    }

    pub(crate) async fn read(&mut self) -> Result<DatabaseCounters, BenchError> {
        match self {
            Self::Embedded => Ok(DatabaseCounters::default()),
            #[cfg(feature = "postgres")]
            Self::Postgres(monitor) => monitor.read().await,
        }
    }

    /// Begins a transaction that keeps its snapshot until this monitor is dropped.
    pub(crate) async fn pin_snapshot(&mut self) -> Result<(), BenchError> {
        match self {
            Self::Embedded => Err(BenchError::Unsupported(
                "the scenario `pinned` needs PostgreSQL: give `--database postgres://…`",
            )),
            #[cfg(feature = "postgres")]
            Self::Postgres(monitor) => monitor.pin_snapshot().await,
        }
    }

    /// Vacuums and analyses the tables and writes a checkpoint, so that neither falls into a trial.
    pub(crate) async fn vacuum(&mut self) -> Result<(), BenchError> {
        match self {
            Self::Embedded => Ok(()),
            #[cfg(feature = "postgres")]
            Self::Postgres(monitor) => monitor.vacuum().await,
        }
    }

    pub(crate) async fn drop_schema(&mut self) -> Result<(), BenchError> {
        match self {
            Self::Embedded => Ok(()),
            #[cfg(feature = "postgres")]
            Self::Postgres(monitor) => monitor.drop_schema().await,
        }
    }
}
