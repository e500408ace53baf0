//! Starts that wait, fail or are stopped, and `doctor`.

use std::fs::File;
use std::io::{BufRead, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tests::postgres::Postgres;
use tests::process::{now, run, wait_for};
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

/// Runs the program with at most `limit` processes and threads of its user.
fn run_with_threads(dir: &Path, limit: usize, args: &str) -> (Option<i32>, String) {
    let script = format!(
        "ulimit -u {limit} && cd {} && exec ./program {args}",
        dir.display()
    );
    let mut command = Command::new("bash");
    // The limit does not bind root. No other process has this user.
    if is_root() {
        command = Command::new("setpriv");
        command.args(["--reuid=61234", "--regid=61234", "--clear-groups", "bash"]);
    }
    let ran = command.args(["-c", &script]).output().expect("it starts");
    let out = [ran.stdout, ran.stderr].concat();
    (
        ran.status.code(),
        String::from_utf8_lossy(&out).into_owned(),
    )
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|this| this.uid() == 0)
}

#[test]
fn a_process_that_may_have_few_threads_says_so() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path();
    let open = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(path, open).expect("a directory for another user");
    std::fs::copy(PROGRAM, path.join("program")).expect("a program for another user");
    for args in ["work --until-idle", "run --bind 127.0.0.1:0", "jobs"] {
        let (code, out) = run_with_threads(path, 1, args);
        assert_eq!(code, Some(1), "{out}");
        assert!(out.starts_with("error: cannot start the threads"), "{out}");
        assert!(out.contains("`ulimit -u`"), "{out}");
        assert_eq!(out.trim_end().lines().count(), 1, "{out}");
    }
    if is_root() {
        // As many as it asks for, the main thread, and that of standard error.
        let enough = std::thread::available_parallelism().map_or(1, usize::from) + 14;
        let (code, out) = run_with_threads(path, enough, "exec test.add --a 1 --b 2");
        assert_eq!(code, Some(0), "{out}");
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
        count("the store does not answer") >= 2
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

/// A wait would not help: the server has answered.
#[test]
fn a_wrong_password_is_refused_at_once() {
    let server = Postgres::start();
    server.create_role_with_password("locked", "right");
    let dir = tempfile::tempdir().expect("a directory");
    let url = |login: &str| format!("postgres://{login}@127.0.0.1:{}/postgres", server.port());
    // The rules are in force from the next connection on.
    wait_for("the refusal of a wrong password", || {
        let ran = run(
            PROGRAM,
            dir.path(),
            &["executions", "--database", &url("locked:wrong")],
        );
        ran.err.contains("check the user and the password")
    });
    let begun = now();
    for login in ["locked:wrong", "locked", "unknown:x"] {
        let ran = run(PROGRAM, dir.path(), &["work", "--database", &url(login)]);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(
            !ran.err.contains("waits for the store"),
            "{login}: {}",
            ran.err
        );
        assert!(!ran.err.contains("wrong"), "{login}: {}", ran.err);
    }
    // The wait is a minute by default.
    assert!(begun.elapsed() < Duration::from_secs(60));
}

/// The address that `serve` announces is one that answers.
#[test]
fn every_announced_address_answers() {
    for bind in ["127.0.0.2:0", "[::ffff:127.0.0.1]:0", "[::1]:0"] {
        let dir = tempfile::tempdir().expect("a directory");
        let mut running = start(dir.path(), &["serve", "--bind", bind], &[]);
        let mut announced = String::new();
        wait_for("the address", || {
            let log = log(dir.path());
            let url = log.split("serving http://").nth(1);
            announced = url.map_or(String::new(), |it| {
                it.split('/').next().unwrap_or_default().to_owned()
            });
            log.contains("/api/v1/workers/jobs")
        });
        let request =
            format!("GET /livez HTTP/1.1\r\nhost: {announced}\r\nconnection: close\r\n\r\n");
        let mut stream = TcpStream::connect(&announced).expect("it listens");
        stream.write_all(request.as_bytes()).expect("it is sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        assert!(answer.starts_with("HTTP/1.1 200"), "{announced}: {answer}");
        running.signal("-TERM");
        assert_eq!(running.end(), Some(0));
    }
}

/// The answer is written after the last attempt has ended, and before the process ends.
#[test]
fn a_request_in_progress_is_answered_at_the_stop() {
    let dir = tempfile::tempdir().expect("a directory");
    let (mut running, mut log, address) = Running::serving(PROGRAM, dir.path());
    let mut stream = TcpStream::connect(address).expect("it listens");
    let body = r#"{"payload": {"a": 1, "b": 2}}"#;
    let head = format!(
        "POST /api/v1/workers/jobs/test.add/trigger HTTP/1.1\r\nhost: {address}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).expect("it is sent");
    // The program reads the body now.
    let mut answer = [0; 25];
    stream.read_exact(&mut answer).expect("an answer");
    assert!(answer.starts_with(b"HTTP/1.1 100 Continue"), "{answer:?}");
    running.signal("-TERM");
    let mut line = String::new();
    while !line.contains("stopping") {
        line.clear();
        let read = log.read_line(&mut line).expect("the log is text");
        assert!(read > 0, "the program did not tell that it stops");
    }
    stream.write_all(body.as_bytes()).expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    assert_eq!(running.end(), Some(0));
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
        …
        start ok every resource has a provider; …
        $ ls
        $ touch jobs.db; jobs doctor --bind 127.0.0.1:0 | grep store
        store warning sqlite:jobs.db is empty: `run` creates its tables
        $ wc -c < jobs.db
        0
        $ echo 'no database at all, this is' > jobs.db; jobs doctor --bind 127.0.0.1:0 | grep store
        store problem sqlite:jobs.db is no SQLite database: …
        [exit 1]
        $ rm jobs.db; mkfifo pipe; jobs doctor --bind 127.0.0.1:0 --database sqlite:pipe | grep store
        store problem sqlite:pipe is no file: give another one with `--database URL`
        [exit 1]
        $ jobs migrate > /dev/null
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

#[test]
fn doctor_names_what_stops_a_store_that_exists() {
    let dir = tempfile::tempdir().expect("a directory");
    let spoil = "import sqlite3; store = sqlite3.connect('jobs.db'); \
                 store.execute('UPDATE jobs_executions SET payload = ?', ['[1]']); store.commit()";
    std::fs::write(dir.path().join("spoil.py"), spoil).expect("a file");
    transcript::check(
        PROGRAM,
        dir.path(),
        r"
        $ jobs trigger test.add --a 1 --b 2 > /dev/null
        $ jobs doctor --bind 127.0.0.1:0 | grep -E 'payloads|clock|disk'
        disk … MiB are free in .…
        $ python3 spoil.py
        $ jobs doctor --bind 127.0.0.1:0 | grep payloads
        payloads warning 1 queued executions have payloads that their jobs refuse, such as …
        $ $PROGRAM work --queues mail 2> log & for n in {1..600}; do grep -q refuse log && break; sleep 0.1; done; kill $!; wait $!
        $ grep -c 'payloads that their jobs refuse' log
        1
        $ jobs trigger test.limited-handler > /dev/null
        $ $PROGRAM work 2> log & for n in {1..600}; do grep -q 'no limit' log && break; sleep 0.1; done; kill $!; wait $!
        $ jobs doctor --bind 127.0.0.1:0 | grep limits
        limits warning … of test.limited-handler found no limit `test-api`: configure it under …
        $ jobs move --from sqlite:jobs.db --to sqlite:other.db > /dev/null
        $ jobs doctor --bind 127.0.0.1:0 | grep moved
        store problem sqlite:jobs.db was moved to sqlite:other.db: …
        [exit 1]
        ",
    );
}
