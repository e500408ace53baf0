//! The identity of the database file: tells whether it was removed or replaced.

use std::fs::Metadata;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// A file, by its path and its number in the file system.
#[derive(Clone, Debug)]
pub(in crate::store::sqlite) struct FileIdentity {
    path: PathBuf,
    number: Option<(u64, u64)>,
}

impl FileIdentity {
    /// The file that the path names now.
    pub(in crate::store::sqlite) fn of(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            number: std::fs::metadata(path).ok().and_then(|file| number(&file)),
        }
    }

    /// Checks that the path still names the same file. Opens nothing: closing the file again would
    /// drop the POSIX locks of every connection of this process.
    ///
    /// # Errors
    /// The change of the file, and the remedy.
    pub(in crate::store::sqlite) fn check(&self) -> Result<(), String> {
        match std::fs::metadata(&self.path) {
            Ok(file) if number(&file) == self.number => Ok(()),
            Ok(_) => Err(
                "the file was replaced while this program uses the one before: put that one back, \
                 or restart the program"
                    .to_owned(),
            ),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(
                "the file was removed while this program uses it: put it back, or restart the \
                 program to begin with an empty one"
                    .to_owned(),
            ),
            // The next statement reports what is wrong with the disk.
            Err(_) => Ok(()),
        }
    }
}

/// The device and the inode of a file.
#[cfg(unix)]
fn number(file: &Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    Some((file.dev(), file.ino()))
}

/// Other systems do not let an open file be removed.
#[cfg(not(unix))]
fn number(_: &Metadata) -> Option<(u64, u64)> {
    None
}
