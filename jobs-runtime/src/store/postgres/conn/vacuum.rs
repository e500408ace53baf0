//! Clearing away what claims and ends leave behind.
//!
//! A row that was deleted stays in its table and in every index until it is vacuumed, and a claim, which
//! reads its index from the head, walks over all of those that others have claimed before: at 30,000
//! executions a second, a million of them within the minute that the server's own vacuum sleeps. So whoever
//! claims sees to it, as soon as it is worth it. The tables are small, and nobody waits for it: readers and
//! writers go on, and one that is being vacuumed already is left out.
//!
//! Where an old transaction may still look at the rows they stay where they are; then it is done less and
//! less often, in proportion to what it takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;

use super::error::Fault;
use super::operation::{Done, Shape, Transition, quietly};
use super::pool::Lane;
use super::tx::Db;

/// Rows left behind by claims of this process that are worth it.
const ENOUGH: usize = 25_000;

/// Between two times, at least.
const PAUSE: Duration = Duration::from_secs(1);

/// And so many times as long as the last one took.
const REST: u32 = 20;

/// Counts what is left behind.
#[derive(Clone, Debug, Default)]
pub(in crate::store::postgres) struct Broom(Arc<Left>);

#[derive(Debug, Default)]
struct Left {
    rows: AtomicUsize,
    enough: Notify,
}

impl Broom {
    /// Notes that a claim has taken so many.
    pub(in crate::store::postgres) fn left_behind(&self, rows: usize) {
        let left = self.0.rows.fetch_add(rows, Ordering::Relaxed) + rows;
        if left >= ENOUGH {
            self.0.enough.notify_one();
        }
    }

    /// Sweeps whenever it is worth it, for as long as there is a runtime.
    pub(in crate::store::postgres) async fn sweep(self, lane: Lane) {
        loop {
            self.0.enough.notified().await;
            self.0.rows.store(0, Ordering::Relaxed);
            let started = crate::clock::real_now();
            if let Err(error) = lane.run(Sweep).await {
                // The server's own vacuum comes in any case.
                tracing::debug!(%error, "what claims have left behind was not cleared away");
            }
            tokio::time::sleep(PAUSE.max(started.elapsed() * REST)).await;
        }
    }
}

struct Sweep;

#[async_trait]
impl Transition for Sweep {
    type Answer = ();
    const SHAPE: Shape = Shape::Statement;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<()>, Fault> {
        db.execute(db.query(&db.sql.conn_vacuum)).await?;
        Ok(quietly(()))
    }
}
