//! A disk that is full, and one that nobody may write to.
//!
//! The disk is a small file system of its own, in a mount namespace of the program's; the test
//! reaches it through `/proc`.

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

/// A program that mounts a small disk over `dir`, does `before` there, and goes on as the worker.
/// `None` where this user may not have a mount namespace.
fn on_small_disk(dir: &Path, before: &str) -> Option<(TempDir, String)> {
    let unshare = match is_root() {
        true => vec!["--mount"],
        false => vec!["--map-root-user", "--mount"],
    };
    let allowed = Command::new("unshare").args(&unshare).arg("true").output();
    if !allowed.is_ok_and(|ran| ran.status.success()) {
        writeln!(std::io::stderr(), "skipped: no mount namespaces here").expect("stderr is open");
        return None;
    }
    let place = tempfile::tempdir().expect("a directory");
    let script = place.path().join("program");
    let (dir, unshare) = (dir.display(), unshare.join(" "));
    let text = format!(
        "#!/bin/sh\nexec unshare {unshare} sh -c 'mount -t tmpfs -o size=2m tmpfs {dir} && cd {dir} \
         && {before} exec {PROGRAM} \"$@\"' sh \"$@\"\n"
    );
    fs::write(&script, text).expect("written");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("executable");
    let script = script.to_str().expect("text").to_owned();
    Some((place, script))
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// Writes until nothing more fits.
fn fill(file: &PathBuf) {
    let mut ballast = fs::File::create(file).expect("created");
    for size in [4096, 1] {
        while ballast.write_all(&vec![0; size]).is_ok() {}
    }
}

#[test]
fn a_full_disk_is_named_and_work_goes_on_when_there_is_room() {
    let dir = tempfile::tempdir().expect("a directory");
    let Some((_place, program)) = on_small_disk(dir.path(), "") else {
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
    // It ends while the disk is full.
    accepted.push(http::trigger(
        server.address,
        "test.nap",
        &json!({"millis": 1_500}),
    ));
    let status = |id: &str| http::execution(server.address, id)["status"].clone();
    wait_for("its begin", || status(&accepted[1]) == "running");

    fill(&disk.join("ballast"));
    let path = "/api/v1/workers/jobs/test.add/trigger";
    let body = json!({ "payload": add }).to_string();
    // SQLite finds some room in its own files for a while.
    let mut refused = http::post(server.address, path, &body);
    let mut in_a_row = 0;
    wait_for("nothing but refusals", || {
        in_a_row += 1;
        if refused.status == 202 {
            let id = refused.body["executionId"].as_str().expect("an id");
            accepted.push(id.to_owned());
            in_a_row = 0;
        }
        refused = http::post(server.address, path, &body);
        in_a_row > 20
    });
    assert_eq!(refused.status, 503, "{refused:?}");
    // SQLite resolves the link in `/proc`: the command has to stand on that disk itself.
    let (pid, place) = (server.pid().to_string(), dir.path().display().to_string());
    let command = format!("cd {place} && exec {PROGRAM} trigger test.add --a 1 --b 2");
    let mut args = vec!["--target", &pid, "--mount"];
    if !is_root() {
        args.extend(["--user", "--preserve-credentials"]);
    }
    args.extend(["sh", "-c", &command]);
    let mut typed = run("nsenter", Path::new("/"), &args);
    wait_for("a refusal on the command line", || {
        if typed.code == 0 {
            let id = typed.out.split(' ').next().unwrap_or_default();
            accepted.push(id.to_owned());
            typed = run("nsenter", Path::new("/"), &args);
        }
        typed.code != 0
    });
    assert_eq!(typed.code, 1, "{typed:?}");
    for said in [&refused.text, &typed.err] {
        assert!(
            said.contains("jobs.db") && said.contains("the disk is full"),
            "{said}"
        );
    }
    let mut ready = http::get(server.address, "/readyz");
    wait_for("the word about it", || {
        ready = http::get(server.address, "/readyz");
        ready.status == 503
    });
    assert!(ready.text.contains("the disk is full"), "{ready:?}");
    assert_eq!(http::get(server.address, "/livez").status, 200);

    fs::remove_file(disk.join("ballast")).expect("removed");
    wait_for("room", || {
        http::get(server.address, "/readyz").status == 200
    });
    accepted.push(http::trigger(server.address, "test.add", &add));
    for id in &accepted {
        wait_for(&format!("the end of {id}"), || status(id) == "succeeded");
        assert_eq!(http::execution(server.address, id)["attempt"], 1);
    }
    let feed = http::get(server.address, "/api/v1/workers/executions?limit=1000").body;
    let stored = feed["executions"].as_array().expect("a list").len();
    assert_eq!(stored, accepted.len(), "what was refused is not there");
    assert_eq!(server.terminate().0, Some(0));
}

#[test]
fn a_read_only_disk_is_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let before = format!(
        "{PROGRAM} migrate 2>/dev/null >&2 && mount -o remount,ro {} && ",
        dir.path().display()
    );
    let Some((_place, program)) = on_small_disk(dir.path(), &before) else {
        return;
    };
    let args = ["trigger", "test.add", "--a", "1", "--b", "2"];
    let typed = run(&program, dir.path(), &args);
    assert_eq!(typed.code, 1, "{typed:?}");
    assert!(
        typed.err.contains("jobs.db") && typed.err.contains("read-only"),
        "{typed:?}"
    );
}
