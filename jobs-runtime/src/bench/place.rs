//! Where a trial takes place: a store that nobody else has, beside the one that was named.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::error::BenchError;
use super::gauge::Gauge;
use crate::store::{DatabaseUrl, Store};

/// A fresh store, on the same disk or server as the one that was named.
#[derive(Debug)]
pub(crate) struct Place {
    url: DatabaseUrl,
}

impl Place {
    /// Makes one. It is there once it has been [opened](Self::open).
    pub(crate) fn fresh(beside: &DatabaseUrl) -> Self {
        static PLACES: AtomicU32 = AtomicU32::new(0);
        let number = PLACES.fetch_add(1, Ordering::Relaxed);
        let name = format!("bench_{}_{number}", std::process::id());
        let url = match beside {
            DatabaseUrl::Sqlite { path, synchronous } => DatabaseUrl::Sqlite {
                path: with_suffix(path, &format!("-{name}")),
                synchronous: *synchronous,
            },
            DatabaseUrl::SqliteMemory => DatabaseUrl::SqliteMemory,
            DatabaseUrl::Postgres(url) => DatabaseUrl::Postgres(url.in_schema(name)),
        };
        Self { url }
    }

    /// The store, with its layout. One in memory lives as long as what is returned here.
    pub(crate) async fn open(&self) -> Result<Arc<dyn Store>, BenchError> {
        let store = crate::store::open(&self.url).await?;
        store.migrate().await?;
        Ok(store)
    }

    /// Whether it has to stay open to be there.
    pub(crate) fn is_in_memory(&self) -> bool {
        self.url == DatabaseUrl::SqliteMemory
    }

    /// What its database tells.
    pub(crate) async fn gauge(&self) -> Result<Gauge, BenchError> {
        Gauge::open(&self.url).await
    }

    /// Clears it away. A failure to do so is reported, so that nothing is left behind unseen.
    pub(crate) async fn clear(self) -> Result<(), BenchError> {
        match &self.url {
            DatabaseUrl::Sqlite { path, .. } => {
                for suffix in ["", "-wal", "-shm"] {
                    let path = with_suffix(path, suffix);
                    match std::fs::remove_file(&path) {
                        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                            return Err(error.into());
                        }
                        _ => {}
                    }
                }
                Ok(())
            }
            DatabaseUrl::SqliteMemory => Ok(()),
            DatabaseUrl::Postgres(_) => self.gauge().await?.drop_schema().await,
        }
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
