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
use crate::cli::table::{millis, table};
use crate::store::QueueRecord;
use crate::time::Timestamp;

/// The interval at which `drain` counts the running attempts.
const INTERVAL: Duration = Duration::from_millis(200);

/// Prints all queues with the number of their executions.
pub(in crate::cli) async fn list(settings: &Settings, output: Output) -> Result<(), Failure> {
    let source = Source::open(settings).await?;
    let (queues, now) = (source.queues().await?, source.now());
    output.result(&json!({ "queues": queues }), |_| {
        table(
            [
                "QUEUE", "PENDING", "READY", "BLOCKED", "RUNNING", "OLDEST", "STATE",
            ],
            queues.iter().map(|queue| row(queue, now)),
        )
    })
}

/// A row of the table. A `+` marks a number that is a lower bound; `OLDEST` is the age of the
/// oldest ready execution.
fn row(queue: &QueueRecord, now: Timestamp) -> [String; 7] {
    let count = |name: &str, count: u64| counted(queue, name, count);
    let age = queue.oldest_due_at.map(|at| now.since(at).as_millis());
    let age = age.and_then(|age| u64::try_from(age).ok());
    let state = match queue.paused_at {
        None => "open".to_owned(),
        Some(at) => {
            let reason = queue.pause_reason.as_ref();
            let reason = reason.map_or_else(String::new, |reason| format!(": {reason}"));
            format!("paused since {at}{reason}")
        }
    };
    [
        queue.queue.clone(),
        count("pending", queue.pending),
        count("ready", queue.ready),
        count("blocked", queue.blocked),
        queue.running.to_string(),
        age.map(|age| format!("{}{}", millis(age), mark(queue, "oldestDueAt")))
            .unwrap_or_default(),
        state,
    ]
}

/// A number of a queue. A `+` marks one that is a lower bound.
pub(super) fn counted(queue: &QueueRecord, name: &str, count: u64) -> String {
    format!("{count}{}", mark(queue, name))
}

/// The `+` of a value that is a lower bound.
pub(super) fn mark(queue: &QueueRecord, name: &str) -> &'static str {
    let is_bound = queue.at_least.iter().any(|it| it == name);
    if is_bound { "+" } else { "" }
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
        QueueCommand::Pause { queue, reason } => {
            let answer = source.pause(&queue, reason).await?;
            (queue, true, answer)
        }
        QueueCommand::Drain { queue } => {
            let answer = source.pause(&queue, None).await?;
            if !matches!(answer, QueueAnswer::Unknown { .. }) {
                wait_until_drained(&source, &queue).await?;
            }
            (queue, true, answer)
        }
        QueueCommand::Resume { queue } => {
            let answer = source.resume(&queue).await?;
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
