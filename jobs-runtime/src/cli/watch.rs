//! Waiting for an execution, and showing how far it is.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use jobs::{ExecutionId, ExecutionStatus};

use super::failure::Failure;
use super::output::Output;
use crate::JobService;
use crate::store::ExecutionRecord;

/// How often the execution is looked at while somebody waits.
const LOOK: Duration = Duration::from_millis(200);

/// Waits until the execution is final, shows its progress, and returns it.
pub(super) async fn wait(
    service: &JobService,
    id: ExecutionId,
    output: Output,
) -> Result<ExecutionRecord, Failure> {
    let mut show = Show::new(output);
    let finished = service.finished(id);
    tokio::pin!(finished);
    loop {
        tokio::select! {
            end = &mut finished => {
                end.map_err(|error| Failure::because(&error))?;
                show.end();
                return read(service, id).await;
            }
            () = service.clock().sleep(LOOK) => show.update(&read(service, id).await?),
        }
    }
}

async fn read(service: &JobService, id: ExecutionId) -> Result<ExecutionRecord, Failure> {
    let found = service.store().execution(id).await?;
    found.ok_or_else(|| Failure::failed(format!("execution {id} is gone")))
}

/// Prints how an execution ended; a failure for every end but success.
pub(super) fn conclude(record: &ExecutionRecord, output: Output) -> Result<(), Failure> {
    let succeeded = record.status == ExecutionStatus::Succeeded;
    if succeeded || output.json {
        output.result(record, |record| {
            pretty(record.result.as_ref().map_or("null", |result| result.get()))
        });
    }
    if succeeded {
        return Ok(());
    }
    let reason = match &record.error {
        Some(error) => error.to_string(),
        None => "no reason was given".to_owned(),
    };
    let (id, status, attempt) = (record.id, record.status, record.attempt);
    Err(Failure::failed(format!(
        "execution {id} {status} at attempt {attempt}: {reason}"
    )))
}

/// JSON with line breaks; as it is if it is none.
pub(super) fn pretty(json: &str) -> String {
    serde_json::from_str::<serde_json::Value>(json)
        .and_then(|value| serde_json::to_string_pretty(&value))
        .unwrap_or_else(|_| json.to_owned())
}

/// A bar for people, a line per change for everyone else.
struct Show {
    output: Output,
    bar: Option<ProgressBar>,
    said: String,
}

impl Show {
    fn new(output: Output) -> Self {
        let bar = output.is_watched().then(|| {
            let bar = ProgressBar::new(100);
            // The template is a constant: it is right or never was.
            if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos:>3} %  {msg}") {
                bar.set_style(style);
            }
            bar
        });
        Self {
            output,
            bar,
            said: String::new(),
        }
    }

    fn update(&mut self, record: &ExecutionRecord) {
        let text = describe(record);
        match &self.bar {
            Some(bar) => {
                bar.set_position(record.progress.into());
                bar.set_message(text);
            }
            None if text != self.said => {
                self.output
                    .say(&format!("{:>3} %  {text}", record.progress));
                self.said = text;
            }
            None => {}
        }
    }

    fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn describe(record: &ExecutionRecord) -> String {
    match (record.status, &record.error) {
        (ExecutionStatus::Pending, Some(error)) => format!(
            "attempt {} of {} failed ({error}), the next is due at {}",
            record.attempt, record.max_attempts, record.run_at
        ),
        (ExecutionStatus::Running, _) => {
            let message = record.progress_message.as_deref().unwrap_or("running");
            match record.attempt {
                1 => message.to_owned(),
                attempt => format!("{message} (attempt {attempt})"),
            }
        }
        (status, _) => status.to_string(),
    }
}
