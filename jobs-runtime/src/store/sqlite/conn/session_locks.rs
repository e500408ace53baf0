//! Locks of sessions: files beside the database, each locked while its session's process lives.
//!
//! All workers of a file share a kernel, which drops the locks of a process that ends in any way. A
//! session whose lock is free is dead, and its work is taken over without a wait for its lease. A
//! session without a lock file is judged by its beat alone.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::store::SessionId;

/// The locks that this process holds.
#[derive(Debug)]
pub(in crate::store::sqlite) struct SessionLocks {
    /// The path of the database and `-session-`.
    prefix: PathBuf,
    held: Mutex<HashMap<SessionId, File>>,
}

impl SessionLocks {
    /// Locks beside a database file.
    pub(in crate::store::sqlite) fn beside(database: &Path) -> Self {
        let mut prefix = OsString::from(database);
        prefix.push("-session-");
        Self {
            prefix: prefix.into(),
            held: Mutex::default(),
        }
    }

    /// Takes the lock of a new session. Without it, the beat alone shows whether the session lives.
    pub(in crate::store::sqlite) fn take(&self, session: SessionId) {
        match self.create(session) {
            Ok(file) => {
                self.held().insert(session, file);
            }
            Err(error) => tracing::debug!(%session, %error, "a session has no lock file"),
        }
    }

    /// Creates a locked file, and names it afterwards: no watcher sees it without its lock.
    fn create(&self, session: SessionId) -> io::Result<File> {
        let unnamed = self.path(&format!("{session}.new"));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&unnamed)?;
        let named = file
            .try_lock()
            .map_err(io::Error::from)
            .and_then(|()| std::fs::rename(&unnamed, self.path(&session.to_string())));
        match named {
            Ok(()) => Ok(file),
            Err(error) => {
                let _ = std::fs::remove_file(unnamed);
                Err(error)
            }
        }
    }

    /// Drops the lock of a session that has ended, if this process holds it, and removes its file.
    pub(in crate::store::sqlite) fn remove(&self, session: SessionId) {
        // A file that cannot be removed is that of a closed session, which is not watched.
        let _ = std::fs::remove_file(self.path(&session.to_string()));
        self.held().remove(&session);
    }

    /// True if the process of this session has ended. False if it lives, or has no lock file.
    pub(in crate::store::sqlite) fn is_dead(&self, session: SessionId) -> bool {
        if self.held().contains_key(&session) {
            return false;
        }
        // Shared, so that two watchers do not take each other for the process of the session.
        let file = File::open(self.path(&session.to_string()));
        file.is_ok_and(|file| match file.try_lock_shared() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => false,
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        let mut path = self.prefix.clone().into_os_string();
        path.push(name);
        path.into()
    }

    fn held(&self) -> MutexGuard<'_, HashMap<SessionId, File>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_dead_when_its_lock_is_free() {
        let dir = tempfile::tempdir().unwrap();
        let database = dir.path().join("jobs.db");
        let (here, there) = (
            SessionLocks::beside(&database),
            SessionLocks::beside(&database),
        );
        let session = SessionId(7);
        assert!(!there.is_dead(session), "it has no lock file");
        here.take(session);
        for locks in [&here, &there] {
            assert!(!locks.is_dead(session), "its lock is held");
        }
        // The end of a process drops its locks.
        drop(here);
        assert!(there.is_dead(session));
        there.remove(session);
        assert!(!there.is_dead(session), "its file is removed");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
