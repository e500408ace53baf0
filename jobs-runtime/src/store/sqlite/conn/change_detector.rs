//! Noticing other processes on the same file.
//!
//! `PRAGMA data_version` changes on a connection when *another* connection has committed. The
//! writer asks on its own, and no other connection of this store writes: what changes there was
//! written by someone else.

use std::time::Duration;

use sqlx::sqlite::SqliteConnection;
use tokio::time::Instant;

/// Between two looks while something happens.
const OFTEN: Duration = Duration::from_millis(50);

/// Between two looks when nothing has happened for a while.
const SELDOM: Duration = Duration::from_millis(250);

/// What was seen, and when to look again.
pub(in crate::store::sqlite) struct Watch {
    version: Option<i64>,
    interval: Duration,
    next_look: Instant,
}

impl Watch {
    /// Begins with what `connection` sees now.
    pub(in crate::store::sqlite) async fn start(connection: &mut SqliteConnection) -> Self {
        let mut watch = Self {
            version: None,
            interval: OFTEN,
            next_look: Instant::now(),
        };
        watch.look(connection).await;
        watch
    }

    /// We write ourselves: others probably do as well.
    pub(in crate::store::sqlite) fn stir(&mut self) {
        self.interval = OFTEN;
        self.next_look = self.next_look.min(Instant::now() + OFTEN);
    }

    pub(in crate::store::sqlite) fn next_look(&self) -> Instant {
        self.next_look
    }

    pub(in crate::store::sqlite) fn is_due(&self) -> bool {
        Instant::now() >= self.next_look
    }

    /// Whether someone else has committed since the last look.
    pub(in crate::store::sqlite) async fn look(
        &mut self,
        connection: &mut SqliteConnection,
    ) -> bool {
        // A failure says nothing about others; the next write will tell what is wrong.
        let version = sqlx::query_scalar("PRAGMA data_version")
            .fetch_one(connection)
            .await
            .ok();
        let changed = version.is_some() && self.version.is_some() && version != self.version;
        self.version = version.or(self.version);
        self.interval = if changed {
            OFTEN
        } else {
            (self.interval * 5 / 4).min(SELDOM)
        };
        self.next_look = Instant::now() + self.interval;
        changed
    }
}
