//! Comparison of two locks, job by job.

use serde::Serialize;

use super::Direction;
use super::change::Severity;
use super::compare::differences;
use super::lock::{Lock, LockedJob};

/// A change of a job since the lock was written.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Finding {
    pub(crate) severity: Severity,
    pub(crate) job_id: String,
    /// The document in which the change is; `None` for the job as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) document: Option<Direction>,
    /// The JSON pointer of the change in that document. `*` stands for every item.
    pub(crate) pointer: String,
    pub(crate) message: String,
}

/// Compares an old lock with a new one. Breaking changes come first, then the order of job ids.
pub(crate) fn compare_locks(old: &Lock, new: &Lock) -> Vec<Finding> {
    let mut found = Vec::new();
    for (id, job) in &old.jobs {
        if let Some(now) = new.jobs.get(id) {
            compare_jobs(id, job, now, &mut found);
        } else if let Some((successor, now)) = successor(id, new) {
            let message = format!("is an alias of `{successor}` now");
            found.push(of_job(Severity::Harmless, id, message));
            compare_jobs(id, job, now, &mut found);
        } else {
            let message = "is gone: callers get an error, and its waiting executions have no \
                           handler. If it has a new id, keep the old one in `aliases`";
            found.push(of_job(Severity::Breaking, id, message.to_owned()));
        }
    }
    compare_aliases(old, new, &mut found);
    for (id, job) in &new.jobs {
        let is_known = |name: &String| job_with_name(name, old).is_some();
        if !is_known(id) && !job.aliases.iter().any(is_known) {
            found.push(of_job(Severity::Harmless, id, "is new".to_owned()));
        }
    }
    found.sort_by_key(|finding| finding.severity == Severity::Harmless);
    found
}

/// Looks for the aliases of the old lock in the new one. An alias without a job is breaking. One
/// that another job has now is compared with that job.
fn compare_aliases(old: &Lock, new: &Lock, found: &mut Vec<Finding>) {
    for (id, job) in &old.jobs {
        let new_id = job_with_name(id, new).map(|(new_id, _)| new_id);
        for alias in &job.aliases {
            match job_with_name(alias, new) {
                Some((other, _)) if Some(other) == new_id => {}
                Some((other, now)) => {
                    let message = if other == alias {
                        format!("was an alias of `{id}` and is a job of its own now")
                    } else {
                        format!("was an alias of `{id}` and is one of `{other}` now")
                    };
                    found.push(of_job(Severity::Harmless, alias, message));
                    compare_jobs(alias, job, now, found);
                }
                None => {
                    let message = format!(
                        "no longer has the alias `{alias}`: executions of that id have no handler"
                    );
                    found.push(of_job(Severity::Breaking, id, message));
                }
            }
        }
    }
}

/// The job of the lock that executes what is enqueued under `name`: its id, or one of its aliases.
fn job_with_name<'a>(name: &str, lock: &'a Lock) -> Option<(&'a String, &'a LockedJob)> {
    let job = lock.jobs.get_key_value(name);
    job.or_else(|| successor(name, lock))
}

/// The job of the lock that has `id` among its aliases.
fn successor<'a>(id: &str, lock: &'a Lock) -> Option<(&'a String, &'a LockedJob)> {
    let mut jobs = lock.jobs.iter();
    jobs.find(|(_, job)| job.aliases.iter().any(|alias| alias == id))
}

fn compare_jobs(id: &str, old: &LockedJob, new: &LockedJob, found: &mut Vec<Finding>) {
    let documents = [
        (Direction::Payload, &old.payload, &new.payload),
        (Direction::Result, &new.result, &old.result),
    ];
    for (direction, writer, reader) in documents {
        if writer == reader {
            continue;
        }
        let differences = differences(direction, writer, reader);
        found.extend(differences.into_iter().map(|difference| Finding {
            severity: difference.change.severity(direction),
            job_id: id.to_owned(),
            document: Some(direction),
            pointer: difference.pointer,
            message: difference.change.describe(direction),
        }));
    }
}

fn of_job(severity: Severity, id: &str, message: String) -> Finding {
    Finding {
        severity,
        job_id: id.to_owned(),
        document: None,
        pointer: String::new(),
        message,
    }
}
