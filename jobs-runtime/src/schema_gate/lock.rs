//! The lock: the schemas of all jobs at one time, as a JSON document for version control.

use std::collections::BTreeMap;
use std::path::Path;

use ::jobs::Catalogue;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::fingerprint::job_fingerprint;

/// The version of the document that this program writes and reads.
const VERSION: u32 = 1;

/// The schemas of the jobs of a program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lock {
    version: u32,
    pub(super) jobs: BTreeMap<String, LockedJob>,
}

/// A job of a lock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LockedJob {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) aliases: Vec<String>,
    /// Changes with every change of the definition. Shows in a review that a policy has changed.
    pub(super) fingerprint: String,
    pub(super) payload: Value,
    pub(super) result: Value,
}

/// The reason why a lock cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LockError {
    /// The file cannot be read or written.
    #[error("{file}: {error}")]
    File { file: String, error: std::io::Error },
    /// The file is no lock.
    #[error("{file} is no lock of jobs: {reason}; `check --update` writes a new one")]
    Invalid { file: String, reason: String },
    /// A definition cannot be written as JSON.
    #[error("job `{job_id}` cannot be written to a lock: {error}")]
    Job {
        job_id: String,
        error: serde_json::Error,
    },
}

impl Lock {
    /// The lock of these jobs.
    ///
    /// # Errors
    /// [`LockError::Job`].
    pub(crate) fn of(catalogue: &Catalogue) -> Result<Self, LockError> {
        let mut jobs = BTreeMap::new();
        for job in catalogue.iter() {
            let job = job.descriptor();
            let fingerprint = job_fingerprint(job).map_err(|error| LockError::Job {
                job_id: job.id.clone(),
                error,
            })?;
            let locked = LockedJob {
                aliases: job.aliases.clone(),
                fingerprint,
                payload: job.payload_schema.clone(),
                result: job.result_schema.clone(),
            };
            jobs.insert(job.id.clone(), locked);
        }
        Ok(Self {
            version: VERSION,
            jobs,
        })
    }

    /// Reads a lock. `None` if the file does not exist.
    ///
    /// # Errors
    /// [`LockError::File`] and [`LockError::Invalid`].
    pub(crate) fn read(path: &Path) -> Result<Option<Self>, LockError> {
        let file = || path.display().to_string();
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(LockError::File {
                    file: file(),
                    error,
                });
            }
        };
        let invalid = |reason| LockError::Invalid {
            file: file(),
            reason,
        };
        let lock: Self = serde_json::from_str(&text).map_err(|error| invalid(error.to_string()))?;
        if lock.version == VERSION {
            Ok(Some(lock))
        } else {
            let version = lock.version;
            Err(invalid(format!(
                "its version is {version}, and this program reads version {VERSION}"
            )))
        }
    }

    /// Writes the lock: the same jobs give the same bytes on every machine.
    ///
    /// # Errors
    /// [`LockError::File`].
    pub(crate) fn write(&self, path: &Path) -> Result<(), LockError> {
        // Values of a lock come from JSON, so they can be written as JSON.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        std::fs::write(path, text).map_err(|error| LockError::File {
            file: path.display().to_string(),
            error,
        })
    }

    /// The number of its jobs.
    pub(crate) fn len(&self) -> usize {
        self.jobs.len()
    }
}
