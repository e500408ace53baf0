//! What operators do from the command line.

use std::path::Path;

use serde_json::Value;
use tests::process::{Ran, Server, run};

use super::PROGRAM;

fn jobs(dir: &Path, args: &[&str]) -> Ran {
    run(PROGRAM, dir, args)
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

/// Enqueues an execution and returns its id.
fn trigger(dir: &Path, args: &[&str]) -> String {
    let args = [&["trigger"], args, &["--json"]].concat();
    let triggered = json(&jobs(dir, &args));
    triggered["executionId"].as_str().expect("an id").to_owned()
}

#[test]
fn logs_shows_what_the_handler_said() {
    let dir = tempfile::tempdir().expect("a directory");
    let ran = jobs(dir.path(), &["exec", "test.log", "--name", "ada"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let executions = json(&jobs(dir.path(), &["executions", "--json"]));
    let id = executions["executions"][0]["id"].as_str().expect("an id");

    let shown = jobs(dir.path(), &["logs", id]);
    let lines: Vec<_> = shown.out.lines().collect();
    assert_eq!(lines.len(), 5, "{shown:?}");
    assert!(
        lines[0].ends_with("  INFO 1 tests::jobs: hello ada  attempt=1 name=\"ada\""),
        "{shown:?}"
    );
    let warned = jobs(dir.path(), &["logs", id, "--level", "warn"]);
    assert!(
        warned
            .out
            .trim_end()
            .ends_with("WARN 1 tests::jobs: this will not go well"),
        "{warned:?}"
    );
    let second = json(&jobs(dir.path(), &["logs", id, "--attempt", "2", "--json"]));
    assert_eq!(second["lines"].as_array().map(Vec::len), Some(2));
    assert_eq!(second["lines"][0]["fields"]["attempt"], 2);

    assert_eq!(jobs(dir.path(), &["logs", "nonsense"]).code, 2);
    let unknown = "0198c0de-0000-7000-8000-000000000000";
    assert_eq!(jobs(dir.path(), &["logs", unknown]).code, 1);
}

#[test]
fn a_followed_log_ends_with_the_execution() {
    let dir = tempfile::tempdir().expect("a directory");
    let _server = Server::start(PROGRAM, dir.path(), &[("JOBS_LOG", "error")]);
    let id = trigger(dir.path(), &["test.log", "--name", "ada"]);
    let followed = jobs(dir.path(), &["logs", &id, "--follow", "--json"]);
    assert_eq!(followed.code, 0, "{followed:?}");
    // The retry comes 50 ms after the first attempt: both are there.
    let lines: Vec<Value> = followed
        .out
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let attempts: Vec<_> = lines.iter().map(|line| line["attempt"].clone()).collect();
    assert_eq!(attempts, [1, 1, 1, 2, 2]);
}
