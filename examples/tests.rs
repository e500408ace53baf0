//! The examples do what they say, in processes of their own.

#![allow(clippy::unwrap_used, reason = "a test fails where its assumption does")]

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use sqlx::sqlite::SqlitePool;
use tests::http::{get, post};
use tests::postgres::Postgres;
use tests::process::{Server, run, wait_for};

/// The stores that the examples run on, each fresh.
fn databases() -> [String; 2] {
    ["sqlite:jobs.db".to_owned(), Postgres::shared().fresh_url()]
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_jobs-examples");

/// Reads an execution again until it is final.
fn final_record(address: SocketAddr, id: &str) -> Value {
    let mut record = Value::Null;
    wait_for(&format!("the end of {id}"), || {
        record = get(address, &format!("/api/v1/workers/executions/{id}")).body;
        !record["finishedAt"].is_null()
    });
    record
}

fn trigger(address: SocketAddr, payload: &str) -> Value {
    let path = "/api/v1/workers/jobs/provision-member/trigger";
    let answer = post(address, path, &format!(r#"{{ "payload": {payload} }}"#));
    assert_eq!(answer.status, 202, "{answer:?}");
    let id = answer.body["executionId"].as_str().expect("an id");
    final_record(address, id)
}

async fn members(dir: &Path) -> Vec<(String, String, String)> {
    let url = format!("sqlite:{}", dir.join("workspace.db").display());
    let pool = SqlitePool::connect(&url).await.expect("it is there");
    sqlx::query_as("SELECT id, subject, role FROM members ORDER BY subject")
        .fetch_all(&pool)
        .await
        .expect("it has members")
}

#[tokio::test]
async fn provision_member_by_the_lines_of_the_readme() {
    for database in databases() {
        by_the_lines_of_the_readme(&database).await;
    }
}

async fn by_the_lines_of_the_readme(database: &str) {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(PROGRAM, dir.path(), &[("JOBS_DATABASE", database)]);
    let address = server.address;

    let health = get(address, "/health");
    assert_eq!(
        (health.status, &health.body["status"]),
        (200, &Value::from("ok"))
    );
    let jobs = get(address, "/api/v1/workers/jobs").body;
    let mut listed = jobs["jobs"].as_array().expect("a list").iter();
    let job = listed.find(|job| job["id"] == "provision-member");
    assert_eq!(job.expect("it is listed")["handler"], "linked");

    let alice = r#"{ "workspaceId": "ws-1", "subject": "user:alice", "role": "member" }"#;
    let record = trigger(address, alice);
    assert_eq!(record["status"], "succeeded", "{record}");
    let member_id = record["result"]["memberId"]
        .as_str()
        .expect("an id")
        .to_owned();
    let feed = get(address, "/api/v1/workers/executions?limit=10").body;
    assert_eq!(feed["executions"][0]["result"]["memberId"], *member_id);

    // Twice for one member: one row.
    let again = trigger(address, alice);
    assert_eq!(again["result"]["memberId"], *member_id);
    // An omitted role is stored as `member`.
    let bob = trigger(
        address,
        r#"{ "workspaceId": "ws-1", "subject": "user:bob" }"#,
    );
    assert_eq!(bob["payload"]["role"], "member");

    let bob_id = bob["result"]["memberId"]
        .as_str()
        .expect("an id")
        .to_owned();
    let row = |id: String, subject: &str| (id, subject.to_owned(), "member".to_owned());
    let expected = [row(member_id, "user:alice"), row(bob_id, "user:bob")];
    assert_eq!(members(dir.path()).await, expected);
}

#[test]
fn a_trigger_is_answered_well_under_50_ms() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(PROGRAM, dir.path(), &[]);
    let path = "/api/v1/workers/jobs/health-check/trigger";
    let clock = jobs_runtime::SystemClock::new();
    let times = (0..20).map(|_| {
        let begun = jobs::Clock::elapsed(&clock);
        assert_eq!(post(server.address, path, "{}").status, 202);
        jobs::Clock::elapsed(&clock) - begun
    });
    // The fastest of many: the machine may be busy with other tests.
    let fastest = times.min().expect("twenty");
    assert!(fastest < Duration::from_millis(50), "{fastest:?}");
}

#[tokio::test]
async fn provision_member_in_the_terminal() {
    for database in databases() {
        in_the_terminal(&database).await;
    }
}

async fn in_the_terminal(database: &str) {
    let dir = tempfile::tempdir().unwrap();
    let exec = |workspace: &str| {
        let flags = ["--workspace-id", workspace, "--subject", "user:alice"];
        let on = ["--database", database];
        run(
            PROGRAM,
            dir.path(),
            &[&on[..], &["exec", "provision-member"], &flags[..]].concat(),
        )
    };
    let ran = exec("ws-1");
    assert_eq!(ran.code, 0, "{ran:?}");
    let result: Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(result["memberId"], *members(dir.path()).await[0].0);
    let failed = exec("ws-9");
    assert_eq!(failed.code, 1, "{failed:?}");
    assert!(failed.err.contains("no workspace `ws-9`"), "{failed:?}");
}

#[test]
fn a_batch_of_widgets_is_cancelled_between_two() {
    for database in databases() {
        cancelled_between_two(&database);
    }
}

fn cancelled_between_two(database: &str) {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(PROGRAM, dir.path(), &[("JOBS_DATABASE", database)]);
    let address = server.address;
    let path = "/api/v1/workers/jobs/widget.process.batch/trigger";
    let ids: Vec<_> = (0..1000).map(|n| format!("w-{n}")).collect();
    let body = serde_json::json!({"payload": {
        "widgetIds": ids, "userId": "alice", "options": {"pauseMs": 50},
    }});
    let answer = post(address, path, &body.to_string());
    let id = answer.body["executionId"].as_str().expect("an id");
    let path = format!("/api/v1/workers/executions/{id}");
    wait_for("the first widgets", || {
        let message = get(address, &path).body["progressMessage"].to_string();
        message.contains(" of 1000 widgets")
    });
    let cancel = post(address, &format!("{path}/cancel"), "{}");
    assert_eq!(cancel.status, 202, "{cancel:?}");
    assert_eq!(final_record(address, id)["status"], "cancelled");
}

/// Killed when it is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_web_example_answers_before_the_work_is_done() {
    for database in databases() {
        the_web_example_answers(&database);
    }
}

fn the_web_example_answers(database: &str) {
    let dir = tempfile::tempdir().unwrap();
    let program = Path::new(PROGRAM).with_file_name("examples").join("web");
    let child = Command::new(program)
        .current_dir(dir.path())
        .env("ADDRESS", "127.0.0.1:0")
        .env("JOBS_DATABASE", database)
        .stdout(Stdio::piped())
        .spawn();
    let mut web = Running(child.expect("examples are built with the tests"));
    let mut line = String::new();
    let stdout = web.0.stdout.take().expect("it is piped");
    BufReader::new(stdout)
        .read_line(&mut line)
        .expect("it says where it listens");
    let address = line.trim().rsplit('/').next().unwrap_or_default();
    let address: SocketAddr = address.parse().expect("an address");
    let answer = post(address, "/workspaces/ws-1/members", r#""user:carol""#);
    assert_eq!(answer.status, 202, "{answer:?}");
    let id = answer.text.trim();
    wait_for("its end", || {
        let shown = run(
            PROGRAM,
            dir.path(),
            &["--database", database, "execution", id],
        );
        shown.out.contains("succeeded")
    });
}

#[test]
fn the_error_reporter_reports_once_after_the_last_attempt() {
    let dir = tempfile::tempdir().unwrap();
    let program = Path::new(PROGRAM)
        .with_file_name("examples")
        .join("error_reporter");
    let program = program.to_str().expect("a path of text");
    let ran = run(program, dir.path(), &[]);
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{ran:?}");
    let report = "import-file failed after 3 attempts: widgets.csv, line 7: a comma is missing [failed] (execution ";
    let reports: Vec<_> = ran.err.lines().collect();
    assert_eq!(reports.len(), 1, "{ran:?}");
    assert!(reports[0].starts_with(report), "{ran:?}");
}

#[test]
fn the_limits_hold() {
    let dir = tempfile::tempdir().unwrap();
    let program = Path::new(PROGRAM).with_file_name("examples").join("limits");
    let program = program.to_str().expect("a path of text");
    let ran = run(program, dir.path(), &[]);
    let expected = "\
        9 pages of 3 tenants: at most 1 at a time for a tenant\n\
        4 calls of 10 a second: spread out true\n\
        4 asked for a sync of 2 accounts: 2 executions\n\
        3 changes of a document: together true, indexed `the end`\n\
        a letter in a paused queue is queued; resumed: `dear alice`\n";
    assert_eq!((ran.code, ran.out.as_str()), (0, expected), "{ran:?}");
}
