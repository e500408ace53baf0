//! From any kind of store to any other.

use std::sync::Arc;

use jobs_runtime::store::Store;
use jobs_runtime::{SystemClock, TransferError, transfer};
use tests::postgres::Postgres;
use tests::process::{Server, now, run, wait_for};

use super::{claimed, fill, store, told};

const PROGRAM: &str = env!("CARGO_BIN_EXE_worker");

/// Fills one store, moves it to another, and holds both against each other.
async fn check(source: &str, target: &str) {
    let source = store(source).await;
    fill(&source, 12).await;
    let before = told(&source).await;
    let target = store(target).await;
    let clock = SystemClock::new();
    let mut steps = Vec::new();
    let done = transfer(&*source, &*target, &clock, |done, all| {
        steps.push((done, all));
    });
    let done = done.await.expect("it is moved");
    assert_eq!((done.written, done.skipped), (done.source, 0));
    assert_eq!(steps.last(), Some(&(85 - 12, 85 - 12)));
    assert_eq!(told(&source).await, before, "the source is as it was");
    assert_eq!(told(&target).await, before);
    check_again(&source, &target).await;
    let order = claimed(&source).await;
    assert_eq!(order.len(), 18);
    assert_eq!(claimed(&target).await, order);
}

/// A second move finds everything there.
async fn check_again(source: &Arc<dyn Store>, target: &Arc<dyn Store>) {
    let clock = SystemClock::new();
    let done = transfer(&**source, &**target, &clock, |_, _| {});
    let done = done.await.expect("there is nothing to do");
    assert_eq!(done.written.executions(), 0);
    assert_eq!(done.skipped, done.source.executions());
}

#[tokio::test]
async fn from_memory_to_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("jobs.db");
    check("sqlite::memory:", &format!("sqlite:{}", file.display())).await;
}

#[tokio::test]
async fn from_a_file_to_a_server() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("jobs.db");
    let target = Postgres::shared().fresh_url();
    check(&format!("sqlite:{}", file.display()), &target).await;
}

#[tokio::test]
async fn from_a_server_to_memory() {
    check(&Postgres::shared().fresh_url(), "sqlite::memory:").await;
}

#[tokio::test]
async fn from_a_server_to_a_server() {
    let server = Postgres::shared();
    check(&server.fresh_url(), &server.fresh_url()).await;
}

#[tokio::test]
async fn what_is_leased_is_not_left_behind() {
    let source = store("sqlite::memory:").await;
    fill(&source, 3).await;
    assert!(!claimed(&source).await.is_empty());
    let target = store("sqlite::memory:").await;
    let clock = jobs_runtime::testing::VirtualClock::new();
    // The claimer's session stands still: it is dead, but what it holds is not given back.
    let mut moving = Box::pin(transfer(&*source, &*target, &*clock, |_, _| {}));
    let refused = loop {
        tokio::select! {
            biased;
            done = &mut moving => break done,
            () = clock.advance(std::time::Duration::from_secs(1)) => {}
        }
    };
    assert!(
        matches!(refused, Err(TransferError::Leased { running: 4 })),
        "{refused:?}"
    );
}

#[test]
fn a_move_to_a_file_that_is_killed_goes_on_where_it_was() {
    check_killed("sqlite:to.db");
}

#[test]
fn a_move_to_a_server_that_is_killed_goes_on_where_it_was() {
    check_killed(&Postgres::shared().fresh_url());
}

/// By the command, out of a store that was killed, in pieces.
fn check_killed(to: &str) {
    let directory = tempfile::tempdir().unwrap();
    let dir = directory.path();
    let from = "sqlite:from.db";
    // Enough that a kill comes in between.
    let rows: Vec<_> = (0..10_000)
        .map(|n| format!("{{\"payload\":{{\"a\":{n},\"b\":1}}}}"))
        .collect();
    let server = Server::start_serving_only(PROGRAM, dir, &[("JOBS_DATABASE", from)]);
    for batch in rows.chunks(5_000) {
        let body = format!("{{\"executions\":[{}]}}", batch.join(","));
        let path = "/api/v1/workers/jobs/test.add/trigger-batch";
        let answer = tests::http::post(server.address, path, &body);
        assert_eq!(answer.status, 202, "{}", answer.text);
    }
    server.kill_9();

    let move_it = ["move", "--from", from, "--to", to, "--json"];
    let mut killed = 0;
    for millis in [30, 60, 90, 150] {
        let mut moving = std::process::Command::new(PROGRAM)
            .args(move_it)
            .current_dir(dir)
            .stdout(std::process::Stdio::null())
            .spawn()
            .expect("the program starts");
        let begun = now();
        wait_for("its time to come", || {
            begun.elapsed() >= std::time::Duration::from_millis(millis)
        });
        killed += usize::from(moving.try_wait().unwrap().is_none());
        moving.kill().expect("it can be killed");
        moving.wait().expect("it ends");
    }
    assert!(killed > 0, "at least one was killed at work");
    let done = run(PROGRAM, dir, &move_it);
    assert_eq!(done.code, 0, "{}", done.err);
    let done: serde_json::Value = serde_json::from_str(&done.out).unwrap();
    let written = done["written"]["queued"].as_u64().unwrap();
    assert_eq!(written + done["skipped"].as_u64().unwrap(), 10_000);
    assert_eq!(done["source"]["queued"], 10_000);
}

#[test]
fn a_store_at_work_is_not_moved() {
    let directory = tempfile::tempdir().unwrap();
    let dir = directory.path();
    let settings = [("JOBS_DATABASE", "sqlite:from.db"), ("JOBS_LEASE", "3s")];
    let server = Server::start(PROGRAM, dir, &settings);
    let refused = run(
        PROGRAM,
        dir,
        &["move", "--from", "sqlite:from.db", "--to", "sqlite:to.db"],
    );
    assert_eq!(refused.code, 1, "{}", refused.err);
    assert!(
        refused.err.contains("uses the source store"),
        "{}",
        refused.err
    );
    server.terminate();
    let moved = run(
        PROGRAM,
        dir,
        &["move", "--from", "sqlite:from.db", "--to", "sqlite:to.db"],
    );
    assert_eq!(moved.code, 0, "{}", moved.err);
    assert!(moved.out.contains("agree"), "{}", moved.out);
}

#[test]
fn a_wrong_call_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let cases = [
        (["sqlite:a.db", "sqlite:a.db"], 2, "both ends"),
        (
            ["sqlite:a.db", "sqlite:b.db"],
            1,
            "there is no store at sqlite:a.db",
        ),
        (["mysql:a", "sqlite:b.db"], 2, "names no store"),
    ];
    for ([from, to], code, part) in cases {
        let ran = run(
            PROGRAM,
            directory.path(),
            &["move", "--from", from, "--to", to],
        );
        assert_eq!(ran.code, code, "{}", ran.err);
        assert!(ran.err.contains(part), "{}", ran.err);
    }
}
