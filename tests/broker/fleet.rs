//! Processes with a broker on one store, and what they report.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};
use tempfile::TempDir;
use tests::http;
use tests::postgres::Postgres;
use tests::process::{Ran, Server, prompt_dir, run, wait_for};
use tests::rabbitmq::RabbitMq;

/// The bundled runtime with the jobs of `tests` linked.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_worker");

/// Runs a test on each kind of store.
pub(crate) fn on_both_stores(test: impl Fn(Fleet)) {
    let dir = prompt_dir();
    let url = format!("sqlite:{}", dir.path().join("jobs.db").display());
    test(Fleet::new(dir, &url));
    test(Fleet::new(prompt_dir(), &Postgres::shared().fresh_url()));
}

/// A store, a node and the processes that a test starts.
pub(crate) struct Fleet {
    dir: TempDir,
    database: String,
    pub(crate) broker: String,
    /// The prefix of this test's exchanges and broker queues.
    pub(crate) prefix: String,
}

impl Fleet {
    pub(crate) fn new(dir: TempDir, database: &str) -> Self {
        Self::with_broker(dir, database, &RabbitMq::shared().url())
    }

    pub(crate) fn with_broker(dir: TempDir, database: &str, broker: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Self {
            dir,
            database: database.to_owned(),
            broker: broker.to_owned(),
            prefix: format!("t{}-{count}", std::process::id()),
        }
    }

    pub(crate) fn on_sqlite() -> Self {
        let dir = prompt_dir();
        let url = format!("sqlite:{}", dir.path().join("jobs.db").display());
        Self::new(dir, &url)
    }

    /// Starts a process that executes jobs.
    pub(crate) fn worker(&self) -> Server {
        self.worker_with(&[])
    }

    pub(crate) fn worker_with(&self, more: &[(&str, &str)]) -> Server {
        Server::start(PROGRAM, self.dir.path(), &self.settings(more))
    }

    /// Starts a process that relays and executes nothing.
    pub(crate) fn relay(&self) -> Server {
        Server::start_serving_only(PROGRAM, self.dir.path(), &self.settings(&[]))
    }

    fn settings<'s>(&'s self, more: &[(&'s str, &'s str)]) -> Vec<(&'s str, &'s str)> {
        let mut settings = vec![
            ("JOBS_DATABASE", self.database.as_str()),
            ("JOBS_BROKER", self.broker.as_str()),
            ("JOBS_BROKER_PREFIX", self.prefix.as_str()),
            ("JOBS_LEASE", "3s"),
            ("JOBS_CONCURRENCY", "8"),
            ("JOBS_LOG", "warn,jobs_runtime=info"),
        ];
        settings.extend(more);
        settings
    }

    /// Runs a command of the program with the settings of the fleet.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        let database = ["--database", &self.database, "--broker", &self.broker];
        let prefix = format!("broker_prefix = '{}'\n", self.prefix);
        std::fs::write(self.dir.path().join("jobs.toml"), prefix).unwrap();
        run(PROGRAM, self.dir.path(), &[args, &database].concat())
    }

    /// The kind of the store.
    pub(crate) fn store(&self) -> &str {
        self.database.split(':').next().unwrap_or_default()
    }

    /// The exchange of this fleet.
    pub(crate) fn exchange(&self) -> String {
        format!("{}.jobs", self.prefix)
    }

    /// The broker queue of a job.
    pub(crate) fn queue(&self, job: &str) -> String {
        format!("{}.jobs.{job}", self.prefix)
    }

    pub(crate) fn dead_queue(&self) -> String {
        format!("{}.jobs:dead", self.prefix)
    }

    /// The file to which the handlers of `test.record` write.
    pub(crate) fn file(&self) -> PathBuf {
        self.dir.path().join("record")
    }

    /// Payloads of `test.record` for this number of executions.
    pub(crate) fn records(&self, count: usize, millis: u64) -> Vec<Value> {
        vec![json!({ "file": self.file(), "millis": millis }); count]
    }

    /// The ids of the executions whose attempts have begun, in order.
    pub(crate) fn begun(&self) -> Vec<String> {
        lines(&self.file())
    }

    /// Waits until this number of attempts have begun.
    pub(crate) fn wait_for_begun(&self, count: usize) {
        wait_for(&format!("{count} attempts to begin"), || {
            self.begun().len() >= count
        });
    }

    /// Waits until these many executions have run, and checks that each ran once.
    pub(crate) fn check_each_ran_once(&self, count: usize) {
        self.wait_for_begun(count);
        let mut attempts = BTreeMap::<String, usize>::new();
        for id in self.begun() {
            *attempts.entry(id).or_default() += 1;
        }
        let repeated: Vec<_> = attempts.iter().filter(|(_, count)| **count > 1).collect();
        assert!(
            repeated.is_empty(),
            "these ran more than once: {repeated:?}"
        );
        assert_eq!(attempts.len(), count);
    }
}

/// The first words of the lines of a file that may not exist yet.
fn lines(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let words = text.lines().filter_map(|line| line.split(' ').next());
    words.map(str::to_owned).collect()
}

/// The status and the detail of a health check.
pub(crate) fn check(server: &Server, name: &str) -> (String, String) {
    let health = http::get(server.address, "/health").body;
    let checks = health["checks"].as_array().expect("a report has checks");
    let found = checks.iter().find(|check| check["name"] == name);
    let found = found.unwrap_or_else(|| panic!("no check `{name}` in {health}"));
    let text = |field: &str| found[field].as_str().unwrap_or_default().to_owned();
    (text("status"), text("detail"))
}

/// A number in the detail of a check, by the words behind it.
pub(crate) fn number(server: &Server, name: &str, words: &str) -> u64 {
    let (_, detail) = check(server, name);
    let before = detail.split(words).next().unwrap_or_default();
    if before.len() == detail.len() {
        return 0;
    }
    let digits: Vec<_> = before
        .trim_end()
        .rsplit(|c: char| !c.is_ascii_digit())
        .collect();
    digits[0].parse().unwrap_or(0)
}

/// The number of executions that a worker has claimed by messages.
pub(crate) fn claimed(server: &Server) -> u64 {
    number(server, "broker consumer", " claimed")
}

/// Waits until a worker consumes.
pub(crate) fn wait_until_consuming(server: &Server) {
    wait_for("the worker to consume", || {
        check(server, "broker consumer").1.starts_with("consuming")
    });
}

/// Triggers an execution with a priority.
pub(crate) fn trigger_at(server: &Server, job: &str, payload: &Value, priority: u8) {
    let body = json!({ "payload": payload, "priority": priority }).to_string();
    let path = format!("/api/v1/workers/jobs/{job}/trigger");
    let answer = http::post(server.address, &path, &body);
    assert_eq!(answer.status, 202, "{answer:?}");
}
