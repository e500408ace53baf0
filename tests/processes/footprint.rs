//! What an application that only defines jobs compiles, and what a worker needs to run.

use std::process::Command;

use serde_json::json;
use tests::http;
use tests::postgres::Postgres;
use tests::process::{Server, is_full_tier, now, prompt_dir, wait_for};

use super::PROGRAM;

/// Neither a database nor a server nor an async runtime comes with `jobs`.
#[test]
fn jobs_stays_light() {
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
    // Its synchronisation primitives only: no reactor, no scheduler, no timer.
    for line in tree.lines().filter(|line| line.starts_with("tokio v")) {
        assert!(
            line.contains("[default,sync]") || line.contains("[sync]"),
            "{line}"
        );
    }
    let crates: std::collections::HashSet<_> = tree.lines().map(|l| l.split(" [").next()).collect();
    assert!(crates.len() <= 45, "{} crates: {tree}", crates.len());
}

/// Megabytes that a process keeps in memory.
fn resident(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid()));
    let status = status.expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    let kilobytes: u64 = kilobytes.expect("a number").parse().expect("a number");
    kilobytes / 1_024
}

/// What runs costs a few kilobytes each; what waits is in the store and costs nothing.
fn memory_is_bounded_by_what_runs(database: Option<&str>) {
    let (slots, waiting) = match is_full_tier() {
        true => (10_000, 100_000),
        false => (1_000, 10_000),
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
    let idle = resident(&server);
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
    let busy = resident(&server);
    (0..waiting / 1_000).for_each(|_| enqueue(1_000));
    let backlogged = resident(&server);
    println!(
        "started in {started:.0?}; {idle} MB idle, {busy} MB with {slots} in flight, {backlogged} MB with \
         {waiting} more waiting"
    );
    assert!(idle <= 60, "{idle} MB idle");
    let bound = idle + 10 + u64::try_from(slots / 100).expect("a few");
    assert!(busy <= bound, "{busy} MB with {slots} in flight");
    // The bodies of those requests, and what the allocator keeps of them.
    assert!(
        backlogged <= bound + 50,
        "{backlogged} MB with {waiting} waiting"
    );
    server.kill_9();
}

#[test]
fn memory_is_bounded_by_what_runs_on_sqlite() {
    memory_is_bounded_by_what_runs(None);
}

#[test]
fn memory_is_bounded_by_what_runs_on_postgres() {
    memory_is_bounded_by_what_runs(Some(&Postgres::shared().fresh_url()));
}
