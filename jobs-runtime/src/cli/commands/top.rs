//! The command `top`: a live view of the fleet.

use serde::Serialize;

use super::queues::{counted, mark};
use crate::cli::args::TopArgs;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::cli::source::Source;
use crate::cli::table::{millis, short, table};
use crate::service::{FailureFilter, FailureGroup, Overview, Percentiles, WindowStats};
use crate::store::{ExecutionQuery, ExecutionRecord, QueueRecord};
use crate::time::Timestamp;

/// The longest lists of a view.
const ROWS: usize = 10;

/// One view of the fleet.
#[derive(Serialize)]
struct View {
    overview: Overview,
    /// The newest executions that run.
    running: Vec<ExecutionRecord>,
    /// The largest groups of failures of the last day.
    failures: Vec<FailureGroup>,
}

/// Shows a view, and a new one after each interval until the program is stopped.
pub(in crate::cli) async fn top(
    settings: &Settings,
    output: Output,
    args: &TopArgs,
) -> Result<(), Failure> {
    let source = Source::open(settings).await?;
    loop {
        let view = read(&source).await?;
        if args.once {
            return output.result(&view, |view| text(view, &source));
        }
        output.screen(&view, |view| text(view, &source))?;
        source.sleep(args.interval).await;
    }
}

async fn read(source: &Source) -> Result<View, Failure> {
    let mut running = ExecutionQuery::newest(ROWS);
    running.status = Some(jobs::ExecutionStatus::Running);
    let mut failures = source.failures(FailureFilter::default()).await?.failures;
    failures.truncate(ROWS);
    Ok(View {
        overview: source.overview().await?,
        running: source.executions(running, false).await?.executions,
        failures,
    })
}

fn text(view: &View, source: &Source) -> String {
    let overview = &view.overview;
    let mut text = format!(
        "{}  {}  {} workers, {} running\n\n",
        source.location(),
        overview.at,
        overview.processes.len(),
        overview.running,
    );
    let headings = [
        "LAST",
        "SUCCEEDED",
        "FAILED",
        "CANCELLED",
        "WAIT",
        "DURATION",
    ];
    text.push_str(&table(headings, overview.windows.iter().map(window_row)));
    let headings = ["QUEUE", "READY", "BLOCKED", "RUNNING", "OLDEST", "STATE"];
    let queues = overview.queues.iter().take(ROWS);
    let rows = queues.map(|queue| queue_row(queue, overview.at));
    text.push_str(&format!("\n{}", table(headings, rows)));
    let jobs = overview.failing_jobs.iter().map(|job| {
        [
            short(&job.job_id, 40),
            job.failed.to_string(),
            job.finished.to_string(),
        ]
    });
    push_table(&mut text, ["JOB", "FAILED", "OF"], jobs);
    let running = view.running.iter().map(|record| {
        [
            record.id.to_string(),
            short(&record.job_id, 30),
            format!("{}/{}", record.attempt, record.max_attempts),
            format!("{} %", record.progress),
            record
                .started_at
                .map(|at| age(at, overview.at))
                .unwrap_or_default(),
        ]
    });
    let headings = ["RUNNING", "JOB", "ATTEMPT", "PROGRESS", "FOR"];
    push_table(&mut text, headings, running);
    let failures = view.failures.iter().map(|group| {
        [
            short(&group.job_id, 30),
            group.count.to_string(),
            age(group.last_seen_at, overview.at),
            short(&group.message, 50),
        ]
    });
    push_table(&mut text, ["FAILURES", "COUNT", "AGO", "ERROR"], failures);
    text
}

/// Adds a table, unless it has no rows.
fn push_table<const N: usize>(
    text: &mut String,
    headings: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) {
    let mut rows = rows.peekable();
    if rows.peek().is_some() {
        text.push_str(&format!("\n{}", table(headings, rows)));
    }
}

fn window_row(window: &WindowStats) -> [String; 6] {
    let at_least = if window.complete { "" } else { "≥ " };
    let count = |count: u64| format!("{at_least}{count}");
    let times = |times: Option<Percentiles>| match times {
        None => "-".to_owned(),
        Some(times) => format!("{}, 95 %: {}", millis(times.p50), millis(times.p95)),
    };
    [
        window.window.clone().into_owned(),
        count(window.succeeded),
        count(window.failed),
        count(window.cancelled),
        times(window.wait_ms),
        times(window.duration_ms),
    ]
}

fn queue_row(queue: &QueueRecord, now: Timestamp) -> [String; 6] {
    let state = if queue.paused_at.is_some() {
        "paused"
    } else {
        "open"
    };
    [
        short(&queue.queue, 40),
        counted(queue, "ready", queue.ready),
        counted(queue, "blocked", queue.blocked),
        queue.running.to_string(),
        queue.oldest_due_at.map_or_else(
            || "-".to_owned(),
            |at| format!("{}{}", age(at, now), mark(queue, "oldestDueAt")),
        ),
        state.to_owned(),
    ]
}

fn age(at: Timestamp, now: Timestamp) -> String {
    millis(u64::try_from(now.since(at).as_millis()).unwrap_or(u64::MAX))
}
