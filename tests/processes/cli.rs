//! The command line: results, messages and exit codes.

use std::path::Path;

use serde_json::Value;
use tests::process::{Ran, run};

use super::{EMPTY, PROGRAM};

fn jobs(dir: &Path, args: &[&str]) -> Ran {
    run(PROGRAM, dir, args)
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

#[test]
fn exec_runs_to_the_end_and_prints_the_result() {
    let dir = tempfile::tempdir().expect("a directory");
    let ran = jobs(dir.path(), &["exec", "test.add", "--a", "-2", "--b", "44"]);
    assert_eq!((ran.code, ran.out.trim()), (0, "42"), "{ran:?}");
}

#[test]
fn exec_also_executes_the_children_that_the_job_awaits() {
    let dir = tempfile::tempdir().expect("a directory");
    // A child of another job, and a chain of children of the same one.
    let ran = jobs(dir.path(), &["exec", "test.parent", "--a", "41"]);
    assert_eq!((ran.code, ran.out.trim()), (0, "42"), "{ran:?}");
    let ran = jobs(dir.path(), &["exec", "test.chain", "--depth", "3"]);
    assert_eq!((ran.code, ran.out.trim()), (0, "3"), "{ran:?}");
}

#[test]
fn exec_of_a_failing_job_exits_1_with_the_reason() {
    let dir = tempfile::tempdir().expect("a directory");
    let max = i64::MAX.to_string();
    let ran = jobs(dir.path(), &["exec", "test.add", "--a", &max, "--b", "1"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("the sum does not fit"), "{ran:?}");
}

#[test]
fn a_wrong_flag_exits_2_with_the_flags_of_the_job() {
    let dir = tempfile::tempdir().expect("a directory");
    let ran = jobs(dir.path(), &["exec", "test.add", "--c", "1"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    let words: Vec<_> = ran.err.split_whitespace().collect();
    let flag = words.windows(3).any(|w| w == ["--a", "JSON", "[required]"]);
    assert!(flag && ran.err.contains("--c"), "{ran:?}");
    assert!(!dir.path().join("jobs.db").exists() || executions(dir.path()).is_empty());
}

#[test]
fn an_invalid_payload_exits_2_with_every_violation() {
    let dir = tempfile::tempdir().expect("a directory");
    let ran = jobs(dir.path(), &["trigger", "test.add", "--a", "x"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("/a") && ran.err.contains("/b"), "{ran:?}");
    assert!(executions(dir.path()).is_empty());
}

fn executions(dir: &Path) -> Vec<Value> {
    let ran = jobs(dir, &["executions", "--json"]);
    json(&ran)["executions"]
        .as_array()
        .cloned()
        .unwrap_or_default()
}

#[test]
fn an_unknown_job_exits_2_with_similar_names() {
    let dir = tempfile::tempdir().expect("a directory");
    let ran = jobs(dir.path(), &["trigger", "test.ad"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("`test.add`"), "{ran:?}");
}

#[test]
fn an_unknown_command_exits_2() {
    let dir = tempfile::tempdir().expect("a directory");
    assert_eq!(jobs(dir.path(), &["triger"]).code, 2);
    assert_eq!(jobs(dir.path(), &["--help"]).code, 0);
    assert_eq!(jobs(dir.path(), &["--version"]).code, 0);
}

#[test]
fn a_dry_run_of_trigger_shows_the_payload_and_enqueues_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let args = ["trigger", "test.add", "--a", "1", "--b", "2", "--dry-run"];
    let ran = jobs(dir.path(), &args);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.starts_with("would enqueue test.add\n{"), "{ran:?}");
    let preview = json(&jobs(dir.path(), &[&args[..], &["--json"]].concat()));
    assert_eq!(preview["outcome"], "new");
    assert_eq!(preview["payload"], serde_json::json!({"a": 1, "b": 2}));
    let wrong = jobs(
        dir.path(),
        &["trigger", "test.add", "--a", "1", "--dry-run"],
    );
    assert_eq!(wrong.code, 2, "{wrong:?}");
    assert!(!dir.path().join("jobs.db").exists(), "no store was made");

    assert_eq!(jobs(dir.path(), &["migrate"]).code, 0);
    assert_eq!(jobs(dir.path(), &args).code, 0);
    let executions = json(&jobs(dir.path(), &["executions", "--json"]));
    assert_eq!(executions["executions"], serde_json::json!([]));
}

#[test]
fn trigger_enqueues_and_executions_shows_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let args = [
        "trigger",
        "test.add",
        "--a",
        "1",
        "--b",
        "2",
        "--priority",
        "high",
        "--item",
        "i-1",
        "--created-by",
        "me",
        "--tag",
        "t",
        "--json",
    ];
    let triggered = json(&jobs(dir.path(), &args));
    let id = triggered["executionId"].as_str().expect("an id").to_owned();
    let shown = json(&jobs(dir.path(), &["execution", &id, "--json"]));
    assert_eq!(shown["status"], "queued");
    assert_eq!(shown["priority"], 75);
    assert_eq!(shown["itemId"], "i-1");
    assert_eq!(shown["triggeredBy"], "cli");
    let text = jobs(dir.path(), &["executions", "--item", "i-1"]);
    assert!(
        text.out.contains(&id) && text.out.contains("queued"),
        "{text:?}"
    );
    let none = jobs(dir.path(), &["executions", "--item", "i-2"]);
    assert!(!none.out.contains(&id), "{none:?}");
}

#[test]
fn list_and_show_print_every_job_and_create_no_store() {
    let dir = tempfile::tempdir().expect("a directory");
    let listed = json(&jobs(dir.path(), &["list", "--json"]));
    let ids: Vec<_> = listed["jobs"].as_array().expect("a list").iter().collect();
    let handler = |id: &str| {
        let job = ids.iter().find(|job| job["id"] == id);
        job.map(|job| job["handler"].clone()).unwrap_or_default()
    };
    assert_eq!(handler("test.add"), "linked");
    assert_eq!(handler("test.external"), "external");
    let shown = jobs(dir.path(), &["show", "test.flaky"]);
    assert!(shown.out.contains("50 ms, 100 ms, 200 ms"), "{shown:?}");
    assert!(!dir.path().join("jobs.db").exists());
}

#[test]
fn schema_prints_the_same_bytes_anywhere() {
    let [here, there] = [(), ()].map(|()| tempfile::tempdir().expect("a directory"));
    let first = jobs(here.path(), &["schema", "--json"]);
    assert_eq!(first.code, 0, "{first:?}");
    assert_eq!(first.out, jobs(there.path(), &["schema"]).out);
    assert!(!here.path().join("jobs.db").exists());

    let job = &json(&first)["jobs"]["test.add"];
    assert_eq!(job["payload"]["required"], serde_json::json!(["a", "b"]));
    assert_eq!(job["result"]["type"], "integer");
    assert_eq!(job["fingerprint"].as_str().map(str::len), Some(32));
    // The schemas contain no path: neither of the build nor of the working directory.
    for place in [env!("CARGO_MANIFEST_DIR"), "/tmp", ".rs", "jobs.db"] {
        assert!(!first.out.contains(place), "{place}");
    }
}

#[test]
fn a_program_without_jobs_names_the_crates_whose_jobs_the_store_knows() {
    let dir = tempfile::tempdir().expect("a directory");
    let without_store = run(EMPTY, dir.path(), &["doctor", "--bind", "127.0.0.1:0"]);
    assert!(
        without_store.out.contains("`use my_jobs as _;`"),
        "{without_store:?}"
    );
    assert!(
        !without_store.out.contains("other programs"),
        "{without_store:?}"
    );

    // The server publishes its catalogue.
    drop(tests::process::Server::start(PROGRAM, dir.path(), &[]));
    let with_store = run(EMPTY, dir.path(), &["doctor", "--bind", "127.0.0.1:0"]);
    assert!(
        with_store.out.contains("`use tests as _;`"),
        "{with_store:?}"
    );
    let (_, log) = tests::process::Server::start(EMPTY, dir.path(), &[]).terminate();
    assert!(
        log.iter().any(|line| line.contains("`use tests as _;`")),
        "{log:?}"
    );
}

#[test]
fn config_names_the_source_of_every_value() {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("jobs.toml"), "lease = '1m'\n").expect("written");
    let shown = jobs(dir.path(), &["config", "--concurrency", "3"]);
    assert!(
        shown.out.contains("jobs.toml") && shown.out.contains("--concurrency"),
        "{shown:?}"
    );
    std::fs::write(dir.path().join("jobs.toml"), "lese = '1m'\n").expect("written");
    let rejected = jobs(dir.path(), &["config"]);
    assert_eq!(rejected.code, 2, "{rejected:?}");
}

#[test]
fn migrate_and_doctor_report_the_state() {
    let dir = tempfile::tempdir().expect("a directory");
    assert_eq!(jobs(dir.path(), &["migrate", "--status"]).code, 1);
    assert_eq!(jobs(dir.path(), &["migrate"]).code, 0);
    let status = json(&jobs(dir.path(), &["migrate", "--status", "--json"]));
    let migrations = status.as_array().expect("a list");
    assert!(!migrations.is_empty() && migrations.iter().all(|m| !m["appliedAt"].is_null()));
    let doctor = jobs(dir.path(), &["doctor", "--bind", "127.0.0.1:0"]);
    assert_eq!(doctor.code, 0, "{doctor:?}");
    assert!(doctor.out.contains("has a provider"), "{doctor:?}");
    let broken = jobs(
        dir.path(),
        &["doctor", "--database", "sqlite:/no/such/dir/jobs.db"],
    );
    assert_eq!(broken.code, 1, "{broken:?}");
}

#[test]
fn a_bind_beyond_this_machine_is_rejected() {
    let dir = tempfile::tempdir().expect("a directory");
    let ran = jobs(dir.path(), &["serve", "--bind", "0.0.0.0:0"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("0.0.0.0"), "{ran:?}");
}

#[test]
fn work_until_idle_ends_by_itself() {
    let dir = tempfile::tempdir().expect("a directory");
    jobs(dir.path(), &["trigger", "test.add", "--a", "1", "--b", "2"]);
    let ran = jobs(dir.path(), &["work", "--until-idle"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(executions(dir.path())[0]["status"], "succeeded");
}
