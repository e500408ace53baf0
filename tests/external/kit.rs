//! The conformance kit in `clients/kit`: passes for right workers and servers, and names the
//! requirement that a wrong one breaks.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

use super::python_worker::{Site, root};

const REFERENCE: &str = env!("CARGO_BIN_EXE_reference-worker");

/// A run of the kit.
fn kit(args: &[&str]) -> Command {
    let mut command = python();
    command.args(["-m", "jobs_kit"]).args(args);
    command
}

/// Python with the kit and the package.
fn python() -> Command {
    let mut command = Command::new("python3");
    let (kit, package) = (
        root().join("clients/kit"),
        root().join("clients/python/src"),
    );
    command
        .env(
            "PYTHONPATH",
            format!("{}:{}", kit.display(), package.display()),
        )
        .env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Asserts that all requirements are met, more than twenty.
fn passes(mut command: Command) {
    let output = command.output().unwrap();
    let printed = printed(&output);
    assert!(output.status.success(), "{printed}");
    let count = printed
        .lines()
        .filter(|line| line.starts_with("ok "))
        .count();
    assert!(count >= 20, "{count} requirements:\n{printed}");
}

/// Asserts that this requirement, and no other of those asked for, is broken.
fn breaks(mut command: Command, requirement: &str) {
    let output = command.output().unwrap();
    let printed = printed(&output);
    let failed: Vec<_> = printed
        .lines()
        .filter_map(|line| line.strip_prefix("FAILED "))
        .map(|line| line.split(':').next().unwrap_or_default())
        .collect();
    assert_eq!(failed, [requirement], "{printed}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn the_python_package_meets_every_requirement_of_a_worker() {
    let worker = root().join("tests/external/worker.py");
    let mut command = kit(&["worker", "--", "python3"]);
    command.arg(worker).arg("2");
    passes(command);
}

#[test]
fn the_reference_in_rust_meets_every_requirement_of_a_worker() {
    passes(kit(&["worker", "--", REFERENCE]));
}

#[test]
fn a_wrong_worker_breaks_the_requirement_of_its_fault() {
    let wrong = root().join("tests/external/kit/wrong_worker.py");
    let wrong = wrong.to_str().unwrap();
    std::thread::scope(|scope| {
        for (fault, requirement) in [
            ("no-heartbeats", "sends_heartbeats_for_each_lease"),
            ("ignores-cancel", "obeys_a_cancel_request"),
            ("gives-up", "repeats_an_end"),
            ("greedy", "asks_for_what_it_can_start"),
            ("unnumbered-logs", "numbers_its_log_lines"),
        ] {
            scope.spawn(move || {
                let right = "reports_the_result";
                let mut command = kit(&["worker", "--only", requirement, "--only", right]);
                command.args(["--", "python3", wrong, fault]);
                breaks(command, requirement);
            });
        }
    });
}

#[test]
fn the_server_meets_every_requirement_on_both_stores() {
    let sites = Site::both("10s");
    std::thread::scope(|scope| {
        for site in &sites {
            scope.spawn(|| {
                let mut command = kit(&["server"]);
                command.arg(format!("http://{}", site.address));
                passes(command);
            });
        }
    });
}

#[test]
fn a_wrong_server_breaks_the_requirement_of_its_fault() {
    let [site, _] = Site::both("10s");
    let upstream = format!("http://{}", site.address);
    std::thread::scope(|scope| {
        let success = "a_success_stores_its_result";
        for (fault, requirement, right) in [
            ("accepts-stale-ends", "a_second_end_is_a_409", success),
            (
                "hides-cancels",
                "a_cancel_answers_a_waiting_heartbeat",
                success,
            ),
            // A shared token may also break any requirement that ends a lease.
            (
                "shares-tokens",
                "leases_are_exclusive",
                "an_unknown_job_is_a_404",
            ),
        ] {
            let upstream = &upstream;
            scope.spawn(move || {
                let wrong = WrongServer::start(fault, upstream);
                let only = ["server", "--only", requirement, "--only", right, &wrong.url];
                breaks(kit(&only), requirement);
            });
        }
    });
}

/// A proxy that falsifies answers; killed when dropped.
struct WrongServer {
    child: Child,
    url: String,
}

impl WrongServer {
    fn start(fault: &str, upstream: &str) -> Self {
        let mut child = python()
            .arg(root().join("tests/external/kit/wrong_server.py"))
            .args([fault, upstream])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = lines.next().unwrap().unwrap();
        Self { child, url }
    }
}

impl Drop for WrongServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
