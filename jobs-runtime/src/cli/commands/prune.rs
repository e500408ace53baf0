//! The command `prune`: deletes what the store has kept for long enough, or counts it.

use jobs::ExecutionStatus;
use serde_json::json;

use super::check_store_exists;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::cli::table::table;
use crate::{PrunedJob, RuntimeBuilder};

/// Prunes the store; with `dry_run`, only prints what would be deleted. The archive and the times
/// are those of the application's workers.
pub(in crate::cli) async fn prune(
    settings: &Settings,
    output: Output,
    configure: impl FnOnce(RuntimeBuilder) -> RuntimeBuilder,
    dry_run: bool,
) -> Result<(), Failure> {
    check_store_exists(settings)?;
    let builder = configure(settings.builder()).workers(false);
    let runtime = builder.scheduler(false).start().await?;
    if dry_run {
        let executions = runtime.prunable().await?;
        let answer = json!({ "dryRun": true, "executions": executions });
        return output.result(&answer, |_| counts(&executions, "would be deleted"));
    }
    let Some(report) = runtime.prune().await? else {
        return Err(Failure::failed(
            "another process prunes this store at the moment: try again when it has ended",
        ));
    };
    let after = serde_json::to_value(&report).ok();
    let service = runtime.service();
    service
        .record_act("store.prune", "store", None, after)
        .await;
    output.result(&report, |report| {
        let mut text = counts(&report.executions, "deleted");
        for (count, what) in [
            (report.idempotency_keys, "expired idempotency keys"),
            (report.sessions, "sessions of past workers"),
            (report.publications, "publications of past programs"),
            (report.operations, "past bulk operations"),
            (report.limits, "unused limits"),
        ] {
            if count > 0 {
                text.push_str(&format!("{count} {what} deleted\n"));
            }
        }
        text
    })
}

/// Formats the executions as a table with a row for each job and a column for each status.
fn counts(executions: &[PrunedJob], what: &str) -> String {
    let total: u64 = executions.iter().map(|one| one.count).sum();
    if total == 0 {
        return format!("0 executions {what}\n");
    }
    let mut jobs: Vec<&str> = executions.iter().map(|one| &*one.job_id).collect();
    jobs.dedup();
    let count = |job: &str, status| {
        let of_job = executions.iter().filter(|one| one.job_id == job);
        let found = of_job
            .filter(|one| one.status == status)
            .map(|one| one.count);
        found.sum::<u64>().to_string()
    };
    let rows = jobs.iter().map(|job| {
        [
            (*job).to_owned(),
            count(job, ExecutionStatus::Succeeded),
            count(job, ExecutionStatus::Failed),
            count(job, ExecutionStatus::Cancelled),
        ]
    });
    let table = table(["JOB", "SUCCEEDED", "FAILED", "CANCELLED"], rows);
    format!("{table}{total} executions {what}\n")
}
