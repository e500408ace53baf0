//! Progress of an execution: waits for its end, shows its progress and prints its outcome.

use std::time::Duration;

use jobs::{ExecutionId, ExecutionStatus};

use super::failure::Failure;
use super::output::Output;
use super::printable;
use super::source::Source;
use super::table::short;
use crate::store::ExecutionRecord;

/// The interval at which the progress is read.
const INTERVAL: Duration = Duration::from_millis(200);

/// The number of reads after which a waiting execution is explained, and explained again.
const READS_PER_REASON: u32 = 15;

/// The length of a progress bar.
const BAR_CHARS: u64 = 30;

/// The longest message beside a bar. Both fit on a line of a terminal.
const MESSAGE_CHARS: usize = 38;

/// Shows the progress of an execution until it is final, and returns the final record.
pub(super) async fn wait(
    source: &Source,
    id: ExecutionId,
    output: Output,
) -> Result<ExecutionRecord, Failure> {
    let mut display = ProgressDisplay::new(output);
    let finished = source.finished(id);
    tokio::pin!(finished);
    let mut reads_before_start = 0;
    let mut reason = None;
    loop {
        tokio::select! {
            ended = &mut finished => {
                ended?;
                return read(source, id).await;
            }
            () = source.sleep(INTERVAL) => {
                let record = read(source, id).await?;
                // A server is only asked here.
                if record.status.is_final() {
                    return Ok(record);
                }
                if record.status != ExecutionStatus::Running {
                    reads_before_start += 1;
                    if reads_before_start % READS_PER_REASON == 0 {
                        let explanation = source.explain(id).await?;
                        reason = explanation.map(|it| it.reason.text);
                    }
                } else {
                    (reads_before_start, reason) = (0, None);
                }
                display.update(&record, reason.as_deref());
            }
        }
    }
}

/// Reads the execution. The caller has just triggered it, so nothing of it is masked on a store.
async fn read(source: &Source, id: ExecutionId) -> Result<ExecutionRecord, Failure> {
    let is_local = matches!(source, Source::Local(_));
    let found = source.execution(id, is_local).await?;
    found.ok_or_else(|| Failure::failed(format!("execution {id} was deleted")))
}

/// Prints the result of an execution. Every status but `succeeded` is a failure.
pub(super) fn print_outcome(record: &ExecutionRecord, output: Output) -> Result<(), Failure> {
    let succeeded = record.status == ExecutionStatus::Succeeded;
    if succeeded || output.json {
        output.result(record, |record| {
            pretty_json(record.result.as_ref().map_or("null", |result| result.get()))
        })?;
    }
    if succeeded {
        return Ok(());
    }
    let reason = match &record.error {
        Some(error) => printable::line(&error.to_string()).into_owned(),
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
    last_line: String,
}

impl ProgressDisplay {
    fn new(output: Output) -> Self {
        Self {
            output,
            last_line: String::new(),
        }
    }

    /// `reason` tells why the execution waits, once it has waited for a while.
    fn update(&mut self, record: &ExecutionRecord, reason: Option<&str>) {
        let text = reason.map_or_else(|| describe(record), str::to_owned);
        let percent = record.progress;
        if self.output.is_interactive() {
            let bar = bar(percent.into(), 100);
            let text = short(&text, MESSAGE_CHARS);
            self.output.status(&format!("{bar} {percent:>3} %  {text}"));
        } else if text != self.last_line {
            let shown = printable::line(&text);
            self.output.note(&format!("{percent:>3} %  {shown}"));
            self.last_line = text;
        }
    }
}

impl Drop for ProgressDisplay {
    fn drop(&mut self) {
        self.output.status("");
    }
}

/// A bar of thirty characters, filled by the part of `total` that is done.
pub(super) fn bar(done: u64, total: u64) -> String {
    let filled = done.min(total) * BAR_CHARS / total.max(1);
    let filled = usize::try_from(filled).unwrap_or_default();
    let empty = usize::try_from(BAR_CHARS).unwrap_or_default() - filled;
    format!("{}{}", "█".repeat(filled), "░".repeat(empty))
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
