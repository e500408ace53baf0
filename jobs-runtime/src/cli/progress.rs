//! Progress of an execution: waits for its end, shows its progress and prints its outcome.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use jobs::{ExecutionId, ExecutionStatus};

use super::failure::Failure;
use super::output::Output;
use crate::JobService;
use crate::store::ExecutionRecord;

/// The interval at which the progress is read.
const INTERVAL: Duration = Duration::from_millis(200);

/// Shows the progress of an execution until it is final, and returns the final record.
pub(super) async fn wait(
    service: &JobService,
    id: ExecutionId,
    output: Output,
) -> Result<ExecutionRecord, Failure> {
    let mut display = ProgressDisplay::new(output);
    let finished = service.finished(id);
    tokio::pin!(finished);
    loop {
        tokio::select! {
            ended = &mut finished => {
                ended.map_err(|error| Failure::because(&error))?;
                display.end();
                return read(service, id).await;
            }
            () = service.clock().sleep(INTERVAL) => display.update(&read(service, id).await?),
        }
    }
}

async fn read(service: &JobService, id: ExecutionId) -> Result<ExecutionRecord, Failure> {
    let found = service.store().execution(id).await?;
    found.ok_or_else(|| Failure::failed(format!("execution {id} was deleted")))
}

/// Prints the result of an execution. Every status but `succeeded` is a failure.
pub(super) fn print_outcome(record: &ExecutionRecord, output: Output) -> Result<(), Failure> {
    let succeeded = record.status == ExecutionStatus::Succeeded;
    if succeeded || output.json {
        output.result(record, |record| {
            pretty_json(record.result.as_ref().map_or("null", |result| result.get()))
        });
    }
    if succeeded {
        return Ok(());
    }
    let reason = match &record.error {
        Some(error) => error.to_string(),
        None => "no error was recorded".to_owned(),
    };
    let (id, status, attempt) = (record.id, record.status, record.attempt);
    Err(Failure::failed(format!(
        "execution {id} {status} in attempt {attempt}: {reason}"
    )))
}

/// Formats JSON with line breaks. Returns other text unchanged.
pub(super) fn pretty_json(json: &str) -> String {
    serde_json::from_str::<serde_json::Value>(json)
        .and_then(|value| serde_json::to_string_pretty(&value))
        .unwrap_or_else(|_| json.to_owned())
}

/// A progress bar on a terminal, and a line per change elsewhere.
struct ProgressDisplay {
    output: Output,
    bar: Option<ProgressBar>,
    last_line: String,
}

impl ProgressDisplay {
    fn new(output: Output) -> Self {
        let bar = output.is_interactive().then(|| {
            let bar = ProgressBar::new(100);
            // The template is a constant, so it always parses.
            if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos:>3} %  {msg}") {
                bar.set_style(style);
            }
            bar
        });
        Self {
            output,
            bar,
            last_line: String::new(),
        }
    }

    fn update(&mut self, record: &ExecutionRecord) {
        let text = describe(record);
        match &self.bar {
            Some(bar) => {
                bar.set_position(record.progress.into());
                bar.set_message(text);
            }
            None if text != self.last_line => {
                self.output
                    .note(&format!("{:>3} %  {text}", record.progress));
                self.last_line = text;
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
            "attempt {} of {} failed ({error}); the next attempt is due at {}",
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
