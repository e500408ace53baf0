//! The archive of a pass on a virtual clock: nothing is deleted that is not written, whatever dies.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jobs::{Clock, ExecutionId, ExecutionStatus, JobError, job};
use jobs_runtime::health::CheckStatus;
use jobs_runtime::store::{ExecutionQuery, Store};
use jobs_runtime::testing::VirtualClock;
use jobs_runtime::{
    ArchiveDirectory, ArchiveError, ArchiveFilter, ArchiveReader, ArchiveWriter, ArchivedExecution,
    EngineConfig, Entropy, PruneReport, RetentionSettings, Runtime, RuntimeBuilder,
};
use tests::fault_injecting_store::{Death, FaultInjectingStore};

use super::support::Timed;

const HOUR: Duration = Duration::from_secs(3_600);

/// Succeeds or fails. Kept for an hour.
#[job(id = "archived.quick", retries = 0, retain = "1h")]
async fn archived(fails: bool) -> Result<(), JobError> {
    if fails {
        Err("as requested".into())
    } else {
        Ok(())
    }
}

/// Keeps executions in memory, and can fail: before a write, or after it.
#[derive(Default)]
struct Memory {
    fails_before: AtomicBool,
    fails_after: AtomicBool,
    calls: AtomicU64,
    written: Mutex<Vec<ArchivedExecution>>,
}

impl Memory {
    fn ids(&self) -> Vec<ExecutionId> {
        let written = self.written.lock().expect("no test panics with it");
        written.iter().map(ArchivedExecution::id).collect()
    }
}

#[async_trait]
impl ArchiveWriter for Memory {
    async fn write(&self, batch: &[ArchivedExecution]) -> Result<(), ArchiveError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        if self.fails_before.load(Ordering::SeqCst) {
            return Err(ArchiveError::new("cannot write", "the disk is full"));
        }
        let mut written = self.written.lock().expect("no test panics with it");
        written.extend_from_slice(batch);
        if self.fails_after.load(Ordering::SeqCst) {
            return Err(ArchiveError::new("cannot synchronise", "the disk is gone"));
        }
        Ok(())
    }
}

fn quick_config() -> EngineConfig {
    EngineConfig {
        poll: HOUR,
        lease: 6 * HOUR,
        ..EngineConfig::default()
    }
}

async fn stored(store: &Arc<dyn Store>) -> Vec<ExecutionId> {
    let listed = store.list_executions(ExecutionQuery::newest(100)).await;
    let listed = listed.expect("it answers").executions;
    let mut ids: Vec<_> = listed.iter().map(|one| one.id).collect();
    ids.sort();
    ids
}

/// Executes some jobs, and returns their ids with their final status.
async fn execute(runtime: &Timed) -> BTreeMap<ExecutionId, ExecutionStatus> {
    let mut ids = BTreeMap::new();
    for fails in [false, false, true] {
        let execution = runtime.enqueue(Archived::new(fails)).await;
        let ended = runtime.result(&execution).await;
        let status = match ended {
            Ok(()) => ExecutionStatus::Succeeded,
            Err(_) => ExecutionStatus::Failed,
        };
        ids.insert(execution.id(), status);
    }
    ids
}

/// The executions in a directory, each once.
fn archived_in(directory: &Path) -> BTreeMap<ExecutionId, ExecutionStatus> {
    let reader = ArchiveReader::new(directory);
    let found = reader.executions(ArchiveFilter::default());
    let Ok(found) = found else {
        // The first batch creates the directory.
        return BTreeMap::new();
    };
    let found = found.map(|one| one.expect("readable"));
    let mut all = BTreeMap::new();
    for one in found {
        assert_eq!(
            all.insert(one.id(), one.status()),
            None,
            "an id comes twice"
        );
    }
    all
}

async fn archive_check(runtime: &Runtime) -> (CheckStatus, String) {
    let report = runtime.health().report().await;
    let check = report.checks.into_iter().find(|it| it.name == "archive");
    let check = check.expect("the process has an archive");
    (check.status, check.detail)
}

#[tokio::test]
async fn what_the_writer_does_not_take_is_kept_told_and_tried_again() {
    let memory = Arc::new(Memory::default());
    // A tenth of the shortest time of the settings is the interval of the passes: an hour.
    let settings =
        RetentionSettings::default().default_of(Some(ExecutionStatus::Cancelled), 10 * HOUR);
    let builder = Runtime::builder()
        .engine(quick_config())
        .retention(settings)
        .archive(Arc::clone(&memory) as Arc<dyn ArchiveWriter>);
    let runtime = Timed::build(builder).await;
    assert_eq!(archive_check(&runtime).await.0, CheckStatus::Ok);
    let ids: Vec<_> = execute(&runtime).await.into_keys().collect();

    for (fails, text) in [
        (&memory.fails_before, "the disk is full"),
        (&memory.fails_after, "the disk is gone"),
    ] {
        fails.store(true, Ordering::SeqCst);
        runtime.clock.advance(3 * HOUR).await;
        assert_eq!(stored(runtime.store()).await, ids, "{text}");
        let (status, detail) = archive_check(&runtime).await;
        assert_eq!(status, CheckStatus::Degraded, "{detail}");
        assert!(detail.contains(text), "{detail}");
        let calls = memory.calls.load(Ordering::SeqCst);
        runtime.clock.advance(Duration::from_secs(600)).await;
        let again = memory.calls.load(Ordering::SeqCst) - calls;
        assert!(again >= 5, "{again} attempts in ten minutes");
        fails.store(false, Ordering::SeqCst);
        if text == "the disk is gone" {
            break;
        }
        // The second failure needs executions that are still there.
        memory.fails_after.store(true, Ordering::SeqCst);
    }
    runtime.clock.advance(HOUR).await;
    assert_eq!(stored(runtime.store()).await, []);
    let (status, detail) = archive_check(&runtime).await;
    assert_eq!(status, CheckStatus::Ok, "{detail}");
    let mut written = memory.ids();
    written.sort();
    written.dedup();
    assert_eq!(written, ids);
    runtime.shutdown().await;
}

/// A process dies at each call of a pass in turn, before or after the call takes effect. Another
/// process completes the pass. No execution is lost, and readers see each one once.
#[tokio::test]
async fn a_pass_that_dies_at_any_call_loses_and_doubles_nothing() {
    for death in [Death::BeforeCall, Death::AfterCall] {
        for call in 1.. {
            let directory = tempfile::tempdir().expect("a directory");
            let archive = directory.path().join("archive");
            let first = Timed::with(quick_config()).await;
            let ids = execute(&first).await;
            first.clock.advance(Duration::from_millis(2)).await;
            let short = Duration::from_millis(1);
            let settings = RetentionSettings::default().job("archived.quick", None, short);
            let other = async |store: Arc<dyn Store>| {
                let builder = Runtime::builder()
                    .store(store)
                    .workers(false)
                    .archive_directory(&archive)
                    .retention(settings.clone());
                Timed::on(Arc::clone(&first.clock), builder).await
            };
            // The calls of the start are not part of the pass.
            let dying = FaultInjectingStore::new(Arc::clone(first.store()), i64::MAX, death);
            let runtime = other(Arc::clone(&dying) as Arc<dyn Store>).await;
            dying.die_at(call);
            let interrupted = runtime.prune().await;
            let mut safe: Vec<_> = archived_in(&archive).into_keys().collect();
            safe.extend(stored(first.store()).await);
            safe.sort();
            safe.dedup();
            let all: Vec<_> = ids.keys().copied().collect();
            assert_eq!(safe, all, "{death:?} at call {call}: an execution is lost");

            let survivor = other(Arc::clone(first.store())).await;
            let pruning = survivor.shared();
            let pruned = first.clock.run_until(async move { pruning.prune().await });
            let pruned = pruned.await.expect("it answers");
            pruned.expect("the turn of the dead process is over");
            assert_eq!(stored(first.store()).await, [], "{death:?} at call {call}");
            assert_eq!(archived_in(&archive), ids, "{death:?} at call {call}");
            if interrupted.is_ok() {
                assert!(call > 5, "a pass has more than {call} calls");
                break;
            }
        }
    }
}

/// A writer that takes two minutes, before or after it writes: longer than the fleet's turn.
struct Slow {
    writer: ArchiveDirectory,
    clock: Arc<VirtualClock>,
    before: bool,
}

#[async_trait]
impl ArchiveWriter for Slow {
    async fn write(&self, batch: &[ArchivedExecution]) -> Result<(), ArchiveError> {
        let pause = || self.clock.sleep(Duration::from_secs(120));
        if self.before {
            pause().await;
        }
        self.writer.write(batch).await?;
        if !self.before {
            pause().await;
        }
        Ok(())
    }
}

/// A second process gets the turn while the first one writes, and archives the same executions.
#[tokio::test]
async fn two_processes_that_prune_at_once_lose_and_double_nothing() {
    for before in [true, false] {
        let directory = tempfile::tempdir().expect("a directory");
        let archive = directory.path().join("archive");
        let first = Timed::with(quick_config()).await;
        let ids = execute(&first).await;
        first.clock.advance(Duration::from_millis(2)).await;
        let short = Duration::from_millis(1);
        let settings = RetentionSettings::default().job("archived.quick", None, short);
        let process = async |builder: RuntimeBuilder| {
            let builder = builder
                .store(Arc::clone(first.store()))
                .workers(false)
                .retention(settings.clone());
            Timed::on(Arc::clone(&first.clock), builder).await
        };
        let clock = Arc::clone(&first.clock);
        let slow = Slow {
            writer: ArchiveDirectory::new(&archive, clock.clone(), &Entropy::seeded(7)),
            clock,
            before,
        };
        let one = process(Runtime::builder().archive(Arc::new(slow))).await;
        let other = process(Runtime::builder().archive_directory(&archive)).await;
        let (one, other) = (one.shared(), other.shared());
        let both = async move { tokio::join!(one.prune(), other.prune()) };
        let (one, other) = first.clock.run_until(both).await;
        let deleted = |report: Option<PruneReport>| -> u64 {
            let report = report.expect("its turn came");
            report.executions.iter().map(|one| one.count).sum()
        };
        let deleted = [one, other].map(|report| deleted(report.expect("it answers")));
        assert_eq!(deleted, [0, ids.len() as u64], "slow before: {before}");
        assert_eq!(stored(first.store()).await, []);
        let files = ArchiveReader::new(&archive).files().expect("readable");
        assert_eq!(files.len(), 2, "both have written: {files:?}");
        assert_eq!(archived_in(&archive), ids);
    }
}
