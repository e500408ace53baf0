//! Scratch stores: a fresh store per trial, beside the named one.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::error::BenchError;
use super::monitor::Monitor;
use crate::store::{DatabaseUrl, Store};

/// A store for one trial, on the same disk or server as the named store.
#[derive(Debug)]
pub(crate) struct ScratchStore {
    url: DatabaseUrl,
}

impl ScratchStore {
    /// Chooses a fresh name. The store is created when it is first [opened](Self::open).
    pub(crate) fn new(beside: &DatabaseUrl) -> Self {
        static STORES: AtomicU32 = AtomicU32::new(0);
        let number = STORES.fetch_add(1, Ordering::Relaxed);
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

    /// Opens and migrates the store. A store in memory lives until the returned value is dropped.
    pub(crate) async fn open(&self) -> Result<Arc<dyn Store>, BenchError> {
        let store = crate::store::open(&self.url).await?;
        store.migrate().await?;
        Ok(store)
    }

    /// True if the store is lost when it is closed.
    pub(crate) fn is_in_memory(&self) -> bool {
        self.url == DatabaseUrl::SqliteMemory
    }

    /// Opens a monitor of the store's database.
    pub(crate) async fn monitor(&self) -> Result<Monitor, BenchError> {
        Monitor::open(&self.url).await
    }

    /// Removes the files or the schema. The user must learn of leftovers, so a failure is an error.
    pub(crate) async fn remove(self) -> Result<(), BenchError> {
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
            DatabaseUrl::Postgres(_) => self.monitor().await?.drop_schema().await,
        }
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
