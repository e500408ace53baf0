//! The command `schedules`: lists, shows and changes schedules.

use serde_json::json;

use super::read_payload;
use crate::cli::args::{RuleArgs, ScheduleCommand};
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::cli::source::Source;
use crate::cli::table::{millis, short, table};
use crate::store::ScheduleRun;
use crate::{ScheduleDetails, ScheduleEdit, ScheduleView};

/// Prints all schedules.
pub(in crate::cli) async fn list(settings: &Settings, output: Output) -> Result<(), Failure> {
    let schedules = Source::open(settings).await?.schedules().await?;
    output.result(&json!({ "schedules": schedules }), |_| {
        table(
            ["SCHEDULE", "JOB", "CRON", "ZONE", "NEXT", "STATE"],
            schedules.iter().map(row),
        )
    })
}

fn row(schedule: &ScheduleView) -> [String; 6] {
    let next = schedule.next_time.map(|time| time.to_string());
    [
        schedule.id.clone(),
        schedule.job_id.clone(),
        schedule.rule.cron.clone(),
        schedule.rule.timezone.clone(),
        next.unwrap_or_else(|| "-".to_owned()),
        state(schedule),
    ]
}

/// The state: `active`, `paused since …`, `absent: …`, with `overridden` behind it.
fn state(schedule: &ScheduleView) -> String {
    let mut state = match (schedule.absent, schedule.paused_at) {
        (Some(absent), _) => format!("absent: its {} is gone", absent.as_str()),
        (None, Some(at)) => format!("paused since {at}"),
        (None, None) => "active".to_owned(),
    };
    if schedule.overridden {
        state.push_str(", overridden");
    }
    state
}

/// Shows or changes a schedule.
pub(in crate::cli) async fn run(
    settings: &Settings,
    output: Output,
    command: ScheduleCommand,
) -> Result<(), Failure> {
    let source = Source::open(settings).await?;
    let details = match command {
        ScheduleCommand::Show { id } => source.schedule(&id).await?,
        ScheduleCommand::Create {
            id,
            job,
            cron,
            rule,
        } => {
            let edit = edit(Some(cron), rule)?;
            source.create_schedule(id, job, edit).await?
        }
        ScheduleCommand::Edit { id, cron, rule } => {
            let edit = edit(cron, rule)?;
            if edit.is_empty() {
                return Err(Failure::usage(
                    "no change given: add --cron, --timezone, --catch-up, --overlap, --jitter or \
                     --payload",
                ));
            }
            source.edit_schedule(&id, edit).await?
        }
        ScheduleCommand::Pause { id } => source.pause_schedule(&id).await?,
        ScheduleCommand::Resume { id } => source.resume_schedule(&id).await?,
        ScheduleCommand::Run { id } => {
            let run = source.run_schedule(&id).await?;
            return print_run(output, &id, &run);
        }
        ScheduleCommand::Delete { id } => {
            source.delete_schedule(&id).await?;
            let answer = json!({ "id": id, "deleted": true });
            return output.result(&answer, |_| format!("{id}  deleted"));
        }
    };
    output.result(&details, text)
}

fn edit(cron: Option<String>, rule: RuleArgs) -> Result<ScheduleEdit, Failure> {
    let jitter = rule.jitter.map(|jitter| jitter.as_millis());
    Ok(ScheduleEdit {
        cron,
        timezone: rule.timezone,
        catch_up: rule.catch_up,
        overlap: rule.overlap,
        jitter_ms: jitter.map(|millis| u64::try_from(millis).unwrap_or(u64::MAX)),
        payload: read_payload(rule.payload)?.map(Some),
    })
}

fn print_run(output: Output, id: &str, run: &ScheduleRun) -> Result<(), Failure> {
    let Some(execution) = run.execution_id else {
        let detail = run.skipped.as_ref().map(|skip| skip.detail.clone());
        return Err(Failure::failed(detail.unwrap_or_default()));
    };
    output.result(run, |_| format!("{execution}  enqueued by {id}"))
}

fn text(details: &ScheduleDetails) -> String {
    let schedule = &details.schedule;
    let rule = &schedule.rule;
    let mut facts = vec![
        ["job".to_owned(), schedule.job_id.clone()],
        ["cron".to_owned(), rule.cron.clone()],
        ["timezone".to_owned(), rule.timezone.clone()],
        ["catch_up".to_owned(), rule.catch_up.to_string()],
        ["overlap".to_owned(), rule.overlap.to_string()],
        ["jitter".to_owned(), millis(rule.jitter_ms)],
        ["state".to_owned(), state(schedule)],
    ];
    if let Some(payload) = &schedule.payload {
        facts.push(["payload".to_owned(), short(payload.get(), 80)]);
    }
    if let Some(declared) = schedule.declared.as_ref().filter(|_| schedule.overridden) {
        facts.push(["declared".to_owned(), super::jobs::schedule(declared)]);
    }
    let mut text = format!("{}\n\n", schedule.id);
    text.push_str(&table(["", ""], facts).replacen('\n', "", 1));
    if !details.next_times.is_empty() {
        text.push_str("\nnext\n");
        for time in &details.next_times {
            text.push_str(&format!("  {time}\n"));
        }
    }
    if !details.runs.is_empty() {
        text.push('\n');
        text.push_str(&table(
            ["TIME", "EXECUTION", "SKIPPED"],
            details.runs.iter().map(run_row),
        ));
    }
    text
}

fn run_row(run: &ScheduleRun) -> [String; 3] {
    let manual = if run.manual { " (manual)" } else { "" };
    let execution = run.execution_id.map(|id| id.to_string());
    let skipped = run.skipped.as_ref();
    [
        format!("{}{manual}", run.time),
        execution.unwrap_or_else(|| "-".to_owned()),
        skipped.map_or_else(String::new, |skip| {
            format!("{}: {}", skip.reason, skip.detail)
        }),
    ]
}
