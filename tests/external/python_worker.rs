//! A server and a Python worker: start, signals, requests.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use tempfile::TempDir;
use tests::http;
use tests::postgres::Postgres;
use tests::process::{Server, prompt_dir, wait_for};

use super::PROGRAM;

/// A Python worker; killed when dropped.
pub(crate) struct PythonWorker {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

impl PythonWorker {
    pub(crate) fn start(address: SocketAddr, dir: &Path, args: &[&str]) -> Self {
        let mut child = Command::new("python3")
            .arg(root().join("tests/external/worker.py"))
            .args(args)
            .current_dir(dir)
            .env("JOBS_SERVER", format!("http://{address}"))
            .env("PYTHONPATH", root().join("clients/python/src"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("python3 starts");
        let stderr = child.stderr.take().unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                kept.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(line);
            }
        });
        Self { child, log }
    }

    /// Sends a signal to the process.
    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().unwrap();
        assert!(sent.success(), "{signal} was not sent");
    }

    /// Waits for the end and returns the exit code.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        let mut code = None;
        wait_for("the end of the Python worker", || {
            code = self.child.try_wait().unwrap().map(|status| status.code());
            code.is_some()
        });
        code.flatten()
    }

    /// The lines of its log.
    pub(crate) fn log(&self) -> Vec<String> {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.clone()
    }
}

impl Drop for PythonWorker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server that executes nothing, on a store of its own.
pub(crate) struct Site {
    pub(crate) dir: TempDir,
    pub(crate) server: Option<Server>,
    pub(crate) address: SocketAddr,
    settings: Vec<(&'static str, String)>,
}

impl Site {
    /// A site on an empty SQLite file, and one on an empty PostgreSQL database.
    pub(crate) fn both(lease: &str) -> [Self; 2] {
        let postgres = Postgres::shared().fresh_url();
        [
            Self::start("sqlite:jobs.db".to_owned(), lease),
            Self::start(postgres, lease),
        ]
    }

    pub(crate) fn start(database: String, lease: &str) -> Self {
        let dir = prompt_dir();
        let settings = vec![
            ("JOBS_DATABASE", database),
            ("JOBS_LEASE", lease.to_owned()),
        ];
        let borrowed: Vec<_> = settings
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let server = Server::start_serving_only(PROGRAM, dir.path(), &borrowed);
        Self {
            address: server.address,
            server: Some(server),
            settings,
            dir,
        }
    }

    /// Another server on the store of a site on PostgreSQL.
    pub(crate) fn beside(site: &Self) -> Self {
        let setting = |name| {
            site.settings
                .iter()
                .find(|it| it.0 == name)
                .unwrap()
                .1
                .clone()
        };
        Self::start(setting("JOBS_DATABASE"), &setting("JOBS_LEASE"))
    }

    /// Starts the server again at its address.
    pub(crate) fn restart(&mut self) {
        let settings = self.settings.iter();
        let borrowed: Vec<_> = settings
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let server = Server::start_serving_at(PROGRAM, self.address, self.dir.path(), &borrowed);
        self.server = Some(server);
    }

    pub(crate) fn worker(&self, args: &[&str]) -> PythonWorker {
        PythonWorker::start(self.address, self.dir.path(), args)
    }

    pub(crate) fn trigger(&self, mode: &str, number: i64) -> String {
        let payload = json!({"mode": mode, "number": number});
        http::trigger(self.address, "kit.work", &payload)
    }

    pub(crate) fn execution(&self, id: &str) -> Value {
        http::execution(self.address, id)
    }

    /// Waits until the execution satisfies a condition, and returns it.
    pub(crate) fn wait(&self, id: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let mut seen = Value::Null;
        wait_for(&format!("{what} of {id}"), || {
            seen = self.execution(id);
            is_so(&seen)
        });
        seen
    }

    /// Waits until the execution has this status.
    pub(crate) fn wait_status(&self, id: &str, status: &str) -> Value {
        self.wait(id, status, |execution| {
            let final_one = !execution["finishedAt"].is_null();
            assert!(
                !final_one || execution["status"] == status,
                "{status} is expected: {execution}"
            );
            execution["status"] == status
        })
    }

    /// Opens the gate of the mode `steps`.
    pub(crate) fn open_gate(&self, number: i64) {
        std::fs::write(self.dir.path().join(format!("gate-{number}")), "").unwrap();
    }
}
