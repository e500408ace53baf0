//! Commands with `--server`: the same output as on the store, and what they say when they cannot.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tests::process::{Ran, Server, run, wait_for};
use tests::tls::Certificate;

use super::PROGRAM;

/// The forms of the output. Options stand before the command, because those of `trigger` depend on
/// the job.
const FORMS: [&[&str]; 2] = [&[], &["--json"]];

/// A store with executions, a server of it that executes nothing, and an empty directory in which
/// only the server is known.
struct Both {
    store: tempfile::TempDir,
    elsewhere: tempfile::TempDir,
    server: Server,
    token: String,
}

impl Both {
    fn start() -> Self {
        let store = tempfile::tempdir().expect("a directory");
        let dir = store.path();
        let token = run(
            PROGRAM,
            dir,
            &["token", "create", "--role", "admin", "--name", "boss"],
        );
        assert_eq!(token.code, 0, "{token:?}");
        let quiet = [("JOBS_LOG", "error")];
        let server = Server::start_serving_only(PROGRAM, dir, &quiet);
        Self {
            token: token.out.trim().to_owned(),
            elsewhere: tempfile::tempdir().expect("a directory"),
            server,
            store,
        }
    }

    fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    fn local(&self, args: &[&str]) -> Ran {
        run(PROGRAM, self.store.path(), args)
    }

    fn remote_as(&self, token: &str, args: &[&str]) -> Ran {
        let url = self.url();
        let args = [&["--server", &url, "--token", token], args].concat();
        run(PROGRAM, self.elsewhere.path(), &args)
    }

    fn remote(&self, args: &[&str]) -> Ran {
        self.remote_as(&self.token, args)
    }

    /// Runs a command that changes nothing both ways, as text and as JSON.
    fn reads(&self, args: &[&str]) {
        for form in FORMS {
            let args = [form, args].concat();
            let (local, remote) = (self.local(&args), self.remote(&args));
            assert_same(&args, &local, &remote);
        }
    }

    /// Runs a command both ways, as text and as JSON; `{}` is another execution each time.
    fn acts(&self, args: &[&str]) {
        for form in FORMS {
            let with_id = |id: &str| -> Vec<String> {
                let args = form.iter().chain(args);
                args.map(|arg| arg.replace("{}", id)).collect()
            };
            let (here, there) = (with_id(&self.enqueued()), with_id(&self.enqueued()));
            let local = self.local(&here.iter().map(String::as_str).collect::<Vec<_>>());
            let remote = self.remote(&there.iter().map(String::as_str).collect::<Vec<_>>());
            assert_same(args, &local, &remote);
        }
    }

    /// The id of a new execution that waits.
    fn enqueued(&self) -> String {
        let args = ["--json", "trigger", "test.add", "--a", "1", "--b", "2"];
        let triggered = self.local(&args);
        let document: Value = serde_json::from_str(&triggered.out).expect("JSON");
        document["executionId"].as_str().expect("an id").to_owned()
    }
}

/// Compares two runs, without the ids, the times and the tokens in their output.
fn assert_same(args: &[&str], local: &Ran, remote: &Ran) {
    let of = |ran: &Ran| (ran.code, masked(&ran.out), masked(&ran.err));
    assert_eq!(of(local), of(remote), "{args:?}\n{local:?}\n{remote:?}");
}

/// Masks what differs between two executions of one command.
fn masked(text: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || ":.-_".contains(c);
    let mut shown = String::new();
    let mut word = String::new();
    for c in text.chars().chain(['\n']) {
        if is_word(c) {
            word.push(c);
            continue;
        }
        let hyphens = word.bytes().filter(|byte| *byte == b'-').count();
        let is_hex = word.bytes().all(|byte| byte.is_ascii_hexdigit());
        shown.push_str(match word.len() {
            36 if hyphens == 4 => "ID",
            24 if word.ends_with('Z') && word.contains('T') => "TIME",
            12 if is_hex => "HEX",
            _ if word.starts_with("jobs_") && word.contains('.') => "TOKEN",
            _ => &word,
        });
        word.clear();
        shown.push(c);
    }
    shown
}

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

#[test]
fn a_command_that_cannot_use_the_server_says_what_to_type() {
    let both = Both::start();
    let create = |role: &str| {
        let created = both.local(&["token", "create", "--role", role]);
        assert_eq!(created.code, 0, "{created:?}");
        created.out.trim().to_owned()
    };
    let viewer = create("viewer");
    let check = |ran: &Ran, code: i32, parts: &[&str]| {
        assert_eq!(ran.code, code, "{ran:?}");
        for part in parts {
            assert!(ran.err.contains(part), "no `{part}` in {ran:?}");
        }
    };
    let url = both.url();
    let elsewhere = both.elsewhere.path();
    let trigger = ["trigger", "test.add", "--a", "1", "--b", "2"];

    let anonymous = run(PROGRAM, elsewhere, &["--server", &url, "list"]);
    check(
        &anonymous,
        1,
        &["asks for a token", "`--token TOKEN`", "JOBS_TOKEN"],
    );
    let refused = both.remote_as(&viewer, &trigger);
    check(
        &refused,
        1,
        &["needs the role operator", "`token create --role operator`"],
    );
    let refused = both.remote_as(&viewer, &["audit"]);
    check(&refused, 1, &["`token create --role admin`"]);
    let revoked = both.local(&["token", "create", "--role", "viewer"]).out;
    let id = revoked
        .trim()
        .split('.')
        .next()
        .expect("an id")
        .replace("jobs_", "");
    assert_eq!(both.remote(&["token", "revoke", &id]).code, 0);
    let refused = both.remote_as(revoked.trim(), &["list"]);
    check(&refused, 1, &["refuses the token", "`token list`"]);

    for command in [
        &["run"][..],
        &["work"],
        &["serve"],
        &["exec", "test.add"],
        &["migrate"],
        &["prune"],
        &["move", "--from", "sqlite:a", "--to", "sqlite:b"],
        &["bench", "drain"],
        &["check", "--waiting"],
    ] {
        let refused = both.remote(command);
        check(
            &refused,
            2,
            &["works on the store itself", "--server names a server"],
        );
    }
    let both_given = both.remote(&["--database", "sqlite:x.db", "list"]);
    check(
        &both_given,
        2,
        &["`database` and `server` exclude each other"],
    );
    let wrong = run(PROGRAM, elsewhere, &["--server", "jobs.example", "list"]);
    check(
        &wrong,
        2,
        &["server (from --server)", "write http://HOST:PORT"],
    );
    // A port on which nothing listens.
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", free.local_addr().expect("an address"));
    drop(free);
    let gone = run(PROGRAM, elsewhere, &["--server", &address, "list"]);
    check(&gone, 1, &["cannot reach the server", "Is it running"]);
    // The token is not shown.
    let config = both.remote(&["config"]);
    assert!(!config.out.contains(&both.token), "{config:?}");
    assert!(config.out.contains("•••"), "{config:?}");
}

fn with_env(dir: &Path, variables: &[(&str, &str)], args: &[&str]) -> Ran {
    let output = Command::new(PROGRAM)
        .args(args)
        .current_dir(dir)
        .env_remove("JOBS_TEST_TIER")
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .expect("the program starts");
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[test]
fn a_context_names_a_server_and_production_asks_first() {
    let both = Both::start();
    let config = tempfile::tempdir().expect("a directory");
    let jobs = config.path().join("jobs");
    std::fs::create_dir(&jobs).expect("a directory");
    std::fs::write(jobs.join("admin.token"), format!("{}\n", both.token)).expect("a file");
    let text = format!(
        "[context.staging]\nserver = '{0}'\ntoken_file = 'admin.token'\n\
         [context.production]\nserver = '{0}'\ntoken_file = 'admin.token'\nproduction = true\n",
        both.url()
    );
    std::fs::write(jobs.join("config.toml"), text).expect("a file");
    let home = config.path().to_str().expect("a text");
    let elsewhere = both.elsewhere.path();
    let here = |args: &[&str]| with_env(elsewhere, &[("XDG_CONFIG_HOME", home)], args);

    let listed = here(&["--context", "staging", "list"]);
    assert_same(&["list"], &both.local(&["list"]), &listed);
    let variables = [("XDG_CONFIG_HOME", home), ("JOBS_CONTEXT", "staging")];
    let listed = with_env(elsewhere, &variables, &["list"]);
    assert_eq!(listed.code, 0, "{listed:?}");
    let misspelt = here(&["--context", "stagin", "list"]);
    assert_eq!(misspelt.code, 2, "{misspelt:?}");
    assert!(
        misspelt.err.contains("did you mean `staging`"),
        "{misspelt:?}"
    );
    let run = with_env(elsewhere, &variables, &["run"]);
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.err.contains("JOBS_CONTEXT names a server"), "{run:?}");

    // Production is read without a question, and changed only with `--yes`.
    let id = both.enqueued();
    let production = ["--context", "production"];
    let with = |args: &[&str]| here(&[&production[..], args].concat());
    assert_eq!(with(&["execution", &id]).code, 0);
    let trigger = ["trigger", "test.add", "--a", "1", "--b", "2"];
    let dry_run = [&trigger[..], &["--dry-run"]].concat();
    assert_eq!(with(&dry_run).code, 0);
    for args in [
        &["cancel", &id][..],
        &trigger,
        &["queues", "pause", "default"],
        &["token", "create", "--role", "admin"],
        &["schedules", "run", "x"],
        &["cancel", "--where", "status=queued"],
    ] {
        let refused = with(args);
        assert_eq!(refused.code, 2, "{args:?}: {refused:?}");
        assert!(refused.err.contains("nothing was changed"), "{refused:?}");
        assert!(refused.err.contains("--yes"), "{refused:?}");
    }
    let explained = both.local(&["execution", &id, "--json"]);
    assert!(explained.out.contains("\"queued\""), "{explained:?}");
    let yes = with(&["--yes", "cancel", &id]);
    assert_eq!(yes.code, 0, "{yes:?}");
}

#[test]
fn a_server_with_a_certificate_is_reached_by_https() {
    let dir = tempfile::tempdir().expect("a directory");
    let certificate = Certificate::create(dir.path(), "server");
    let settings = certificate.settings();
    let server = Server::start(PROGRAM, dir.path(), &settings);
    let elsewhere = tempfile::tempdir().expect("a directory");
    let url = format!("https://localhost:{}", server.address.port());
    let trusted = certificate.certificate.to_str().expect("a text");
    let add = ["trigger", "test.add", "--a", "1", "--b", "2", "--wait"];
    let args = [&["--server", &url], &add[..]].concat();
    let sum = with_env(elsewhere.path(), &[("SSL_CERT_FILE", trusted)], &args);
    assert_eq!((sum.code, sum.out.trim()), (0, "3"), "{sum:?}");

    let other = Certificate::create(dir.path(), "other").certificate;
    let other = other.to_str().expect("a text");
    let refused = with_env(elsewhere.path(), &[("SSL_CERT_FILE", other)], &args);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.err.contains("certificate"), "{refused:?}");
    let plain = url.replace("https", "http");
    let plain = run(PROGRAM, elsewhere.path(), &["--server", &plain, "list"]);
    assert_eq!(plain.code, 1, "{plain:?}");
    assert!(
        plain
            .err
            .contains("use an address that begins with https://"),
        "{plain:?}"
    );
}
