//! Transfers from each kind of store to each other kind.

use std::sync::Arc;

use jobs_runtime::store::Store;
use jobs_runtime::{SystemClock, TransferError, transfer};
use tests::postgres::Postgres;
use tests::process::{Server, now, run, wait_for};

use super::{claimed, fill, read_all, store};

const PROGRAM: &str = env!("CARGO_BIN_EXE_worker");

/// Fills one store, copies it to another, and compares both.
async fn check(source: &str, target: &str) {
    let source = store(source).await;
    fill(&source, 12).await;
    let before = read_all(&source).await;
    let target = store(target).await;
    let clock = SystemClock::new();
    let mut steps = Vec::new();
    let done = transfer(&*source, &*target, &clock, |done, all| {
        steps.push((done, all));
    });
    let done = done.await.expect("the transfer succeeds");
    assert_eq!((done.written, done.skipped), (done.source, 0));
    assert_eq!(steps.last(), Some(&(85 - 12, 85 - 12)));
    assert_eq!(read_all(&source).await, before, "the source is unchanged");
    assert_eq!(read_all(&target).await, before);
    check_repeated(&source, &target).await;
    let order = claimed(&source).await;
    assert_eq!(order.len(), 18);
    assert_eq!(claimed(&target).await, order);
}

/// A second transfer writes nothing.
async fn check_repeated(source: &Arc<dyn Store>, target: &Arc<dyn Store>) {
    let clock = SystemClock::new();
    let done = transfer(&**source, &**target, &clock, |_, _| {});
    let done = done.await.expect("the transfer succeeds");
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
async fn a_source_with_leases_is_not_transferred() {
    let source = store("sqlite::memory:").await;
    fill(&source, 3).await;
    assert!(!claimed(&source).await.is_empty());
    let target = store("sqlite::memory:").await;
    let clock = jobs_runtime::testing::VirtualClock::new();
    // The session of `claimed` does not renew: its worker is dead, and its leases exist.
    let mut moving = Box::pin(transfer(&*source, &*target, &*clock, |_, _| {}));
    let rejected = loop {
        tokio::select! {
            biased;
            done = &mut moving => break done,
            () = clock.advance(std::time::Duration::from_secs(1)) => {}
        }
    };
    assert!(
        matches!(rejected, Err(TransferError::Leased { running: 4 })),
        "{rejected:?}"
    );
}

#[test]
fn a_killed_transfer_to_a_file_is_continued() {
    check_killed("sqlite:to.db");
}

#[test]
fn a_killed_transfer_to_a_server_is_continued() {
    check_killed(&Postgres::shared().fresh_url());
}

/// Transfers by the command, from the store of a killed server, and kills the command several
/// times.
fn check_killed(to: &str) {
    let directory = tempfile::tempdir().unwrap();
    let dir = directory.path();
    let from = "sqlite:from.db";
    // Enough executions that a kill interrupts the transfer.
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
        wait_for("the time of the kill", || {
            begun.elapsed() >= std::time::Duration::from_millis(millis)
        });
        killed += usize::from(moving.try_wait().unwrap().is_none());
        moving.kill().expect("it can be killed");
        moving.wait().expect("it ends");
    }
    assert!(killed > 0, "at least one transfer was interrupted");
    let done = run(PROGRAM, dir, &move_it);
    assert_eq!(done.code, 0, "{}", done.err);
    let done: serde_json::Value = serde_json::from_str(&done.out).unwrap();
    let written = done["written"]["queued"].as_u64().unwrap();
    assert_eq!(written + done["skipped"].as_u64().unwrap(), 10_000);
    assert_eq!(done["source"]["queued"], 10_000);
}

#[test]
fn a_store_with_a_live_worker_is_not_transferred() {
    let directory = tempfile::tempdir().unwrap();
    let dir = directory.path();
    let settings = [("JOBS_DATABASE", "sqlite:from.db"), ("JOBS_LEASE", "3s")];
    let server = Server::start(PROGRAM, dir, &settings);
    let rejected = run(
        PROGRAM,
        dir,
        &["move", "--from", "sqlite:from.db", "--to", "sqlite:to.db"],
    );
    assert_eq!(rejected.code, 1, "{}", rejected.err);
    assert!(
        rejected.err.contains("uses the source store"),
        "{}",
        rejected.err
    );
    server.terminate();
    let finished = run(
        PROGRAM,
        dir,
        &["move", "--from", "sqlite:from.db", "--to", "sqlite:to.db"],
    );
    assert_eq!(finished.code, 0, "{}", finished.err);
    assert!(finished.out.contains("agree"), "{}", finished.out);
}

#[test]
fn a_store_is_not_moved_onto_itself() {
    let directory = tempfile::tempdir().unwrap();
    let dir = directory.path();
    let trigger = [
        "--database",
        "sqlite:from.db",
        "trigger",
        "test.add",
        "--a",
        "1",
        "--b",
        "2",
    ];
    assert_eq!(run(PROGRAM, dir, &trigger).code, 0);
    let other_name = [
        "move",
        "--from",
        "sqlite:from.db",
        "--to",
        "sqlite:./from.db",
    ];
    let refused = run(PROGRAM, dir, &other_name);
    assert_eq!(refused.code, 1, "{}", refused.out);
    assert!(refused.err.contains("are one store"), "{}", refused.err);
    assert_eq!(run(PROGRAM, dir, &trigger).code, 0, "the store stays open");
}

#[test]
fn an_older_copy_is_no_target() {
    let directory = tempfile::tempdir().unwrap();
    let dir = directory.path();
    let command = |args: &[&str]| run(PROGRAM, dir, args);
    let in_source = |args: &[&str]| command(&[&["--database", "sqlite:from.db"], args].concat());
    let trigger = ["trigger", "test.add", "--a", "1", "--b", "2"];
    assert_eq!(in_source(&trigger).code, 0);
    let move_it = ["move", "--from", "sqlite:from.db", "--to", "sqlite:to.db"];
    let copied = command(&[&move_it[..], &["--keep-source"]].concat());
    assert_eq!(copied.code, 0, "{}", copied.err);
    assert_eq!(in_source(&["work", "--until-idle"]).code, 0);
    let refused = command(&move_it);
    assert_eq!(refused.code, 1, "{}", refused.out);
    let (from, to) = ("with succeeded", "with the status queued");
    let is_told = refused.err.contains(from) && refused.err.contains(to);
    assert!(is_told, "{}", refused.err);
    assert_eq!(in_source(&trigger).code, 0, "the source stays open");
}

#[test]
fn the_source_of_a_move_is_closed_and_its_pauses_go_along() {
    let directory = tempfile::tempdir().unwrap();
    let dir = directory.path();
    let in_store =
        |store: &str, args: &[&str]| run(PROGRAM, dir, &[&["--database", store], args].concat());
    let (from, to) = ("sqlite:from.db", "sqlite:to.db");
    let trigger = ["trigger", "test.add", "--a", "1", "--b", "2"];
    assert_eq!(in_store(from, &trigger).code, 0);
    assert_eq!(in_store(from, &["queues", "pause", "default"]).code, 0);
    // A copy leaves the source in use.
    let copied = run(
        PROGRAM,
        dir,
        &[
            "move",
            "--from",
            from,
            "--to",
            "sqlite:copy.db",
            "--keep-source",
        ],
    );
    assert_eq!(copied.code, 0, "{}", copied.err);
    assert_eq!(in_store(from, &trigger).code, 0);

    // A process that only enqueues is not noticed by the move.
    let enqueuing = Server::start_serving_only(PROGRAM, dir, &[("JOBS_DATABASE", from)]);
    let moved = run(PROGRAM, dir, &["move", "--from", from, "--to", to]);
    assert_eq!(moved.code, 0, "{}", moved.err);
    let path = "/api/v1/workers/jobs/test.add/trigger";
    let answer = tests::http::post(enqueuing.address, path, r#"{"payload":{"a":1,"b":2}}"#);
    assert_eq!(answer.status, 503, "{}", answer.text);
    enqueuing.terminate();
    for command in [&["work", "--until-idle"][..], &trigger] {
        let rejected = in_store(from, command);
        assert_eq!(rejected.code, 1, "{}", rejected.err);
        assert!(
            rejected.err.contains("was moved to sqlite:to.db"),
            "{}",
            rejected.err
        );
    }
    let queues = in_store(to, &["queues", "--json"]);
    let queues: serde_json::Value = serde_json::from_str(&queues.out).unwrap();
    let listed = queues["queues"].as_array().unwrap();
    let default = listed.iter().find(|one| one["queue"] == "default");
    let paused_at = &default.expect("the queue has a waiting execution")["pausedAt"];
    assert!(paused_at.is_string(), "{queues}");

    assert_eq!(in_store(from, &["migrate", "--reopen"]).code, 0);
    assert_eq!(in_store(from, &trigger).code, 0);
}

/// A move that fails leaves the source as it was: open, or closed by an earlier move.
#[test]
fn a_move_that_fails_leaves_the_mark_of_the_source() {
    let directory = tempfile::tempdir().unwrap();
    let dir = directory.path();
    let in_store =
        |store: &str, args: &[&str]| run(PROGRAM, dir, &[&["--database", store], args].concat());
    let moves = |to: &str| {
        run(
            PROGRAM,
            dir,
            &["move", "--from", "sqlite:from.db", "--to", to],
        )
    };
    let trigger = ["trigger", "test.add", "--a", "1", "--b", "2"];
    assert_eq!(in_store("sqlite:from.db", &trigger).code, 0);
    // A store that was moved itself takes no executions.
    assert_eq!(in_store("sqlite:closed.db", &trigger).code, 0);
    let closed = [
        "move",
        "--from",
        "sqlite:closed.db",
        "--to",
        "sqlite:elsewhere.db",
    ];
    assert_eq!(run(PROGRAM, dir, &closed).code, 0);

    let failed = moves("sqlite:closed.db");
    assert_eq!(failed.code, 1, "{}", failed.err);
    assert_eq!(in_store("sqlite:from.db", &trigger).code, 0, "it is open");

    assert_eq!(moves("sqlite:to.db").code, 0);
    let failed = moves("sqlite:closed.db");
    assert_eq!(failed.code, 1, "{}", failed.err);
    let rejected = in_store("sqlite:from.db", &trigger);
    assert_eq!(rejected.code, 1, "{}", rejected.err);
    let to = "was moved to sqlite:to.db";
    assert!(rejected.err.contains(to), "{}", rejected.err);
}

#[test]
fn wrong_arguments_are_reported() {
    let directory = tempfile::tempdir().unwrap();
    let cases = [
        (
            ["sqlite:a.db", "sqlite:a.db"],
            2,
            "both `--from` and `--to`",
        ),
        (
            ["sqlite:a.db", "sqlite:b.db"],
            1,
            "the store sqlite:a.db does not exist",
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
