//! The command `processes`: the workers that have a session.

use serde_json::json;

use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::cli::source::Source;
use crate::cli::table::{short, table};
use crate::store::ProcessRecord;

/// Prints the workers with their labels, queues and jobs.
pub(in crate::cli) async fn list(settings: &Settings, output: Output) -> Result<(), Failure> {
    let processes = Source::open(settings).await?.processes().await?;
    if processes.is_empty() {
        output.note(
            "no worker has a session, so nothing is executed: start one with `run` or `work`",
        );
    }
    output.result(&json!({ "processes": processes }), |_| {
        table(
            [
                "SESSION", "WORKER", "OPENED", "RENEWED", "RUNNING", "LABELS", "QUEUES", "JOBS",
            ],
            processes.iter().map(row),
        )
    })
}

fn row(process: &ProcessRecord) -> [String; 8] {
    let queues = match &process.queues {
        None => "?".to_owned(),
        Some(queues) if queues.is_empty() => "all".to_owned(),
        Some(queues) => queues.join(", "),
    };
    let jobs = match &process.job_ids {
        None => "?".to_owned(),
        Some(ids) => ids.join(", "),
    };
    [
        process.session.to_string(),
        process.worker.clone(),
        process.opened_at.to_string(),
        process.renewed_at.to_string(),
        process.running.to_string(),
        process.labels.join(", "),
        queues,
        short(&jobs, 60),
    ]
}
