//! Help, values that begin with a hyphen, and durations on the command line.

use tests::transcript;

use super::PROGRAM;

#[test]
fn trigger_and_exec_have_help_without_a_job() {
    let dir = tempfile::tempdir().expect("a directory");
    transcript::check(
        PROGRAM,
        dir.path(),
        r"
        $ jobs trigger --help
        Enqueue an execution of a job
        Usage: trigger JOB [OPTIONS] [--FIELD VALUE]...
        Options:
        …
        `trigger JOB --help` also lists the fields of the job's payload; `list` lists the jobs
        $ jobs exec -h | head -1
        Enqueue an execution and execute it in this process
        $ jobs trigger
        error: no job given: `list` shows the jobs, `trigger JOB --help` the flags of one
        [exit 2]
        $ ls
        $ jobs trigger test.echo --help | grep -c -e --text
        1
        ",
    );
}

#[test]
fn values_may_begin_with_a_hyphen() {
    let dir = tempfile::tempdir().expect("a directory");
    transcript::check(
        PROGRAM,
        dir.path(),
        r#"
        $ jobs exec test.echo --text -x 2> /dev/null
        "-x"
        $ jobs exec test.echo --text --item 2> /dev/null
        [exit 2]
        $ jobs exec test.echo --text --item
        error: `--text` has no value, because `--item` is an option; to give this text, write `--text=--item`
        …
        [exit 2]
        $ jobs exec test.echo --text=--item 2> /dev/null
        "--item"
        $ jobs exec test.add --a -2 --b 44 2> /dev/null
        42
        $ jobs trigger --json test.echo --text x --item -1 --tag -t --created-by -me > /dev/null
        $ jobs executions --item=-1 --tag=-t
        EXECUTION …
        … test.echo …
        $ jobs trigger test.echo --text x --delay=-5m
        error: invalid value '-5m' for '--delay <DURATION>': `-5m` is not a duration: …
        …
        [exit 2]
        $ jobs trigger test.echo --text x --delay -5m
        error: invalid value '-5m' for '--delay <DURATION>': `-5m` is not a duration: …
        …
        [exit 2]
        "#,
    );
}
