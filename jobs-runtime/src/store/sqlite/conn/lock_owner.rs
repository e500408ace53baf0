//! Who holds the file's lock to write.
//!
//! SQLite does not tell. Linux does: in WAL mode writers lock byte 120 of the shared-memory file.

use std::path::{Path, PathBuf};

/// The byte of `-shm` that the writer locks.
const WRITE_LOCK: &str = "120";

/// Where locks are looked up.
#[derive(Clone, Debug)]
pub(in crate::store::sqlite) struct Holder {
    shared_memory: PathBuf,
}

impl Holder {
    pub(in crate::store::sqlite) fn of(database: &Path) -> Self {
        let mut name = database.as_os_str().to_owned();
        name.push("-shm");
        Self {
            shared_memory: name.into(),
        }
    }

    /// The process that holds the lock, if the system says so.
    pub(in crate::store::sqlite) fn process(&self) -> Option<u32> {
        let inode = inode(&self.shared_memory)?;
        find(&std::fs::read_to_string("/proc/locks").ok()?, inode)
    }
}

/// Lines read `1: POSIX  ADVISORY  WRITE 4711 fe:01:1835009 120 120`; those who wait for a lock
/// have an arrow after the number.
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
    fn the_holder_of_the_write_lock_is_found_among_others() {
        let locks = "1: POSIX  ADVISORY  READ 11 fe:01:77 124 124\n\
                     2: POSIX  ADVISORY  WRITE 12 fe:01:78 120 120\n\
                     3: POSIX  ADVISORY  WRITE 13 fe:01:77 120 120\n\
                     3: -> POSIX  ADVISORY  WRITE 14 fe:01:77 120 120\n\
                     4: FLOCK  ADVISORY  WRITE 15 fe:01:77 0 EOF\n";
        assert_eq!(find(locks, 77), Some(13));
        assert_eq!(find(locks, 79), None);
    }
}
