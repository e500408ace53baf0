//! A full disk and a read-only disk.
//!
//! The disk is a small file system in a mount namespace of the program. The test reaches it through
//! `/proc`.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use tempfile::TempDir;
use tests::http;
use tests::process::{Server, run, wait_for};

use super::PROGRAM;

/// A script that mounts a small disk over `dir`, runs `before` there and becomes the worker. `None`
/// if this user may not create a mount namespace.
pub(super) fn on_small_disk(dir: &Path, before: &str) -> Option<(TempDir, String)> {
    let unshare = if is_root() {
        vec!["--mount"]
    } else {
        vec!["--map-root-user", "--mount"]
    };
    let allowed = Command::new("unshare").args(&unshare).arg("true").output();
    if !allowed.is_ok_and(|ran| ran.status.success()) {
        writeln!(
            std::io::stderr(),
            "skipped: this user may not create mount namespaces"
        )
        .expect("stderr is open");
        return None;
    }
    let script_dir = tempfile::tempdir().expect("a directory");
    let script = script_dir.path().join("program");
    let (dir, unshare) = (dir.display(), unshare.join(" "));
    let text = format!(
        "#!/bin/sh\nexec unshare {unshare} sh -c 'mount -t tmpfs -o size=2m tmpfs {dir} \
         && cd {dir} && {before} exec {PROGRAM} \"$@\"' sh \"$@\"\n"
    );
    fs::write(&script, text).expect("written");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("executable");
    let script = script.to_str().expect("text").to_owned();
    Some((script_dir, script))
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// Writes until the disk is full.
pub(super) fn fill(file: &PathBuf) {
    let mut ballast = fs::File::create(file).expect("created");
    for size in [4096, 1] {
        while ballast.write_all(&vec![0; size]).is_ok() {}
    }
}

#[test]
fn a_full_disk_is_named_and_work_goes_on_when_there_is_room() {
    let dir = tempfile::tempdir().expect("a directory");
    let Some((_script_dir, program)) = on_small_disk(dir.path(), "") else {
        return;
    };
    let server = Server::start(&program, dir.path(), &[("JOBS_LOG", "error")]);
    let disk = PathBuf::from(format!(
        "/proc/{}/root{}",
        server.pid(),
        dir.path().display()
    ));
    let add = json!({"a": 1, "b": 2});
    let mut accepted = vec![http::trigger(server.address, "test.add", &add)];
    // This execution ends while the disk is full.
    accepted.push(http::trigger(
        server.address,
        "test.nap",
        &json!({"millis": 1_500}),
    ));
    let status = |id: &str| http::execution(server.address, id)["status"].clone();
    wait_for("the attempt to start", || status(&accepted[1]) == "running");

    fill(&disk.join("ballast"));
    let path = "/api/v1/workers/jobs/test.add/trigger";
    let body = json!({ "payload": add }).to_string();
    // SQLite still has free pages in its files: the first enqueues may succeed.
    let mut rejected = http::post(server.address, path, &body);
    let mut rejections = 0;
    wait_for("20 rejections in a row", || {
        rejections += 1;
        if rejected.status == 202 {
            let id = rejected.body["executionId"].as_str().expect("an id");
            accepted.push(id.to_owned());
            rejections = 0;
        }
        rejected = http::post(server.address, path, &body);
        rejections > 20
    });
    assert_eq!(rejected.status, 503, "{rejected:?}");
    // SQLite resolves the link in `/proc`, so the command must run inside the mount namespace.
    let (pid, disk_dir) = (server.pid().to_string(), dir.path().display().to_string());
    let command = format!("cd {disk_dir} && exec {PROGRAM} trigger test.add --a 1 --b 2");
    let mut args = vec!["--target", &pid, "--mount"];
    if !is_root() {
        args.extend(["--user", "--preserve-credentials"]);
    }
    args.extend(["sh", "-c", &command]);
    let mut command_run = run("nsenter", Path::new("/"), &args);
    wait_for("a rejection on the command line", || {
        if command_run.code == 0 {
            let id = command_run.out.split(' ').next().unwrap_or_default();
            accepted.push(id.to_owned());
            command_run = run("nsenter", Path::new("/"), &args);
        }
        command_run.code != 0
    });
    assert_eq!(command_run.code, 1, "{command_run:?}");
    for message in [&rejected.text, &command_run.err] {
        assert!(
            message.contains("jobs.db") && message.contains("the disk is full"),
            "{message}"
        );
    }
    let mut ready = http::get(server.address, "/readyz");
    wait_for("/readyz to report the full disk", || {
        ready = http::get(server.address, "/readyz");
        ready.status == 503
    });
    assert!(ready.text.contains("the disk is full"), "{ready:?}");
    assert_eq!(http::get(server.address, "/livez").status, 200);

    fs::remove_file(disk.join("ballast")).expect("removed");
    wait_for("/readyz to recover", || {
        http::get(server.address, "/readyz").status == 200
    });
    accepted.push(http::trigger(server.address, "test.add", &add));
    for id in &accepted {
        wait_for(&format!("{id} to end"), || status(id) == "succeeded");
        assert_eq!(http::execution(server.address, id)["attempt"], 1);
    }
    let listed = http::get(server.address, "/api/v1/workers/executions?limit=1000").body;
    let stored = listed["executions"].as_array().expect("a list").len();
    assert_eq!(
        stored,
        accepted.len(),
        "the store has accepted executions only"
    );
    assert_eq!(server.terminate().0, Some(0));
}

#[test]
fn a_read_only_disk_is_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let before = format!(
        "{PROGRAM} migrate 2>/dev/null >&2 && mount -o remount,ro {} && ",
        dir.path().display()
    );
    let Some((_script_dir, program)) = on_small_disk(dir.path(), &before) else {
        return;
    };
    let args = ["trigger", "test.add", "--a", "1", "--b", "2"];
    let command_run = run(&program, dir.path(), &args);
    assert_eq!(command_run.code, 1, "{command_run:?}");
    assert!(
        command_run.err.contains("jobs.db") && command_run.err.contains("read-only"),
        "{command_run:?}"
    );
}
