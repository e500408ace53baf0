//! `queues`: what is in them, and which are paused.

use std::time::Duration;

use serde_json::json;

use super::existing;
use crate::cli::args::QueueAct;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::cli::table::table;
use crate::store::QueueRecord;
use crate::{JobService, QueueAnswer};

/// How often a queue that is being drained is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// Prints every queue.
pub(in crate::cli) async fn list(settings: &Settings, output: Output) -> Result<(), Failure> {
    let runtime = existing(settings).await?;
    let queues = runtime.service().queues().await?;
    output.result(&json!({ "queues": queues }), |_| {
        table(
            ["QUEUE", "READY", "HELD", "RUNNING", "STATE"],
            queues.iter().map(row),
        )
    });
    Ok(())
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

/// Pauses or resumes a queue.
pub(in crate::cli) async fn act(
    settings: &Settings,
    output: Output,
    act: QueueAct,
) -> Result<(), Failure> {
    let runtime = existing(settings).await?;
    let draining = matches!(act, QueueAct::Drain { .. });
    let (queue, paused, answer) = match act {
        QueueAct::Pause { queue } => {
            let answer = runtime.service().pause(&queue).await?;
            (queue, true, answer)
        }
        QueueAct::Drain { queue } => {
            let answer = runtime.service().pause(&queue).await?;
            if !matches!(answer, QueueAnswer::Unknown { .. }) {
                drained(runtime.service(), &queue).await?;
            }
            (queue, true, answer)
        }
        QueueAct::Resume { queue } => {
            let answer = runtime.service().resume(&queue).await?;
            (queue, false, answer)
        }
    };
    let changed = match answer {
        QueueAnswer::Changed => true,
        QueueAnswer::Unchanged => false,
        QueueAnswer::Unknown { near } => return Err(unknown(&queue, &near)),
    };
    let answer = json!({ "queue": queue, "paused": paused, "changed": changed });
    output.result(&answer, |_| {
        let text = match (paused, changed) {
            (true, _) if draining => "paused; nothing of it runs any more",
            (true, true) => "paused; what runs goes on",
            (true, false) => "was paused before",
            (false, true) => "resumed",
            (false, false) => "was not paused",
        };
        format!("{queue}  {text}")
    });
    Ok(())
}

/// Completes when nothing of a paused queue runs any more.
async fn drained(service: &JobService, queue: &str) -> Result<(), Failure> {
    loop {
        let queues = service.queues().await?;
        let running = queues.iter().find(|it| it.queue == queue);
        if running.is_none_or(|it| it.running == 0) {
            return Ok(());
        }
        service.clock().sleep(LOOK).await;
    }
}

fn unknown(queue: &str, near: &[String]) -> Failure {
    let hint = match near {
        [] => String::new(),
        near => format!("; did you mean `{}`?", near.join("` or `")),
    };
    Failure::usage(format!(
        "no job names a queue `{queue}`, and nothing is in it{hint}"
    ))
}
