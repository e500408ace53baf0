//! `succeed_in`: a process dies just before or just after the commit of the handler's transaction.

use serde_json::json;
use tempfile::TempDir;
use tests::database::Database;
use tests::http;
use tests::process::{Server, wait_for};

use super::PROGRAM;

const SETTINGS: [(&str, &str); 2] = [("JOBS_LEASE", "2s"), ("JOBS_LOG", "error")];

/// Kills the worker when the handler has written the file with the extension `marker`, and starts
/// another worker. `then` tells the handler where to stop.
fn execution_after_kill(then: &str, marker: &str) -> (TempDir, serde_json::Value) {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("jobs.db");
    let server = Server::start(PROGRAM, dir.path(), &SETTINGS);
    Database::open(&file).execute("CREATE TABLE withdrawals (attempt INTEGER NOT NULL)");
    let payload = json!({"file": file, "then": then});
    let id = http::trigger(server.address, "test.withdraw", &payload);
    wait_for("the handler", || file.with_extension(marker).exists());
    server.kill_9();

    let server = Server::start(PROGRAM, dir.path(), &SETTINGS);
    let mut shown = http::execution(server.address, &id);
    wait_for(&format!("{id} to end"), || {
        shown = http::execution(server.address, &id);
        shown["status"] == "succeeded"
    });
    // The dead session is closed: no attempt is left for a take-over.
    let mut database = Database::open(&file);
    wait_for("the dead session to be closed", || {
        let open = "SELECT COUNT(*) FROM jobs_sessions WHERE closed_at IS NULL";
        database.number(open) == 1
    });
    assert_eq!(database.number("SELECT COUNT(*) FROM withdrawals"), 1);
    let shown = http::execution(server.address, &id);
    assert_eq!(server.terminate().0, Some(0));
    (dir, shown)
}

fn outcomes(shown: &serde_json::Value) -> Vec<String> {
    let attempts = shown["attempts"].as_array().expect("attempts");
    let outcomes = attempts.iter().filter_map(|a| a["outcome"].as_str());
    outcomes.map(str::to_owned).collect()
}

#[test]
fn a_crash_between_the_commit_and_the_settlement_keeps_the_success() {
    let (_dir, shown) = execution_after_kill("hang", "committed");
    assert_eq!(outcomes(&shown), ["succeeded"]);
    assert_eq!(shown["result"], 1);
}

#[test]
fn a_crash_before_the_commit_leaves_neither_writes_nor_success() {
    let (_dir, shown) = execution_after_kill("stop", "open");
    assert_eq!(outcomes(&shown), ["lost", "succeeded"]);
    assert_eq!(shown["result"], 2);
}
