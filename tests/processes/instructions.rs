//! The instructions of an execution, counted by Valgrind. The load of the machine does not change
//! them.

use std::path::Path;
use std::process::Command;

use tests::process::prompt_dir;

use super::PROGRAM;

/// The instructions of `bench` with a number of executions in a scenario.
fn counted(dir: &Path, scenario: &str, executions: u64) -> u64 {
    let ran = Command::new("valgrind")
        .args(["--tool=cachegrind", "--cache-sim=no"])
        .arg("--cachegrind-out-file=/dev/null")
        .args([PROGRAM, "bench", scenario, "--runs", "1", "--executions"])
        .arg(executions.to_string())
        .current_dir(dir)
        .output();
    let ran = ran.expect("valgrind runs: `./test` installs it");
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}");
    let line = said.lines().find(|line| line.contains("I   refs:"));
    let count = line.and_then(|line| line.split_whitespace().next_back());
    let count = count.map(|digits| digits.replace(',', ""));
    count.and_then(|digits| digits.parse().ok()).expect(&said)
}

/// The instructions of one more execution. The difference of two counts leaves out the start of the
/// program and of the worker.
fn slope(dir: &Path, scenario: &str) -> u64 {
    const FEW: u64 = 500;
    const MANY: u64 = 2_500;
    let (few, many) = (counted(dir, scenario, FEW), counted(dir, scenario, MANY));
    (many - few) / (MANY - FEW)
}

/// Corrects for the warm-up, which executes a tenth of the measured number.
fn without_warm_up(instructions: u64) -> u64 {
    instructions * 10 / 11
}

/// Counts from the enqueue of an execution to its outcome, on SQLite. The bound is a quarter above
/// the last count. An execution with a limit may take 15 % more than one without. The size of the
/// groups varies between runs and changes the difference by a few percent, so one of three counts
/// must pass.
#[test]
fn an_execution_stays_within_its_instructions() {
    const AT_MOST: u64 = 550_000;
    let dir = prompt_dir();
    let count = || {
        let plain = without_warm_up(slope(dir.path(), "drain"));
        // The baseline has no warm-up.
        let limited = without_warm_up(slope(dir.path(), "limits") - plain);
        println!("{plain} instructions per execution, {limited} with a limit, unoptimised");
        (plain, limited)
    };
    let passes = |(plain, limited): (u64, u64)| plain <= AT_MOST && limited <= plain * 115 / 100;
    assert!(
        (0..3).any(|_| passes(count())),
        "more than {AT_MOST} instructions per execution, or over 15 % more with a limit"
    );
}
