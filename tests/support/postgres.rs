//! A PostgreSQL server of the tests' own: in a temporary directory, on a free port, gone with the
//! process that started it, however that ends.

use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};

use crate::process::wait_for;

/// Runs the server as a child and obeys words on its standard input. At the end of that input,
/// which comes with the end of the tests' process, it clears everything away.
const GUARDIAN: &str = r#"
set -u
trap '' INT TERM HUP
bin=$1 dir=$2 port=$3
shift 3
start() {
    "$bin/postgres" -D "$dir/data" -p "$port" -k "$dir" -c listen_addresses=127.0.0.1 \
        -c max_connections=300 -c shared_buffers=64MB -c log_lock_waits=on "$@" \
        >>"$dir/log" 2>&1 </dev/null &
    server=$!
}
end() { kill "-$1" "$server" 2>/dev/null; wait "$server" 2>/dev/null; }
start "$@"
while read -r word; do
    case $word in
        crash) end QUIT ;;
        stop) end INT ;;
        start) start "$@" ;;
    esac
done
end QUIT
rm -rf "$dir"
"#;

/// A server, as its own user if the tests run as root.
#[derive(Debug)]
pub struct Postgres {
    port: u16,
    bin: PathBuf,
    directory: PathBuf,
    guardian: Mutex<Child>,
}

impl Postgres {
    /// The server that the tests of this process share. What one of them does to the whole server
    /// belongs on one of its own.
    pub fn shared() -> &'static Self {
        static SHARED: LazyLock<Postgres> = LazyLock::new(Postgres::start);
        &SHARED
    }

    /// Starts one and waits until it answers.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts one with settings of its own, each `name=value`.
    pub fn start_with(settings: &[&str]) -> Self {
        let bin = binaries();
        let directory = tempfile::Builder::new()
            .prefix("jobs-postgres-")
            .tempdir()
            .expect("a directory for the server")
            .keep();
        let account = account();
        if let Some(account) = account {
            let status = Command::new("chown").arg(account).arg(&directory).status();
            assert!(status.is_ok_and(|status| status.success()));
        }
        let made = as_account(account, &bin.join("initdb"))
            .args([
                "--no-sync",
                "--auth=trust",
                "--username=jobs",
                "--encoding=UTF8",
                "--locale=C",
            ])
            .arg("--pgdata")
            .arg(directory.join("data"))
            .current_dir(&directory)
            .output()
            .expect("initdb starts");
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        let port = free_port();
        let guardian = as_account(account, Path::new("sh"))
            .args(["-c", GUARDIAN, "guardian"])
            .arg(&bin)
            .arg(&directory)
            .arg(port.to_string())
            .args(settings.iter().flat_map(|setting| ["-c", setting]))
            .current_dir(&directory)
            .stdin(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let server = Self {
            port,
            bin,
            directory,
            guardian: Mutex::new(guardian),
        };
        server.until_it_answers();
        server
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL of one of its databases.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://jobs@127.0.0.1:{}/{database}", self.port)
    }

    /// The URL of a store that nobody else uses: a schema of its own in a database that is shared.
    pub fn fresh_url(&self) -> String {
        format!("{}?schema={}", self.url("postgres"), fresh_name())
    }

    /// Creates a database and says its name.
    pub fn fresh_database(&self) -> String {
        let name = fresh_name();
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        name
    }

    /// Executes statements as the server's superuser and returns what they print, unadorned.
    pub fn sql(&self, database: &str, statements: &str) -> String {
        let ran = self.psql(database, statements).output();
        let ran = ran.expect("psql starts");
        assert!(
            ran.status.success(),
            "{statements}\n{}",
            String::from_utf8_lossy(&ran.stderr)
        );
        String::from_utf8_lossy(&ran.stdout).trim().to_owned()
    }

    /// Begins to execute statements, in one transaction, beside whatever else happens.
    pub fn rival(&self, database: &str, statements: &str) -> Rival {
        let mut psql = self.psql(database, statements);
        let child = psql.stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        Rival(child.expect("psql starts"))
    }

    fn psql(&self, database: &str, statements: &str) -> Command {
        let port = self.port.to_string();
        let mut psql = Command::new(self.bin.join("psql"));
        psql.args(["-h", "127.0.0.1", "-p", &port, "-U", "jobs", "-d", database]);
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c"]);
        psql.arg(statements);
        psql
    }

    /// Ends the server as a crash would: what is committed is there at the next start, nothing else.
    pub fn crash(&self) {
        self.tell("crash");
        wait_for("the server to end", || !self.answers());
    }

    /// Starts it again.
    pub fn start_again(&self) {
        self.tell("start");
        self.until_it_answers();
    }

    /// Has it take encrypted connections as well, with a certificate that nobody has signed.
    pub fn encrypt(&self) {
        let made = as_account(account(), Path::new("openssl"))
            .args([
                "req",
                "-new",
                "-x509",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=localhost",
            ])
            .args(["-keyout", "server.key", "-out", "server.crt"])
            .current_dir(self.directory.join("data"))
            .output()
            .expect("openssl starts");
        let said = String::from_utf8_lossy(&made.stderr).into_owned();
        assert!(made.status.success(), "{said}");
        self.sql("postgres", "ALTER SYSTEM SET ssl = on");
        self.sql("postgres", "SELECT pg_reload_conf()");
        wait_for("the server to encrypt", || {
            self.sql("postgres", "SHOW ssl") == "on"
        });
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }

    fn tell(&self, word: &str) {
        let mut guardian = self.guardian.lock().unwrap_or_else(PoisonError::into_inner);
        let input = guardian.stdin.as_mut().expect("its input is piped");
        writeln!(input, "{word}").expect("the guardian listens");
    }

    fn until_it_answers(&self) {
        wait_for("the server to answer", || self.answers());
    }

    fn answers(&self) -> bool {
        Command::new(self.bin.join("pg_isready"))
            .args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()])
            .status()
            .is_ok_and(|status| status.success())
    }
}

/// A program of somebody else's at work on the same server; killed when it is dropped.
#[derive(Debug)]
pub struct Rival(Child);

impl Rival {
    /// Whether it still works.
    pub fn is_at_work(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }

    /// Waits for its end; whether it was let to come to it.
    pub fn wait(mut self) -> bool {
        self.0.wait().is_ok_and(|status| status.success())
    }
}

impl Drop for Rival {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let mut guardian = self.guardian.lock().unwrap_or_else(PoisonError::into_inner);
        drop(guardian.stdin.take());
        let _ = guardian.wait();
    }
}

/// A name that no other schema or database of the server has.
fn fresh_name() -> String {
    static NAMED: AtomicU32 = AtomicU32::new(0);
    format!("t{}", NAMED.fetch_add(1, Ordering::Relaxed))
}

/// Where the newest installed server is: Debian keeps its programs away from the path.
fn binaries() -> PathBuf {
    let installed = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    let newest = installed
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let version: u32 = path.file_name()?.to_str()?.parse().ok()?;
            let bin = path.join("bin");
            bin.join("initdb").exists().then_some((version, bin))
        })
        .max();
    if let Some((_, bin)) = newest {
        return bin;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .find(|bin| bin.join("initdb").exists())
        .expect("PostgreSQL is installed: `./test` brings it")
}

/// The account that the server runs under, if we are root: it refuses to be.
fn account() -> Option<&'static str> {
    let id = |args: &[&str]| Command::new("id").args(args).output().ok();
    let root = id(&["-u"]).is_some_and(|out| out.stdout.trim_ascii() == b"0");
    if !root {
        return None;
    }
    let exists = id(&["-u", "postgres"]).is_some_and(|out| out.status.success());
    Some(if exists { "postgres" } else { "nobody" })
}

fn as_account(account: Option<&str>, program: &Path) -> Command {
    match account {
        None => Command::new(program),
        Some(account) => {
            let mut command = Command::new("setpriv");
            command
                .args(["--reuid", account, "--regid"])
                .arg(group_of(account))
                .args(["--clear-groups", "--"])
                .arg(program);
            command
        }
    }
}

fn group_of(account: &str) -> String {
    let group = Command::new("id").args(["-g", account]).output();
    let group = group.expect("the account has a group").stdout;
    String::from_utf8_lossy(&group).trim().to_owned()
}

/// A port that was free just now.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it has an address").port()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_keeps_what_was_committed_and_the_end_leaves_nothing() {
        let server = Postgres::start();
        server.sql(
            "postgres",
            "CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)",
        );
        server.crash();
        server.start_again();
        assert_eq!(server.sql("postgres", "SELECT n FROM kept"), "7");
        assert!(
            server.log().contains("automatic recovery"),
            "{}",
            server.log()
        );
        let directory = server.directory.clone();
        drop(server);
        assert!(!directory.exists());
    }
}
