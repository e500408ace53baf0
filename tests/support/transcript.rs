//! Transcripts: what was typed at a shell, and what came.
//!
//! ```text
//! $ jobs trigger test.add --a 1 --b 2
//! …  enqueued test.add
//! $ jobs cancel nonsense
//! error: …
//! [exit 2]
//! ```
//!
//! Standard output comes first, then standard error, then an exit code other than 0. A `…` stands
//! for any text of a line; a line `…` stands for any number of lines. Spaces in a row count as
//! one.

use std::path::Path;
use std::process::{Command, Stdio};

/// Types every command of the transcript in `dir`, and compares what comes. `jobs` is `program`.
///
/// # Panics
/// Something else came. The message is the transcript as it was.
pub fn check(program: &str, dir: &Path, transcript: &str) {
    let mut actual = String::new();
    let mut matched = true;
    let mut lines = transcript.lines().map(str::trim).peekable();
    while let Some(line) = lines.next() {
        let Some(typed) = line.strip_prefix("$ ") else {
            assert!(line.is_empty(), "no command before `{line}`");
            continue;
        };
        let mut expected = Vec::new();
        while let Some(line) = lines.next_if(|line| !line.starts_with("$ ")) {
            expected.extend((!line.is_empty()).then(|| one_spaced(line)));
        }
        let came = type_command(program, dir, typed);
        let shown: Vec<String> = came
            .lines()
            .map(one_spaced)
            .filter(|it| !it.is_empty())
            .collect();
        matched &= lines_match(&expected, &shown);
        actual.push_str(&format!("$ {typed}\n{came}"));
    }
    assert!(matched, "expected:\n{transcript}\n\ncame:\n{actual}");
}

/// Types a line at a shell in `dir`. Returns its output and its exit code, unless that is 0.
pub fn type_command(program: &str, dir: &Path, typed: &str) -> String {
    let script = format!("set -o pipefail; jobs() {{ \"$PROGRAM\" \"$@\"; }}; {typed}");
    let output = Command::new("bash")
        .args(["-c", &script])
        .env("PROGRAM", program)
        // The program says that this variable is no setting of it.
        .env_remove("JOBS_TEST_TIER")
        .env_remove("RUST_BACKTRACE")
        .current_dir(dir)
        .stdin(Stdio::null())
        .output()
        .expect("a shell starts");
    let mut came = String::new();
    for part in [&output.stdout, &output.stderr] {
        came.push_str(&String::from_utf8_lossy(part));
        if !came.is_empty() && !came.ends_with('\n') {
            came.push('\n');
        }
    }
    if !output.status.success() {
        let code = output.status.code().unwrap_or(-1);
        came.push_str(&format!("[exit {code}]\n"));
    }
    came
}

/// The words of a line, with one space between them.
fn one_spaced(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn lines_match(expected: &[String], came: &[String]) -> bool {
    match (expected, came) {
        ([], []) => true,
        ([any, rest @ ..], _) if any == "…" => {
            (0..=came.len()).any(|n| lines_match(rest, &came[n..]))
        }
        ([line, expected @ ..], [shown, came @ ..]) => {
            line_matches(line, shown) && lines_match(expected, came)
        }
        _ => false,
    }
}

fn line_matches(expected: &str, shown: &str) -> bool {
    let Some((first, rest)) = expected.split_once('…') else {
        return expected == shown;
    };
    let Some(mut shown) = shown.strip_prefix(first) else {
        return false;
    };
    let parts: Vec<&str> = rest.split('…').collect();
    let (last, middle) = parts.split_last().expect("a split has a part");
    for part in middle {
        let Some((_, after)) = shown.split_once(part) else {
            return false;
        };
        shown = after;
    }
    shown.ends_with(last)
}
