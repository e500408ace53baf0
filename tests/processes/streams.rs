//! Standard output and standard error that are closed, full or not read.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::Command;

use serde_json::json;
use tests::http;
use tests::process::{run, wait_for};
use tests::running::Running;
use tests::transcript;

use super::PROGRAM;

fn status(dir: &Path, status: &str) -> usize {
    let listed = run(PROGRAM, dir, &["executions", "--status", status, "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed.out).expect("JSON");
    listed["executions"].as_array().map_or(0, Vec::len)
}

#[test]
fn a_paused_reader_of_standard_error_stops_no_work() {
    let dir = tempfile::tempdir().expect("a directory");
    let (mut running, mut reader, address) = Running::serving(PROGRAM, dir.path());
    // The pipe holds 64 KiB and the queue of the program 1 MiB. These lines have more than 2 MiB.
    for _ in 0..20 {
        http::trigger(address, "test.log-much", &json!({ "lines": 1000 }));
    }
    wait_for(
        "all executions to succeed, while the log is not read",
        || status(dir.path(), "succeeded") == 20,
    );
    assert_eq!(http::get(address, "/livez").status, 200);
    running.signal("-TERM");
    // The program waits for the reader, at most for two seconds.
    let mut log = String::new();
    reader.read_to_string(&mut log).expect("the log is text");
    assert_eq!(running.end(), Some(0), "{log}");
    assert!(
        log.contains("lines of this log were dropped"),
        "{} bytes",
        log.len()
    );
}

#[test]
fn a_program_whose_log_is_not_read_ends() {
    let dir = tempfile::tempdir().expect("a directory");
    let (mut running, reader, address) = Running::serving(PROGRAM, dir.path());
    http::trigger(address, "test.log-much", &json!({ "lines": 1000 }));
    wait_for("the execution", || status(dir.path(), "succeeded") == 1);
    running.signal("-TERM");
    assert_eq!(running.end(), Some(0));
    drop(reader);
}

/// Begins an attempt, sends the signal, lets the attempt end, and expects that it was waited for.
fn drain(dir: &Path, running: &mut Running, signal: &str) {
    let gate = dir.join("gate");
    let begun = dir.join("begun");
    let [gate_text, begun_text] = [&gate, &begun].map(|path| path.display().to_string());
    let args = [
        "trigger",
        "test.until",
        "--gate",
        &gate_text,
        "--begun",
        &begun_text,
    ];
    let ran = run(PROGRAM, dir, &args);
    assert_eq!(ran.code, 0, "{ran:?}");
    wait_for("the attempt", || begun.exists());
    running.signal(signal);
    std::fs::write(&gate, "open").expect("written");
    assert_eq!(running.end(), Some(0));
    assert_eq!(status(dir, "succeeded"), 1);
}

#[test]
fn a_closed_standard_error_does_not_cut_the_drain_short() {
    let dir = tempfile::tempdir().expect("a directory");
    let (mut running, reader, _) = Running::serving(PROGRAM, dir.path());
    // As in `run 2>&1 | tee log`, where Ctrl-C ends `tee` first.
    drop(reader);
    drain(dir.path(), &mut running, "-INT");
}

#[test]
fn a_full_standard_error_does_not_cut_the_drain_short() {
    let dir = tempfile::tempdir().expect("a directory");
    let full = File::options().write(true).open("/dev/full");
    let full = full.expect("Linux has it");
    let mut running = Running::start(PROGRAM, dir.path(), &["work"], &[], full);
    drain(dir.path(), &mut running, "-TERM");
}

#[test]
fn a_terminal_that_goes_away_lets_attempts_end() {
    let dir = tempfile::tempdir().expect("a directory");
    let (mut running, reader, _) = Running::serving(PROGRAM, dir.path());
    drop(reader);
    drain(dir.path(), &mut running, "-HUP");
}

#[test]
fn a_panicking_handler_needs_no_reader_of_standard_error() {
    let dir = tempfile::tempdir().expect("a directory");
    let (mut running, reader, address) = Running::serving(PROGRAM, dir.path());
    drop(reader);
    http::trigger(address, "test.panic", &json!({ "message": "out of paper" }));
    wait_for("the failure", || status(dir.path(), "failed") == 1);
    running.signal("-TERM");
    assert_eq!(running.end(), Some(0));
}

#[test]
fn a_reader_that_has_read_enough_ends_a_listing_quietly() {
    let dir = tempfile::tempdir().expect("a directory");
    transcript::check(
        PROGRAM,
        dir.path(),
        "$ jobs list | head -1
         JOB … LABEL
         $ jobs schema | head -1
         {
         $ for i in 1 2 3; do jobs trigger test.log --name ada > /dev/null; done
         $ jobs work --until-idle 2> /dev/null
         $ jobs executions --status pending | head -1
         EXECUTION … RESULT",
    );
    // Standard output is a pipe whose reader has ended before the program starts.
    for args in [
        &["list"][..],
        &["executions", "--json"],
        &["config"],
        &["--help"],
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = Command::new(PROGRAM)
            .args(args)
            .current_dir(dir.path())
            .env_remove("JOBS_TEST_TIER")
            .stdout(writer)
            .output()
            .expect("the program starts");
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), &*err), (Some(0), ""), "{args:?}");
    }
}

#[test]
fn a_result_that_cannot_be_written_fails() {
    let dir = tempfile::tempdir().expect("a directory");
    transcript::check(
        PROGRAM,
        dir.path(),
        "$ jobs list > /dev/full
         error: cannot write to standard output: No space left on device (os error 28)
         [exit 1]
         $ jobs exec test.add --a 1 --b 2 > /dev/full
         …
         error: cannot write to standard output: No space left on device (os error 28)
         [exit 1]
         $ jobs list >&- 2>&-",
    );
}
