//! Help, values that begin with a hyphen, and durations on the command line.

use serde_json::json;
use tests::process::Server;
use tests::{http, transcript};

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

#[test]
fn an_empty_page_says_that_there_is_more_to_look_at() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start_serving_only(PROGRAM, dir.path(), &[]);
    // A page examines 2,500 executions.
    http::trigger_all(
        server.address,
        "test.echo",
        &vec![json!({"text": "x"}); 2_600],
    );
    server.terminate();
    transcript::check(
        PROGRAM,
        dir.path(),
        r"
        $ jobs executions --tag none
        EXECUTION JOB STATUS ATTEMPT CREATED DURATION RESULT
        nothing matches so far, back to …Z; there is more to look at: --cursor c1…
        $ next=$(jobs executions --tag none 2>&1 | grep -o 'c1[0-9a-f]*'); jobs executions --tag none --cursor $next
        EXECUTION JOB STATUS ATTEMPT CREATED DURATION RESULT
        $ jobs executions --until 2020-01-01T00:00:00Z
        EXECUTION JOB STATUS ATTEMPT CREATED DURATION RESULT
        $ jobs executions --since 9999-01-01T00:00:00Z
        EXECUTION JOB STATUS ATTEMPT CREATED DURATION RESULT
        $ jobs queues
        QUEUE PENDING READY BLOCKED RUNNING OLDEST STATE
        …
        default 0 2600 0 0 … open
        …
        ",
    );
}

#[test]
fn long_executions_are_listed_by_their_duration() {
    let dir = tempfile::tempdir().expect("a directory");
    transcript::check(
        PROGRAM,
        dir.path(),
        r"
        $ jobs exec test.nap --millis 2000 > /dev/null 2>&1
        $ jobs exec test.nap --millis 1 > /dev/null 2>&1
        $ jobs trigger test.nap --millis 1
        … enqueued test.nap
        $ jobs executions --longer-than 2s
        EXECUTION JOB STATUS ATTEMPT CREATED DURATION RESULT
        … test.nap succeeded …
        $ jobs executions --longer-than 1h
        EXECUTION JOB STATUS ATTEMPT CREATED DURATION RESULT
        ",
    );
}

#[test]
fn the_last_day_that_can_be_written_is_a_time() {
    let dir = tempfile::tempdir().expect("a directory");
    transcript::check(
        PROGRAM,
        dir.path(),
        r"
        $ jobs trigger test.echo --text x --run-at 9999-12-31T23:59:59Z
        … enqueued test.echo
        $ jobs executions --until 9999-12-31T23:59:59.999Z --json | grep -c 9999-12-31T23:59:59.000Z
        1
        $ jobs executions --since 9999-12-31T00:00:00Z
        EXECUTION JOB STATUS ATTEMPT CREATED DURATION RESULT
        $ jobs executions --since 10000-01-01T00:00:00Z
        error: invalid value … is not a time: …
        …
        [exit 2]
        ",
    );
}

#[test]
fn what_is_no_store_is_named() {
    let dir = tempfile::tempdir().expect("a directory");
    transcript::check(
        PROGRAM,
        dir.path(),
        r"
        $ mkfifo pipe; jobs executions --database sqlite:pipe
        error: the store at sqlite:pipe is unavailable: it is a device, a pipe or a socket, which cannot hold a database: name a file
        [exit 1]
        $ jobs work --database sqlite:/dev/null
        error: the store at sqlite:/dev/null is unavailable: it is a device, a pipe or a socket, …
        [exit 1]
        $ jobs executions --database 'postgres://u:secret@127.0.0.1:1/x?sslmode=bogus'
        error: … sslmode is one of disable, allow, prefer, require, verify-ca, verify-full…
        [exit 2]
        ",
    );
}
