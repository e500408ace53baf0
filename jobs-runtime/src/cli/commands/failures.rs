//! The command `failures`: failed executions by job and error.

use crate::cli::args::FailuresArgs;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::cli::source::Source;
use crate::cli::table::{short, table};
use crate::service::{FailureFilter, FailureGroup};

/// Prints the groups, the largest first.
pub(in crate::cli) async fn list(
    settings: &Settings,
    output: Output,
    args: FailuresArgs,
) -> Result<(), Failure> {
    let source = Source::open(settings).await?;
    let since = args.since.map(|ago| source.now().before(ago));
    let filter = FailureFilter {
        job_id: args.job,
        queue: args.queue,
        since,
    };
    let failures = source.failures(filter).await?;
    output.result(&failures, |failures| {
        let headings = ["JOB", "COUNT", "LAST", "FINGERPRINT", "SAMPLE", "ERROR"];
        table(headings, failures.failures.iter().map(row))
    })?;
    if !failures.complete && !output.json {
        output.note(&format!(
            "only the newest {} failed executions were examined",
            failures.examined
        ));
    }
    Ok(())
}

fn row(group: &FailureGroup) -> [String; 6] {
    [
        group.job_id.clone(),
        group.count.to_string(),
        group.last_seen_at.to_string(),
        group.error_fingerprint.clone(),
        group.sample_id.to_string(),
        short(&format!("{}: {}", group.kind, group.message), 80),
    ]
}
