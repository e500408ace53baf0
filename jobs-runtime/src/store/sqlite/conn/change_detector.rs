//! Detection of commits by other processes on the same file.
//!
//! `PRAGMA data_version` returns another number on a connection after *another* connection has
//! committed. The detector reads it on the writer's connection. No other connection of this store
//! writes, so a new number means a commit by another store or by the application itself.

use std::time::Duration;

use sqlx::sqlite::SqliteConnection;
use tokio::time::Instant;

/// Time between two checks while this process or another one writes.
const ACTIVE_INTERVAL: Duration = Duration::from_millis(50);

/// Longest time between two checks; each check without a change lengthens the interval by a
/// quarter.
const IDLE_INTERVAL: Duration = Duration::from_millis(250);

/// The last version read, and the time of the next check.
pub(in crate::store::sqlite) struct ChangeDetector {
    version: Option<i64>,
    interval: Duration,
    next_check: Instant,
}

impl ChangeDetector {
    /// Starts with the version that `connection` reads now.
    pub(in crate::store::sqlite) async fn start(connection: &mut SqliteConnection) -> Self {
        let mut detector = Self {
            version: None,
            interval: ACTIVE_INTERVAL,
            next_check: Instant::now(),
        };
        detector.check(connection).await;
        detector
    }

    /// Shortens the interval. This process writes, so other processes probably do as well.
    pub(in crate::store::sqlite) fn expect_changes(&mut self) {
        self.interval = ACTIVE_INTERVAL;
        self.next_check = self.next_check.min(Instant::now() + ACTIVE_INTERVAL);
    }

    /// The time of the next check.
    pub(in crate::store::sqlite) fn next_check(&self) -> Instant {
        self.next_check
    }

    /// True once that time has come.
    pub(in crate::store::sqlite) fn is_due(&self) -> bool {
        Instant::now() >= self.next_check
    }

    /// Reads the version. Returns true if another connection has committed since the last check.
    pub(in crate::store::sqlite) async fn check(
        &mut self,
        connection: &mut SqliteConnection,
    ) -> bool {
        // An error is ignored here: the next write on this connection reports it.
        let version = sqlx::query_scalar("PRAGMA data_version")
            .fetch_one(connection)
            .await
            .ok();
        let changed = version.is_some() && self.version.is_some() && version != self.version;
        self.version = version.or(self.version);
        self.interval = if changed {
            ACTIVE_INTERVAL
        } else {
            (self.interval * 5 / 4).min(IDLE_INTERVAL)
        };
        self.next_check = Instant::now() + self.interval;
        changed
    }
}
