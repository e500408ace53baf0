//! The Python package by itself: its own tests, strict types, the installation.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use super::python_worker::root;

/// A program of the virtual environment that `./test` makes in the build directory.
pub(crate) fn tool(name: &str) -> PathBuf {
    let this = env::current_exe().unwrap();
    // The test binary is `DIR/debug/deps/NAME`.
    let build = this.ancestors().nth(3).unwrap();
    let tool = build.join("test-tools/bin").join(name);
    assert!(tool.exists(), "{} is missing: run ./test", tool.display());
    tool
}

/// Runs a tool in a folder; fails with what it printed if the tool does.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let mut printed = String::from_utf8_lossy(&output.stdout).into_owned();
    printed.push_str(&String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}\n{printed}");
    printed
}

#[test]
fn the_package_passes_its_tests_and_has_strict_types() {
    let package = root().join("clients/python");
    let cache = tempfile::tempdir().unwrap();
    run(Command::new(tool("mypy"))
        .args(["--strict", "--cache-dir"])
        .arg(cache.path())
        .args(["src", "tests", "../kit/jobs_kit"])
        .arg(root().join("tests/external/worker.py"))
        .env("MYPYPATH", "src:../kit")
        .current_dir(&package));
    run(Command::new(tool("pytest"))
        .args(["-q", "-p", "no:cacheprovider"])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(&package));
}
