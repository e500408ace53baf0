//! The commands of operators: logs, cancel, retry, delete, explain, processes and schedules.

use std::path::Path;

use serde_json::Value;
use tests::process::{Ran, Server, run, wait_for};

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
fn logs_prints_the_lines_of_the_handler() {
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
    let warnings = jobs(dir.path(), &["logs", id, "--level", "warn"]);
    assert!(
        warnings
            .out
            .trim_end()
            .ends_with("WARN 1 tests::jobs: this will not go well"),
        "{warnings:?}"
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
    // The retry starts 50 ms after the first attempt: the log has the lines of both.
    let lines: Vec<Value> = followed
        .out
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let attempts: Vec<_> = lines.iter().map(|line| line["attempt"].clone()).collect();
    assert_eq!(attempts, [1, 1, 1, 2, 2]);
}

#[test]
fn cancel_retry_and_delete_print_their_effect() {
    let dir = tempfile::tempdir().expect("a directory");
    let id = trigger(dir.path(), &["test.add", "--a", "1", "--b", "2"]);
    let early = jobs(dir.path(), &["delete", &id]);
    assert_eq!(early.code, 1, "{early:?}");
    assert!(early.err.contains("is queued"), "{early:?}");

    let cancelled = jobs(dir.path(), &["cancel", &id]);
    assert_eq!(
        (cancelled.code, cancelled.out.trim()),
        (0, format!("{id}  cancelled").as_str()),
        "{cancelled:?}"
    );
    let again = jobs(dir.path(), &["cancel", &id]);
    assert_eq!(again.code, 1, "{again:?}");
    assert!(again.err.contains("is already cancelled"), "{again:?}");

    let wrong = jobs(dir.path(), &["retry", &id, "--payload", r#"{"a":"x"}"#]);
    assert_eq!(wrong.code, 2, "{wrong:?}");
    let retried = jobs(dir.path(), &["retry", &id, "--payload", r#"{"a":3,"b":4}"#]);
    assert_eq!(
        (retried.code, retried.out.trim()),
        (0, format!("{id}  queued again").as_str()),
        "{retried:?}"
    );
    let shown = json(&jobs(dir.path(), &["execution", &id, "--json"]));
    assert_eq!(shown["payload"], serde_json::json!({"a": 3, "b": 4}));

    jobs(dir.path(), &["cancel", &id, "--json"]);
    let deleted = json(&jobs(dir.path(), &["delete", &id, "--json"]));
    assert_eq!(deleted["deleted"], true);
    for command in ["execution", "cancel", "retry", "delete", "explain", "logs"] {
        let gone = jobs(dir.path(), &[command, &id]);
        assert_eq!(gone.code, 1, "{gone:?}");
        assert!(gone.err.contains("no execution"), "{gone:?}");
    }
}

#[test]
fn processes_shows_the_labels_of_a_worker() {
    let dir = tempfile::tempdir().expect("a directory");
    let settings = [("JOBS_LABELS", "gpu,eu-west"), ("JOBS_LOG", "error")];
    let server = Server::start(PROGRAM, dir.path(), &settings);
    let listed = jobs(dir.path(), &["processes"]);
    assert!(listed.out.contains("gpu, eu-west"), "{listed:?}");
    let shown = tests::http::get(server.address, "/api/v1/workers/processes").body;
    let expected = serde_json::json!(["gpu", "eu-west"]);
    assert_eq!(shown["processes"][0]["labels"], expected);
    drop(server);

    // The flag overrides the variable, and is repeated for each label.
    let mut work = std::process::Command::new(PROGRAM)
        .args(["work", "--label", "fpga", "--label", "attic"])
        .current_dir(dir.path())
        .env("JOBS_LABELS", "gpu")
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("the program starts");
    wait_for("the session of the worker", || {
        let listed = json(&jobs(dir.path(), &["processes", "--json"]));
        let processes = listed["processes"].as_array().cloned().unwrap_or_default();
        let expected = serde_json::json!(["fpga", "attic"]);
        processes.iter().any(|one| one["labels"] == expected)
    });
    work.kill().expect("the worker can be killed");
    work.wait().expect("the worker ends");
}

#[test]
fn explain_prints_the_reason_and_processes_the_worker() {
    let dir = tempfile::tempdir().expect("a directory");
    let id = trigger(dir.path(), &["test.wait"]);
    let without_worker = jobs(dir.path(), &["explain", &id]);
    assert!(
        without_worker.out.contains("no worker has a session"),
        "{without_worker:?}"
    );

    let _server = Server::start(PROGRAM, dir.path(), &[("JOBS_LOG", "error")]);
    let cancel = ["cancel", &id];
    let external = trigger(dir.path(), &["test.external", "--file-id", "f"]);
    let explained = json(&jobs(dir.path(), &["explain", &external, "--json"]));
    assert_eq!(explained["reason"]["code"], "external");

    let processes = json(&jobs(dir.path(), &["processes", "--json"]));
    let [process] = &processes["processes"].as_array().expect("a list")[..] else {
        panic!("not one worker: {processes}");
    };
    let ids = process["jobIds"].as_array().expect("a list");
    assert!(ids.iter().any(|id| id == "test.old-name"), "{processes}");
    let listed = jobs(dir.path(), &["processes"]);
    let worker = process["worker"].as_str().expect("a name");
    assert!(listed.out.contains(worker), "{listed:?}");

    // The execution ends, whether it is cancelled before or after its start.
    assert_eq!(jobs(dir.path(), &cancel).code, 0);
    assert_eq!(jobs(dir.path(), &["logs", &id, "--follow"]).code, 0);
    let ended = json(&jobs(dir.path(), &["explain", &id, "--json"]));
    assert_eq!(ended["reason"]["code"], "final");
}

#[test]
fn schedules_are_created_shown_changed_and_deleted() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    assert_eq!(jobs(dir, &["migrate"]).code, 0);
    let create = [
        "schedules",
        "create",
        "echoes",
        "test.echo",
        "30 2 * * *",
        "--timezone",
        "Europe/Paris",
        "--catch-up",
        "all(3)",
        "--overlap",
        "queue",
        "--jitter",
        "30s",
        "--payload",
        r#"{"text":"hello"}"#,
    ];
    let created = jobs(dir, &create);
    assert_eq!(created.code, 0, "{created:?}");
    let shown = json(&jobs(dir, &["schedules", "show", "echoes", "--json"]));
    assert_eq!(shown["catchUp"], "all(3)");
    assert_eq!(shown["jitterMs"], 30_000);
    assert_eq!(shown["nextTimes"].as_array().map(Vec::len), Some(5));
    let listed = jobs(dir, &["schedules"]);
    assert!(listed.out.contains("Europe/Paris"), "{listed:?}");
    assert!(listed.out.contains("active"), "{listed:?}");

    let paused = jobs(dir, &["schedules", "pause", "echoes"]);
    assert!(paused.out.contains("paused since"), "{paused:?}");
    let ran = jobs(dir, &["schedules", "run", "echoes"]);
    assert!(ran.out.contains("enqueued by echoes"), "{ran:?}");
    let edited = jobs(dir, &["schedules", "edit", "echoes", "--cron", "@hourly"]);
    assert!(edited.out.contains("@hourly"), "{edited:?}");
    assert!(edited.out.contains("(manual)"), "{edited:?}");
    assert_eq!(jobs(dir, &["schedules", "resume", "echoes"]).code, 0);
    let nothing = jobs(dir, &["schedules", "edit", "echoes"]);
    assert_eq!(nothing.code, 2, "{nothing:?}");
    let again = jobs(dir, &create);
    assert_eq!(again.code, 1, "{again:?}");
    let wrong = jobs(
        dir,
        &["schedules", "create", "x", "test.echo", "61 * * * *"],
    );
    assert!(wrong.err.contains("0 to 59"), "{wrong:?}");
    assert_eq!(wrong.code, 2, "{wrong:?}");
    let unknown = jobs(dir, &["schedules", "show", "echos"]);
    assert!(unknown.err.contains("echoes"), "{unknown:?}");
    assert_eq!(jobs(dir, &["schedules", "delete", "echoes"]).code, 0);
    let none = json(&jobs(dir, &["schedules", "--json"]));
    assert_eq!(none["schedules"].as_array().map(Vec::len), Some(0));
}
