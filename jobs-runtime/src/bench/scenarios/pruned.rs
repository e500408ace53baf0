//! Drains a backlog while retention archives and deletes a history.

use std::path::PathBuf;
use std::time::Duration;

use super::drain::verify_drained;
use crate::bench::config::BenchConfig;
use crate::bench::error::BenchError;
use crate::bench::load::{FinishCounter, Workload};
use crate::bench::meter::ReadyMeter;
use crate::bench::report::Trial;
use crate::bench::scratch_store::ScratchStore;
use crate::clock::timestamp;
use crate::store::{Store, StoreError};
use crate::time::Timestamp;
use crate::{ArchiveError, ArchiveReader, RetentionSettings, SystemClock};

/// The age of the history. Executions of a trial are younger than the retention.
pub(super) const AGE: Duration = Duration::from_secs(40 * 86_400);

/// The retention of a trial.
const RETENTION: Duration = Duration::from_secs(20 * 86_400);

/// Drains a backlog in a store with history. With `prunes`, the worker's process archives and
/// deletes the history meanwhile.
pub(super) async fn trial(
    scratch: &ScratchStore,
    config: &BenchConfig,
    prunes: bool,
) -> Result<Trial, BenchError> {
    let executions = config.executions();
    let store = scratch.open().await?;
    Workload::Plain
        .enqueue_into(&store, executions, config)
        .await?;
    drop(store);

    let meter = ReadyMeter::new(scratch.monitor().await?).await?;
    let store = scratch.open().await?;
    let archive = ScratchArchive::create(config)?;
    let mut finished = FinishCounter::of(&*store);
    let worker = config.runtime_on(&store)?.concurrency(config.concurrency);
    let pruner = config
        .runtime_on(&store)?
        .workers(false)
        .retention(RetentionSettings::default().default_of(None, RETENTION))
        .archive_directory(&archive.0)
        .start()
        .await?;
    let meter = meter.start();
    let worker = worker.start().await?;
    let pruning = prunes.then(|| tokio::spawn(async move { pruner.prune().await }));
    finished.wait_for(executions, &worker).await?;
    let meter = meter.stop();
    let mut pruned = None;
    if let Some(pruning) = pruning {
        if pruning.is_finished() {
            return Err(BenchError::Unsupported(
                "the history was pruned before the drain ended: give a larger `--retained`",
            ));
        }
        pruning.abort();
        // Its end, or the error of the abortion.
        let _ = pruning.await;
        end_turn(&*store).await?;
        pruned = Some(archive.executions()?);
    }
    worker.shutdown().await;
    drop(worker);
    verify_drained(&*store).await?;
    drop(store);
    let usage = meter.read().await?;
    Ok(Trial {
        pruned,
        ..Trial::new(executions, usage)
    })
}

/// Ends the fleet's turn of the pruner that the trial has ended.
async fn end_turn(store: &dyn Store) -> Result<(), StoreError> {
    let now = timestamp(&SystemClock::new()).after(RETENTION);
    let (task, holder) = (crate::retention::TASK.to_owned(), "bench".to_owned());
    let turn = crate::store::Turn {
        task: task.clone(),
        holder: holder.clone(),
        now,
        until: now,
        latest: now,
        urgent: true,
    };
    store.take_turn(turn).await?;
    store.end_turn(task, holder, Timestamp::default()).await
}

/// The archive of a trial, beside a store in a file, or in the directory for temporary files.
/// Removed at its end.
struct ScratchArchive(PathBuf);

impl ScratchArchive {
    fn create(config: &BenchConfig) -> Result<Self, BenchError> {
        let directory = match &config.database {
            crate::store::DatabaseUrl::Sqlite { path, .. } => {
                path.parent().map(PathBuf::from).unwrap_or_default()
            }
            _ => std::env::temp_dir(),
        };
        let directory = directory.join(format!("bench-archive-{}", std::process::id()));
        // A drain may end before the pruner has written, and so created it.
        std::fs::create_dir_all(&directory)
            .map_err(|error| ArchiveError::new("cannot create the archive's directory", error))?;
        Ok(Self(directory))
    }

    /// The number of executions in it.
    fn executions(&self) -> Result<u64, BenchError> {
        let files = ArchiveReader::new(&self.0).files()?;
        let manifests = files.iter().filter_map(|file| file.manifest.as_ref());
        Ok(manifests.map(|manifest| manifest.executions).sum())
    }
}

impl Drop for ScratchArchive {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
