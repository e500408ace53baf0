//! The commands `list` and `show`: the known jobs.

use jobs::{CatchUp, JobLimits, OnConflict, Overlap, ScheduleRule};
use serde::Serialize;

use crate::Retention;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::payload_flags::fields_help;
use crate::cli::printable;
use crate::cli::settings::Settings;
use crate::cli::source::Source;
use crate::cli::table::{millis, paragraph, short, table};
use crate::service::JobView;

/// The output of `list` as JSON.
#[derive(Serialize)]
struct JobList<'a> {
    jobs: &'a [JobView],
}

/// Prints the jobs that the program links or the store's catalogue has.
pub(in crate::cli) async fn list(settings: &Settings, output: Output) -> Result<(), Failure> {
    let jobs = Source::read(settings).await?.jobs().await?;
    if jobs.is_empty() {
        output.note(
            "no jobs: this program links none, and the store has none. Reference the crate that \
             declares them in the binary, as in `use my_jobs as _;`",
        );
    }
    output.result(&JobList { jobs: &jobs }, |_| {
        let rows = jobs.iter().map(|view| {
            let job = &view.descriptor;
            [
                job.id.clone(),
                handler(job),
                job.queue.clone(),
                job.priority.to_string(),
                job.timeout_ms.map_or("none".to_owned(), millis),
                job.max_attempts.to_string(),
                schedules(&view.schedule),
                short(&job.label, 48),
            ]
        });
        table(
            [
                "JOB", "HANDLER", "QUEUE", "PRIORITY", "TIMEOUT", "ATTEMPTS", "SCHEDULE", "LABEL",
            ],
            rows,
        )
    })
}

/// The cron expressions of a job's schedules.
fn schedules(schedule: &[ScheduleRule]) -> String {
    let crons: Vec<&str> = schedule.iter().map(|rule| &*rule.cron).collect();
    if crons.is_empty() {
        "-".to_owned()
    } else {
        crons.join("; ")
    }
}

fn handler(job: &jobs::JobDescriptor) -> String {
    let text = match (job.enabled, job.handler) {
        (false, _) => "disabled",
        (_, jobs::HandlerKind::Linked) => "linked",
        (_, jobs::HandlerKind::External) => "external",
        (_, jobs::HandlerKind::Absent) => "absent",
    };
    text.to_owned()
}

/// Prints a job.
pub(in crate::cli) async fn show(
    settings: &Settings,
    output: Output,
    id: &str,
) -> Result<(), Failure> {
    let job = Source::read(settings).await?.job(id).await?;
    output.result(&job, text)
}

/// Formats limits like the keys of the attribute.
fn limits(limits: &JobLimits) -> String {
    let mut texts = Vec::new();
    let per = |field: &Option<String>| {
        let field = field.as_ref();
        field.map_or_else(String::new, |field| format!(" per {field}"))
    };
    let by = |fields: &[String]| match fields {
        [] => String::new(),
        fields => format!(" by {}", fields.join(" and ")),
    };
    if let Some(limit) = &limits.max_concurrent {
        let weights = limit.weights.iter();
        let weights: String = weights
            .map(|(value, weight)| format!(", times {weight} for {value}"))
            .collect();
        let per = per(&limit.per);
        texts.push(format!("max_concurrent {}{per}{weights}", limit.count));
    }
    if let Some(limit) = &limits.rate_limit {
        let period = millis(limit.period_ms);
        texts.push(format!(
            "rate_limit {} in {period}{}",
            limit.count,
            per(&limit.per)
        ));
    }
    if let Some(rule) = &limits.unique {
        let within = rule.within_ms.map(millis);
        let within = within.map_or_else(String::new, |within| format!(" within {within}"));
        let then = match rule.on_conflict {
            OnConflict::Skip => "skip",
            OnConflict::Replace => "replace",
            OnConflict::Reject => "reject",
        };
        texts.push(format!("unique{}{within}: {then}", by(&rule.by)));
    }
    if let Some(rule) = &limits.debounce {
        let delay = millis(rule.delay_ms);
        let at_most = rule.at_most_ms.map(millis);
        let at_most = at_most.map_or_else(String::new, |most| format!(", at most {most}"));
        texts.push(format!("debounce{} {delay}{at_most}", by(&rule.by)));
    }
    if let Some(count) = limits.max_waiting {
        texts.push(format!("max_waiting {count}"));
    }
    texts.join("; ")
}

/// Formats a schedule like the value of the attribute.
pub(super) fn schedule(rule: &ScheduleRule) -> String {
    let mut text = format!("{} {}", rule.cron, rule.timezone);
    if rule.catch_up != CatchUp::default() {
        text.push_str(&format!(", catch_up {}", rule.catch_up));
    }
    if rule.overlap != Overlap::default() {
        text.push_str(&format!(", overlap {}", rule.overlap));
    }
    if rule.jitter_ms > 0 {
        text.push_str(&format!(", jitter {}", millis(rule.jitter_ms)));
    }
    text
}

/// Formats the times for which final executions are kept.
fn kept(retention: Retention) -> String {
    let time = |time: std::time::Duration| match time.as_secs() / 86_400 {
        0 => millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
        days => format!("{days} d"),
    };
    format!(
        "succeeded {}, failed {}, cancelled {}",
        time(retention.succeeded),
        time(retention.failed),
        time(retention.cancelled)
    )
}

fn text(view: &JobView) -> String {
    let job = &view.descriptor;
    let delays: Vec<_> = job.retry_delays_ms.iter().map(|ms| millis(*ms)).collect();
    let mut text = format!("{}  {}\n", job.id, printable::line(&job.label));
    if !job.description.is_empty() && job.description.trim_end_matches('.') != job.label {
        text.push_str(&format!("\n{}", paragraph(&job.description)));
    }
    let mut facts = vec![
        ["queue".to_owned(), job.queue.clone()],
        ["priority".to_owned(), job.priority.to_string()],
        [
            "timeout".to_owned(),
            job.timeout_ms.map_or("none".to_owned(), millis),
        ],
        ["attempts".to_owned(), job.max_attempts.to_string()],
        ["retries".to_owned(), delays.join(", ")],
        ["retention".to_owned(), kept(view.retention)],
        ["handler".to_owned(), handler(job)],
        ["tags".to_owned(), job.tags.join(", ")],
        ["source".to_owned(), job.source.clone()],
        ["fingerprint".to_owned(), view.fingerprint.clone()],
    ];
    if let Some(expires) = job.expires_ms {
        facts.insert(3, ["expires".to_owned(), millis(expires)]);
    }
    for rule in view.schedule.iter().rev() {
        facts.insert(2, ["schedule".to_owned(), schedule(rule)]);
    }
    if !view.limits.is_empty() {
        facts.insert(2, ["limits".to_owned(), limits(&view.limits)]);
    }
    text.push('\n');
    text.push_str(&table(["", ""], facts).replacen('\n', "", 1));
    text.push_str(&format!("\n{}", fields_help(job)));
    text.push_str("\n`--json` prints the schemas\n");
    text
}
