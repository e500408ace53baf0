//! PgBouncer in front of the tests' PostgreSQL server, in transaction mode and with the default
//! settings otherwise. It ends with the tests' process.

use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::LazyLock;

use crate::postgres::{Postgres, account, as_account, free_port};
use crate::process::wait_for;

/// Debian installs it outside of the search path of most users.
const PROGRAM: &str = "/usr/sbin/pgbouncer";

/// A shell script that runs the pooler until its standard input ends, which is the end of the
/// tests' process.
const GUARDIAN: &str = r#"
trap '' INT TERM HUP
"$1" -q "$2/pgbouncer.ini" >/dev/null 2>"$2/errors" </dev/null &
pooler=$!
read -r _
kill -KILL "$pooler"
rm -rf "$2"
"#;

/// A running pooler.
#[derive(Debug)]
pub struct PgBouncer {
    port: u16,
    _guardian: Child,
}

impl PgBouncer {
    /// The pooler of [`Postgres::shared`].
    pub fn shared() -> &'static Self {
        static SHARED: LazyLock<PgBouncer> = LazyLock::new(|| PgBouncer::start(Postgres::shared()));
        &SHARED
    }

    /// Starts a pooler and waits until it accepts connections.
    fn start(server: &Postgres) -> Self {
        let directory = tempfile::Builder::new()
            .prefix("jobs-pgbouncer-")
            .tempdir()
            .expect("a directory for the pooler")
            .keep();
        let port = free_port();
        let log = directory.join("log");
        let settings = format!(
            "[databases]\n\
             * = host=127.0.0.1 port={} user=jobs\n\
             [pgbouncer]\n\
             listen_addr = 127.0.0.1\n\
             listen_port = {port}\n\
             unix_socket_dir =\n\
             auth_type = any\n\
             pool_mode = transaction\n\
             default_pool_size = 40\n\
             max_client_conn = 5000\n\
             logfile = {}\n",
            server.port(),
            log.display()
        );
        std::fs::write(directory.join("pgbouncer.ini"), settings).expect("settings are written");
        let account = account();
        if let Some(account) = account {
            let status = std::process::Command::new("chown")
                .args(["-R", account])
                .arg(&directory)
                .status();
            assert!(
                status.is_ok_and(|status| status.success()),
                "chown {account}"
            );
        }
        let guardian = as_account(account, Path::new("sh"))
            .args(["-c", GUARDIAN, "guardian", PROGRAM])
            .arg(&directory)
            .current_dir(&directory)
            .stdin(Stdio::piped())
            .spawn()
            .expect("the pooler starts: `./test` installs it");
        wait_for("the pooler to accept connections", || {
            std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        Self {
            port,
            _guardian: guardian,
        }
    }

    /// The URL of the same store through the pooler.
    pub fn url(&self, server: &Postgres, url: &str) -> String {
        let pooled = url.replace(&format!(":{}/", server.port()), &format!(":{}/", self.port));
        let and = if pooled.contains('?') { '&' } else { '?' };
        format!("{pooled}{and}pgbouncer=true")
    }
}
