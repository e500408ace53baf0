//! Reporting errors: ten lines of hook.
//!
//! ```text
//! cargo run -p examples --example error_reporter
//! ```
//!
//! Hooks are told what has become of attempts, once it is in the store. `on_exhausted` hears of the
//! executions that have failed for good, whatever was the reason: errors, panics, lack of time, lost
//! workers. An error tracker's client goes where this example writes a line.

#![expect(
    clippy::print_stderr,
    reason = "where an error tracker would be called"
)]

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
