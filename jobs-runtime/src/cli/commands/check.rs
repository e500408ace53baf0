//! The command `check`: compares the linked jobs with a lock file, and with waiting executions.

use std::collections::BTreeMap;

use jobs::ExecutionStatus;
use serde::Serialize;

use super::open_existing;
use crate::cli::args::CheckArgs;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::schema_gate::{Finding, Lock, LockError, Severity, compare_locks};
use crate::store::ExecutionQuery;

/// The number of executions in a page of the list.
const PAGE: usize = 1_000;

/// The number of waiting executions whose payloads are checked.
const MAX_WAITING: usize = 100_000;

/// The result of the command.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Checked {
    /// `true` if the lock file was written.
    updated: bool,
    jobs: usize,
    findings: Vec<Finding>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting: Option<Waiting>,
}

/// The check of waiting executions.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Waiting {
    /// The number of executions that were checked.
    checked: usize,
    /// `true` if more wait than are checked.
    is_partial: bool,
    refused: Vec<RefusedPayloads>,
}

/// Waiting executions of one job whose payloads its linked definition refuses.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RefusedPayloads {
    job_id: String,
    count: usize,
    /// The newest of them.
    execution_id: String,
    /// The first mistake in its payload.
    violation: String,
}

/// Compares the linked jobs with the lock file. Fails if a change is breaking.
pub(in crate::cli) async fn check(
    settings: &Settings,
    output: Output,
    args: &CheckArgs,
) -> Result<(), Failure> {
    let catalogue =
        jobs::Catalogue::linked().map_err(|error| Failure::failed(error.to_string()))?;
    let linked = Lock::of(&catalogue)?;
    let file = args.lock.display();
    let findings = match Lock::read(&args.lock)? {
        Some(lock) => compare_locks(&lock, &linked),
        None if args.update => Vec::new(),
        None => {
            return Err(Failure::usage(format!(
                "there is no {file}: write it with `check --update`, and commit it"
            )));
        }
    };
    let waiting = if args.waiting {
        Some(check_waiting(settings).await?)
    } else {
        None
    };
    if args.update {
        linked.write(&args.lock)?;
    }
    let checked = Checked {
        updated: args.update,
        jobs: linked.len(),
        findings,
        waiting,
    };
    output.result(&checked, |checked| describe(checked, &file.to_string()))?;
    let is_breaking = |one: &Finding| one.severity == Severity::Breaking;
    let breaks_callers = !args.update && checked.findings.iter().any(is_breaking);
    let breaks_waiting = checked
        .waiting
        .iter()
        .any(|waiting| !waiting.refused.is_empty());
    if breaks_callers || breaks_waiting {
        Err(Failure::FailedReported)
    } else {
        Ok(())
    }
}

/// Checks the payloads of pending and queued executions, newest first. Executions of jobs that are
/// not linked are left out: `doctor` reports them.
async fn check_waiting(settings: &Settings) -> Result<Waiting, Failure> {
    let runtime = open_existing(settings).await?;
    let service = runtime.service();
    let mut refused: BTreeMap<String, RefusedPayloads> = BTreeMap::new();
    let mut checked = 0;
    let mut is_partial = false;
    for status in [ExecutionStatus::Pending, ExecutionStatus::Queued] {
        let mut cursor = None;
        loop {
            let mut query = ExecutionQuery::newest(PAGE);
            query.status = Some(status);
            query.cursor = cursor;
            let page = runtime.store().list_executions(query).await?;
            for execution in &page.executions {
                checked += 1;
                let Some(job) = runtime.catalogue().get(&execution.job_id) else {
                    continue;
                };
                let violation = match job.upcast(execution.payload.get()) {
                    Ok(payload) => {
                        let job = service.job(job.id()).await?;
                        let violation = job.first_violation(&payload);
                        violation.map_err(|error| Failure::because(&error))?
                    }
                    Err(error) => Some(error.to_string()),
                };
                let Some(violation) = violation else {
                    continue;
                };
                let entry = refused.entry(job.id().to_owned());
                let found = entry.or_insert_with(|| RefusedPayloads {
                    job_id: job.id().to_owned(),
                    count: 0,
                    execution_id: execution.id.to_string(),
                    violation,
                });
                found.count += 1;
            }
            cursor = page.next_cursor;
            if checked >= MAX_WAITING && cursor.is_some() {
                is_partial = true;
            }
            if cursor.is_none() || checked >= MAX_WAITING {
                break;
            }
        }
    }
    Ok(Waiting {
        checked,
        is_partial,
        refused: refused.into_values().collect(),
    })
}

/// The result as text: one line per finding, then a line for the whole.
fn describe(checked: &Checked, file: &str) -> String {
    let mut text = String::new();
    for finding in &checked.findings {
        let severity = match finding.severity {
            Severity::Breaking => "BREAKING",
            Severity::Harmless => "harmless",
        };
        let place = match finding.document {
            Some(document) => format!(" {}{}", document.name(), finding.pointer),
            None => String::new(),
        };
        let (job, message) = (&finding.job_id, &finding.message);
        text.push_str(&format!("{severity}  {job}{place}: {message}\n"));
    }
    if let Some(waiting) = &checked.waiting {
        for refused in &waiting.refused {
            text.push_str(&format!(
                "BREAKING  {}: {} waiting executions have payloads that it refuses, as {}: {}\n",
                refused.job_id, refused.count, refused.execution_id, refused.violation
            ));
        }
        let bound = if waiting.is_partial {
            "the newest "
        } else {
            ""
        };
        text.push_str(&format!(
            "{bound}{} waiting executions checked\n",
            waiting.checked
        ));
    }
    let breaking = checked.findings.iter();
    let breaking = breaking.filter(|one| one.severity == Severity::Breaking);
    let (jobs, changes, breaking) = (checked.jobs, checked.findings.len(), breaking.count());
    let changes = match (changes, breaking) {
        (0, _) => "no changes".to_owned(),
        (1, 0) => "1 harmless change".to_owned(),
        (changes, 0) => format!("{changes} harmless changes"),
        (changes, breaking) => format!("{breaking} of {changes} changes are breaking"),
    };
    if checked.updated {
        text.push_str(&format!("{file} written: {jobs} jobs, {changes}\n"));
    } else {
        text.push_str(&format!("{jobs} jobs compared with {file}: {changes}\n"));
    }
    text
}

impl From<LockError> for Failure {
    fn from(error: LockError) -> Self {
        Self::because(&error)
    }
}
