//! The process that holds the file's write lock.
//!
//! SQLite does not report it. Linux does: in WAL mode a writer locks byte 120 of the `-shm` file,
//! and `/proc/locks` lists that lock with its process. Other systems report no process.

use std::path::{Path, PathBuf};

/// The byte of the `-shm` file that a writer locks.
const WRITE_LOCK: &str = "120";

/// Looks up the owner of one file's write lock.
#[derive(Clone, Debug)]
pub(in crate::store::sqlite) struct LockOwner {
    shared_memory: PathBuf,
}

impl LockOwner {
    /// The lookup for this database file.
    pub(in crate::store::sqlite) fn of(database: &Path) -> Self {
        let mut name = database.as_os_str().to_owned();
        name.push("-shm");
        Self {
            shared_memory: name.into(),
        }
    }

    /// The id of the process that holds the lock, if the system reports it.
    pub(in crate::store::sqlite) fn process_id(&self) -> Option<u32> {
        let inode = inode(&self.shared_memory)?;
        find(&std::fs::read_to_string("/proc/locks").ok()?, inode)
    }
}

/// Finds the owner in the text of `/proc/locks`. A line reads
/// `1: POSIX  ADVISORY  WRITE 4711 fe:01:1835009 120 120`; a process that waits for the lock has a
/// line with an arrow after the number.
fn find(locks: &str, inode: u64) -> Option<u32> {
    locks.lines().find_map(|line| {
        let words: Vec<_> = line.split_whitespace().collect();
        let [_, _, _, "WRITE", process, file, first, last] = words[..] else {
            return None;
        };
        let covers = first == WRITE_LOCK && last == WRITE_LOCK;
        let (_, found) = file.rsplit_once(':')?;
        (covers && found.parse() == Ok(inode)).then(|| process.parse().ok())?
    })
}

#[cfg(unix)]
fn inode(path: &Path) -> Option<u64> {
    use std::os::unix::fs::MetadataExt;

    std::fs::metadata(path).ok().map(|found| found.ino())
}

#[cfg(not(unix))]
fn inode(_: &Path) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_of_the_write_lock_is_found_among_other_locks() {
        let locks = "1: POSIX  ADVISORY  READ 11 fe:01:77 124 124\n\
                     2: POSIX  ADVISORY  WRITE 12 fe:01:78 120 120\n\
                     3: POSIX  ADVISORY  WRITE 13 fe:01:77 120 120\n\
                     3: -> POSIX  ADVISORY  WRITE 14 fe:01:77 120 120\n\
                     4: FLOCK  ADVISORY  WRITE 15 fe:01:77 0 EOF\n";
        assert_eq!(find(locks, 77), Some(13));
        assert_eq!(find(locks, 79), None);
    }
}
