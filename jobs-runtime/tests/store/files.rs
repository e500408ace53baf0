//! Files that cannot be opened, errors and their advice, and what a file keeps.

use jobs_runtime::store::sqlite::SqliteStore;
use jobs_runtime::store::{EnqueueStore, ReadStore, SetupStore, StoreError};
use sqlx::{ConnectOptions, Executor};

use super::harness::*;

/// Opens and migrates a store; returns the text of the error.
async fn open_error(url: &str) -> String {
    let opened = async {
        let store = SqliteStore::open(&url.parse().unwrap()).await?;
        store.migrate().await
    };
    let error = opened.await.unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::Unavailable { .. } | StoreError::Layout(_)
        ),
        "{error:?}"
    );
    error.to_string()
}

#[tokio::test]
async fn a_missing_directory_is_named() {
    let file = TestFile::new();
    let missing = file.directory.join("no/such");
    let error = open_error(&format!("sqlite:{}/jobs.db", missing.display())).await;
    assert!(
        error.contains("does not exist: create it with `mkdir -p"),
        "{error}"
    );
}

#[tokio::test]
async fn a_directory_is_no_file() {
    let file = TestFile::new();
    let error = open_error(&format!("sqlite:{}", file.directory.display())).await;
    assert!(error.contains("it is a directory"), "{error}");
}

#[tokio::test]
async fn a_pipe_or_a_device_is_no_file() {
    let file = TestFile::new();
    let pipe = file.directory.join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    for path in [pipe.display().to_string(), "/dev/null".to_owned()] {
        let error = open_error(&format!("sqlite:{path}")).await;
        assert!(error.contains("a device, a pipe or a socket"), "{error}");
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_recognised() {
    let file = TestFile::new();
    std::fs::write(file.path(), "once upon a time ".repeat(100)).unwrap();
    let error = open_error(&format!("sqlite:{}", file.path().display())).await;
    assert!(error.contains("not a SQLite database"), "{error}");
}

#[tokio::test]
async fn the_error_for_a_read_only_file_says_what_to_do() {
    let file = TestFile::new();
    drop(file.open().await);
    let mut permissions = std::fs::metadata(file.path()).unwrap().permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(file.path(), permissions).unwrap();
    let error = open_error(&format!("sqlite:{}", file.path().display())).await;
    assert!(
        error.contains("read-only: make it writable with `chmod u+w"),
        "{error}"
    );
}

#[tokio::test]
async fn the_error_for_a_missing_layout_names_migrate() {
    let file = TestFile::new();
    let store = SqliteStore::open(&file.url()).await.unwrap();
    for error in [
        store.ping().await.unwrap_err(),
        store.execution(id()).await.unwrap_err(),
        store.enqueue(vec![new("j")]).await.unwrap_err(),
    ] {
        assert!(error.to_string().contains("`migrate`"), "{error}");
    }
    let steps = store.migrations().await.unwrap();
    assert!(steps.iter().all(|step| step.applied_at.is_none()));
    let applied = store.migrate().await.unwrap();
    assert!(applied.iter().all(|step| step.applied_at.is_some()));
    assert_eq!(store.migrate().await.unwrap(), applied);
    assert_eq!(store.migrations().await.unwrap(), applied);
    store.ping().await.unwrap();
    assert_eq!(store.describe().kind, "sqlite");
    assert_eq!(store.describe().durability, "synchronous = normal");
}

#[tokio::test]
async fn a_layout_of_another_program_is_not_touched() {
    for (change, part) in [
        (
            "UPDATE jobs_migrations SET checksum = 'x'",
            "is not this program",
        ),
        (
            "INSERT INTO jobs_migrations VALUES (900, 'later', 'x', 0, 900)",
            "900 `later`, which this program does not know",
        ),
    ] {
        let file = TestFile::new();
        drop(file.open().await);
        tamper(&file, change).await;
        let error = open_error(&format!("sqlite:{}", file.path().display())).await;
        assert!(error.contains(part), "{error}");
    }
}

#[tokio::test]
async fn an_application_s_tables_may_live_in_the_same_file() {
    let file = TestFile::new();
    tamper(
        &file,
        "CREATE TABLE members (id); CREATE TABLE _sqlx_migrations (version)",
    )
    .await;
    let store = file.open().await;
    enqueue(&store, "j", 1).await;
}

#[tokio::test]
async fn executions_outlive_a_restart() {
    let file = TestFile::new();
    let store = file.open().await;
    let ids = enqueue(&store, "j", 3).await;
    drop(store);
    let store = file.open().await;
    for id in ids {
        record(&store, id).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rejected_row_fails_its_caller_alone() {
    let file = TestFile::new();
    let store = file.open().await;
    tamper(
        &file,
        "CREATE TRIGGER members_are_picky BEFORE INSERT ON jobs_executions
         WHEN new.job_id = 'bad' BEGIN SELECT RAISE(ABORT, 'not this one'); END",
    )
    .await;
    let calls: Vec<_> = (0..48)
        .map(|n| {
            let store = store.clone();
            let batch = match n % 8 {
                5 => vec![new("good"), new("bad")],
                _ => vec![new("good"), new("good")],
            };
            tokio::spawn(async move { (batch[0].id, store.enqueue(batch).await) })
        })
        .collect();
    for (n, call) in calls.into_iter().enumerate() {
        let (id, answer) = call.await.unwrap();
        let found = store.execution(id).await.unwrap();
        if n % 8 == 5 {
            assert!(matches!(answer, Err(StoreError::Database(_))), "{answer:?}");
            assert!(found.is_none(), "all or nothing");
        } else {
            answer.unwrap();
            assert!(found.is_some());
        }
    }
}

/// Runs statements on the file, on a connection that is not the store's.
async fn tamper(file: &TestFile, sql: &'static str) {
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(file.path())
        .create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    connection.execute(sql).await.unwrap();
    sqlx::Connection::close(connection).await.unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn new_files_belong_to_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let file = TestFile::new();
    let store = file.open().await;
    enqueue(&store, "j", 1).await;
    let entries = std::fs::read_dir(&file.directory).unwrap();
    for entry in entries.map(Result::unwrap) {
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", entry.path());
    }
}

#[tokio::test]
async fn a_file_that_is_removed_or_replaced_fails_every_write() {
    let file = TestFile::new();
    let store = file.open().await;
    enqueue(&store, "j", 1).await;
    let aside = file.directory.join("aside.db");
    std::fs::rename(file.path(), &aside).unwrap();
    let assert_named = async |expected: &str| {
        let written = store.enqueue(vec![new("j")]).await.map(drop);
        for answer in [written, store.ping().await] {
            match answer {
                Err(StoreError::Unavailable { reason, .. }) => {
                    assert!(reason.contains(expected), "{reason}");
                }
                other => panic!("{other:?}"),
            }
        }
    };
    assert_named("was removed").await;
    std::fs::write(file.path(), "").unwrap();
    assert_named("was replaced").await;
    std::fs::rename(&aside, file.path()).unwrap();
    store.ping().await.unwrap();
    enqueue(&store, "j", 1).await;
}
