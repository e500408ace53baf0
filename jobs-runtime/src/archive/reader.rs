//! Reads an archive's directory: its files, their lines, and the newest line of each execution.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use jobs::{ExecutionId, ExecutionStatus};
use serde::Serialize;

use super::directory::SUFFIX;
use super::{ArchiveError, ArchiveManifest, ArchivedExecution};
use crate::time::Timestamp;

/// Reads the directory of an [`ArchiveDirectory`](super::ArchiveDirectory).
#[derive(Clone, Debug)]
pub struct ArchiveReader {
    root: PathBuf,
}

/// A file of an archive.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ArchiveFile {
    /// The path.
    pub path: PathBuf,
    /// The size in bytes.
    pub bytes: u64,
    /// The manifest; `None` if the process ended before it wrote one.
    pub manifest: Option<ArchiveManifest>,
}

impl ArchiveFile {
    /// Returns whether the file is shorter than its manifest says: executions are lost.
    pub fn is_truncated(&self) -> bool {
        self.manifest
            .as_ref()
            .is_some_and(|manifest| self.bytes < manifest.bytes)
    }

    /// Names the truncated files, for people; empty if there are none.
    #[cfg(feature = "cli")]
    pub(crate) fn truncated(files: &[Self]) -> String {
        let truncated = files.iter().filter(|file| file.is_truncated());
        let paths: Vec<_> = truncated
            .map(|file| file.path.display().to_string())
            .collect();
        paths.join(", ")
    }

    /// Returns whether the file may have a line that the filter accepts, or a newer one of an
    /// execution with such a line.
    fn may_match(&self, filter: &ArchiveFilter) -> bool {
        // A manifest that is behind its file proves nothing.
        let Some(manifest) = self.manifest.as_ref().filter(|it| it.bytes == self.bytes) else {
            return true;
        };
        filter.job_id.as_ref().is_none_or(|job| manifest.names(job))
            && filter
                .since
                .is_none_or(|since| since <= manifest.last_finished_at)
    }
}

/// A choice of executions.
#[derive(Clone, Debug, Default)]
pub struct ArchiveFilter {
    /// Only these executions; all if empty.
    pub ids: Vec<ExecutionId>,
    /// Only executions of this job.
    pub job_id: Option<String>,
    /// Only executions that ended with this status.
    pub status: Option<ExecutionStatus>,
    /// Only executions that ended at this time or later.
    pub since: Option<Timestamp>,
    /// Only executions that ended before this time.
    pub until: Option<Timestamp>,
}

impl ArchiveFilter {
    /// The parts of the filter that every line of an execution answers alike.
    fn accepts_execution(&self, one: &ArchivedExecution) -> bool {
        (self.ids.is_empty() || self.ids.contains(&one.id()))
            && self.job_id.as_deref().is_none_or(|job| job == one.job_id())
    }

    /// The parts that only the newest line of an execution answers.
    fn accepts_end(&self, one: &ArchivedExecution) -> bool {
        let at = one.finished_at();
        self.status.is_none_or(|status| status == one.status())
            && self.since.is_none_or(|since| at >= since)
            && self.until.is_none_or(|until| at < until)
    }
}

/// The order of the lines of one execution. The largest is the valid one.
type Age = (Timestamp, bool);

fn age(one: &ArchivedExecution) -> Age {
    (one.finished_at(), one.is_erased())
}

impl ArchiveReader {
    /// A reader of this directory.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Lists the files, by day.
    ///
    /// # Errors
    /// The directory does not exist, or cannot be read.
    pub fn files(&self) -> Result<Vec<ArchiveFile>, ArchiveError> {
        let mut files = Vec::new();
        for folder in list(&self.root)? {
            if !folder.is_dir() {
                continue;
            }
            for path in list(&folder)? {
                if !path.to_string_lossy().ends_with(SUFFIX) {
                    continue;
                }
                // The manifest first: the file is then at least as long.
                let manifest = ArchiveManifest::read(&path);
                let length = fs::metadata(&path).map(|it| it.len());
                files.push(ArchiveFile {
                    bytes: length.map_err(|error| unreadable(&path, error))?,
                    manifest,
                    path,
                });
            }
        }
        Ok(files)
    }

    /// Returns the executions that the filter accepts, each once, oldest file first.
    ///
    /// The reader goes through the files twice. In the first pass it keeps the id of each execution
    /// in memory: about 50 MB for a million. An error concerns one file or line; the executions of
    /// the others follow it.
    ///
    /// # Errors
    /// The directory does not exist, or cannot be read.
    pub fn executions(
        &self,
        filter: ArchiveFilter,
    ) -> Result<
        impl Iterator<Item = Result<ArchivedExecution, ArchiveError>> + Send + use<>,
        ArchiveError,
    > {
        let mut files = self.files()?;
        files.retain(|file| file.may_match(&filter));
        let mut newest: HashMap<ExecutionId, Age> = HashMap::new();
        // The second pass reports the errors.
        for one in files.iter().flat_map(lines).flatten() {
            if filter.accepts_execution(&one) {
                let known = newest.entry(one.id()).or_insert_with(|| age(&one));
                *known = age(&one).max(*known);
            }
        }
        let all = files.into_iter().flat_map(|file| lines(&file));
        Ok(all.filter(move |line| match line {
            Err(_) => true,
            Ok(one) => {
                let is_newest = newest.get(&one.id()) == Some(&age(one));
                if is_newest {
                    newest.remove(&one.id());
                }
                is_newest && filter.accepts_end(one)
            }
        }))
    }
}

/// Reads the lines of a file. An error ends it.
fn lines(file: &ArchiveFile) -> Lines {
    let (input, error) = match File::open(&file.path) {
        Ok(input) => (Some(BufReader::new(input)), None),
        Err(error) => (None, Some(unreadable(&file.path, error))),
    };
    Lines {
        path: file.path.clone(),
        input,
        frame: Cursor::default(),
        error,
        promised: file.manifest.as_ref().map_or(0, |it| it.executions),
        read: 0,
    }
}

/// The lines of a file.
struct Lines {
    path: PathBuf,
    /// The frames that follow; `None` at the end.
    input: Option<BufReader<File>>,
    /// The lines of the present frame.
    frame: Cursor<Vec<u8>>,
    error: Option<ArchiveError>,
    /// The number of lines that the manifest promises.
    promised: u64,
    read: u64,
}

impl Lines {
    /// Reads a line; `None` at the end of the file.
    fn line(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        while self.frame.read_until(b'\n', &mut line)? == 0 {
            let Some(input) = &mut self.input else {
                return Ok(None);
            };
            if input.fill_buf()?.is_empty() {
                return Ok(None);
            }
            // No line counts before the checksum of its frame is verified.
            let mut lines = Vec::new();
            let decoder = zstd::Decoder::with_buffer(input)?;
            decoder.single_frame().read_to_end(&mut lines)?;
            self.frame = Cursor::new(lines);
        }
        Ok(Some(line))
    }

    /// Ends the file. What lies behind the promised lines was not complete when its process died:
    /// those executions are still in the store.
    fn end(&mut self, cause: impl ToString) -> Option<Result<ArchivedExecution, ArchiveError>> {
        self.input = None;
        let missing = self.promised.saturating_sub(self.read);
        (missing > 0).then(|| {
            self.promised = 0;
            Err(ArchiveError::new(
                format!("{} lacks {missing} executions", self.path.display()),
                cause.to_string(),
            ))
        })
    }
}

impl Iterator for Lines {
    type Item = Result<ArchivedExecution, ArchiveError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(error) = self.error.take() {
            return Some(Err(error));
        }
        let line = match self.line() {
            Err(error) => return self.end(error),
            Ok(None) => return self.end("the file ends early"),
            Ok(Some(line)) => line,
        };
        self.read += 1;
        Some(serde_json::from_slice(&line).map_err(|error| {
            let place = format!("cannot read line {} of {}", self.read, self.path.display());
            ArchiveError::new(place, error)
        }))
    }
}

/// Lists the paths in a folder, sorted.
fn list(folder: &Path) -> Result<Vec<PathBuf>, ArchiveError> {
    let entries = fs::read_dir(folder).map_err(|error| unreadable(folder, error))?;
    let paths = entries.map(|entry| entry.map(|it| it.path()));
    let paths: Result<Vec<_>, _> = paths.collect();
    let mut paths = paths.map_err(|error| unreadable(folder, error))?;
    paths.sort();
    Ok(paths)
}

fn unreadable(path: &Path, error: std::io::Error) -> ArchiveError {
    ArchiveError::new(format!("cannot read {}", path.display()), error)
}
