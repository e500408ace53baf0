//! The numbers of writes that a worker made after its lease had ended.

use std::fmt;

use serde::Serialize;

/// Numbers of writes that the store has rejected because their lease had ended.
///
/// A worker causes such a write when it was suspended, disconnected or too slow, and another worker
/// took over its session. Fencing protects the newer attempt from the stale write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RefusedWrites {
    /// Settlements of attempts.
    pub ends: u64,
    /// Progress reports.
    pub progress: u64,
    /// Batches of log lines.
    pub logs: u64,
    /// Renewals, claims and take-overs by a session that had been taken over.
    pub sessions: u64,
}

impl RefusedWrites {
    /// Returns the sum of all numbers.
    pub fn total(&self) -> u64 {
        self.ends + self.progress + self.logs + self.sessions
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self {
            ends: self.ends + other.ends,
            progress: self.progress + other.progress,
            logs: self.logs + other.logs,
            sessions: self.sessions + other.sessions,
        }
    }
}

impl fmt::Display for RefusedWrites {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            ends,
            progress,
            logs,
            sessions,
        } = self;
        write!(
            f,
            "refused as stale: {ends} ends, {progress} progress, {logs} logs, {sessions} sessions"
        )
    }
}
