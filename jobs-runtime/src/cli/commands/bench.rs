//! `bench`: how fast this is, here.

use crate::bench::{self, BenchError, Plan, Report};
use crate::cli::args::Bench;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::settings::{Origin, Settings};
use crate::store::ParseDatabaseUrlError;

/// Attempts at a time unless the caller says otherwise: what one worker can keep in flight.
const CONCURRENCY: usize = 256;

/// Measures a scenario and says what came out.
pub(in crate::cli) async fn measure(
    settings: &Settings,
    output: Output,
    args: &Bench,
) -> Result<(), Failure> {
    let chosen = |key| {
        let mut entries = settings.entries.iter();
        entries.any(|entry| entry.key == key && entry.origin != Origin::Default)
    };
    let plan = Plan {
        scenario: args.scenario,
        database: settings
            .database
            .parse()
            .map_err(|error: ParseDatabaseUrlError| Failure::usage(error.to_string()))?,
        executions: args.executions,
        concurrency: match chosen("concurrency") {
            true => settings.engine.concurrency,
            false => CONCURRENCY,
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
    };
    if cfg!(debug_assertions) {
        output
            .say("this is a debug build: `cargo run --release -- bench …` measures what users get");
    }
    let told = |what: &str| {
        if output.is_watched() {
            output.say(what);
        }
    };
    let report = tokio::select! {
        report = bench::run(&plan, told) => report,
        _ = tokio::signal::ctrl_c() => return Err(Failure::failed("interrupted: a store named bench_… may be left")),
    };
    let report = report.map_err(|error| match error {
        BenchError::Senseless(why) => Failure::usage(why),
        error => Failure::because(&error),
    })?;
    output.result(&report, table);
    Ok(())
}

/// A line per figure that there is.
fn table(report: &Report) -> String {
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
    let spread = |spread: bench::Spread, digits: usize| {
        let bench::Spread { median, min, max } = spread;
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
        report.rate_per_second.map(|it| spread(it, 0)),
    );
    line(
        "baseline/s",
        report.baseline_per_second.map(|it| spread(it, 0)),
    );
    line(
        "ratio to the baseline",
        report.ratio_to_baseline.map(|it| spread(it, 3)),
    );
    line("latency, ms", report.latency_ms.map(percentiles));
    line("a page of the feed, ms", report.feed_ms.map(percentiles));
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
    for (number, stretch) in (1..).zip(report.course.iter().flatten()) {
        let latency = stretch.latency_ms.map(percentiles).unwrap_or_default();
        let memory = stretch
            .resident_megabytes
            .map_or(String::new(), |it| format!("  {it:.0} MB"));
        let dead = stretch
            .dead_tuples
            .map_or(String::new(), |it| format!("  {it} dead"));
        lines.push(format!("  part {number:<19} {latency}{memory}{dead}"));
    }
    lines.join("\n")
}
