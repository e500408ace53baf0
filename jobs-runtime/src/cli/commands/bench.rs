//! The command `bench`: measures this program on this machine.

use crate::bench::{self, BenchConfig, BenchError, BenchReport};
use crate::cli::args::BenchArgs;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::settings::{Origin, Settings};
use crate::store::ParseDatabaseUrlError;

/// The default number of concurrent attempts. It keeps one worker busy.
const DEFAULT_CONCURRENCY: usize = 256;

/// Measures a scenario and prints the report.
pub(in crate::cli) async fn measure(
    settings: &Settings,
    output: Output,
    args: &BenchArgs,
) -> Result<(), Failure> {
    let is_set = |key| {
        let mut entries = settings.entries.iter();
        entries.any(|entry| entry.key == key && entry.origin != Origin::Default)
    };
    let config = BenchConfig {
        scenario: args.scenario,
        database: settings
            .database
            .parse()
            .map_err(|error: ParseDatabaseUrlError| Failure::usage(error.to_string()))?,
        executions: args.executions,
        concurrency: if is_set("concurrency") {
            settings.engine.concurrency
        } else {
            DEFAULT_CONCURRENCY
        },
        callers: args.callers,
        runs: args.runs,
        batch: args.batch,
        retained: args.retained,
        rate: args.rate,
        seconds: args.seconds,
        keys: args.keys,
        blocked: args.blocked,
        limit: args.limit,
        #[cfg(feature = "otlp")]
        telemetry: settings.telemetry.clone(),
    };
    if cfg!(debug_assertions) {
        output.note(
            "this is a debug build: measure a release build, with `cargo run --release -- bench …`",
        );
    }
    let on_progress = |line: &str| {
        if output.is_interactive() {
            output.note(line);
        }
    };
    let report = tokio::select! {
        report = bench::run(&config, on_progress) => report,
        _ = tokio::signal::ctrl_c() => return Err(Failure::failed(
            "interrupted: remove the scratch store `bench_…` (a file or schema) if it remains"
        )),
    };
    let report = report.map_err(|error| match error {
        BenchError::Unsupported(reason) => Failure::usage(reason),
        error => Failure::because(&error),
    })?;
    output.result(&report, table)
}

/// A line per figure. Figures that the scenario does not have are left out.
fn table(report: &BenchReport) -> String {
    let mut lines = vec![format!(
        "{} store, {}: {} executions, concurrency {}, callers {}, {} runs",
        report.store,
        report.durability,
        report.executions,
        report.concurrency,
        report.callers,
        report.runs,
    )];
    let mut line = |name: &str, text: Option<String>| {
        lines.extend(text.map(|text| format!("  {name:24} {text}")));
    };
    let summary = |summary: bench::Summary, digits: usize| {
        let bench::Summary { median, min, max } = summary;
        format!("{median:.digits$}  ({min:.digits$} to {max:.digits$})")
    };
    let percentiles = |it: bench::Percentiles| {
        format!(
            "p50 {:.2}  p95 {:.2}  p99 {:.2}  max {:.2}",
            it.p50, it.p95, it.p99, it.max
        )
    };
    let number = |digits: usize| move |number: f64| format!("{number:.digits$}");
    line(
        "executions/s",
        report.rate_per_second.map(|it| summary(it, 0)),
    );
    line(
        "baseline/s",
        report.baseline_per_second.map(|it| summary(it, 0)),
    );
    line(
        "ratio to the baseline",
        report.ratio_to_baseline.map(|it| summary(it, 3)),
    );
    line(
        "pruned/s",
        report.pruned_per_second.map(|it| summary(it, 0)),
    );
    line("latency, ms", report.latency_ms.map(percentiles));
    line("list executions, ms", report.list_ms.map(percentiles));
    line(
        "CPU µs/execution",
        report.cpu_micros_per_execution.map(number(1)),
    );
    line(
        "round trips/execution",
        report.round_trips_per_execution.map(number(4)),
    );
    line(
        "commits/execution",
        report.commits_per_execution.map(number(4)),
    );
    line(
        "WAL bytes/execution",
        report.wal_bytes_per_execution.map(number(0)),
    );
    line("dead tuples", report.dead_tuples.map(number(0)));
    line("CPU of one core, %", report.cpu_percent.map(number(2)));
    line("wake-ups/minute", report.wake_ups_per_minute.map(number(0)));
    line(
        "resident memory, MB",
        report.resident_megabytes.map(number(0)),
    );
    for (number, part) in (1..).zip(report.parts.iter().flatten()) {
        let latency = part.latency_ms.map(percentiles).unwrap_or_default();
        let memory = part
            .resident_megabytes
            .map_or(String::new(), |it| format!("  {it:.0} MB"));
        let dead = part
            .dead_tuples
            .map_or(String::new(), |it| format!("  {it} dead tuples"));
        lines.push(format!("  part {number:<19} {latency}{memory}{dead}"));
    }
    lines.join("\n")
}
