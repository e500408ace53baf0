//! Starts that wait, fail or are stopped, and `doctor`.

use std::fs::File;
use std::path::Path;

use tests::postgres::Postgres;
use tests::process::{run, wait_for};
use tests::proxy::{Link, Proxy};
use tests::running::Running;
use tests::transcript;

use super::{EMPTY, PROGRAM};

fn log(dir: &Path) -> String {
    std::fs::read_to_string(dir.join("log")).expect("the log is text")
}

fn start(dir: &Path, args: &[&str], settings: &[(&str, &str)]) -> Running {
    let log = File::create(dir.join("log")).expect("a file for the log");
    Running::start(PROGRAM, dir, args, settings, log)
}

#[test]
fn a_signal_is_heard_while_a_resource_is_built() {
    for how in ["hang", "block"] {
        for args in [
            &["work"][..],
            &["run", "--bind", "127.0.0.1:0"],
            &["exec", "test.gated"],
        ] {
            let dir = tempfile::tempdir().expect("a directory");
            let mut running = start(dir.path(), args, &[("TEST_RESOURCE", how)]);
            wait_for("the function of the resource", || {
                dir.path().join("building").exists()
            });
            running.signal("-TERM");
            let code = running.end();
            let log = log(dir.path());
            assert!(
                log.contains("before the start had ended"),
                "{how} {args:?}: {log}"
            );
            assert_eq!(code, Some(i32::from(args[0] == "exec")), "{log}");
        }
    }
}

#[test]
fn a_resource_that_panics_or_fails_is_named() {
    let dir = tempfile::tempdir().expect("a directory");
    transcript::check(
        PROGRAM,
        dir.path(),
        r"
        $ TEST_RESOURCE=panic jobs work --until-idle
        thread … panicked at …: the gate is missing
        error: cannot build the resource `tests::jobs::Gate` (…): it panicked: the gate is missing
        [exit 1]
        $ TEST_RESOURCE=fail jobs work --until-idle
        error: cannot build the resource `tests::jobs::Gate` (…): the gate is locked
        [exit 1]
        ",
    );
}

#[test]
fn a_worker_waits_for_its_store_and_says_so_once() {
    let server = Postgres::shared();
    let proxy = Proxy::start(server.port());
    proxy.set(Link::Cut);
    let database = server.fresh_url().replace(
        &format!(":{}/", server.port()),
        &format!(":{}/", proxy.port()),
    );
    let dir = tempfile::tempdir().expect("a directory");
    let settings = [("JOBS_DATABASE", &*database), ("JOBS_LEASE", "1s")];
    let mut running = start(dir.path(), &["work"], &settings);
    let count = |part: &str| log(dir.path()).matches(part).count();
    wait_for("the line about the wait", || {
        count("the start waits for the store") == 1
    });
    proxy.set(Link::Intact);
    wait_for("the start", || count("executing up to") == 1);
    assert_eq!(count("the store answers again"), 1, "{}", log(dir.path()));

    // The same while it works.
    proxy.set(Link::Cut);
    wait_for("the line about the outage", || {
        count("the store does not answer") == 2
    });
    proxy.set(Link::Intact);
    wait_for("the line about its end", || {
        count("the store answers again") >= 2
    });
    running.signal("-TERM");
    assert_eq!(running.end(), Some(0));
    let log = log(dir.path());
    assert!(!log.contains("a call to the store failed"), "{log}");
    assert!(
        log.matches("the store does not answer").count() <= 4,
        "{log}"
    );
}

#[test]
fn a_wait_for_the_store_has_a_limit() {
    let dir = tempfile::tempdir().expect("a directory");
    transcript::check(
        PROGRAM,
        dir.path(),
        r"
        $ JOBS_STORE_WAIT=200ms jobs work --database postgres://u@127.0.0.1:1/x
        … WARN … the store does not answer: the store at … is unavailable: …
        … WARN … the start waits for the store, at most 200ms
        error: the store at … is unavailable: …
        [exit 1]
        $ JOBS_STORE_WAIT=0s jobs work --database postgres://u@127.0.0.1:1/x
        error: the store at … is unavailable: …
        [exit 1]
        ",
    );
}

#[test]
fn doctor_creates_and_publishes_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    transcript::check(
        PROGRAM,
        dir.path(),
        r"
        $ TEST_RESOURCE=fail jobs doctor --bind 127.0.0.1:0
        …
        store warning sqlite:jobs.db does not exist: `run` creates it
        start ok every resource has a provider; …
        $ ls
        $ touch jobs.db; jobs doctor --bind 127.0.0.1:0 | grep store
        store warning sqlite:jobs.db is empty: `run` creates its tables
        $ wc -c < jobs.db
        0
        $ echo 'no database at all, this is' > jobs.db; jobs doctor --bind 127.0.0.1:0 | grep store
        store problem sqlite:jobs.db is no SQLite database: …
        [exit 1]
        $ rm jobs.db; jobs migrate > /dev/null
        $ jobs doctor --bind 127.0.0.1:0
        …
        layout ok up to date
        …
        $ TEST_RESOURCE=fail jobs doctor --bind 127.0.0.1:0 --build-resources | grep ^start
        start problem cannot build the resource …
        [exit 1]
        ",
    );
    // A start would have published the jobs of the program.
    let listed = run(EMPTY, dir.path(), &["list", "--json"]);
    assert!(!listed.out.contains("test.add"), "{listed:?}");
}
