//! Commands that change nothing print the same through a server as on the store.

use serde_json::Value;
use tests::process::{Ran, wait_for};

use super::Both;

#[test]
fn reads_print_the_same_as_on_the_store() {
    let both = Both::start();
    for args in [
        &[
            "trigger", "test.log", "--name", "ada", "--item", "i-1", "--tag", "t",
        ][..],
        &["trigger", "test.panic", "--message", "no way"],
        &["trigger", "test.secret", "--token", "very-secret"],
        &["trigger", "test.echo", "--text", "a\tb \u{202e}c"],
    ] {
        assert_eq!(both.local(args).code, 0, "{args:?}");
    }
    // A retry is due a little after the worker is idle.
    wait_for("the end of all executions", || {
        assert_eq!(both.local(&["work", "--until-idle"]).code, 0);
        let pending = both.local(&["executions", "--status", "pending", "--json"]);
        let pending: Value = serde_json::from_str(&pending.out).expect("JSON");
        pending["executions"].as_array().is_some_and(Vec::is_empty)
    });
    let later = both.enqueued();
    let create = [
        "schedules",
        "create",
        "echoes",
        "test.echo",
        "30 2 * * *",
        "--payload",
    ];
    let created = both.local(&[&create[..], &[r#"{"text":"hello"}"#]].concat());
    assert_eq!(created.code, 0, "{created:?}");
    let bulk = both.local(&["cancel", "--where", "job=test.nap", "--yes"]);
    assert_eq!(bulk.code, 0, "{bulk:?}");
    let operations: Value =
        serde_json::from_str(&both.local(&["operations", "--json"]).out).expect("JSON");
    let operation = operations["operations"][0]["id"].as_str().expect("an id");

    let all = both.local(&["executions", "--json"]);
    let all: Value = serde_json::from_str(&all.out).expect("JSON");
    let executions = all["executions"].as_array().expect("a list");
    assert_eq!(executions.len(), 5, "{all}");
    for execution in executions {
        let id = execution["id"].as_str().expect("an id");
        both.reads(&["execution", id]);
        both.reads(&["execution", id, "--reveal"]);
        both.reads(&["explain", id]);
        both.reads(&["logs", id]);
        both.reads(&["logs", id, "--level", "warn", "--attempt", "1"]);
        if execution["status"] != "queued" {
            both.reads(&["logs", id, "--follow"]);
        }
    }
    both.reads(&["logs", &later]);
    let unknown = "0198c0de-0000-7000-8000-000000000000";
    for args in [
        &["list"][..],
        &["show", "test.shapes"],
        &["show", "test.old-name"],
        &["show", "test.ad"],
        &["executions"],
        &["executions", "--limit", "2"],
        &["executions", "--status", "failed", "--job", "test.panic"],
        &["executions", "--item", "i-1", "--tag", "t"],
        &["executions", "--parent", unknown],
        &["executions", "--longer-than", "1h"],
        &["executions", "--since", "2020-01-01T00:00:00Z"],
        &["executions", "--job", "test.ad"],
        &["executions", "--queue", "defalt"],
        &["execution", unknown],
        &["execution", "nonsense"],
        &["explain", unknown],
        &["logs", unknown],
        &["failures"],
        &["failures", "--job", "test.panic", "--since", "2h"],
        &["queues"],
        &["schedules"],
        &["schedules", "show", "echoes"],
        &["schedules", "show", "echos"],
        &["processes"],
        &["operations"],
        &["operations", "show", operation],
        &["operations", "show", "nothing"],
        &["audit"],
        &["audit", "--limit", "2", "--action", "execution.trigger"],
        &["openapi"],
        &["client", "python"],
        &["schema"],
        &["trigger", "test.add", "--help"],
        &["trigger", "test.add", "--dry-run", "--a", "1", "--b", "2"],
        &[
            "trigger",
            "test.add",
            "--dry-run",
            "--a",
            "x",
            "--field",
            "c=1",
        ],
        &["trigger", "test.ad", "--a", "1"],
        &["cancel", "--where", "status=queued"],
        &["cancel", "--where", "jbo=a"],
    ] {
        both.reads(args);
    }
    // The use of the token by the server is noted for the minute.
    assert_eq!(both.remote(&["token", "list"]).code, 0);
    both.reads(&["token", "list"]);
    // Times differ in a view; its tables are the same.
    let (local, remote) = (
        both.local(&["top", "--once"]),
        both.remote(&["top", "--once"]),
    );
    let tables = |ran: &Ran| -> Vec<String> {
        let words = ran
            .out
            .lines()
            .skip(1)
            .filter_map(|line| line.split(' ').next());
        words.map(str::to_owned).collect()
    };
    assert_eq!(tables(&local), tables(&remote), "{local:?}\n{remote:?}");
    assert!(remote.out.contains("FAILURES"), "{remote:?}");

    let left: Vec<_> = std::fs::read_dir(both.elsewhere.path())
        .expect("a directory")
        .collect();
    assert!(left.is_empty(), "a command with --server made {left:?}");
}
