//! A hook that reports each execution that has failed for good.
//!
//! ```text
//! cargo run -p examples --example error_reporter
//! ```
//!
//! The runtime calls hooks after it has stored the outcome of an attempt. `on_exhausted` is called
//! for executions that have failed for good: by errors, panics, timeouts or lost workers. This
//! example prints a line where an application calls the client of its error tracker.

#![expect(clippy::print_stderr, reason = "replaces the call of an error tracker")]

use jobs::{JobError, job};
use jobs_runtime::Runtime;
use jobs_runtime::hooks::AttemptEnded;

/// Imports a file that is broken.
#[job(id = "import-file", retries = ["100ms", "200ms"])]
pub async fn import_file(name: String) -> Result<(), JobError> {
    Err(format!("{name}, line 7: a comma is missing").into())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = Runtime::builder()
        .database("sqlite::memory:")
        .on_exhausted(report)
        .start()
        .await?;
    let import = runtime.client().enqueue(ImportFile::new("widgets.csv"));
    let failed = import.await?.result().await.is_err();
    runtime.shutdown().await;
    assert!(failed, "the file is broken");
    Ok(())
}

fn report(ended: &AttemptEnded) {
    let Some(error) = &ended.error else { return };
    eprintln!(
        "{} failed after {} attempts: {} [{}] (execution {})",
        ended.job_id, ended.attempt, error.message, error.kind, ended.execution_id,
    );
}
