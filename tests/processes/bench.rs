//! The command `bench`: its reports, their bounds, and the removal of its scratch stores.

use std::path::Path;

use serde_json::Value;
use tests::postgres::Postgres;
use tests::process::{Ran, is_full_tier, prompt_dir, run};

use super::PROGRAM;

fn bench(dir: &Path, args: &[&str]) -> Ran {
    let sizes = ["--executions", "200", "--runs", "1", "--concurrency", "8"];
    run(
        PROGRAM,
        dir,
        &[&["bench"], args, &sizes, &["--json"]].concat(),
    )
}

/// Parses the printed report.
fn report(ran: &Ran) -> Value {
    assert_eq!(ran.code, 0, "{ran:?}");
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

fn check_positive(report: &Value, pointer: &str) {
    let figure = report.pointer(pointer).and_then(Value::as_f64);
    assert!(figure.is_some_and(|it| it > 0.0), "{pointer}: {report:#}");
}

#[test]
fn every_scenario_reports_its_figures_on_sqlite() {
    let dir = tempfile::tempdir().expect("a directory");
    let rate = "/ratePerSecond/median";
    let latency = "/latencyMs/p99";
    let ratio = "/ratioToBaseline/median";
    let scenarios: [(&[&str], &[&str]); 15] = [
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
        (&["bulk", "--blocked", "300"], &[rate, ratio]),
        (&["pruned", "--retained", "20000"], &[rate, ratio]),
        (&["http"], &[rate, latency]),
    ];
    for (args, figures) in scenarios {
        let report = report(&bench(dir.path(), args));
        assert_eq!(report["scenario"], args[0]);
        assert_eq!(report["store"], "sqlite");
        assert_eq!(report["durability"], "synchronous = full");
        assert_eq!(report["walBytesPerExecution"], Value::Null);
        for figure in figures {
            check_positive(&report, figure);
        }
    }
    let left: Vec<_> = dir
        .path()
        .read_dir()
        .expect("the directory exists")
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn postgresql_scenarios_report_the_servers_counters() {
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
            check_positive(&report, figure);
        }
        // Each execution leaves a dead row in `ready` and one in `leases`. Autovacuum does not
        // start for so few.
        assert!(report["deadTuples"].as_f64() >= Some(400.0), "{report:#}");
    }
    let schemas = "SELECT COUNT(*) FROM pg_namespace WHERE nspname LIKE '%bench%'";
    assert_eq!(server.sql("postgres", schemas), "0");
}

/// Bounds on figures that do not depend on the load of the machine. A wrong plan or batch would
/// exceed them.
#[test]
fn an_execution_stays_within_its_round_trips_and_bytes() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Postgres::start();
    let database = server.url("postgres");
    let sizes = ["--executions", "5000", "--runs", "1", "--json"];
    let measured = |args: &[&str]| {
        let ran = run(PROGRAM, dir.path(), &[&["bench"], args, &sizes].concat());
        report(&ran)
    };
    let at_most = |report: &Value, figure: &str, bound: f64| {
        let found = report[figure].as_f64();
        assert!(
            found.is_some_and(|it| it <= bound),
            "{figure} > {bound}: {report:#}"
        );
    };
    let callers: &[&str] = &["enqueue-single", "--callers", "8"];
    for store in [&[][..], &["--database", &database]] {
        let with_store = |args: &[&str]| measured(&[args, store].concat());
        at_most(&with_store(&["drain"]), "roundTripsPerExecution", 0.1);
        at_most(&with_store(&["limits"]), "roundTripsPerExecution", 0.15);
        // Without batching, each enqueue would take one round trip.
        at_most(&with_store(callers), "roundTripsPerExecution", 0.6);
    }
    let on_server = |scenario| measured(&[scenario, "--database", &database]);
    let drained = on_server("drain");
    at_most(&drained, "walBytesPerExecution", 800.0);
    // At most the dead rows in `ready` and `leases`.
    at_most(&drained, "deadTuples", 2.2 * 5_000.0);
    at_most(&on_server("enqueue-batch"), "walBytesPerExecution", 950.0);
}

/// At half the drain rate, latency, memory and dead rows do not grow with the retained executions.
/// The full tier runs ten minutes. The short tier runs eight seconds and checks memory and dead
/// rows only.
#[test]
fn a_soak_stays_flat() {
    let seconds = if is_full_tier() { "600" } else { "8" };
    let dir = prompt_dir();
    // Without autovacuum, only the workers remove dead rows.
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
        let course = report["course"].as_array().expect("the parts of the soak");
        assert_eq!(course.len(), 10);
        let figure = |part: usize, pointer: &str| course[part].pointer(pointer)?.as_f64();
        let latency = |part| figure(part, "/latencyMs/p50").expect("a latency");
        let memory = |part| figure(part, "/residentMegabytes").expect("the resident memory");
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
            // The load of the machine varies, so the best parts of both halves are compared.
            let best = |parts: std::ops::Range<usize>| parts.map(latency).fold(f64::MAX, f64::min);
            assert!(best(5..10) <= 2.0 * best(0..5) + 5.0, "{course:#?}");
        }
        assert!(memory(9) <= memory(1) + 40.0, "{course:#?}");
        // Each execution leaves two or three dead rows, and a worker vacuums after 25,000 claims.
        // One moment may lie just before a vacuum, so the least of five counts.
        let dead = (5..10).filter_map(|part| figure(part, "/deadTuples"));
        let dead = dead.reduce(f64::min).unwrap_or(0.0);
        assert!(dead < 6.0 * 25_000.0, "{dead} dead rows: {course:#?}");
    }
}

#[test]
fn an_impossible_benchmark_is_a_usage_error() {
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
