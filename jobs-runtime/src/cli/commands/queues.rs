//! The command `queues`: lists, pauses, drains and resumes queues.

use std::time::Duration;

use serde_json::json;

use super::unknown_queue;
use crate::QueueAnswer;
use crate::cli::args::QueueCommand;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::cli::source::Source;
use crate::cli::table::table;
use crate::store::QueueRecord;

/// The interval at which `drain` counts the running attempts.
const INTERVAL: Duration = Duration::from_millis(200);

/// Prints all queues with the number of their executions.
pub(in crate::cli) async fn list(settings: &Settings, output: Output) -> Result<(), Failure> {
    let queues = Source::open(settings).await?.queues().await?;
    output.result(&json!({ "queues": queues }), |_| {
        table(
            ["QUEUE", "READY", "BLOCKED", "RUNNING", "STATE"],
            queues.iter().map(row),
        )
    })
}

fn row(queue: &QueueRecord) -> [String; 5] {
    let state = match queue.paused_at {
        None => "open".to_owned(),
        Some(at) => format!("paused since {at}"),
    };
    [
        queue.queue.clone(),
        queue.ready.to_string(),
        queue.blocked.to_string(),
        queue.running.to_string(),
        state,
    ]
}

/// Pauses, drains or resumes a queue.
pub(in crate::cli) async fn change(
    settings: &Settings,
    output: Output,
    command: QueueCommand,
) -> Result<(), Failure> {
    let source = Source::open(settings).await?;
    let draining = matches!(command, QueueCommand::Drain { .. });
    let (queue, paused, answer) = match command {
        QueueCommand::Pause { queue } => {
            let answer = source.set_paused(&queue, true).await?;
            (queue, true, answer)
        }
        QueueCommand::Drain { queue } => {
            let answer = source.set_paused(&queue, true).await?;
            if !matches!(answer, QueueAnswer::Unknown { .. }) {
                wait_until_drained(&source, &queue).await?;
            }
            (queue, true, answer)
        }
        QueueCommand::Resume { queue } => {
            let answer = source.set_paused(&queue, false).await?;
            (queue, false, answer)
        }
    };
    let changed = match answer {
        QueueAnswer::Changed => true,
        QueueAnswer::Unchanged => false,
        QueueAnswer::Unknown { near: similar } => return Err(unknown_queue(&queue, &similar)),
    };
    let answer = json!({ "queue": queue, "paused": paused, "changed": changed });
    output.result(&answer, |_| {
        let text = match (paused, changed) {
            (true, _) if draining => "paused and drained: no attempt is running",
            (true, true) => "paused; running attempts continue",
            (true, false) => "was already paused",
            (false, true) => "resumed",
            (false, false) => "was not paused",
        };
        format!("{queue}  {text}")
    })
}

/// Waits until no attempt of a queue is running.
async fn wait_until_drained(source: &Source, queue: &str) -> Result<(), Failure> {
    loop {
        let queues = source.queues().await?;
        let running = queues.iter().find(|it| it.queue == queue);
        if running.is_none_or(|it| it.running == 0) {
            return Ok(());
        }
        source.sleep(INTERVAL).await;
    }
}
