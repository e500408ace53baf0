//! Vacuum of the tables that executions pass through.
//!
//! A deleted row stays in its table and its indexes until a vacuum removes it. A claim scans an
//! index from its head, past the entries of rows that were claimed before. At 30,000 executions a
//! second, a million of these come together in the minute that autovacuum sleeps. A process that
//! claims therefore vacuums the tables itself, after [`THRESHOLD`] rows. The tables are small, and
//! a vacuum blocks no reader and no writer. A table that is being vacuumed already is skipped.
//!
//! Rows that an old snapshot may still read cannot be removed. A vacuum then takes longer, and the
//! pause after it grows in proportion.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;

use super::error::DbError;
use super::operation::{Operation, Outcome, without_events};
use super::pool::Pool;
use super::tx::Tx;

/// Rows claimed by this process after which a vacuum runs.
const THRESHOLD: usize = 25_000;

/// Shortest pause between two vacuums.
const MIN_INTERVAL: Duration = Duration::from_secs(1);

/// Pause after a vacuum, as a multiple of the time that it took.
const INTERVAL_FACTOR: u32 = 20;

/// Counter of dead rows that starts a vacuum when there are enough.
#[derive(Clone, Debug, Default)]
pub(in crate::store::postgres) struct Vacuum(Arc<DeadRows>);

#[derive(Debug, Default)]
struct DeadRows {
    rows: AtomicUsize,
    above_threshold: Notify,
}

impl Vacuum {
    /// Counts the rows that a claim has deleted.
    pub(in crate::store::postgres) fn note_deleted(&self, rows: usize) {
        let dead = self.0.rows.fetch_add(rows, Ordering::Relaxed) + rows;
        if dead >= THRESHOLD {
            self.0.above_threshold.notify_one();
        }
    }

    /// Vacuums whenever there are enough dead rows. Never returns.
    pub(in crate::store::postgres) async fn run_forever(self, pool: Pool) {
        loop {
            self.0.above_threshold.notified().await;
            self.0.rows.store(0, Ordering::Relaxed);
            let started = crate::clock::real_now();
            if let Err(error) = pool.run(VacuumTables).await {
                // Autovacuum runs in any case.
                tracing::debug!(%error, "the queue tables could not be vacuumed");
            }
            tokio::time::sleep(MIN_INTERVAL.max(started.elapsed() * INTERVAL_FACTOR)).await;
        }
    }
}

struct VacuumTables;

#[async_trait]
impl Operation for VacuumTables {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<()>, DbError> {
        tx.execute(tx.query(&tx.sql.conn_vacuum)).await?;
        Ok(without_events(()))
    }
}
