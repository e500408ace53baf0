//! The dashboard in a browser: a real program, Debian's Chromium, and scripts that drive the page.
//!
//! Each test starts the program under test and runs one Node script of this folder. The scripts
//! find the address of the program and the folder of their packages in the environment. `./test`
//! installs Chromium, Node and the packages.

#![allow(clippy::unwrap_used, reason = "a test fails where its assumption does")]

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use tests::postgres::Postgres;
use tests::process::{self, Server, is_full_tier};

/// Slots for the executions that cases leave running.
const SLOTS: (&str, &str) = ("JOBS_CONCURRENCY", "64");

const PROGRAM: &str = env!("CARGO_BIN_EXE_worker");

/// The folder of Node packages that `./test` makes in the build directory.
fn packages() -> PathBuf {
    let this = env::current_exe().unwrap();
    // The test binary is `DIR/debug/deps/NAME`.
    let build = this.ancestors().nth(3).unwrap();
    let packages = build.join("test-tools/node");
    let installed = packages.join("node_modules/playwright-core");
    assert!(
        installed.exists(),
        "{} is missing: run ./test",
        installed.display()
    );
    packages
}

/// Runs a script of this folder, and fails with what it printed.
fn run(script: &str, server: &Server, settings: &[(&str, &str)]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser");
    let output = Command::new("node")
        .arg(folder.join(script))
        .env("DASHBOARD_ADDRESS", format!("http://{}", server.address))
        .env("DASHBOARD_PACKAGES", packages())
        .env(
            "DASHBOARD_TIER",
            if is_full_tier() { "full" } else { "short" },
        )
        .envs(settings.iter().copied())
        .output()
        .expect("Node starts");
    let printed = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}\n{printed}{errors}");
}

/// A program on a new SQLite file.
fn on_sqlite() -> (TempDir, Server) {
    let dir = tempfile::tempdir().unwrap();
    let instance = [("JOBS_INSTANCE", "production"), ("JOBS_INSTANCE_HUE", "25")];
    let settings = [SLOTS, instance[0], instance[1]];
    let server = Server::start(PROGRAM, dir.path(), &settings);
    (dir, server)
}

#[test]
fn every_screen_works_on_sqlite() {
    let (_dir, server) = on_sqlite();
    run("drive.mjs", &server, &[("DASHBOARD_STORE", "sqlite")]);
}

#[test]
fn the_main_path_works_on_postgresql() {
    let dir = tempfile::tempdir().unwrap();
    let url = Postgres::shared().fresh_url();
    let server = Server::start(PROGRAM, dir.path(), &[("JOBS_DATABASE", &*url), SLOTS]);
    // Every act once; the full tier has every case.
    let cases = if is_full_tier() {
        ""
    } else {
        "trigger,cancel,retry,failed,pause,edit_a_schedule,permits"
    };
    let settings = [
        ("DASHBOARD_STORE", "postgresql"),
        ("DASHBOARD_CASES", cases),
    ];
    run("drive.mjs", &server, &settings);
}

/// Creates a token with a role in a store.
fn token(dir: &Path, database: &str, role: &str) -> String {
    let store = ["--database", database];
    let create = ["token", "create", "--role", role, "--name", role];
    let created = process::run(PROGRAM, dir, &[&store[..], &create].concat());
    assert_eq!(created.code, 0, "{created:?}");
    created.out.trim().to_owned()
}

#[test]
fn viewers_see_everything_and_change_nothing() {
    for database in ["sqlite:jobs.db".to_owned(), Postgres::shared().fresh_url()] {
        let dir = tempfile::tempdir().unwrap();
        let roles = ["viewer", "operator", "admin"];
        let tokens = roles.map(|role| token(dir.path(), &database, role));
        let server = Server::start(PROGRAM, dir.path(), &[("JOBS_DATABASE", &*database), SLOTS]);
        let settings = [
            ("DASHBOARD_VIEWER", &*tokens[0]),
            ("DASHBOARD_OPERATOR", &*tokens[1]),
            ("DASHBOARD_TOKEN", &*tokens[2]),
        ];
        run("sign_in.mjs", &server, &settings);
    }
}

#[test]
fn the_files_are_small_vendored_exactly_and_typed() {
    let (_dir, server) = on_sqlite();
    run("files.mjs", &server, &[]);
}
