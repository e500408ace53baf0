//! The same work through other systems, on the same stores, in the same run: prints the tables of
//! docs/performance.md.
//!
//! `cargo run --release -p tests --bin peers` (`-- --runs R`, 3 unless told). The others are programs of their
//! own, each with its own dependencies, which never reach those who use `jobs`. They take turns, so that
//! a machine that is slow for a while is so for all.

#![expect(clippy::print_stdout, reason = "the table is what it is for")]
#![expect(clippy::print_stderr, reason = "it takes its time: how far it is")]
#![allow(
    clippy::expect_used,
    reason = "a tool for the desk: it ends where it cannot go on"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tests::postgres::Postgres;

/// Attempts at a time, of each.
const CONCURRENCY: &str = "256";

/// After that a trial is given up.
const PATIENCE: &str = "60";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Store {
    Postgres,
    Sqlite,
}

/// What is measured: its name, the executions of a trial, and the callers.
const SCENARIOS: [(&str, u64, &str); 4] = [
    ("enqueue-batch", 100_000, "1"),
    ("drain", 50_000, "1"),
    ("enqueue-single", 10_000, "8"),
    ("latency", 100, "1"),
];

/// A system on a store.
struct System {
    name: &'static str,
    /// Its directory and its program; `None` for ourselves.
    program: Option<(&'static str, &'static str)>,
    store: Store,
    /// What makes its figures comparable, or not.
    note: &'static str,
    /// It is asked for so many times less.
    slower: u64,
    /// Options of our own store's URL.
    options: &'static str,
}

const SYSTEMS: [System; 9] = [
    System {
        name: "**jobs**",
        program: None,
        store: Store::Postgres,
        note: "kept",
        slower: 1,
        options: "",
    },
    System {
        name: "graphile_worker 0.14, local queues, batched completions",
        program: Some(("graphile_worker", "peer-graphile-worker")),
        store: Store::Postgres,
        note: "deleted",
        slower: 1,
        options: "",
    },
    System {
        name: "apalis-postgres 1.0, notified",
        program: Some(("apalis", "peer-apalis")),
        store: Store::Postgres,
        note: "kept",
        slower: 1,
        options: "",
    },
    System {
        name: "riverqueue 0.5",
        program: Some(("riverqueue", "peer-riverqueue")),
        store: Store::Postgres,
        note: "kept",
        slower: 2,
        options: "",
    },
    System {
        name: "awa 0.6, batches by COPY",
        program: Some(("awa", "peer-awa")),
        store: Store::Postgres,
        note: "kept",
        slower: 2,
        options: "",
    },
    System {
        name: "**jobs**, `FULL` (the default)",
        program: None,
        store: Store::Sqlite,
        note: "kept",
        slower: 1,
        options: "",
    },
    System {
        name: "**jobs**, `NORMAL`",
        program: None,
        store: Store::Sqlite,
        note: "kept",
        slower: 1,
        options: "?synchronous=normal",
    },
    System {
        name: "riverqueue 0.5, `NORMAL`",
        program: Some(("riverqueue", "peer-riverqueue")),
        store: Store::Sqlite,
        note: "kept",
        slower: 2,
        options: "",
    },
    System {
        name: "apalis-sqlite 1.0, `OFF`",
        program: Some(("apalis", "peer-apalis")),
        store: Store::Sqlite,
        note: "kept",
        slower: 25,
        options: "",
    },
];

impl System {
    /// The program that measures it, built.
    fn build(&self, root: &Path) -> PathBuf {
        let mut cargo = Command::new("cargo");
        cargo
            .args(["build", "--release", "--quiet"])
            .current_dir(root);
        let built = match self.program {
            None => {
                cargo.args(["-p", "jobs-runtime"]);
                root.join("target/release/jobs-runtime")
            }
            Some((directory, program)) => {
                let target = root.join("target/peers");
                cargo.arg("--manifest-path");
                cargo.arg(format!("tests/peers/{directory}/Cargo.toml"));
                cargo.arg("--target-dir").arg(&target);
                target.join("release").join(program)
            }
        };
        eprintln!("building {}", self.name);
        let status = cargo.status().expect("cargo starts");
        assert!(status.success(), "{} does not build", self.name);
        built
    }

    /// One trial on an empty store. `None` if it did not come to an end.
    fn measure(&self, program: &Path, scenario: usize, url: &str) -> Option<Vec<f64>> {
        let (scenario, executions, callers) = SCENARIOS[scenario];
        let executions = match scenario {
            "latency" => executions,
            _ => executions / self.slower,
        };
        let executions = executions.to_string();
        let mut command = Command::new("timeout");
        command.arg(PATIENCE).arg(program);
        match self.program {
            None => command
                .args(["bench", scenario, "--json", "--runs", "1"])
                .args(["--executions", &executions, "--concurrency", CONCURRENCY])
                .args(["--callers", callers, "--database", url]),
            Some(_) => command.args([scenario, url, &executions, CONCURRENCY, callers]),
        };
        let ran = command.stderr(Stdio::null()).output().expect("it starts");
        let said: Value = serde_json::from_slice(&ran.stdout).ok()?;
        let number = |value: &Value| value.as_f64();
        match (self.program, scenario) {
            (None, "latency") => {
                let latency = &said["latencyMs"];
                Some(vec![number(&latency["p50"])?, number(&latency["p99"])?])
            }
            (None, _) => Some(vec![number(&said["ratePerSecond"]["median"])?]),
            (Some(_), "latency") => Some(vec![number(&said["p50"])?, number(&said["p99"])?]),
            (Some(_), _) => Some(vec![number(&said["rate"])?]),
        }
    }
}

/// An empty database for one trial, gone after it.
struct Place<'p> {
    server: &'p Postgres,
    directory: tempfile::TempDir,
    database: Option<String>,
}

impl<'p> Place<'p> {
    fn fresh(server: &'p Postgres, store: Store) -> Self {
        Self {
            server,
            // On a disk: what is written to memory is not durable.
            directory: tempfile::tempdir_in(".").expect("a directory"),
            database: (store == Store::Postgres).then(|| server.fresh_database()),
        }
    }

    fn url(&self) -> String {
        match &self.database {
            Some(database) => self.server.url(database),
            None => format!("sqlite:{}", self.directory.path().join("jobs.db").display()),
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Some(database) = &self.database {
            let drop = format!("DROP DATABASE {database} WITH (FORCE)");
            self.server.sql("postgres", &drop);
            // Nobody pays for what another has left to be written.
            self.server.sql("postgres", "CHECKPOINT");
        }
        std::thread::park_timeout(Duration::from_millis(500));
    }
}

/// The median of each figure over the trials that came to an end.
fn medians(trials: &[Option<Vec<f64>>]) -> Option<Vec<f64>> {
    let done: Vec<_> = trials.iter().flatten().collect();
    let figures = done.first()?.len();
    let median = |figure: usize| {
        let mut all: Vec<f64> = done.iter().map(|trial| trial[figure]).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    Some((0..figures).map(median).collect())
}

fn cell(own: Option<&Vec<f64>>, theirs: Option<&Vec<f64>>) -> String {
    let Some(theirs) = theirs else {
        return "–".to_owned();
    };
    if let [p50, p99] = theirs[..] {
        return format!("{p50:.1} / {p99:.1} ms");
    }
    let rate = match theirs[0] {
        rate if rate < 1_000.0 => format!("{rate:.0}"),
        rate if rate < 10_000.0 => format!("{:.1}k", rate / 1_000.0),
        rate => format!("{:.0}k", rate / 1_000.0),
    };
    match own {
        Some(own) => format!("{rate} (1/{:.1})", own[0] / theirs[0]),
        None => rate,
    }
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let runs = match args.iter().position(|arg| arg == "--runs") {
        Some(at) => args[at + 1].parse().expect("a number of runs"),
        None => 3,
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let programs: Vec<_> = SYSTEMS.iter().map(|system| system.build(&root)).collect();
    let server = Postgres::start();
    let mut trials = vec![vec![Vec::new(); SCENARIOS.len()]; SYSTEMS.len()];
    for run in 1..=runs {
        for (scenario, (name, ..)) in SCENARIOS.iter().enumerate() {
            for (at, system) in SYSTEMS.iter().enumerate() {
                let place = Place::fresh(&server, system.store);
                let url = format!("{}{}", place.url(), system.options);
                let figures = system.measure(&programs[at], scenario, &url);
                eprintln!("run {run} of {runs}, {name}, {}: {figures:?}", system.name);
                trials[at][scenario].push(figures);
            }
        }
    }
    for (store, title) in [(Store::Postgres, "PostgreSQL"), (Store::Sqlite, "SQLite")] {
        let of_store = || {
            let systems = SYSTEMS.iter().enumerate();
            systems.filter(move |(_, system)| system.store == store)
        };
        // The last of ours is the one at the others' durability.
        let own = of_store()
            .rev()
            .find(|(_, system)| system.program.is_none());
        let (own, _) = own.expect("we are on every store");
        println!(
            "| {title} | enqueue, 1,000 a call | drain | enqueue, 8 callers | idle pickup p50 / p99 | what has ended |"
        );
        println!("|---|---|---|---|---|---|");
        for (at, system) in of_store() {
            let cells: Vec<_> = (0..SCENARIOS.len())
                .map(|scenario| {
                    let ours = medians(&trials[own][scenario]);
                    let ours = ours.filter(|_| system.program.is_some());
                    cell(ours.as_ref(), medians(&trials[at][scenario]).as_ref())
                })
                .collect();
            println!(
                "| {} | {} | {} |",
                system.name,
                cells.join(" | "),
                system.note
            );
        }
        println!();
    }
}
