//! The dependencies of the crate `jobs`, and the memory of a worker.

use std::process::Command;

use serde_json::json;
use tests::http;
use tests::postgres::Postgres;
use tests::process::{Server, is_full_tier, now, prompt_dir, wait_for};

use super::PROGRAM;

/// `jobs` depends on no database driver, no HTTP server and no async runtime.
#[test]
fn jobs_has_no_heavy_dependencies() {
    let tree = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--package",
            "jobs",
            "--edges",
            "normal",
        ])
        .args(["--prefix", "none", "--format", "{p} [{f}]"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    let tree = String::from_utf8(tree.stdout).expect("text");
    assert!(tree.contains("jobs-macros"), "a tree of crates: {tree}");
    for heavy in ["sqlx", "axum", "hyper", "mio", "clap", "jsonschema"] {
        let found = tree
            .lines()
            .find(|line| line.starts_with(&format!("{heavy} ")));
        assert_eq!(found, None);
    }
    // Only the synchronisation primitives of Tokio: no reactor, scheduler or timer.
    for line in tree.lines().filter(|line| line.starts_with("tokio v")) {
        assert!(
            line.contains("[default,sync]") || line.contains("[sync]"),
            "{line}"
        );
    }
    let crates: std::collections::HashSet<_> = tree.lines().map(|l| l.split(" [").next()).collect();
    assert!(crates.len() <= 45, "{} crates: {tree}", crates.len());
}

/// A running attempt takes at most 10 kB. A queued execution takes none, because it is in the
/// store.
fn memory_is_bounded_by_running_attempts(database: Option<&str>) {
    let (slots, waiting) = if is_full_tier() {
        (10_000, 100_000)
    } else {
        (1_000, 10_000)
    };
    let dir = prompt_dir();
    let concurrency = slots.to_string();
    let mut settings = vec![
        ("JOBS_CONCURRENCY", concurrency.as_str()),
        ("JOBS_LOG", "warn"),
    ];
    settings.extend(database.map(|url| ("JOBS_DATABASE", url)));
    let begun = now();
    let server = Server::start(PROGRAM, dir.path(), &settings);
    let started = begun.elapsed();
    wait_for("readiness", || {
        http::get(server.address, "/readyz").status == 200
    });
    let idle = server.resident_megabytes();
    let enqueue = |count: usize| {
        let payload = json!({"file": dir.path().join("effects"), "millis": 600_000});
        let executions = vec![json!({ "payload": payload }); count];
        let body = json!({ "executions": executions }).to_string();
        let path = "/api/v1/workers/jobs/test.interval/trigger-batch";
        assert_eq!(http::post(server.address, path, &body).status, 202);
    };
    (0..slots / 1_000).for_each(|_| enqueue(1_000));
    let running = format!(", {slots} attempts running");
    wait_for("every slot to be taken", || {
        http::get(server.address, "/health").text.contains(&running)
    });
    let busy = server.resident_megabytes();
    (0..waiting / 1_000).for_each(|_| enqueue(1_000));
    let backlogged = server.resident_megabytes();
    println!(
        "started in {started:.0?}; {idle} MB idle, {busy} MB with {slots} running attempts, \
         {backlogged} MB with {waiting} queued executions more"
    );
    assert!(idle <= 20, "{idle} MB idle");
    let bound = idle + 10 + u64::try_from(slots / 100).expect("a few");
    assert!(busy <= bound, "{busy} MB with {slots} running attempts");
    // The allowance covers the bodies of the requests and the memory that the allocator retains.
    assert!(
        backlogged <= bound + 50,
        "{backlogged} MB with {waiting} queued executions"
    );
    server.kill_9();
}

#[test]
fn memory_is_bounded_by_running_attempts_on_sqlite() {
    memory_is_bounded_by_running_attempts(None);
}

#[test]
fn memory_is_bounded_by_running_attempts_on_postgres() {
    memory_is_bounded_by_running_attempts(Some(&Postgres::shared().fresh_url()));
}
