//! What is looked at before a group is written.

use sqlx::sqlite::SqliteConnection;

use super::commit_group::Way;
use super::error::Fault;
use crate::store::rules::dedup::{ExistingExecutions, needs_dedup};
use crate::store::sqlite::enqueue;
use crate::store::sqlite::limits::lookup;
use crate::store::sqlite::limits::lookup::KnownLimits;
use crate::store::sqlite::settle::KnownFence;
use crate::store::{NewExecution, Settlement};

/// What is there.
#[derive(Default)]
pub(in crate::store::sqlite) struct Known<'n> {
    pub(in crate::store::sqlite) executions: ExistingExecutions,
    pub(in crate::store::sqlite) limits: KnownLimits<'n>,
    pub(in crate::store::sqlite) fences: Vec<KnownFence>,
}

/// What has to be looked at before a group is written.
#[derive(Clone, Copy, Debug)]
pub(in crate::store::sqlite) struct Looks {
    pub(in crate::store::sqlite) executions: bool,
    pub(in crate::store::sqlite) limits: bool,
    pub(in crate::store::sqlite) fences: bool,
}

impl Looks {
    pub(in crate::store::sqlite) fn of(enqueues: &[&[NewExecution]], way: Way) -> Self {
        let careful = way == Way::Careful;
        let any =
            |what: fn(&NewExecution) -> bool| enqueues.iter().any(|batch| batch.iter().any(what));
        Self {
            executions: careful || any(needs_dedup),
            limits: any(|new| !new.rules.limits.is_empty()),
            fences: careful,
        }
    }

    pub(in crate::store::sqlite) fn none(self) -> bool {
        !(self.executions || self.limits || self.fences)
    }

    pub(in crate::store::sqlite) async fn look<'n>(
        self,
        conn: &mut SqliteConnection,
        enqueues: &[&'n [NewExecution]],
        settles: &[&[Settlement]],
    ) -> Result<Known<'n>, Fault> {
        let mut looked = Known::default();
        if self.executions && !enqueues.is_empty() {
            looked.executions = enqueue::look(conn, enqueues).await?;
        }
        if self.limits {
            let all = enqueues.iter().flat_map(|batch| batch.iter());
            let all = all.map(|new| &*new.rules.limits);
            looked.limits = lookup::known_in_txn(conn, all).await?;
        }
        if self.fences && !settles.is_empty() {
            let fences = settles.iter().flat_map(|batch| batch.iter());
            let fences = fences.map(|settlement| settlement.fence);
            looked.fences = KnownFence::look(conn, fences).await?;
        }
        Ok(looked)
    }
}
