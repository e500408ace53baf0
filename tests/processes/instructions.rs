//! What an execution costs in instructions, which no busy neighbour changes: counted by Valgrind.

use std::path::Path;
use std::process::Command;

use tests::process::prompt_dir;

use super::PROGRAM;

/// The instructions of a program that drains so many.
fn counted(dir: &Path, executions: u64) -> u64 {
    let ran = Command::new("valgrind")
        .args(["--tool=cachegrind", "--cache-sim=no"])
        .arg("--cachegrind-out-file=/dev/null")
        .args([PROGRAM, "bench", "drain", "--runs", "1", "--executions"])
        .arg(executions.to_string())
        .current_dir(dir)
        .output();
    let ran = ran.expect("valgrind is there: `./test` installs it");
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}");
    let line = said.lines().find(|line| line.contains("I   refs:"));
    let count = line.and_then(|line| line.split_whitespace().next_back());
    let count = count.map(|digits| digits.replace(',', ""));
    count.and_then(|digits| digits.parse().ok()).expect(&said)
}

/// From its enqueue to its outcome, in a store that is embedded. The start of the program and of a worker are in
/// both counts, as is a tenth more to warm up; the bound is a quarter above what was counted last.
#[test]
fn an_execution_takes_no_more_instructions_than_it_did() {
    const FEW: u64 = 500;
    const MANY: u64 = 2_500;
    const AT_MOST: u64 = 550_000;
    let dir = prompt_dir();
    let (few, many) = (counted(dir.path(), FEW), counted(dir.path(), MANY));
    let each = (many - few) * 10 / ((MANY - FEW) * 11);
    println!("{each} instructions each, unoptimised");
    assert!(each <= AT_MOST, "{each} instructions each");
}
