//! The bundled writer: a directory with a folder a day, and a file in it for each process.
//!
//! Each batch is a complete zstd frame with a checksum, appended to the file and synchronised
//! before the call returns. No two processes write the same file, so that nothing is locked. A
//! crash while a frame is written leaves an incomplete end. Its executions are still in the store,
//! and readers skip it.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use jobs::Clock;

use super::{ArchiveError, ArchiveManifest, ArchiveWriter, ArchivedExecution};
use crate::Entropy;
use crate::clock::timestamp;

/// The end of the name of a data file.
pub(super) const SUFFIX: &str = ".jsonl.zst";

/// The level of the compression: zstd's default.
const LEVEL: i32 = 3;

/// Writes executions to a directory.
pub struct ArchiveDirectory {
    root: PathBuf,
    clock: Arc<dyn Clock>,
    /// A name that no other process has used or will use.
    process: String,
    file: Arc<Mutex<Option<DayFile>>>,
}

impl ArchiveDirectory {
    /// A writer to this directory, which the first batch creates. The clock gives the days, the
    /// entropy a part of the names of files.
    pub fn new(root: impl Into<PathBuf>, clock: Arc<dyn Clock>, entropy: &Entropy) -> Self {
        let id = entropy.apart("archive").execution_id(&*clock).to_string();
        let random = &id[id.len() - 8..];
        let host = crate::engine::host_name();
        let host = host.replace(|c: char| !c.is_ascii_alphanumeric() && c != '-', "-");
        Self {
            root: root.into(),
            process: format!("{host}-{}-{random}", std::process::id()),
            clock,
            file: Arc::default(),
        }
    }
}

impl std::fmt::Debug for ArchiveDirectory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ArchiveDirectory")
            .field("root", &self.root)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl ArchiveWriter for ArchiveDirectory {
    async fn write(&self, batch: &[ArchivedExecution]) -> Result<(), ArchiveError> {
        if batch.is_empty() {
            return Ok(());
        }
        let now = timestamp(&*self.clock).to_string();
        let day = now.split('T').next().unwrap_or(&now).to_owned();
        let mut lines = Vec::new();
        for execution in batch {
            serde_json::to_writer(&mut lines, execution)
                .map_err(|error| ArchiveError::new("cannot encode an execution", error))?;
            lines.push(b'\n');
        }
        let batch = batch.to_vec();
        let (root, process) = (self.root.clone(), self.process.clone());
        let open = Arc::clone(&self.file);
        let write = move || {
            let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
            append(&mut open, &root, &day, &process, &lines, &batch)
        };
        // A virtual clock stands still meanwhile.
        let _hold = self.clock.hold();
        let written = tokio::task::spawn_blocking(write).await;
        written.map_err(|error| ArchiveError::new("the archive's thread ended", error))?
    }
}

/// Appends a batch to the file of the day.
fn append(
    open: &mut Option<DayFile>,
    root: &Path,
    day: &str,
    process: &str,
    lines: &[u8],
    batch: &[ArchivedExecution],
) -> Result<(), ArchiveError> {
    let frame = compress(lines).map_err(|error| ArchiveError::new("cannot compress", error))?;
    // An operator may have moved the file away.
    if !open.as_ref().is_some_and(|file| file.is_in_place(day)) {
        *open = Some(DayFile::create(&root.join(day), day, process)?);
    }
    let Some(file) = open.as_mut() else {
        return Ok(());
    };
    match file.append(&frame, batch) {
        Ok(()) => Ok(()),
        Err(error) => {
            let path = file.path.display().to_string();
            // After a failed write or synchronisation nothing is known about the end of the file:
            // the next batch begins another one.
            if let Some(failed) = open.take() {
                failed.abandon();
            }
            Err(ArchiveError::new(format!("cannot write {path}"), error))
        }
    }
}

fn compress(lines: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut compressor = zstd::bulk::Compressor::new(LEVEL)?;
    compressor.include_checksum(true)?;
    compressor.compress(lines)
}

/// The file of one day.
struct DayFile {
    day: String,
    path: PathBuf,
    file: File,
    manifest: ArchiveManifest,
}

impl DayFile {
    fn create(folder: &Path, day: &str, process: &str) -> Result<Self, ArchiveError> {
        let failed = |path: &Path, error| {
            ArchiveError::new(format!("cannot create {}", path.display()), error)
        };
        create_folder(folder).map_err(|error| failed(folder, error))?;
        let mut number = 1;
        loop {
            let name = match number {
                1 => format!("{process}{SUFFIX}"),
                number => format!("{process}-{number}{SUFFIX}"),
            };
            let path = folder.join(&name);
            match private_file().create_new(true).open(&path) {
                Ok(file) => {
                    sync_folder(folder).map_err(|error| failed(folder, error))?;
                    return Ok(Self {
                        day: day.to_owned(),
                        path,
                        file,
                        manifest: ArchiveManifest::new(name),
                    });
                }
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(failed(&path, error)),
            }
        }
    }

    /// Returns whether the file is that of the day, and still at its path.
    fn is_in_place(&self, day: &str) -> bool {
        let Ok(there) = fs::metadata(&self.path) else {
            return false;
        };
        self.day == day
            && there.len() == self.manifest.bytes
            && self.file.metadata().is_ok_and(|own| is_same(&own, &there))
    }

    fn append(&mut self, frame: &[u8], batch: &[ArchivedExecution]) -> std::io::Result<()> {
        self.file.write_all(frame)?;
        self.file.sync_data()?;
        let bytes = self.manifest.bytes + frame.len() as u64;
        if !self.is_there() {
            return Err(std::io::Error::other("the file was deleted meanwhile"));
        }
        self.manifest.add(batch, bytes);
        if let Err(error) = self.manifest.write(&self.path) {
            // The data are safe; the next batch writes the manifest again.
            tracing::warn!(%error, file = %self.path.display(), "cannot write the manifest");
        }
        Ok(())
    }

    /// Returns whether the file has its name still, after a write.
    fn is_there(&self) -> bool {
        let there = fs::metadata(&self.path);
        let own = self.file.metadata();
        matches!((own, there), (Ok(own), Ok(there)) if is_same(&own, &there))
    }

    /// Cuts an incomplete end off, as far as possible, and removes an empty file.
    fn abandon(self) {
        let _ = self.file.set_len(self.manifest.bytes);
        if self.manifest.bytes == 0 {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(unix)]
fn is_same(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn is_same(_: &fs::Metadata, _: &fs::Metadata) -> bool {
    true
}

/// Options for a file that only its owner reads: payloads can hold personal data.
pub(super) fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Creates a folder for its owner, with its parents, and makes their names durable.
fn create_folder(folder: &Path) -> std::io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let parent = folder.parent().filter(|path| !path.as_os_str().is_empty());
    if let Some(parent) = parent {
        create_folder(parent)?;
    }
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(folder) {
        // Another process was faster.
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    sync_folder(parent.unwrap_or(Path::new(".")))
}

/// Makes the names in a folder durable.
fn sync_folder(folder: &Path) -> std::io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Checks that files can be written to the directory. Leaves nothing behind.
#[cfg(feature = "cli")]
pub(crate) fn check_directory(root: &Path) -> Result<(), ArchiveError> {
    let probe = root.join(format!(".writable-{}", std::process::id()));
    let written = private_file().open(&probe).and_then(|mut file| {
        file.write_all(b"x")?;
        file.sync_data()
    });
    let removed = fs::remove_file(&probe);
    written
        .and(removed)
        .map_err(|error| ArchiveError::new(format!("cannot write to {}", root.display()), error))
}
