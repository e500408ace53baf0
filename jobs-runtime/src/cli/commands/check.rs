//! The command `check`: compares the linked jobs with a lock file, and with waiting executions.

use std::collections::BTreeMap;
use std::path::Path;

use jobs::ExecutionStatus;
use serde::Serialize;

use super::open_existing;
use crate::cli::args::CheckArgs;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::printable;
use crate::cli::settings::Settings;
use crate::schema_gate::{Finding, Lock, LockError, Severity, compare_locks};
use crate::store::ExecutionQuery;

/// The number of executions in a page of the list.
const PAGE: usize = 1_000;

/// The number of waiting executions of each status whose payloads are checked.
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
    let compared = compare_with_file(&args.lock, &linked, args.update)?;
    let waiting = if args.waiting {
        Some(check_waiting(settings).await?)
    } else {
        None
    };
    if args.update {
        linked.write(&args.lock)?;
        if let Some(note) = &compared.note {
            output.note(note);
        }
    }
    let checked = Checked {
        updated: args.update,
        jobs: linked.len(),
        findings: compared.findings,
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

/// The changes since the lock file was written.
#[derive(Debug)]
struct Compared {
    findings: Vec<Finding>,
    /// Says that the update replaces a file that cannot be read.
    note: Option<String>,
}

/// Compares the linked jobs with the lock file. An update needs no file, and no valid one.
fn compare_with_file(path: &Path, linked: &Lock, is_update: bool) -> Result<Compared, Failure> {
    let (findings, note) = match Lock::read(path) {
        Ok(Some(lock)) => (compare_locks(&lock, linked), None),
        Ok(None) if is_update => (Vec::new(), None),
        Ok(None) => {
            return Err(Failure::usage(format!(
                "there is no {}: write it with `check --update`, and commit it",
                path.display()
            )));
        }
        Err(LockError::Invalid { file, reason }) if is_update => {
            let note = format!(
                "{file} was no lock of jobs and is replaced, so no changes are shown: {reason}"
            );
            (Vec::new(), Some(note))
        }
        Err(error) => return Err(error.into()),
    };
    Ok(Compared { findings, note })
}

/// Counts the checked executions: at most [`MAX_WAITING`] of each status.
#[derive(Debug, Default)]
struct WaitingCount {
    checked: usize,
    /// The number of them that have the present status.
    of_status: usize,
    /// `true` if executions of a status are left out.
    is_partial: bool,
}

impl WaitingCount {
    /// Begins with the executions of the next status.
    fn begin_status(&mut self) {
        self.of_status = 0;
    }

    /// Counts a page. `true` if the next one is to be checked as well.
    fn add_page(&mut self, executions: usize, has_next: bool) -> bool {
        self.checked += executions;
        self.of_status += executions;
        let is_full = self.of_status >= MAX_WAITING;
        self.is_partial |= is_full && has_next;
        has_next && !is_full
    }
}

/// Checks the payloads of pending and queued executions, newest first. Executions of jobs that are
/// not linked are left out: `doctor` reports them.
async fn check_waiting(settings: &Settings) -> Result<Waiting, Failure> {
    let runtime = open_existing(settings).await?;
    let service = runtime.service();
    let mut refused: BTreeMap<String, RefusedPayloads> = BTreeMap::new();
    let mut count = WaitingCount::default();
    for status in [ExecutionStatus::Pending, ExecutionStatus::Queued] {
        count.begin_status();
        let mut cursor = None;
        loop {
            let mut query = ExecutionQuery::newest(PAGE);
            query.status = Some(status);
            query.cursor = cursor;
            let page = runtime.store().list_executions(query).await?;
            for execution in &page.executions {
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
            if !count.add_page(page.executions.len(), cursor.is_some()) {
                break;
            }
        }
    }
    Ok(Waiting {
        checked: count.checked,
        is_partial: count.is_partial,
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
        let finding = format!("{severity}  {job}{place}: {message}");
        text.push_str(&format!("{}\n", printable::line(&finding)));
    }
    if let Some(waiting) = &checked.waiting {
        for refused in &waiting.refused {
            let finding = format!(
                "BREAKING  {}: {} waiting executions have payloads that it refuses, as {}: {}",
                refused.job_id, refused.count, refused.execution_id, refused.violation
            );
            text.push_str(&format!("{}\n", printable::line(&finding)));
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
    let file = printable::line(file);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with_lock(text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("jobs.lock.json");
        std::fs::write(&file, text).expect("written");
        (dir, file)
    }

    fn empty_lock() -> Lock {
        let (_dir, file) = folder_with_lock(r#"{"version": 1, "jobs": {}}"#);
        let lock = Lock::read(&file).expect("a lock");
        lock.expect("the file exists")
    }

    #[test]
    fn an_update_replaces_a_file_that_is_no_lock() {
        let linked = empty_lock();
        for text in ["{}", "<<<<<<< HEAD", r#"{"version": 2, "jobs": {}}"#] {
            let (_dir, file) = folder_with_lock(text);
            let refused = compare_with_file(&file, &linked, false).expect_err("no lock");
            assert!(matches!(refused, Failure::Failed(_)), "{refused:?}");
            let compared = compare_with_file(&file, &linked, true).expect("an update");
            assert_eq!(compared.findings, [], "{text}");
            let note = compared.note.expect("a note");
            assert!(
                note.contains("was no lock of jobs and is replaced"),
                "{note}"
            );
        }
    }

    #[test]
    fn an_update_without_a_file_needs_no_note() {
        let linked = empty_lock();
        let (dir, _file) = folder_with_lock("{}");
        let missing = dir.path().join("other.json");
        let refused = compare_with_file(&missing, &linked, false).expect_err("no file");
        assert!(matches!(refused, Failure::Usage(_)), "{refused:?}");
        let compared = compare_with_file(&missing, &linked, true).expect("an update");
        assert_eq!((compared.findings, compared.note), (Vec::new(), None));
    }

    #[test]
    fn each_status_has_its_own_bound() {
        let mut count = WaitingCount::default();
        let pages = MAX_WAITING / PAGE;
        count.begin_status();
        for page in 1..=pages {
            assert_eq!(count.add_page(PAGE, true), page < pages, "page {page}");
        }
        assert!(count.is_partial);
        count.begin_status();
        assert!(count.add_page(PAGE, true), "the second status ends early");
        assert!(!count.add_page(1, false));
        assert_eq!(count.checked, MAX_WAITING + PAGE + 1);
        assert!(count.is_partial, "the first status was cut off");
    }

    #[test]
    fn a_check_of_all_executions_is_not_partial() {
        let mut count = WaitingCount::default();
        count.begin_status();
        assert!(!count.add_page(MAX_WAITING, false));
        assert!(!count.is_partial);
    }
}
