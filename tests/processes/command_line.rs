//! Help, values that begin with a hyphen, lists, durations and a trigger that waits, on the command
//! line.

use std::process::Stdio;

use serde_json::{Value, json};
use tests::process::{Server, run, wait_for};
use tests::running::Running;
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
fn the_longest_executions_come_first() {
    let dir = tempfile::tempdir().expect("a directory");
    transcript::check(
        PROGRAM,
        dir.path(),
        r#"
        $ jobs trigger test.nap --item short --millis 1 > /dev/null
        $ jobs trigger test.nap --item long --millis 2000 > /dev/null
        $ jobs trigger test.nap --item middle --millis 600 > /dev/null
        $ jobs work --until-idle 2> /dev/null
        $ jobs trigger test.nap --item waiting --millis 1 > /dev/null
        $ jobs executions --sort duration --json | grep itemId
        "itemId": "long",
        "itemId": "middle",
        "itemId": "short",
        $ jobs executions --sort created --json | grep itemId
        "itemId": "waiting",
        "itemId": "middle",
        "itemId": "long",
        "itemId": "short",
        $ jobs executions --sort duration --limit 1
        EXECUTION JOB STATUS ATTEMPT CREATED DURATION RESULT
        … test.nap succeeded 1/1 … s null
        $ jobs executions --sort size
        error: invalid value 'size' for '--sort <ORDER>': …
        …
        [exit 2]
        "#,
    );
}

#[test]
fn a_count_at_its_bound_is_marked() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start_serving_only(PROGRAM, dir.path(), &[]);
    // A batch is as large as the bound.
    let payloads = vec![json!({"text": "x"}); 10_000];
    http::trigger_batch(server.address, "test.echo", &payloads);
    http::trigger(server.address, "test.echo", &payloads[0]);
    server.terminate();
    transcript::check(
        PROGRAM,
        dir.path(),
        r"
        $ jobs queues
        QUEUE PENDING READY BLOCKED RUNNING OLDEST STATE
        …
        default 0 10000+ 0 0 … open
        …
        ",
    );
}

#[test]
fn a_page_of_large_executions_says_that_there_are_more() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start_serving_only(PROGRAM, dir.path(), &[]);
    // Nine of these fill a page of a server.
    let payload = json!({"text": "x".repeat(900_000)});
    for _ in 0..10 {
        http::trigger(server.address, "test.echo", &payload);
    }
    let transcript = r"
        $ jobs --server URL executions --limit 100 | grep -c test.echo
        9
        next page: --cursor c1…
        $ next=$(jobs --server URL executions --limit 100 2>&1 > /dev/null | grep -o 'c1[0-9a-f]*'); jobs --server URL executions --limit 100 --cursor $next | grep -c test.echo
        1
        ";
    let url = format!("http://{}", server.address);
    transcript::check(PROGRAM, dir.path(), &transcript.replace("URL", &url));
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

#[test]
fn a_payload_with_a_field_twice_is_refused_with_and_without_other_fields() {
    let dir = tempfile::tempdir().expect("a directory");
    // The sentences differ: the flags are merged into the payload before a job checks it.
    transcript::check(
        PROGRAM,
        dir.path(),
        r#"
        $ jobs trigger test.add --payload '{"a":1,"a":2,"b":3}'
        error: invalid payload for job `test.add`:
        /a: is given more than once
        `show test.add` lists the fields of the payload
        [exit 2]
        $ jobs trigger test.add --payload '{"a":1,"a":2}' --field b=3 2>&1 | grep -c -e 'more than once' -e 'duplicate field'
        1
        [exit 2]
        $ jobs trigger test.add --payload '{"a":1,"a":2}' --b 3 2>&1 | grep -c -e 'more than once' -e 'duplicate field'
        1
        [exit 2]
        $ jobs trigger test.add --payload '{"a":1}' --field b=3
        … enqueued test.add
        $ jobs executions --json | grep -c '"id"'
        1
        "#,
    );
}

#[test]
fn a_trigger_that_waits_without_a_worker_says_why() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    let typed = r#"exec "$0" trigger test.add --a 1 --b 2 --wait > log 2>&1"#;
    let mut waiting = Running::start("bash", dir, &["-c", typed, PROGRAM], &[], Stdio::null());
    let log = || std::fs::read_to_string(dir.join("log")).unwrap_or_default();
    wait_for("the reason", || log().contains("no worker"));

    let listed = run(PROGRAM, dir, &["executions", "--json"]);
    let listed: Value = serde_json::from_str(&listed.out).expect("JSON");
    let id = listed["executions"][0]["id"].as_str().expect("an id");
    let log_now = log();
    let (before, _) = log_now.split_once("no worker").expect("the reason");
    assert!(before.contains(id), "the id comes first: {log_now}");

    let worked = run(PROGRAM, dir, &["work", "--until-idle"]);
    assert_eq!(worked.code, 0, "{worked:?}");
    assert_eq!(waiting.end(), Some(0), "{}", log());
    assert!(log().lines().any(|line| line == "3"), "{}", log());
}
