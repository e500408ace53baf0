//! The command `archive`, its setting, and an archive on a full disk.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tests::http;
use tests::process::{Ran, Server, run, wait_for};

use super::PROGRAM;
use super::disk::{fill, on_small_disk};

fn jobs(dir: &Path, args: &[&str]) -> Ran {
    run(PROGRAM, dir, args)
}

fn lines(ran: &Ran) -> Vec<Value> {
    assert_eq!(ran.code, 0, "{ran:?}");
    let lines = ran.out.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

/// Executes two sums, one that fails, and a job with a sensitive field. Archives and deletes them.
fn archive_some(dir: &Path) {
    for args in [
        &["exec", "test.add", "--a", "1", "--b", "2"][..],
        &["exec", "test.add", "--a", "3", "--b", "4"],
        &["exec", "test.add", "--a", "9223372036854775807", "--b", "1"],
        &["exec", "test.secret", "--token", "s3cr3t-token"],
    ] {
        jobs(dir, args);
    }
    fs::write(dir.join("jobs.toml"), "archive = \"kept\"\n").expect("written");
    let pruned = jobs(dir, &["prune", "--retain", "1ms"]);
    assert!(pruned.out.contains("4 executions deleted"), "{pruned:?}");
}

#[test]
fn archived_executions_are_read_searched_and_restored() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    let without = jobs(dir, &["archive"]);
    assert_eq!(without.code, 2, "{without:?}");
    assert!(without.err.contains("--archive DIR"), "{without:?}");
    archive_some(dir);

    let listed = jobs(dir, &["archive", "--json"]);
    let files: Value = serde_json::from_str(&listed.out).expect("JSON");
    assert_eq!(files[0]["manifest"]["executions"], 4, "{files}");
    let all = lines(&jobs(dir, &["archive", "read"]));
    assert_eq!(all.len(), 4, "{all:?}");
    let failed = lines(&jobs(dir, &["archive", "read", "--status", "failed"]));
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(failed[0]["jobId"], "test.add");
    assert_eq!(failed[0]["error"]["message"], "the sum does not fit");
    assert_eq!(failed[0]["attempts"][0]["outcome"], "failed", "{failed:?}");
    let sums = lines(&jobs(dir, &["archive", "grep", "\"result\":7"]));
    assert_eq!(sums.len(), 1, "{sums:?}");
    assert_eq!(sums[0]["payload"], json!({"a": 3, "b": 4}));
    let none = lines(&jobs(dir, &["archive", "grep", "no such text"]));
    assert_eq!(none.len(), 0);

    // Sensitive fields are masked, and not found, unless they are revealed.
    let secret = ["archive", "read", "--job", "test.secret"];
    let masked = lines(&jobs(dir, &secret));
    assert_eq!(masked[0]["payload"]["token"], "•••", "{masked:?}");
    let grep = ["archive", "grep", "s3cr3t"];
    assert_eq!(lines(&jobs(dir, &grep)).len(), 0);
    let revealed = lines(&jobs(dir, &[&grep[..], &["--reveal"]].concat()));
    assert_eq!(revealed[0]["payload"]["token"], "s3cr3t-token");

    let unnamed = jobs(dir, &["archive", "restore"]);
    assert_eq!(unnamed.code, 2, "{unnamed:?}");
    let id = failed[0]["id"].as_str().expect("an id");
    let restored = jobs(dir, &["archive", "restore", "--id", id, "--json"]);
    let report: Value = serde_json::from_str(&restored.out).expect("JSON");
    assert_eq!(report, json!({"restored": 1, "skipped": 0}), "{restored:?}");
    let again = jobs(dir, &["archive", "restore", "--job", "test.add"]);
    assert!(
        again.out.contains("2 executions restored, 1 were there"),
        "{again:?}"
    );
    let shown = jobs(dir, &["execution", id, "--json"]);
    let shown: Value = serde_json::from_str(&shown.out).expect("JSON");
    assert_eq!(shown["status"], "failed", "{shown}");
    assert_eq!(
        shown["attempts"][0]["worker"],
        failed[0]["attempts"][0]["worker"]
    );
    // They are kept for their time.
    let pruned = jobs(dir, &["prune", "--retain", "1ms"]);
    assert!(pruned.out.contains("0 executions deleted"), "{pruned:?}");
    let audit = jobs(dir, &["audit", "--json"]);
    assert!(audit.out.contains("archive.restore"), "{audit:?}");
    let retried = jobs(dir, &["retry", id]);
    assert_eq!(retried.code, 0, "{retried:?}");
}

#[test]
fn the_setting_is_shown_and_checked() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    let shown = |args: &[&str]| {
        let shown = jobs(dir, args);
        let line = shown.out.lines().find(|line| line.starts_with("archive"));
        let words: Vec<_> = line.unwrap_or_default().split_whitespace().collect();
        words.join(" ")
    };
    assert_eq!(shown(&["config"]), "archive default");
    let config = ["config", "--archive", "kept"];
    assert_eq!(shown(&config), "archive kept --archive");
    let doctor = ["doctor", "--archive", "kept"];
    assert!(
        shown(&doctor).starts_with("archive ok kept"),
        "{}",
        shown(&doctor)
    );
    assert!(!dir.join("kept").exists(), "it creates nothing");
    archive_some(dir);
    assert_eq!(shown(&doctor), "archive ok kept: 1 files");
    let day = fs::read_dir(dir.join("kept")).expect("a folder").next();
    let day = day.expect("a day").expect("readable").path();
    assert_eq!(
        fs::read_dir(&day).expect("readable").count(),
        2,
        "data and manifest"
    );
    for entry in fs::read_dir(&day).expect("readable") {
        let path = entry.expect("readable").path();
        if path.to_string_lossy().ends_with(".jsonl.zst") {
            fs::write(path, "").expect("written");
        }
    }
    assert!(
        shown(&doctor).starts_with("archive problem"),
        "{}",
        shown(&doctor)
    );
    for command in ["read", "grep"] {
        let text: &[&str] = if command == "grep" { &["x"] } else { &[] };
        let read = jobs(dir, &[&["archive", command], text].concat());
        assert_eq!(read.code, 1, "{read:?}");
        assert!(read.err.contains("lacks 4 executions"), "{read:?}");
    }
    fs::remove_dir_all(dir.join("kept")).expect("removed");
    fs::write(dir.join("kept"), "in the way").expect("written");
    assert!(
        shown(&doctor).starts_with("archive problem"),
        "{}",
        shown(&doctor)
    );
}

/// The archive's disk is full: the pass fails, says so, and deletes nothing. With room, it goes on.
#[test]
fn a_full_disk_keeps_the_executions() {
    let store = tempfile::tempdir().expect("a directory");
    let disk = tempfile::tempdir().expect("a directory");
    let Some((_script_dir, program)) = on_small_disk(disk.path(), "") else {
        return;
    };
    let database = format!("sqlite:{}", store.path().join("jobs.db").display());
    let settings = [
        ("JOBS_LOG", "error"),
        ("JOBS_DATABASE", database.as_str()),
        ("JOBS_ARCHIVE", "archive"),
    ];
    let server = Server::start(&program, disk.path(), &settings);
    let on_disk = PathBuf::from(format!(
        "/proc/{}/root{}",
        server.pid(),
        disk.path().display()
    ));
    for n in 0..50 {
        http::trigger(server.address, "test.add", &json!({"a": n, "b": 2}));
    }
    let succeeded = || {
        let path = "/api/v1/workers/executions?status=succeeded&limit=100";
        let page = http::get(server.address, path).body;
        page["executions"].as_array().map_or(0, Vec::len)
    };
    wait_for("the executions", || succeeded() == 50);
    fill(&on_disk.join("ballast"));
    // The command runs outside of the small disk's namespace, and reaches it through `/proc`.
    let archive = on_disk.join("archive");
    let archive = archive.to_str().expect("text");
    let prune = [
        "prune",
        "--retain",
        "1ms",
        "--database",
        &database,
        "--archive",
        archive,
    ];
    let failed = jobs(store.path(), &prune);
    assert_eq!(failed.code, 1, "{failed:?}");
    assert!(
        failed.err.contains("archive") && failed.err.contains("space"),
        "{failed:?}"
    );
    assert_eq!(succeeded(), 50, "nothing is deleted");
    fs::remove_file(on_disk.join("ballast")).expect("removed");
    let pruned = jobs(store.path(), &prune);
    assert!(pruned.out.contains("50 executions deleted"), "{pruned:?}");
    let read = [
        "archive",
        "read",
        "--archive",
        archive,
        "--database",
        &database,
    ];
    assert_eq!(lines(&jobs(store.path(), &read)).len(), 50);
    server.terminate();
}
