//! The rehearsal of an upgrade, in the long tier: the last release and this build share a store,
//! migrate it under load, and roll back.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::json;
use tests::http;
use tests::postgres::Postgres;
use tests::process::{Server, is_full_tier, wait_for};

const THIS: &str = env!("CARGO_BIN_EXE_worker");

/// The commit that stands for the last release until there is one.
const FIRST_BASE: &str = "42cdae448bbf9017734f6e05f5595de168f74895";

/// The executions that each phase adds at least.
const EACH: usize = 100;

#[test]
fn the_last_release_and_this_build_share_a_store() {
    if !is_full_tier() {
        return;
    }
    let base = build_base();
    for store in ["sqlite:jobs.db".to_owned(), Postgres::shared().fresh_url()] {
        let dir = tempfile::tempdir().expect("a directory");
        rehearse(&base, dir.path(), &store);
    }
}

/// Rolls forward and back under load. Every acknowledged execution succeeds once.
fn rehearse(base: &str, dir: &Path, store: &str) {
    let settings = [("JOBS_DATABASE", store), ("JOBS_LEASE", "5s")];
    let mut ids = Vec::new();

    let old = Server::start(base, dir, &settings);
    // The new program migrates the store while the old one works.
    let (new, loaded) = under_load(&old, || Server::start(THIS, dir, &settings));
    ids.extend(loaded);
    let ((), loaded) = under_load(&new, || stop(old));
    ids.extend(loaded);

    // The old program starts on the migrated store, and the new one stops.
    let (old, loaded) = under_load(&new, || Server::start(base, dir, &settings));
    ids.extend(loaded);
    let ((), loaded) = under_load(&old, || stop(new));
    ids.extend(loaded);

    for (n, id) in &ids {
        let path = format!("/api/v1/workers/executions/{id}");
        let mut execution = json!(null);
        wait_for("an execution of the rehearsal to end", || {
            execution = http::get(old.address, &path).body;
            !execution["finishedAt"].is_null()
        });
        assert_eq!(execution["status"], "succeeded", "{store}: {execution}");
        assert_eq!(execution["result"], n + 1, "{store}: {execution}");
        let attempts = execution["attempts"].as_array().expect("attempts");
        let succeeded = attempts
            .iter()
            .filter(|one| one["outcome"] == "succeeded")
            .count();
        assert_eq!(succeeded, 1, "{store}: {execution}");
    }
    println!("{store}: {} executions, all succeeded once", ids.len());
}

/// Enqueues at a server while `act` runs, and at least [`EACH`] executions. Returns the answer of
/// `act`, and a number and the id of each acknowledged execution.
fn under_load<T>(server: &Server, act: impl FnOnce() -> T) -> (T, Vec<(usize, String)>) {
    let is_done = AtomicBool::new(false);
    let address = server.address;
    thread::scope(|scope| {
        let load = scope.spawn(|| {
            let mut ids = Vec::new();
            while ids.len() < EACH || !is_done.load(Ordering::SeqCst) {
                let n = ids.len();
                let id = http::trigger(address, "test.add", &json!({ "a": n, "b": 1 }));
                ids.push((n, id));
            }
            ids
        });
        let answer = act();
        is_done.store(true, Ordering::SeqCst);
        (answer, load.join().expect("the load is accepted"))
    })
}

fn stop(server: Server) {
    let (code, log) = server.terminate();
    assert_eq!(code, Some(0), "{log:?}");
}

/// Builds the program of the last release, from its own files, and returns its path.
fn build_base() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let shell = |line: &str| {
        let ran = Command::new("sh")
            .args(["-euc", line])
            .current_dir(&root)
            .output();
        let ran = ran.expect("the shell starts");
        let out = String::from_utf8_lossy(&ran.stdout).trim().to_owned();
        ran.status.success().then_some(out)
    };
    let tag = shell("git describe --tags --abbrev=0 --match 'v*'");
    let base = tag.unwrap_or_else(|| FIRST_BASE.to_owned());
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("rehearsal");
    let (tree, target): (PathBuf, PathBuf) = (place.join(&base), place.join("target"));
    std::fs::create_dir_all(&tree).expect("a directory");
    let unpack = format!("git archive {base} | tar -x -C '{}'", tree.display());
    assert!(shell(&unpack).is_some(), "`{unpack}` fails");
    let built = Command::new("cargo")
        .args(["build", "--package", "tests", "--bin", "worker"])
        .current_dir(&tree)
        .env("CARGO_TARGET_DIR", &target)
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .status();
    assert!(built.expect("cargo starts").success(), "{base} builds");
    let program = target.join("debug/worker");
    program.to_str().expect("a path").to_owned()
}
