//! PostgreSQL servers for the tests: in a temporary directory, on a free port, removed when the
//! tests' process ends in any way.

use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};

use crate::process::wait_for;

/// A shell script that runs the server as its child and reads commands from its standard input. The
/// end of the tests' process closes that input; the script then stops the server and removes its
/// directory.
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
while read -r command; do
    case $command in
        crash) end QUIT ;;
        stop) end INT ;;
        start) start "$@" ;;
    esac
done
end QUIT
rm -rf "$dir"
"#;

/// A running server. If the tests run as root, it runs under another account.
#[derive(Debug)]
pub struct Postgres {
    port: u16,
    bin: PathBuf,
    directory: PathBuf,
    guardian: Mutex<Child>,
}

impl Postgres {
    /// The server that the tests of this process share. A test that changes the whole server starts
    /// its own.
    pub fn shared() -> &'static Self {
        static SHARED: LazyLock<Postgres> = LazyLock::new(Postgres::start);
        &SHARED
    }

    /// Starts a server and waits until it accepts connections.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a server with additional settings, each `name=value`.
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
            assert!(
                status.is_ok_and(|status| status.success()),
                "the directory could not be given to {account}"
            );
        }
        let initialised = as_account(account, &bin.join("initdb"))
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
            initialised.status.success(),
            "{}",
            String::from_utf8_lossy(&initialised.stderr)
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
        server.wait_until_ready();
        server
    }

    /// The port of the server.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL of a database of the server.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://jobs@127.0.0.1:{}/{database}", self.port)
    }

    /// The URL of a new store: a schema of its own in the database `postgres`.
    pub fn fresh_url(&self) -> String {
        format!("{}?schema={}", self.url("postgres"), fresh_name())
    }

    /// Creates a database and returns its name.
    pub fn fresh_database(&self) -> String {
        let name = fresh_name();
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        name
    }

    /// Executes statements as the superuser, and returns their output: columns separated by `|`,
    /// without headers.
    pub fn sql(&self, database: &str, statements: &str) -> String {
        let output = self.psql(database, statements).output();
        let output = output.expect("psql starts");
        assert!(
            output.status.success(),
            "{statements}\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Starts to execute statements in one transaction, in a session of its own.
    pub fn sql_in_background(&self, database: &str, statements: &str) -> BackgroundSql {
        let mut psql = self.psql(database, statements);
        let child = psql.stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        BackgroundSql(child.expect("psql starts"))
    }

    fn psql(&self, database: &str, statements: &str) -> Command {
        let port = self.port.to_string();
        let mut psql = Command::new(self.bin.join("psql"));
        psql.args(["-h", "127.0.0.1", "-p", &port, "-U", "jobs", "-d", database]);
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c"]);
        psql.arg(statements);
        psql
    }

    /// Crashes the server (`SIGQUIT`): the next start recovers the committed transactions.
    pub fn crash(&self) {
        self.command("crash");
        wait_for("the server to end", || !self.is_ready());
    }

    /// Starts the server again after a crash.
    pub fn start_again(&self) {
        self.command("start");
        self.wait_until_ready();
    }

    /// Makes the server accept encrypted connections as well, with a self-signed certificate.
    pub fn encrypt(&self) {
        let created = as_account(account(), Path::new("openssl"))
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
        let stderr = String::from_utf8_lossy(&created.stderr).into_owned();
        assert!(created.status.success(), "{stderr}");
        self.sql("postgres", "ALTER SYSTEM SET ssl = on");
        self.sql("postgres", "SELECT pg_reload_conf()");
        wait_for("the server to encrypt", || {
            self.sql("postgres", "SHOW ssl") == "on"
        });
    }

    /// Creates a role whose connections need a password.
    pub fn create_role_with_password(&self, role: &str, password: &str) {
        let create = format!("CREATE ROLE {role} LOGIN PASSWORD '{password}'");
        self.sql("postgres", &create);
        let path = self.directory.join("data/pg_hba.conf");
        let rules = std::fs::read_to_string(&path).expect("the rules of access");
        let rules = format!("host all {role} 127.0.0.1/32 scram-sha-256\n{rules}");
        std::fs::write(&path, rules).expect("the rules are written");
        self.sql("postgres", "SELECT pg_reload_conf()");
        let is_loaded = format!(
            "SELECT COUNT(*) FROM pg_hba_file_rules WHERE user_name = '{{{role}}}' AND error IS NULL"
        );
        wait_for("the rules of access", || {
            self.sql("postgres", &is_loaded) == "1"
        });
    }

    /// The server's log so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }

    fn command(&self, command: &str) {
        let mut guardian = self.guardian.lock().unwrap_or_else(PoisonError::into_inner);
        let input = guardian.stdin.as_mut().expect("its input is piped");
        writeln!(input, "{command}").expect("the guardian reads commands");
    }

    fn wait_until_ready(&self) {
        wait_for("the server to accept connections", || self.is_ready());
    }

    fn is_ready(&self) -> bool {
        Command::new(self.bin.join("pg_isready"))
            .args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()])
            .status()
            .is_ok_and(|status| status.success())
    }
}

/// Statements that execute in the background; killed when dropped.
#[derive(Debug)]
pub struct BackgroundSql(Child);

impl BackgroundSql {
    /// True while the statements execute.
    pub fn is_running(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }

    /// Waits for the end. Returns true if the statements succeeded.
    pub fn wait(mut self) -> bool {
        self.0.wait().is_ok_and(|status| status.success())
    }
}

impl Drop for BackgroundSql {
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
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("t{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// The directory with the programs of the newest installed server. Debian installs them outside of
/// the search path.
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
        .expect("PostgreSQL is installed: `./test` installs it")
}

/// The account for a server if the tests run as root: PostgreSQL and PgBouncer refuse to run
/// as root.
pub(crate) fn account() -> Option<&'static str> {
    let id = |args: &[&str]| Command::new("id").args(args).output().ok();
    let root = id(&["-u"]).is_some_and(|out| out.stdout.trim_ascii() == b"0");
    if !root {
        return None;
    }
    let exists = id(&["-u", "postgres"]).is_some_and(|out| out.status.success());
    Some(if exists { "postgres" } else { UNPRIVILEGED_ID })
}

/// The id of the account without privileges that every Linux system has.
const UNPRIVILEGED_ID: &str = "65534";

pub(crate) fn as_account(account: Option<&str>, program: &Path) -> Command {
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

/// A port that is free at the moment.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it has an address").port()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_keeps_committed_rows_and_a_dropped_server_leaves_no_files() {
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
