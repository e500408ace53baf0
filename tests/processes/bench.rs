//! `bench` measures in a place of its own, says what it has found, and leaves nothing behind.

use std::path::Path;

use serde_json::Value;
use tests::postgres::Postgres;
use tests::process::{Ran, is_full_tier, prompt_dir, run};

use super::PROGRAM;

fn bench(dir: &Path, args: &[&str]) -> Ran {
    let few = ["--executions", "200", "--runs", "1", "--concurrency", "8"];
    run(
        PROGRAM,
        dir,
        &[&["bench"], args, &few, &["--json"]].concat(),
    )
}

/// The one document that it prints.
fn report(ran: &Ran) -> Value {
    assert_eq!(ran.code, 0, "{ran:?}");
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

fn positive(report: &Value, pointer: &str) {
    let figure = report.pointer(pointer).and_then(Value::as_f64);
    assert!(figure.is_some_and(|it| it > 0.0), "{pointer}: {report:#}");
}

#[test]
fn every_scenario_has_its_figures_on_the_embedded_store() {
    let dir = tempfile::tempdir().expect("a directory");
    let rate = "/ratePerSecond/median";
    let latency = "/latencyMs/p99";
    let ratio = "/ratioToBaseline/median";
    let scenarios: [(&[&str], &[&str]); 13] = [
        (&["enqueue-batch", "--batch", "50"], &[rate, latency]),
        (&["enqueue-single"], &[rate, latency]),
        (&["drain"], &[rate, "/commitsPerExecution"]),
        (&["steady", "--rate", "500"], &[rate, latency]),
        (&["latency"], &[latency]),
        (&["mixed"], &[rate, latency]),
        (&["limits"], &[rate, ratio]),
        (&["limits", "--limit", "rate"], &[rate, ratio]),
        (
            &["limits", "--limit", "per-key", "--keys", "20"],
            &[rate, ratio],
        ),
        (&["keyed", "--keys", "20"], &[rate, ratio]),
        (
            &["blocked", "--keys", "5", "--blocked", "50"],
            &[rate, ratio],
        ),
        (
            &["retained", "--retained", "3000"],
            &[rate, ratio, "/feedMs/max"],
        ),
        (&["http"], &[rate, latency]),
    ];
    for (args, figures) in scenarios {
        let report = report(&bench(dir.path(), args));
        assert_eq!(report["scenario"], args[0]);
        assert_eq!(report["store"], "sqlite");
        assert_eq!(report["durability"], "synchronous = full");
        assert_eq!(report["walBytesPerExecution"], Value::Null);
        for figure in figures {
            positive(&report, figure);
        }
    }
    let left: Vec<_> = dir.path().read_dir().expect("it is there").collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn on_postgresql_the_server_is_asked_as_well() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Postgres::start();
    let database = server.url("postgres");
    for scenario in ["drain", "pinned"] {
        let report = report(&bench(dir.path(), &[scenario, "--database", &database]));
        assert_eq!(report["store"], "postgres");
        for figure in [
            "/ratePerSecond/min",
            "/walBytesPerExecution",
            "/commitsPerExecution",
        ] {
            positive(&report, figure);
        }
        // Each execution leaves its place in ready and its lease behind; nobody vacuums so few.
        assert!(report["deadTuples"].as_f64() >= Some(400.0), "{report:#}");
    }
    let schemas = "SELECT COUNT(*) FROM pg_namespace WHERE nspname LIKE '%bench%'";
    assert_eq!(server.sql("postgres", schemas), "0");
}

/// What does not depend on how busy a machine is, and would grow with a plan or a batch gone wrong: a few
/// times what it is today.
#[test]
fn an_execution_costs_no_more_trips_and_bytes_than_it_did() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Postgres::start();
    let database = server.url("postgres");
    let sizes = ["--executions", "5000", "--runs", "1", "--json"];
    let measured = |args: &[&str]| {
        let ran = run(PROGRAM, dir.path(), &[&["bench"], args, &sizes].concat());
        report(&ran)
    };
    let at_most = |report: &Value, figure: &str, most: f64| {
        let found = report[figure].as_f64();
        assert!(
            found.is_some_and(|it| it <= most),
            "{figure} > {most}: {report:#}"
        );
    };
    let callers: &[&str] = &["enqueue-single", "--callers", "8"];
    for store in [&[][..], &["--database", &database]] {
        let with_store = |args: &[&str]| measured(&[args, store].concat());
        at_most(&with_store(&["drain"]), "roundTripsPerExecution", 0.1);
        at_most(&with_store(&["limits"]), "roundTripsPerExecution", 0.15);
        // Each alone would be 1.
        at_most(&with_store(callers), "roundTripsPerExecution", 0.6);
    }
    let on_server = |scenario| measured(&[scenario, "--database", &database]);
    let drained = on_server("drain");
    at_most(&drained, "walBytesPerExecution", 800.0);
    // A place in ready and a lease, no more.
    at_most(&drained, "deadTuples", 2.2 * 5_000.0);
    at_most(&on_server("enqueue-batch"), "walBytesPerExecution", 950.0);
}

/// Half of what drains, for long: neither latency nor memory nor what a server has to clean up grows with
/// what is kept. Ten minutes of it in the long tier; a moment in the short one, which looks at memory and at
/// dead rows alone.
#[test]
fn a_soak_stays_flat() {
    let seconds = if is_full_tier() { "600" } else { "8" };
    let dir = prompt_dir();
    // Whoever claims clears away what it leaves behind: nothing else does here.
    let server = Postgres::start_with(&["autovacuum=off"]);
    let database = server.url("postgres");
    for store in [&[][..], &["--database", &database]] {
        let args = [
            "bench",
            "soak",
            "--seconds",
            seconds,
            "--executions",
            "20000",
        ];
        let ran = run(PROGRAM, dir.path(), &[&args, store, &["--json"]].concat());
        let report = report(&ran);
        let course = report["course"].as_array().expect("its parts");
        assert_eq!(course.len(), 10);
        let figure = |part: usize, pointer: &str| course[part].pointer(pointer)?.as_f64();
        let latency = |part| figure(part, "/latencyMs/p50").expect("a latency");
        let memory = |part| figure(part, "/residentMegabytes").expect("its memory");
        let line = |part| {
            let p99 = figure(part, "/latencyMs/p99").unwrap_or_default();
            let dead = figure(part, "/deadTuples");
            format!(
                "p50 {:.1}, p99 {p99:.1} ms, {:.0} MB, {dead:?} dead",
                latency(part),
                memory(part)
            )
        };
        println!(
            "{} of {} executions: {}; {}; {}",
            report["store"],
            report["executions"],
            line(0),
            line(4),
            line(9)
        );
        if is_full_tier() {
            // A machine that is shared has better and worse moments: the best of each half. A few seconds
            // of a busy one say nothing.
            let best = |parts: std::ops::Range<usize>| parts.map(latency).fold(f64::MAX, f64::min);
            assert!(best(5..10) <= 2.0 * best(0..5) + 5.0, "{course:#?}");
        }
        assert!(memory(9) <= memory(1) + 40.0, "{course:#?}");
        // A place in ready and a lease of each, if nobody cleared them away.
        if let Some(dead) = figure(9, "/deadTuples") {
            let executions = report["executions"].as_f64().expect("a number");
            assert!(
                dead < executions.min(300_000.0),
                "{dead} dead of {executions}"
            );
        }
    }
}

#[test]
fn what_makes_no_sense_is_a_mistake_of_usage() {
    let dir = tempfile::tempdir().expect("a directory");
    let unknown = bench(dir.path(), &["drian"]);
    assert_eq!(unknown.code, 2, "{unknown:?}");
    assert!(unknown.err.contains("drain"), "{unknown:?}");
    let pinned = bench(dir.path(), &["pinned"]);
    assert_eq!(pinned.code, 2, "{pinned:?}");
    assert!(pinned.err.contains("PostgreSQL"), "{pinned:?}");
    let none = run(PROGRAM, dir.path(), &["bench", "drain", "--runs", "0"]);
    assert_eq!(none.code, 2, "{none:?}");
}
