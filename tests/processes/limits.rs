//! Limits, queues and edits from the command line.

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
fn show_tells_the_limits_of_a_job() {
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
fn trigger_says_what_became_of_one_that_is_there_already() {
    let dir = tempfile::tempdir().expect("a directory");
    let sync = ["trigger", "test.sync", "--account", "7"];
    let first = jobs(dir.path(), &sync);
    assert!(first.out.contains("enqueued test.sync"), "{first:?}");
    let id = first.out.split_whitespace().next().expect("an id");
    let second = jobs(dir.path(), &sync);
    assert_eq!(second.code, 0, "{second:?}");
    assert!(
        second.out.starts_with(id) && second.out.contains("nothing was added"),
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
    assert!(merged.out.contains("it has this payload now"), "{merged:?}");
    let id = merged.out.split_whitespace().next().expect("an id");
    assert_eq!(show(dir.path(), id)["payload"]["text"], "b");

    mirror("2", "a");
    let refused = mirror("3", "a");
    assert_eq!((refused.code, refused.out.as_str()), (1, ""), "{refused:?}");
    assert!(refused.err.contains("queue_full"), "{refused:?}");
}

#[test]
fn a_queue_is_paused_and_resumed() {
    let dir = tempfile::tempdir().expect("a directory");
    let none = jobs(dir.path(), &["queues"]);
    assert_eq!(none.code, 1, "{none:?}");
    let id = trigger(dir.path(), &["test.add", "--a", "1", "--b", "2"]);

    let paused = jobs(dir.path(), &["queues", "pause", "default"]);
    let expected = "default  paused; what runs goes on";
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

    // The pause is the store's: a worker that starts later keeps to it.
    let ran = jobs(dir.path(), &["work", "--until-idle"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(show(dir.path(), &id)["status"], "queued");
    let told = jobs(dir.path(), &["explain", &id]);
    assert!(
        told.out.contains("queue `default` is paused since"),
        "{told:?}"
    );

    let slip = jobs(dir.path(), &["queues", "resume", "defualt"]);
    assert_eq!(slip.code, 2, "{slip:?}");
    assert!(slip.err.contains("did you mean `default`?"), "{slip:?}");
    let resumed = jobs(dir.path(), &["queues", "resume", "default"]);
    assert_eq!(resumed.out.trim(), "default  resumed", "{resumed:?}");
    jobs(dir.path(), &["work", "--until-idle"]);
    assert_eq!(show(dir.path(), &id)["status"], "succeeded");
}

#[test]
fn a_waiting_one_is_edited() {
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
        let refused = jobs(dir.path(), wrong);
        assert_eq!(refused.code, 2, "{refused:?}");
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
        late.err.contains("is succeeded; only waiting ones"),
        "{late:?}"
    );
}

#[test]
fn a_second_of_a_tenant_waits_for_the_first_and_says_so() {
    for database in ["sqlite:jobs.db", &Postgres::shared().fresh_url()] {
        the_second_says_so(database);
    }
}

fn the_second_says_so(database: &str) {
    let dir = tempfile::tempdir().expect("a directory");
    let settings = format!("database = '{database}'\n");
    std::fs::write(dir.path().join("jobs.toml"), settings).expect("written");
    let server = Server::start(PROGRAM, dir.path(), &[("JOBS_DATABASE", database)]);
    let turn = |tenant: &str| trigger(dir.path(), &["test.in-turn", "--tenant", tenant]);
    let runs = |id: &str| show(dir.path(), id)["status"] == "running";
    let first = turn("acme");
    wait_for("the first to run", || runs(&first));
    let second = turn("acme");
    let other = turn("umbrella");
    wait_for("another tenant's to run", || runs(&other));

    wait_for("the reason", || {
        let told = jobs(dir.path(), &["explain", &second]);
        told.out
            .contains(r#"limit `test.in-turn/concurrent/"acme"` allows 1 attempt at a time"#)
            && told.out.contains(&format!("{first} (attempt 1 on "))
    });
    let queues = tests::http::get(server.address, "/api/v1/workers/queues").body;
    let queues = queues["queues"].as_array().expect("a list").clone();
    let turns = queues.iter().find(|queue| queue["queue"] == "turns");
    let turns = turns.expect("it is there");
    assert_eq!(
        (&turns["blocked"], &turns["running"]),
        (&json!(1), &json!(2))
    );

    jobs(dir.path(), &["cancel", &first]);
    wait_for("the second to run", || runs(&second));
}

/// A queue is drained when what ran of it has ended, and not before.
#[test]
fn drain_waits_for_what_runs() {
    let dir = tempfile::tempdir().expect("a directory");
    let worker = Server::start(PROGRAM, dir.path(), &[]);
    let id = trigger(dir.path(), &["test.nap", "--millis", "1500"]);
    wait_for("it runs", || show(dir.path(), &id)["status"] == "running");
    let queue = show(dir.path(), &id)["queue"]
        .as_str()
        .expect("a name")
        .to_owned();
    let drained = jobs(dir.path(), &["queues", "drain", &queue]);
    assert!(drained.out.contains("nothing of it runs"), "{drained:?}");
    assert_eq!(show(dir.path(), &id)["status"], "succeeded");
    let unknown = jobs(dir.path(), &["queues", "drain", "nowhere"]);
    assert_eq!(unknown.code, 2, "{unknown:?}");
    drop(worker);
}
