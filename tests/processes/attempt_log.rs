//! Failed attempts in the log of the program, and the counts of `work --json`.

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
