//! The command line on limits, queues and edits.

use std::path::Path;

use serde_json::{Value, json};
use tests::postgres::Postgres;
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

fn show(dir: &Path, id: &str) -> Value {
    json(&jobs(dir, &["execution", id, "--json"]))
}

#[test]
fn show_prints_the_limits_of_a_job() {
    let dir = tempfile::tempdir().expect("a directory");
    let shown = |job: &str| jobs(dir.path(), &["show", job]).out;
    let turns = shown("test.in-turn");
    assert!(turns.contains("max_concurrent 1 per tenant\n"), "{turns}");
    let mirror = shown("test.mirror");
    assert!(
        mirror.contains("unique by page: replace; max_waiting 2\n"),
        "{mirror}"
    );
    let none = shown("test.add");
    assert!(!none.contains("limits"), "{none}");
}

#[test]
fn trigger_reports_an_execution_that_has_the_same_key() {
    let dir = tempfile::tempdir().expect("a directory");
    let sync = ["trigger", "test.sync", "--account", "7"];
    let first = jobs(dir.path(), &sync);
    assert!(first.out.contains("enqueued test.sync"), "{first:?}");
    let id = first.out.split_whitespace().next().expect("an id");
    let second = jobs(dir.path(), &sync);
    assert_eq!(second.code, 0, "{second:?}");
    assert!(
        second.out.starts_with(id) && second.out.contains("no execution was added"),
        "{second:?}"
    );
    let second = json(&jobs(dir.path(), &[&sync[..], &["--json"]].concat()));
    assert_eq!(
        (&second["executionId"], &second["triggered"]),
        (&json!(id), &json!(false))
    );

    let mirror = |page: &str, text: &str| {
        let args = ["trigger", "test.mirror", "--page", page, "--text", text];
        jobs(dir.path(), &args)
    };
    mirror("1", "a");
    let merged = mirror("1", "b");
    assert!(
        merged.out.contains("its payload was replaced"),
        "{merged:?}"
    );
    let id = merged.out.split_whitespace().next().expect("an id");
    assert_eq!(show(dir.path(), id)["payload"]["text"], "b");

    mirror("2", "a");
    let rejected = mirror("3", "a");
    assert_eq!(
        (rejected.code, rejected.out.as_str()),
        (1, ""),
        "{rejected:?}"
    );
    assert!(rejected.err.contains("queue_full"), "{rejected:?}");
}

#[test]
fn a_queue_is_paused_and_resumed() {
    let dir = tempfile::tempdir().expect("a directory");
    let none = jobs(dir.path(), &["queues"]);
    assert_eq!(none.code, 1, "{none:?}");
    let id = trigger(dir.path(), &["test.add", "--a", "1", "--b", "2"]);

    let paused = jobs(dir.path(), &["queues", "pause", "default"]);
    let expected = "default  paused; running attempts continue";
    assert_eq!(
        (paused.code, paused.out.trim()),
        (0, expected),
        "{paused:?}"
    );
    let again = json(&jobs(dir.path(), &["queues", "pause", "default", "--json"]));
    assert_eq!(
        again,
        json!({"queue": "default", "paused": true, "changed": false})
    );
    let listed = jobs(dir.path(), &["queues"]);
    let line = |name: &str| {
        let mut lines = listed.out.lines();
        lines.find(|line| line.starts_with(name)).map(str::to_owned)
    };
    assert!(
        line("default").is_some_and(|line| line.contains("paused since 2")),
        "{listed:?}"
    );
    assert!(
        line("turns").is_some_and(|line| line.ends_with("open")),
        "{listed:?}"
    );

    // The store keeps the pause, so it applies to a worker that starts later.
    let ran = jobs(dir.path(), &["work", "--until-idle"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(show(dir.path(), &id)["status"], "queued");
    let explained = jobs(dir.path(), &["explain", &id]);
    assert!(
        explained.out.contains("queue `default` is paused since"),
        "{explained:?}"
    );

    let misspelt = jobs(dir.path(), &["queues", "resume", "defualt"]);
    assert_eq!(misspelt.code, 2, "{misspelt:?}");
    assert!(
        misspelt.err.contains("did you mean `default`?"),
        "{misspelt:?}"
    );
    let resumed = jobs(dir.path(), &["queues", "resume", "default"]);
    assert_eq!(resumed.out.trim(), "default  resumed", "{resumed:?}");
    jobs(dir.path(), &["work", "--until-idle"]);
    assert_eq!(show(dir.path(), &id)["status"], "succeeded");
}

#[test]
fn a_waiting_execution_is_edited() {
    let dir = tempfile::tempdir().expect("a directory");
    let id = trigger(dir.path(), &["test.add", "--a", "1", "--b", "2"]);
    let payload = r#"{"a":40,"b":2}"#;
    let args = ["edit", &id, "--priority", "high", "--payload", payload];
    let edited = jobs(dir.path(), &args);
    let expected = format!("{id}  changed");
    assert_eq!(
        (edited.code, edited.out.trim()),
        (0, expected.as_str()),
        "{edited:?}"
    );
    let later = json(&jobs(dir.path(), &["edit", &id, "--delay", "1h", "--json"]));
    assert_eq!(later["changed"], true);
    let shown = show(dir.path(), &id);
    assert_eq!(
        (&shown["status"], &shown["priority"]),
        (&json!("pending"), &json!(75))
    );
    assert_eq!(shown["payload"], json!({"a": 40, "b": 2}));

    for wrong in [
        &["edit", &id][..],
        &["edit", &id, "--payload", r#"{"a":"x"}"#],
        &[
            "edit",
            &id,
            "--delay",
            "1h",
            "--run-at",
            "2030-01-01T00:00:00Z",
        ],
        &["edit", "nonsense", "--priority", "1"],
    ] {
        let rejected = jobs(dir.path(), wrong);
        assert_eq!(rejected.code, 2, "{rejected:?}");
    }
    jobs(
        dir.path(),
        &["edit", &id, "--run-at", "2020-01-01T00:00:00Z"],
    );
    jobs(dir.path(), &["work", "--until-idle"]);
    assert_eq!(show(dir.path(), &id)["result"], 42);
    let late = jobs(dir.path(), &["edit", &id, "--priority", "1"]);
    assert_eq!(late.code, 1, "{late:?}");
    assert!(
        late.err.contains("is succeeded: only waiting executions"),
        "{late:?}"
    );
}

#[test]
fn explain_names_the_execution_that_holds_the_tenants_permit() {
    for database in ["sqlite:jobs.db", &Postgres::shared().fresh_url()] {
        check_blocked_execution(database);
    }
}

fn check_blocked_execution(database: &str) {
    let dir = tempfile::tempdir().expect("a directory");
    let settings = format!("database = '{database}'\n");
    std::fs::write(dir.path().join("jobs.toml"), settings).expect("written");
    let server = Server::start(PROGRAM, dir.path(), &[("JOBS_DATABASE", database)]);
    let trigger_for = |tenant: &str| trigger(dir.path(), &["test.in-turn", "--tenant", tenant]);
    let runs = |id: &str| show(dir.path(), id)["status"] == "running";
    let first = trigger_for("acme");
    wait_for("the first execution to run", || runs(&first));
    let second = trigger_for("acme");
    let other = trigger_for("umbrella");
    wait_for("the other tenant's execution to run", || runs(&other));

    wait_for("explain to name the first execution", || {
        let explained = jobs(dir.path(), &["explain", &second]);
        explained
            .out
            .contains(r#"limit `test.in-turn/concurrent/"acme"` allows 1 attempt at a time"#)
            && explained.out.contains(&format!("{first} (attempt 1 on "))
    });
    let queues = tests::http::get(server.address, "/api/v1/workers/queues").body;
    let queues = queues["queues"].as_array().expect("a list").clone();
    let turns = queues.iter().find(|queue| queue["queue"] == "turns");
    let turns = turns.expect("the queue is listed");
    assert_eq!(
        (&turns["blocked"], &turns["running"]),
        (&json!(1), &json!(2))
    );

    jobs(dir.path(), &["cancel", &first]);
    wait_for("the second execution to run", || runs(&second));
}

/// `queues drain` returns when the running attempts of the queue have ended, and not before.
#[test]
fn drain_waits_for_running_attempts() {
    let dir = tempfile::tempdir().expect("a directory");
    let worker = Server::start(PROGRAM, dir.path(), &[]);
    let id = trigger(dir.path(), &["test.nap", "--millis", "1500"]);
    wait_for("the execution to run", || {
        show(dir.path(), &id)["status"] == "running"
    });
    let queue = show(dir.path(), &id)["queue"]
        .as_str()
        .expect("a name")
        .to_owned();
    let drained = jobs(dir.path(), &["queues", "drain", &queue]);
    assert!(drained.out.contains("no attempt is running"), "{drained:?}");
    assert_eq!(show(dir.path(), &id)["status"], "succeeded");
    let unknown = jobs(dir.path(), &["queues", "drain", "nowhere"]);
    assert_eq!(unknown.code, 2, "{unknown:?}");
    drop(worker);
}
