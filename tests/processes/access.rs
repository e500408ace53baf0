//! Tokens from outside: the command `token`, addresses that other machines reach, and what each
//! role may do, on both stores.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tests::http::{self, Answer};
use tests::postgres::Postgres;
use tests::process::{Server, run};
use tests::running::Running;
use tests::transcript;

use super::PROGRAM;

/// Creates a token in the store of the settings.
fn create(dir: &Path, database: &str, role: &str) -> String {
    let args = ["token", "create", "--role", role, "--database", database];
    let created = run(PROGRAM, dir, &args);
    assert_eq!(created.code, 0, "{created:?}");
    created.out.trim().to_owned()
}

fn call(server: &Server, token: Option<&str>, method: &str, path: &str) -> Answer {
    let header = token.map(|token| format!("authorization: Bearer {token}"));
    let headers: Vec<&str> = header.iter().map(String::as_str).collect();
    http::send(server.address, method, path, &headers, "{}")
}

#[test]
fn an_address_of_the_network_needs_tokens() {
    let dir = tempfile::tempdir().expect("a directory");
    transcript::check(
        PROGRAM,
        dir.path(),
        r"
        $ jobs serve --bind 0.0.0.0:0
        error: cannot serve on 0.0.0.0:0: refusing to listen on 0.0.0.0:0: … `token create --role admin`, …
        [exit 1]
        $ jobs doctor --bind 0.0.0.0:0 | grep access
        access problem 0.0.0.0:0 is reached by other machines, and the store has no token: …
        [exit 1]
        $ jobs doctor --bind 0.0.0.0:0 --trusted-network | grep access
        access warning trusted_network: every program that reaches 0.0.0.0:0 may do everything, without a token
        $ jobs doctor | grep access
        access ok without tokens, every program of this machine may do everything
        $ jobs token create --role root
        error: invalid value 'root' for '--role <ROLE>': `root` is no role: write viewer, operator, admin or worker
        …
        [exit 2]
        $ jobs token create --role viewer --name reader --expires 90d
        jobs_…
        token … with the role viewer: keep it, it cannot be shown again
        $ jobs token list
        TOKEN NAME ROLE STATE EXPIRES LAST USED
        … reader viewer valid … never
        $ jobs doctor --bind 0.0.0.0:0 | grep access
        access warning no valid token has the role admin: create one with `token create --role admin`
        $ jobs token revoke nothing
        error: there is no valid token `nothing`; `token list` lists the tokens
        [exit 2]
        $ jobs token revoke $(jobs token list --json | grep -o '[0-9a-f]\{12\}' | head -1)
        … revoked
        $ jobs token list
        TOKEN NAME ROLE STATE EXPIRES LAST USED
        … reader viewer revoked … never
        ",
    );
}

#[test]
fn a_container_starts_unattended_with_a_token_file() {
    let dir = tempfile::tempdir().expect("a directory");
    let log = dir.path().join("log");
    let start = || {
        let file = fs::File::create(&log).expect("a file for the log");
        let args = [
            "serve",
            "--bind",
            "0.0.0.0:0",
            "--token-file",
            "admin.token",
        ];
        let running = Running::start(PROGRAM, dir.path(), &args, &[], file);
        let mut port = None;
        tests::process::wait_for("the address", || {
            let text = fs::read_to_string(&log).expect("the log is text");
            let rest = text
                .split_once("serving http://0.0.0.0:")
                .map(|(_, rest)| rest);
            port = rest.and_then(|rest| rest.split('/').next()?.parse::<u16>().ok());
            assert!(!text.contains("error:"), "{text}");
            port.is_some()
        });
        let address = ([127, 0, 0, 1], port.expect("a port")).into();
        (running, address)
    };
    let (running, address) = start();
    let file = dir.path().join("admin.token");
    let token = fs::read_to_string(&file).expect("the start makes the file");
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let header = format!("authorization: Bearer {}", token.trim());
    let jobs = "/api/v1/workers/jobs";
    assert_eq!(http::send(address, "GET", jobs, &[&header], "").status, 200);
    assert_eq!(http::get(address, jobs).status, 401);
    drop(running);
    // The same file belongs to the next start.
    let (_running, address) = start();
    assert_eq!(http::send(address, "GET", jobs, &[&header], "").status, 200);
    let listed = run(PROGRAM, dir.path(), &["token", "list", "--json"]);
    assert_eq!(
        listed.out.matches("\"token-file\"").count(),
        1,
        "{listed:?}"
    );
    // A file that holds something else stops the start.
    fs::write(&file, "hunter2").expect("the file can be written");
    let refused = run(
        PROGRAM,
        dir.path(),
        &[
            "serve",
            "--bind",
            "127.0.0.1:0",
            "--token-file",
            "admin.token",
        ],
    );
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.err.contains("the text is no token"), "{refused:?}");
}

#[test]
fn roles_hold_on_both_stores() {
    let dir = tempfile::tempdir().expect("a directory");
    let sqlite = format!("sqlite:{}", dir.path().join("roles.db").display());
    for database in [sqlite, Postgres::shared().fresh_url()] {
        let [viewer, worker, admin] =
            ["viewer", "worker", "admin"].map(|role| create(dir.path(), &database, role));
        let settings = [("JOBS_DATABASE", database.as_str())];
        let server = Server::start_serving_only(PROGRAM, dir.path(), &settings);
        let document = call(&server, Some(&admin), "GET", "/openapi.json").body;
        let contents = || -> Vec<Value> {
            let paths = ["executions", "queues", "schedules"];
            let paths = paths.map(|path| format!("/api/v1/workers/{path}"));
            let read = paths.map(|path| call(&server, Some(&admin), "GET", &path).body);
            read.to_vec()
        };
        let before = contents();
        let mut tried = 0;
        for (path, item) in document["paths"].as_object().expect("paths") {
            for (method, operation) in item.as_object().expect("operations") {
                let (method, path) = (method.to_uppercase(), path.replace(['{', '}'], ""));
                let open = operation["security"] == json!([]);
                if path.ends_with("/events") {
                    continue;
                }
                tried += 1;
                let what = format!("{database}: {method} {path}");
                let status = |token: Option<&str>| call(&server, token, &method, &path).status;
                if open {
                    let is_known = ["/livez", "/api/v1/session"].contains(&&*path);
                    assert!(is_known, "{what} is open");
                    continue;
                }
                assert_eq!(status(None), 401, "{what}");
                let role = operation["x-role"].as_str();
                match role {
                    Some("viewer") | None => assert_ne!(status(Some(&viewer)), 403, "{what}"),
                    Some(_) => assert_eq!(status(Some(&viewer)), 403, "{what}"),
                }
                if !matches!(role, Some("worker") | None) {
                    assert_eq!(status(Some(&worker)), 403, "{what}");
                }
            }
        }
        assert!(tried > 30, "{document}");
        assert_eq!(contents(), before, "{database}");
    }
}

#[test]
fn acts_of_the_command_line_are_in_the_audit_log() {
    let dir = tempfile::tempdir().expect("a directory");
    transcript::check(
        PROGRAM,
        dir.path(),
        r#"
        $ USER=ada jobs trigger test.add --a 1 --b 2
        … enqueued test.add
        $ USER=ada jobs queues pause default
        default paused; running attempts continue
        $ USER=ada jobs queues pause default
        default was already paused
        $ USER=ada jobs token create --role viewer --name reader >/dev/null 2>&1
        $ USER= LOGNAME= jobs prune
        …
        $ jobs audit
        TIME ACTOR ROLE ADDRESS ACT TARGET BEFORE AFTER
        … unknown admin store.prune store …
        … ada admin token.create … {"expiresAt":null,"name":"reader","role":"viewer"}
        … ada admin queue.pause default {"paused":false} {"paused":true}
        … ada admin execution.trigger … {"jobId":"test.add","triggered":true}
        $ jobs audit --limit 1 --actor ada --json | grep action
        "action": "token.create",
        "#,
    );
}
