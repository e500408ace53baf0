//! The command `import`, over the table layouts of apalis and graphile_worker.

use std::path::Path;

use serde_json::{Value, json};
use tests::database::Database;
use tests::postgres::Postgres;
use tests::process::{Ran, run};

use super::PROGRAM;

fn import(dir: &Path, args: &[&str]) -> (Ran, Value) {
    let ran = run(PROGRAM, dir, &[&["import"], args, &["--json"]].concat());
    let report = serde_json::from_str(&ran.out).unwrap_or(Value::Null);
    (ran, report)
}

/// The numbers of one name: imported, existing, running, refused.
fn numbers(report: &Value, name: &str) -> Value {
    let row = &report["names"][name];
    json!([
        row["imported"],
        row["existing"],
        row["running"],
        row["refused"]
    ])
}

fn executions(dir: &Path) -> Vec<Value> {
    let listed = run(PROGRAM, dir, &["executions", "--limit", "1000", "--json"]);
    let listed: Value = serde_json::from_str(&listed.out).expect("JSON");
    listed["executions"].as_array().expect("a list").clone()
}

#[test]
fn apalis_on_sqlite_is_imported_once() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    let file = dir.join("apalis.db");
    std::fs::write(&file, "").expect("a file");
    Database::open(&file).script(include_str!("import/apalis_sqlite.sql"));
    let args = [
        "apalis",
        "--from",
        "sqlite:apalis.db",
        "--map",
        "app::Sum=test.add",
    ];

    let (_, dry) = import(dir, &[&args[..], &["--dry-run"]].concat());
    assert_eq!(dry["dryRun"], true, "{dry}");
    assert_eq!(numbers(&dry, "app::Sum"), json!([3, 0, 1, 1]), "{dry}");
    assert!(!dir.join("jobs.db").exists(), "a dry run creates no store");

    let (ran, report) = import(dir, &args);
    assert_eq!(ran.code, 1, "a refused row fails the command: {ran:?}");
    assert_eq!(
        numbers(&report, "app::Sum"),
        json!([3, 0, 1, 1]),
        "{report}"
    );
    let refused = &report["names"]["app::Sum"]["firstRefused"];
    assert_eq!(refused[0], "01G", "{refused}");
    assert_eq!(
        numbers(&report, "app::Unknown"),
        json!([0, 0, 0, 1]),
        "{report}"
    );
    let hint = report["names"]["app::Unknown"]["firstRefused"][1].to_string();
    assert!(hint.contains("--map app::Unknown=JOB"), "{hint}");

    let (_, again) = import(dir, &args);
    assert_eq!(numbers(&again, "app::Sum"), json!([0, 3, 1, 1]), "{again}");
    let found = executions(dir);
    assert_eq!(found.len(), 3, "{found:?}");
    let later = found.iter().find(|one| one["payload"]["a"] == 2);
    let later = later.expect("the delayed row");
    assert_eq!(later["status"], "pending", "{later}");
    assert_eq!(later["priority"], 70, "{later}");
    assert_eq!(later["createdBy"], "import from apalis", "{later}");

    let worked = run(PROGRAM, dir, &["work", "--until-idle"]);
    assert_eq!(worked.code, 0, "{worked:?}");
    let done = executions(dir);
    let done = done.iter().filter(|one| one["status"] == "succeeded");
    assert_eq!(done.count(), 2);
}

#[test]
fn apalis_on_postgresql_is_imported_in_pages() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Postgres::shared();
    let database = server.fresh_database();
    server.sql(&database, include_str!("import/apalis_postgres.sql"));
    let url = server.url(&database);
    let (ran, report) = import(dir.path(), &["apalis", "--from", &url]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(
        numbers(&report, "test.add"),
        json!([1200, 0, 0, 0]),
        "{report}"
    );
    let (_, again) = import(dir.path(), &["apalis", "--from", &url]);
    assert_eq!(
        numbers(&again, "test.add"),
        json!([0, 1200, 0, 0]),
        "{again}"
    );
}

#[test]
fn graphile_worker_is_imported_into_the_same_database() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Postgres::shared();
    let database = server.fresh_database();
    server.sql(&database, include_str!("import/graphile_worker.sql"));
    let url = server.url(&database);
    let args = [
        "graphile-worker",
        "--from",
        &url,
        "--map",
        "add_numbers=test.add",
        "--database",
        &url,
    ];
    let (_, report) = import(dir.path(), &args);
    assert_eq!(
        numbers(&report, "add_numbers"),
        json!([2, 0, 1, 1]),
        "{report}"
    );
    assert_eq!(report["names"]["add_numbers"]["ordered"], 1, "{report}");
    let text = run(PROGRAM, dir.path(), &[&["import"], &args[..]].concat());
    assert!(text.out.contains("max_concurrent = 1"), "{text:?}");
    assert!(text.out.contains("let the old workers finish"), "{text:?}");
    let priorities = server.sql(
        &database,
        "SELECT STRING_AGG(priority::TEXT, ' ' ORDER BY priority) FROM jobs.executions",
    );
    assert_eq!(priorities, "50 80");
}

#[test]
fn what_cannot_be_read_is_an_error() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    let wrong = import(dir, &["graphile-worker", "--from", "sqlite:a.db"]).0;
    assert_eq!(wrong.code, 2, "{wrong:?}");
    let absent = import(dir, &["apalis", "--from", "sqlite:a.db"]).0;
    assert_eq!(absent.code, 1, "{absent:?}");
    assert!(
        absent.err.contains("the tables of apalis cannot be read"),
        "{absent:?}"
    );
    let map = import(dir, &["apalis", "--from", "sqlite:a.db", "--map", "x"]).0;
    assert_eq!(map.code, 2, "{map:?}");
    assert!(!dir.join("a.db").exists());
}
