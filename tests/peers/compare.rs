//! Comparison with other job systems on the same databases: prints the tables of
//! docs/performance.md.
//!
//! `cargo run --release -p tests --bin peers -- --runs R` (default: 3 runs). Each peer is a
//! separate program with its own dependencies, so that `jobs` has none of them. The systems take
//! turns, so that a slow phase of the machine affects all of them.

#![expect(clippy::print_stdout, reason = "prints the table")]
#![expect(clippy::print_stderr, reason = "prints progress")]
#![allow(
    clippy::expect_used,
    reason = "a developer's tool: it stops at the first error"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tests::postgres::Postgres;

/// Concurrent attempts of each system.
const CONCURRENCY: &str = "256";

/// The time limit of a trial, in seconds.
const TIMEOUT: &str = "60";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Store {
    Postgres,
    Sqlite,
}

/// The scenarios: name, executions per trial, concurrent callers.
const SCENARIOS: [(&str, u64, &str); 4] = [
    ("enqueue-batch", 100_000, "1"),
    ("drain", 50_000, "1"),
    ("enqueue-single", 10_000, "8"),
    ("latency", 100, "1"),
];

/// A job system on a database.
struct System {
    name: &'static str,
    /// The directory and the name of its program; `None` for this project.
    program: Option<(&'static str, &'static str)>,
    store: Store,
    /// Whether the system keeps or deletes finished executions.
    note: &'static str,
    /// Divides the number of executions, for systems that would exceed the time limit.
    divisor: u64,
    /// Options of the database URL, for this project only.
    options: &'static str,
}

const SYSTEMS: [System; 9] = [
    System {
        name: "**jobs**",
        program: None,
        store: Store::Postgres,
        note: "kept",
        divisor: 1,
        options: "",
    },
    System {
        name: "graphile_worker 0.14, local queues, batched completions",
        program: Some(("graphile_worker", "peer-graphile-worker")),
        store: Store::Postgres,
        note: "deleted",
        divisor: 1,
        options: "",
    },
    System {
        name: "apalis-postgres 1.0, notified",
        program: Some(("apalis", "peer-apalis")),
        store: Store::Postgres,
        note: "kept",
        divisor: 1,
        options: "",
    },
    System {
        name: "riverqueue 0.5",
        program: Some(("riverqueue", "peer-riverqueue")),
        store: Store::Postgres,
        note: "kept",
        divisor: 2,
        options: "",
    },
    System {
        name: "awa 0.6, batches by COPY",
        program: Some(("awa", "peer-awa")),
        store: Store::Postgres,
        note: "kept",
        divisor: 2,
        options: "",
    },
    System {
        name: "**jobs**, `FULL` (the default)",
        program: None,
        store: Store::Sqlite,
        note: "kept",
        divisor: 1,
        options: "",
    },
    System {
        name: "**jobs**, `NORMAL`",
        program: None,
        store: Store::Sqlite,
        note: "kept",
        divisor: 1,
        options: "?synchronous=normal",
    },
    System {
        name: "riverqueue 0.5, `NORMAL`",
        program: Some(("riverqueue", "peer-riverqueue")),
        store: Store::Sqlite,
        note: "kept",
        divisor: 2,
        options: "",
    },
    System {
        name: "apalis-sqlite 1.0, `OFF`",
        program: Some(("apalis", "peer-apalis")),
        store: Store::Sqlite,
        note: "kept",
        divisor: 25,
        options: "",
    },
];

impl System {
    /// Builds the program that measures the system, and returns its path.
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

    /// Runs a trial on an empty database. `None` if the trial failed or exceeded the time limit.
    fn measure(&self, program: &Path, scenario: usize, url: &str) -> Option<Vec<f64>> {
        let (scenario, executions, callers) = SCENARIOS[scenario];
        let executions = match scenario {
            "latency" => executions,
            _ => executions / self.divisor,
        };
        let executions = executions.to_string();
        let mut command = Command::new("timeout");
        command.arg(TIMEOUT).arg(program);
        match self.program {
            None => command
                .args(["bench", scenario, "--json", "--runs", "1"])
                .args(["--executions", &executions, "--concurrency", CONCURRENCY])
                .args(["--callers", callers, "--database", url]),
            Some(_) => command.args([scenario, url, &executions, CONCURRENCY, callers]),
        };
        let ran = command
            .stderr(Stdio::null())
            .output()
            .expect("`timeout` starts");
        let report: Value = serde_json::from_slice(&ran.stdout).ok()?;
        let number = |value: &Value| value.as_f64();
        match (self.program, scenario) {
            (None, "latency") => {
                let latency = &report["latencyMs"];
                Some(vec![number(&latency["p50"])?, number(&latency["p99"])?])
            }
            (None, _) => Some(vec![number(&report["ratePerSecond"]["median"])?]),
            (Some(_), "latency") => Some(vec![number(&report["p50"])?, number(&report["p99"])?]),
            (Some(_), _) => Some(vec![number(&report["rate"])?]),
        }
    }
}

/// An empty database for one trial, dropped after it.
struct ScratchDatabase<'p> {
    server: &'p Postgres,
    directory: tempfile::TempDir,
    database: Option<String>,
}

impl<'p> ScratchDatabase<'p> {
    fn new(server: &'p Postgres, store: Store) -> Self {
        Self {
            server,
            // The temporary directory may be in memory, where writes are not durable.
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

impl Drop for ScratchDatabase<'_> {
    fn drop(&mut self) {
        if let Some(database) = &self.database {
            let drop = format!("DROP DATABASE {database} WITH (FORCE)");
            self.server.sql("postgres", &drop);
            // The next trial must not pay for dirty pages of this one.
            self.server.sql("postgres", "CHECKPOINT");
        }
        std::thread::park_timeout(Duration::from_millis(500));
    }
}

/// The median of each figure over the completed trials.
fn medians(trials: &[Option<Vec<f64>>]) -> Option<Vec<f64>> {
    let completed: Vec<_> = trials.iter().flatten().collect();
    let figures = completed.first()?.len();
    let median = |figure: usize| {
        let mut all: Vec<f64> = completed.iter().map(|trial| trial[figure]).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    Some((0..figures).map(median).collect())
}

/// Formats a cell. Beside the rate of a peer stands its ratio to that of this project.
fn cell(own: Option<&Vec<f64>>, figures: Option<&Vec<f64>>) -> String {
    let Some(figures) = figures else {
        return "–".to_owned();
    };
    if let [p50, p99] = figures[..] {
        return format!("{p50:.1} / {p99:.1} ms");
    }
    let rate = match figures[0] {
        rate if rate < 1_000.0 => format!("{rate:.0}"),
        rate if rate < 10_000.0 => format!("{:.1}k", rate / 1_000.0),
        rate => format!("{:.0}k", rate / 1_000.0),
    };
    match own {
        Some(own) => format!("{rate} (1/{:.1})", own[0] / figures[0]),
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
                let scratch = ScratchDatabase::new(&server, system.store);
                let url = format!("{}{}", scratch.url(), system.options);
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
        // The last row of this project has the durability that the peers have.
        let own = of_store()
            .rev()
            .find(|(_, system)| system.program.is_none());
        let (own, _) = own.expect("this project has a row per database");
        println!(
            "| {title} | enqueue, 1,000 a call | drain | enqueue, 8 callers | idle pickup p50 / p99 \
             | finished executions |"
        );
        println!("|---|---|---|---|---|---|");
        for (at, system) in of_store() {
            let cells: Vec<_> = (0..SCENARIOS.len())
                .map(|scenario| {
                    let reference = medians(&trials[own][scenario]);
                    let reference = reference.filter(|_| system.program.is_some());
                    cell(reference.as_ref(), medians(&trials[at][scenario]).as_ref())
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
