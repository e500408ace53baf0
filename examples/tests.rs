//! Runs every example in a process of its own and checks its output.
//!
//! ```text
//! cargo test -p examples
//! ```

#![allow(clippy::unwrap_used, reason = "a failed assumption fails the test")]

#[path = "tests/cad.rs"]
mod cad;
#[path = "tests/product.rs"]
mod product;
#[path = "tests/programs.rs"]
mod programs;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use sqlx::sqlite::SqlitePool;
use tests::http::{get, post, send};
use tests::postgres::Postgres;
use tests::process::{Server, run, wait_for};

/// The URLs of an empty SQLite and an empty PostgreSQL store.
fn databases() -> [String; 2] {
    ["sqlite:jobs.db".to_owned(), Postgres::shared().fresh_url()]
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_jobs-examples");

/// The path of an example, which Cargo builds with the tests.
fn example(name: &str) -> PathBuf {
    Path::new(PROGRAM).with_file_name("examples").join(name)
}

/// Polls an execution until it is final.
fn wait_until_final(address: SocketAddr, id: &str) -> Value {
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
    wait_until_final(address, id)
}

async fn list_members(dir: &Path) -> Vec<(String, String, String)> {
    let url = format!("sqlite:{}", dir.join("workspace.db").display());
    let pool = SqlitePool::connect(&url)
        .await
        .expect("the example creates the database");
    sqlx::query_as("SELECT id, subject, role FROM members ORDER BY subject")
        .fetch_all(&pool)
        .await
        .expect("the example creates the table")
}

#[tokio::test]
async fn provision_member_follows_the_readme() {
    for database in databases() {
        follows_the_readme(&database).await;
    }
}

async fn follows_the_readme(database: &str) {
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
    assert_eq!(job.expect("the job is listed")["handler"], "linked");

    let alice = r#"{ "workspaceId": "ws-1", "subject": "user:alice", "role": "member" }"#;
    let record = trigger(address, alice);
    assert_eq!(record["status"], "succeeded", "{record}");
    let member_id = record["result"]["memberId"]
        .as_str()
        .expect("an id")
        .to_owned();
    let list = get(address, "/api/v1/workers/executions?limit=10").body;
    // The schedule of `health-check` may have added an execution.
    let mut list = list["executions"].as_array().expect("a list").iter();
    let newest = list.find(|one| one["jobId"] == "provision-member");
    assert_eq!(
        newest.expect("it is listed")["result"]["memberId"],
        *member_id
    );

    // A second trigger for the same member adds no row.
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
    assert_eq!(list_members(dir.path()).await, expected);
}

#[test]
fn a_trigger_is_answered_within_50_ms() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(PROGRAM, dir.path(), &[]);
    let path = "/api/v1/workers/jobs/health-check/trigger";
    let clock = jobs_runtime::SystemClock::new();
    let times = (0..20).map(|_| {
        let start = jobs::Clock::elapsed(&clock);
        assert_eq!(post(server.address, path, "{}").status, 202);
        jobs::Clock::elapsed(&clock) - start
    });
    // Other tests may slow down some of the requests, so only the fastest counts.
    let fastest = times.min().expect("there are twenty");
    assert!(fastest < Duration::from_millis(50), "{fastest:?}");
}

#[tokio::test]
async fn provision_member_runs_by_the_exec_command() {
    for database in databases() {
        runs_by_the_exec_command(&database).await;
    }
}

async fn runs_by_the_exec_command(database: &str) {
    let dir = tempfile::tempdir().unwrap();
    let exec = |workspace: &str| {
        let flags = ["--workspace-id", workspace, "--subject", "user:alice"];
        let store = ["--database", database];
        run(
            PROGRAM,
            dir.path(),
            &[&store[..], &["exec", "provision-member"], &flags[..]].concat(),
        )
    };
    let ran = exec("ws-1");
    assert_eq!(ran.code, 0, "{ran:?}");
    let result: Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(result["memberId"], *list_members(dir.path()).await[0].0);
    let failed = exec("ws-9");
    assert_eq!(failed.code, 1, "{failed:?}");
    assert!(failed.err.contains("no workspace `ws-9`"), "{failed:?}");
}

#[test]
fn a_batch_of_widgets_is_cancelled_between_two_widgets() {
    for database in databases() {
        is_cancelled_between_two_widgets(&database);
    }
}

fn is_cancelled_between_two_widgets(database: &str) {
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
    assert_eq!(wait_until_final(address, id)["status"], "cancelled");
}

/// A process that is killed on drop.
struct KillOnDrop(Child);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_web_example_responds_before_the_job_has_run() {
    for database in databases() {
        web_responds_before_the_job_has_run(&database);
    }
}

/// Starts an example that serves HTTP. Returns it with the address that it prints.
fn start_server(name: &str, dir: &Path, database: &str) -> (KillOnDrop, SocketAddr) {
    let child = Command::new(example(name))
        .current_dir(dir)
        .env("ADDRESS", "127.0.0.1:0")
        .env("JOBS_DATABASE", database)
        .stdout(Stdio::piped())
        .spawn();
    let mut web = KillOnDrop(child.expect("examples are built with the tests"));
    let mut line = String::new();
    let stdout = web.0.stdout.take().expect("the output is piped");
    BufReader::new(stdout)
        .read_line(&mut line)
        .expect("the example prints its address");
    let address = line.trim().rsplit('/').next().unwrap_or_default();
    (web, address.parse().expect("an address"))
}

#[test]
fn an_order_and_its_receipt_are_stored_together_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let (_web, address) = start_server("transactional_web", dir.path(), "unused");
    let order = |number: u32, cents: u32| {
        let body = format!(r#"{{"number": {number}, "cents": {cents}, "email": "b@example.com"}}"#);
        post(address, "/orders", &body)
    };
    let stored = order(7, 4_200);
    assert_eq!(stored.status, 201, "{stored:?}");
    assert_eq!(order(8, 0).status, 422, "0 cents break a rule of the table");
    assert_eq!(order(7, 100).status, 422, "the number is taken");
    assert_eq!(get(address, "/orders").text.trim(), "1");

    let jobs = |args: &[&str]| {
        let database = ["--database", "sqlite:orders.db"];
        run(PROGRAM, dir.path(), &[&database, args].concat()).out
    };
    let listed: Value = serde_json::from_str(&jobs(&["executions", "--json"])).unwrap();
    let listed = listed["executions"].as_array().unwrap();
    assert_eq!(listed.len(), 1, "{listed:?}");
    let id = stored.text.trim();
    assert_eq!(listed[0]["id"], id);
    wait_for("the receipt", || {
        jobs(&["execution", id]).contains("succeeded")
    });
}

fn web_responds_before_the_job_has_run(database: &str) {
    let dir = tempfile::tempdir().unwrap();
    let (mut web, address) = start_server("web", dir.path(), database);
    let answer = post(address, "/workspaces/ws-1/members", r#""user:carol""#);
    assert_eq!(answer.status, 202, "{answer:?}");
    let id = answer.text.trim();
    wait_for("the end of the execution", || {
        let shown = run(
            PROGRAM,
            dir.path(),
            &["--database", database, "execution", id],
        );
        shown.out.contains("succeeded")
    });
    let token = run(
        PROGRAM,
        dir.path(),
        &[
            "--database",
            database,
            "token",
            "create",
            "--role",
            "operator",
        ],
    );
    let bearer = format!("authorization: Bearer {}", token.out.trim());
    let path = "/ops/api/v1/workers/jobs/health-check/trigger";
    let triggered = send(address, "POST", path, &[&bearer], "{}");
    assert!(
        triggered
            .head
            .contains("location: /ops/api/v1/workers/executions/"),
        "{triggered:?}"
    );

    // A listener to events, for which a graceful stop of the server would wait.
    let mut listener = TcpStream::connect(address).unwrap();
    let request =
        format!("GET /ops/api/v1/workers/events HTTP/1.1\r\nhost: {address}\r\n{bearer}\r\n\r\n");
    listener.write_all(request.as_bytes()).unwrap();
    let mut events = BufReader::new(listener);
    let mut status = String::new();
    events.read_line(&mut status).unwrap();
    assert!(status.contains(" 200 "), "{status}");
    let pid = web.0.id().to_string();
    let signalled = Command::new("kill").args(["-TERM", &pid]).status();
    assert!(signalled.expect("kill starts").success());
    let mut ended = None;
    wait_for("the end of the application", || {
        ended = web.0.try_wait().expect("a child of this process");
        ended.is_some()
    });
    assert!(ended.unwrap().success(), "{ended:?}");
    let mut rest = String::new();
    events
        .read_to_string(&mut rest)
        .expect("the stream ends in order");
}

#[test]
fn the_error_reporter_reports_once_after_the_last_attempt() {
    let dir = tempfile::tempdir().unwrap();
    let program = example("error_reporter");
    let program = program.to_str().expect("the path is UTF-8");
    let ran = run(program, dir.path(), &[]);
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{ran:?}");
    let report = "import-file failed after 3 attempts: widgets.csv, line 7: a comma is missing \
                  [failed] (execution ";
    let reports: Vec<_> = ran.err.lines().collect();
    assert_eq!(reports.len(), 1, "{ran:?}");
    assert!(reports[0].starts_with(report), "{ran:?}");
}

/// Runs an example on each store and compares its output.
fn assert_prints(name: &str, expected: &str) {
    for database in databases() {
        let dir = tempfile::tempdir().unwrap();
        let ran = Command::new(example(name))
            .current_dir(dir.path())
            .env("JOBS_DATABASE", &database)
            .output()
            .expect("examples are built with the tests");
        let printed = String::from_utf8_lossy(&ran.stdout);
        assert!(
            ran.status.success() && printed == expected,
            "{database}: {ran:?}"
        );
    }
}

#[test]
fn concurrency_and_rate_limits_hold() {
    assert_prints(
        "limits",
        "9 pages of 3 tenants: at most 1 at a time for a tenant\n\
         4 calls at 10 per second: over at least 200 ms: true\n",
    );
}

#[test]
fn calls_of_an_api_wait_for_their_rate() {
    assert_prints("api_client", "4 names in 2 attempts\n");
}

#[test]
fn a_fan_out_finds_its_children_again() {
    assert_prints("fan_out", "10 words on 3 pages\n");
}

#[test]
fn executions_are_deduplicated() {
    assert_prints(
        "deduplication",
        "4 syncs of 2 accounts: 2 executions\n\
         3 changes of a document: 1 execution, indexed `the end`\n",
    );
}

#[test]
fn a_paused_queue_keeps_its_executions_until_it_is_resumed() {
    assert_prints(
        "paused_queue",
        "the default queue goes on: 1 + 2 = 3\n\
         the letter in the paused queue is queued\n\
         after the resume its result is `dear alice`\n",
    );
}

#[test]
fn schedules_run_and_are_created_paused_and_run_by_hand() {
    assert_prints(
        "schedules",
        "the next report for Tokyo is at 22:00 UTC\n\
         two ticks are 1000 ms apart\n\
         the schedule of the ticks is paused\n\
         a manual run by schedule made \"report.csv\"\n\
         report:1 0 3 * * *\n\
         report:2 0 0 L * *\n\
         tick:1 * * * * * *\n\
         tokyo-report 0 7 * * MON-FRI\n",
    );
}
