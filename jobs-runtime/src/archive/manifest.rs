//! The manifest beside each file of an archive: what the file holds.
//!
//! It follows the file: it is written after the data are safe, so it never promises too much. A
//! crash can leave it one batch behind.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use jobs::ExecutionStatus;
use serde::{Deserialize, Serialize};

use super::ArchivedExecution;
use crate::time::Timestamp;

/// The version of the lines' format.
const FORMAT: u32 = 1;

/// A summary of one file of an archive.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ArchiveManifest {
    /// The version of the lines' format.
    pub format: u32,
    /// The name of the file, in the same directory.
    pub file: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// The number of its lines.
    pub executions: u64,
    /// The earliest end of an execution.
    pub first_finished_at: Timestamp,
    /// The latest end of an execution.
    pub last_finished_at: Timestamp,
    /// The executions by job and status.
    pub jobs: Vec<ArchivedJob>,
}

/// The executions of one job in one status.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ArchivedJob {
    /// The job id.
    pub job_id: String,
    /// The final status.
    pub status: ExecutionStatus,
    /// The number of lines.
    pub count: u64,
}

impl ArchiveManifest {
    pub(super) fn new(file: String) -> Self {
        Self {
            format: FORMAT,
            file,
            bytes: 0,
            executions: 0,
            first_finished_at: Timestamp::default(),
            last_finished_at: Timestamp::default(),
            jobs: Vec::new(),
        }
    }

    /// Adds a batch that has made the file `bytes` long.
    pub(super) fn add(&mut self, batch: &[ArchivedExecution], bytes: u64) {
        self.bytes = bytes;
        for execution in batch {
            let finished_at = execution.finished_at();
            if self.executions == 0 {
                (self.first_finished_at, self.last_finished_at) = (finished_at, finished_at);
            }
            self.first_finished_at = self.first_finished_at.min(finished_at);
            self.last_finished_at = self.last_finished_at.max(finished_at);
            self.executions += 1;
            let of_job = self
                .jobs
                .iter_mut()
                .find(|job| job.job_id == execution.job_id() && job.status == execution.status());
            match of_job {
                Some(job) => job.count += 1,
                None => self.jobs.push(ArchivedJob {
                    job_id: execution.job_id().to_owned(),
                    status: execution.status(),
                    count: 1,
                }),
            }
        }
    }

    /// Returns whether the file holds executions of a job.
    pub(super) fn names(&self, job_id: &str) -> bool {
        self.jobs.iter().any(|job| job.job_id == job_id)
    }

    /// Replaces the manifest of a file. A reader sees the old one or the new one.
    pub(super) fn write(&self, of_file: &Path) -> std::io::Result<()> {
        let path = path_of(of_file);
        let new = path.with_extension("json.new");
        let mut file = super::directory::private_file().open(&new)?;
        file.set_len(0)?;
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        file.write_all(&text)?;
        drop(file);
        fs::rename(new, path)
    }

    /// Reads the manifest of a file. `None` if there is none, or it cannot be read: it can be made
    /// anew from the file, so that is no loss.
    pub(super) fn read(of_file: &Path) -> Option<Self> {
        let text = fs::read(path_of(of_file)).ok()?;
        serde_json::from_slice(&text).ok()
    }
}

/// Returns the path of a file's manifest.
pub(super) fn path_of(file: &Path) -> PathBuf {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.strip_suffix(super::directory::SUFFIX).unwrap_or(&name);
    file.with_file_name(format!("{stem}.manifest.json"))
}
