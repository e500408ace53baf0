//! What a database tells of its own work.

#[cfg(feature = "postgres")]
mod postgres;

use super::error::BenchError;
use crate::store::DatabaseUrl;

/// A look at a database, on a connection of its own.
#[derive(Debug)]
pub(crate) enum Gauge {
    /// A store in this process, which tells nothing.
    Silent,
    /// A server.
    #[cfg(feature = "postgres")]
    Postgres(postgres::PostgresGauge),
}

/// Counters of a database: their differences are what happened.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reading {
    /// Transactions committed.
    pub(crate) commits: Option<u64>,
    /// Bytes of write-ahead log.
    pub(crate) wal_bytes: Option<u64>,
    /// Versions of rows that nobody sees any more, right now.
    pub(crate) dead_tuples: Option<u64>,
}

impl Gauge {
    pub(crate) async fn open(url: &DatabaseUrl) -> Result<Self, BenchError> {
        match url {
            #[cfg(feature = "postgres")]
            DatabaseUrl::Postgres(url) => {
                Ok(Self::Postgres(postgres::PostgresGauge::open(url).await?))
            }
            _ => Ok(Self::Silent),
        }
    }

    pub(crate) async fn read(&mut self) -> Result<Reading, BenchError> {
        match self {
            Self::Silent => Ok(Reading::default()),
            #[cfg(feature = "postgres")]
            Self::Postgres(gauge) => gauge.read().await,
        }
    }

    /// Begins a transaction that keeps its snapshot for as long as this gauge lives.
    pub(crate) async fn pin(&mut self) -> Result<(), BenchError> {
        match self {
            Self::Silent => Err(BenchError::Senseless(
                "`pinned` is about PostgreSQL: old snapshots keep its dead rows",
            )),
            #[cfg(feature = "postgres")]
            Self::Postgres(gauge) => gauge.pin().await,
        }
    }

    /// Has the database look at its tables as it does from time to time anyway, so that it does not
    /// do so during a trial.
    pub(crate) async fn tidy(&mut self) -> Result<(), BenchError> {
        match self {
            Self::Silent => Ok(()),
            #[cfg(feature = "postgres")]
            Self::Postgres(gauge) => gauge.tidy().await,
        }
    }

    pub(crate) async fn drop_schema(&mut self) -> Result<(), BenchError> {
        match self {
            Self::Silent => Ok(()),
            #[cfg(feature = "postgres")]
            Self::Postgres(gauge) => gauge.drop_schema().await,
        }
    }
}
