//! Failed attempts in the log of the program, and the counts of `work --json`.

use serde_json::Value;
use tests::database::Database;
use tests::process::run;
use tests::transcript;

use super::PROGRAM;

#[test]
fn failures_are_logged_with_their_error_and_the_next_time() {
    let dir = tempfile::tempdir().expect("a directory");
    transcript::check(
        PROGRAM,
        dir.path(),
        r#"
        $ jobs exec test.flaky --successful 2
        2
        …
        … WARN jobs_runtime::attempts: attempt failed job="test.flaky" execution=… attempt=1 kind="failed" error="attempt 1 fails" took=… next=…
        …
        $ JOBS_LOG=warn jobs exec test.add --a 9223372036854775807 --b 1
        …
        … ERROR jobs_runtime::attempts: execution failed: no attempt follows job="test.add" execution=… attempt=1 kind="permanent" error="the sum does not fit" took=…
        …
        [exit 1]
        $ JOBS_LOG=error jobs exec test.panic --message boom
        …
        thread … panicked at …: boom
        …
        thread … panicked at …: boom
        …
        … ERROR jobs_runtime::attempts: execution failed: … attempt=2 kind="panicked" error="boom" took=…
        …
        [exit 1]
        $ jobs exec test.echo --text x 2>&1 | grep -c 'attempt started'
        0
        [exit 1]
        $ JOBS_LOG_ATTEMPTS=true jobs exec test.echo --text x
        "x"
        …
        … INFO jobs_runtime::attempts: attempt started job="test.echo" execution=… attempt=1
        …
        … INFO jobs_runtime::attempts: attempt ended job="test.echo" execution=… attempt=1 outcome=succeeded took=…
        …
        "#,
    );
}

/// No job has a short timeout and retries: the test shortens the stored timeout of an execution.
#[test]
fn a_timeout_is_logged_with_its_kind_and_the_next_time() {
    let dir = tempfile::tempdir().expect("a directory");
    let jobs = |args: &[&str]| run(PROGRAM, dir.path(), args);
    let json = |args: &[&str]| -> Value {
        let ran = jobs(&[args, &["--json"]].concat());
        serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
    };
    let triggered = json(&["trigger", "test.patient"]);
    let id = triggered["executionId"].as_str().expect("an id");
    Database::open(&dir.path().join("jobs.db"))
        .execute("UPDATE jobs_executions SET timeout_ms = 100");
    let worked = jobs(&["work", "--until-idle"]);
    assert_eq!(worked.code, 0, "{worked:?}");

    // The retry is due after an hour.
    let shown = json(&["execution", id]);
    assert_eq!(shown["status"], "pending", "{shown}");
    let next = shown["runAt"].as_str().expect("a time");
    let mut lines = worked.err.lines();
    let line = lines.find(|line| line.contains("jobs_runtime::attempts"));
    let line = line.unwrap_or_else(|| panic!("no line about the attempt: {worked:?}"));
    let fields = format!("attempt failed job=\"test.patient\" execution={id} attempt=1 kind=");
    for part in [
        " WARN jobs_runtime::attempts: ",
        &fields,
        " kind=\"timed_out\" error=\"",
        "100ms",
        " took=",
        &format!(" next={next}"),
    ] {
        assert!(line.contains(part), "no `{part}` in {line}");
    }

    // Without a retry, the line is an error.
    let slow = jobs(&["exec", "test.slow"]);
    assert_eq!(slow.code, 1, "{slow:?}");
    let last = "ERROR jobs_runtime::attempts: execution failed: no attempt follows";
    let mut lines = slow.err.lines();
    let is_last = |line: &str| line.contains(last) && line.contains("kind=\"timed_out\"");
    assert!(lines.any(is_last), "{slow:?}");
}

#[test]
fn work_prints_its_start_and_its_end_as_json() {
    let dir = tempfile::tempdir().expect("a directory");
    transcript::check(
        PROGRAM,
        dir.path(),
        r#"
        $ jobs trigger test.add --a 1 --b 2 > /dev/null
        $ jobs trigger test.add --a 9223372036854775807 --b 2 > /dev/null
        $ JOBS_LOG=off jobs work --until-idle --json 2> /dev/null
        {…"event":"started"…}
        {…"attempts":{"failed":1,"succeeded":1}…}
        "#,
    );
}
