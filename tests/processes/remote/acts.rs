//! Acts print the same through a server as on the store, and have the same effect.

use serde_json::Value;
use tests::process::{Ran, Server, run};

use super::{Both, FORMS, assert_same, masked};
use crate::PROGRAM;

#[test]
fn acts_print_the_same_as_on_the_store() {
    let both = Both::start();
    let unknown = "0198c0de-0000-7000-8000-000000000000";
    for args in [
        &["trigger", "test.add", "--a", "1", "--b", "2"][..],
        &[
            "trigger",
            "test.add",
            "--a",
            "1",
            "--b",
            "2",
            "--priority",
            "high",
            "--delay",
            "1h",
        ],
        &["trigger", "test.add", "--a", "1"],
        &[
            "trigger",
            "test.external",
            "--file-id",
            "f",
            "--expires",
            "1h",
            "--created-by",
            "me",
        ],
        &["cancel", "{}"],
        &["cancel", unknown],
        &["retry", "{}"],
        &["retry", unknown],
        &["edit", "{}", "--priority", "high", "--delay", "5m"],
        &["edit", "{}", "--payload", r#"{"a":"x"}"#],
        &["edit", "{}"],
        &["edit", unknown, "--priority", "1"],
        &["delete", "{}"],
        &["delete", unknown],
        &["erase", "{}"],
        &["erase", unknown],
        &["cancel", "--where", "id={}", "--yes"],
        &[
            "edit", "--where", "id={}", "--queue", "slow", "--delay", "5m", "--yes",
        ],
        &["edit", "--where", "id={}", "--yes"],
        &["retry", "--where", "id={}", "--yes"],
        &["operations", "cancel", "nothing"],
        &["queues", "pause", "defalt"],
        &["limits", "reset", "nothing"],
        &["token", "create", "--role", "viewer", "--expires", "1d"],
        &["token", "revoke", "nothing"],
        &["schedules", "pause", "nothing"],
        &["schedules", "create", "x", "test.echo", "61 * * * *"],
        &["schedules", "create", "x", "test.ech", "@hourly"],
        &[
            "schedules",
            "create",
            "x",
            "test.echo",
            "@hourly",
            "--payload",
            r#"{"text":1}"#,
        ],
    ] {
        both.acts(args);
    }
    // The same acts in a row, first on the store and then through the server.
    let create = [
        "schedules",
        "create",
        "x",
        "test.echo",
        "30 2 * * *",
        "--payload",
    ];
    let rows: [&[&[&str]]; 3] = [
        &[
            &["queues", "pause", "default"],
            &["queues", "pause", "default"],
            &["queues", "drain", "default"],
            &["queues", "resume", "default"],
            &["queues", "resume", "default"],
        ],
        &[
            &[&create[..], &[r#"{"text":"hello"}"#]].concat(),
            &[&create[..], &[r#"{"text":"hello"}"#]].concat(),
            &["schedules", "pause", "x"],
            &["schedules", "resume", "x"],
            &[
                "schedules",
                "edit",
                "x",
                "--cron",
                "@hourly",
                "--timezone",
                "Europe/Paris",
            ],
            &["schedules", "edit", "x", "--payload", r#"{"text":1}"#],
            &["schedules", "run", "x"],
            &["schedules", "delete", "x"],
            &["schedules", "delete", "x"],
        ],
        &[
            &[
                "trigger",
                "test.add",
                "--a",
                "1",
                "--b",
                "2",
                "--idempotency-key",
                "KEY",
            ],
            &[
                "trigger",
                "test.add",
                "--a",
                "1",
                "--b",
                "2",
                "--idempotency-key",
                "KEY",
            ],
            &[
                "trigger",
                "test.add",
                "--a",
                "7",
                "--b",
                "2",
                "--idempotency-key",
                "KEY",
            ],
        ],
    ];
    for (number, row) in rows.iter().enumerate() {
        for form in FORMS {
            let run_all = |here: bool| -> Vec<Ran> {
                let key = format!("{number}-{here}-{}", form.len());
                let each = row.iter().map(|args| {
                    let args = form.iter().chain(*args);
                    let args: Vec<_> = args
                        .map(|arg| if *arg == "KEY" { key.as_str() } else { *arg })
                        .collect();
                    if here {
                        both.local(&args)
                    } else {
                        both.remote(&args)
                    }
                });
                each.collect()
            };
            let (local, remote) = (run_all(true), run_all(false));
            for ((args, local), remote) in row.iter().zip(&local).zip(&remote) {
                let of = |ran: &Ran| {
                    let err = masked(&ran.err)
                        .replace("-true-", "-")
                        .replace("-false-", "-");
                    (ran.code, masked(&ran.out), err)
                };
                assert_eq!(of(local), of(remote), "{args:?}\n{local:?}\n{remote:?}");
            }
        }
    }
    // The server knows the person who acted.
    let audit = both.local(&[
        "audit",
        "--actor",
        "boss",
        "--action",
        "execution.cancel",
        "--json",
    ]);
    let audit: Value = serde_json::from_str(&audit.out).expect("JSON");
    assert_eq!(
        audit["entries"].as_array().map(Vec::len),
        Some(2),
        "{audit}"
    );
}

#[test]
fn final_executions_are_erased_deleted_retried_and_awaited_through_a_server() {
    let both = Both::start();
    let ids: Vec<String> = (0..8).map(|_| both.enqueued()).collect();
    assert_eq!(both.local(&["work", "--until-idle"]).code, 0);
    for (n, args) in [
        &["erase", "{}", "--by", "alice"][..],
        &["delete", "{}"],
        &["retry", "{}"],
        &["cancel", "{}"],
    ]
    .iter()
    .enumerate()
    {
        let with =
            |id: &str| -> Vec<String> { args.iter().map(|arg| arg.replace("{}", id)).collect() };
        let (here, there) = (with(&ids[2 * n]), with(&ids[2 * n + 1]));
        let local = both.local(&here.iter().map(String::as_str).collect::<Vec<_>>());
        let remote = both.remote(&there.iter().map(String::as_str).collect::<Vec<_>>());
        assert_same(args, &local, &remote);
    }

    let dir = both.store.path();
    let quiet = [("JOBS_LOG", "error")];
    let worker = Server::start(PROGRAM, dir, &quiet);
    let url = format!("http://{}", worker.address);
    let remote = |args: &[&str]| {
        let args = [&["--server", &url, "--token", &both.token], args].concat();
        run(PROGRAM, both.elsewhere.path(), &args)
    };
    let add = ["trigger", "test.add", "--a", "1", "--b", "2", "--wait"];
    let sum = remote(&add);
    assert_eq!((sum.code, sum.out.trim()), (0, "3"), "{sum:?}");
    let failed = ["trigger", "test.panic", "--message", "no way", "--wait"];
    let (local, there) = (both.local(&failed), remote(&failed));
    // The progress that is seen depends on the moment of a look.
    let last = |ran: &Ran| masked(ran.err.lines().last().unwrap_or_default());
    let of = |ran: &Ran| (ran.code, ran.out.clone(), last(ran));
    assert_eq!(of(&local), of(&there), "{local:?}\n{there:?}");
    let followed = remote(&["logs", &ids[7], "--follow"]);
    assert_eq!(followed.code, 0, "{followed:?}");
    let doctor = remote(&["doctor"]);
    assert_eq!(doctor.code, 0, "{doctor:?}");
    for part in ["answers", "`boss` has the role admin", "worker"] {
        assert!(doctor.out.contains(part), "no `{part}` in {doctor:?}");
    }
}
