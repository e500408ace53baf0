//! The archive of whole stores: read back row by row, restored, and written by processes that die.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use jobs::ExecutionId;
use jobs_runtime::store::{ExecutionQuery, Store, TransferredState};
use jobs_runtime::{ArchiveFilter, ArchiveReader, RetentionSettings, Runtime};
use tests::postgres::Postgres;
use tests::process::{now, run, wait_for};

use super::{fill, store};

const PROGRAM: &str = env!("CARGO_BIN_EXE_worker");

/// The final executions of a store with all their rows, as text by id.
async fn exported(store: &Arc<dyn Store>) -> BTreeMap<ExecutionId, String> {
    let transfer = store.transfer().expect("it supports transfers");
    let (mut all, mut after) = (BTreeMap::new(), None);
    loop {
        let page = transfer.export(after, 1_000).await.expect("it answers");
        for execution in page.executions {
            if matches!(execution.state, TransferredState::Final(_)) {
                all.insert(execution.request.id, format!("{execution:?}"));
            }
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return all,
        }
    }
}

/// The executions of an archive in the same form. Each comes once.
fn archived(directory: &Path) -> BTreeMap<ExecutionId, String> {
    let reader = ArchiveReader::new(directory);
    let found = reader.executions(ArchiveFilter::default());
    let mut all = BTreeMap::new();
    for one in found.expect("the archive can be read") {
        let one = one.expect("the line can be read").into_transferred();
        let text = format!("{one:?}");
        assert_eq!(all.insert(one.request.id, text), None, "an id comes twice");
    }
    all
}

fn at_once() -> RetentionSettings {
    RetentionSettings::default().default_of(None, Duration::from_millis(1))
}

/// Archives a store with executions in every state, and compares every row.
async fn read_back_equal(url: &str) {
    let store = store(url).await;
    fill(&store, 12).await;
    let before = exported(&store).await;
    assert!(before.len() > 40, "{} final executions", before.len());
    let directory = tempfile::tempdir().unwrap();
    let runtime = Runtime::builder()
        .store(Arc::clone(&store))
        .workers(false)
        .retention(at_once())
        .archive_directory(directory.path())
        .start()
        .await
        .expect("it starts");
    let pruned = runtime.prune().await.expect("it answers");
    let pruned = pruned.expect("no other process prunes").executions;
    let deleted: u64 = pruned.iter().map(|one| one.count).sum();
    let left = exported(&store).await;
    assert_eq!(deleted as usize + left.len(), before.len());
    let archived = archived(directory.path());
    assert_eq!(archived.len() as u64, deleted);
    for (id, row) in &archived {
        assert_eq!(Some(row), before.get(id));
    }
    let files = ArchiveReader::new(directory.path()).files().unwrap();
    let manifests: u64 = files
        .iter()
        .map(|file| file.manifest.as_ref().map_or(0, |it| it.executions))
        .sum();
    assert_eq!(manifests, deleted, "the manifests count every line");
}

#[tokio::test]
async fn an_archive_of_a_file_is_read_back_equal() {
    read_back_equal("sqlite::memory:").await;
}

#[tokio::test]
async fn an_archive_of_a_server_is_read_back_equal() {
    read_back_equal(&Postgres::shared().fresh_url()).await;
}

/// Prunes by the command, kills it again and again, and lets two of them run at once. Then restores
/// twice.
async fn killed(database: &str, dir: &Path) {
    const EXECUTIONS: u64 = 6_000;
    let store = store(database).await;
    let transfer = store.transfer().expect("it supports transfers");
    let sample = super::sample().await;
    for batch in 0..EXECUTIONS / 500 {
        let executions = (0..500_u64).map(|n| {
            let mut execution = sample.clone();
            let id = u128::from(batch * 500 + n + 1);
            execution.request.id = ExecutionId::from_bytes(id.to_be_bytes());
            execution
        });
        let written = transfer.import(executions.collect()).await.unwrap();
        assert!(written.iter().all(|is_new| *is_new));
    }
    let before = exported(&store).await;
    assert_eq!(before.len() as u64, EXECUTIONS);
    let args = [
        "prune",
        "--retain",
        "1ms",
        "--archive",
        "archive",
        "--database",
        database,
    ];
    let start = || {
        Command::new(PROGRAM)
            .args(args)
            .current_dir(dir)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts")
    };
    let count = async || {
        let page = store.list_executions(ExecutionQuery::newest(1_000)).await;
        page.expect("it answers").executions.len()
    };
    let mut interrupted = 0;
    for round in 0..12_u64 {
        let mut pruning = start();
        let begun = now();
        // From before the first call until after many batches. A dead process keeps the turn for a
        // minute, so the turn of the fleet is taken away from it.
        let time = Duration::from_millis(150 + 90 * round);
        wait_for("the time of the kill", || {
            begun.elapsed() >= time || pruning.try_wait().unwrap().is_some()
        });
        interrupted += usize::from(pruning.try_wait().unwrap().is_none());
        pruning.kill().expect("it can be killed");
        pruning.wait().expect("it ends");
        super::end_turn(database).await;
        if dir.join("archive").exists() {
            let mut safe: BTreeSet<_> = archived(&dir.join("archive")).into_keys().collect();
            safe.extend(exported(&store).await.into_keys());
            assert_eq!(safe.len() as u64, EXECUTIONS, "round {round}: one is lost");
        }
    }
    assert!(interrupted > 0, "at least one pass was interrupted");
    // Two processes, each of which may take the turn after the other.
    let both = [start(), start()];
    for mut one in both {
        assert!(one.wait().expect("it ends").success());
    }
    assert_eq!(count().await, 0, "everything has expired");
    let archive = dir.join("archive");
    let found = archived(&archive);
    assert_eq!(found.len(), before.len());
    for (id, row) in &found {
        assert_eq!(Some(row), before.get(id));
    }

    let restore = |args: &[&str]| {
        let common = ["archive", "restore", "--archive", "archive", "--json"];
        let all = [&common[..], &["--database", database], args].concat();
        let done = run(PROGRAM, dir, &all);
        assert_eq!(done.code, 0, "{}", done.err);
        let report: serde_json::Value = serde_json::from_str(&done.out).unwrap();
        (report["restored"].as_u64(), report["skipped"].as_u64())
    };
    // A restore that dies is repeated.
    let mut restoring = Command::new(PROGRAM)
        .args(["archive", "restore", "--all", "--archive", "archive"])
        .args(["--database", database])
        .current_dir(dir)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let begun = now();
    wait_for("the time of the kill", || {
        begun.elapsed() >= Duration::from_millis(400)
    });
    restoring.kill().expect("it can be killed");
    restoring.wait().expect("it ends");
    let (restored, skipped) = restore(&["--all"]);
    assert_eq!(restored.unwrap() + skipped.unwrap(), EXECUTIONS);
    assert_eq!(restore(&["--all"]), (Some(0), Some(EXECUTIONS)));
    let after = exported(&store).await;
    assert_eq!(after.len(), before.len());
    // A restore writes a key of its own.
    for (id, row) in after {
        let key = row.split("keys: [").next().map(str::to_owned);
        let expected = before[&id].split("keys: [").next().map(str::to_owned);
        assert_eq!(key, expected);
    }
    // Retention leaves them alone.
    let pruned = run(PROGRAM, dir, &args);
    assert_eq!(pruned.code, 0, "{}", pruned.err);
    assert_eq!(exported(&store).await.len(), before.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_passes_over_a_file_lose_and_double_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("jobs.db");
    killed(&format!("sqlite:{}", file.display()), directory.path()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_passes_over_a_server_lose_and_double_nothing() {
    let directory = tempfile::tempdir().unwrap();
    killed(&Postgres::shared().fresh_url(), directory.path()).await;
}
