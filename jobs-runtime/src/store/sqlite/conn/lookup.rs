//! Reads that a group needs before it writes.

use sqlx::sqlite::SqliteConnection;

use super::commit_group::WriteMode;
use super::error::DbError;
use crate::store::rules::dedup::{ExistingExecutions, needs_dedup};
use crate::store::sqlite::enqueue;
use crate::store::sqlite::limits::lookup;
use crate::store::sqlite::limits::lookup::ExistingLimits;
use crate::store::sqlite::settle::FenceState;
use crate::store::{NewExecution, Settlement};

/// The rows that a lookup found.
#[derive(Default)]
pub(in crate::store::sqlite) struct LookupResult<'n> {
    pub(in crate::store::sqlite) executions: ExistingExecutions,
    pub(in crate::store::sqlite) limits: ExistingLimits<'n>,
    pub(in crate::store::sqlite) fences: Vec<FenceState>,
}

/// The kinds of rows that a group reads before it writes.
#[derive(Clone, Copy, Debug)]
pub(in crate::store::sqlite) struct Lookup {
    /// Executions with the same id or with the same deduplication key.
    pub(in crate::store::sqlite) executions: bool,
    /// Limits that new executions name.
    pub(in crate::store::sqlite) limits: bool,
    /// Leases of the attempts that settlements end.
    pub(in crate::store::sqlite) fences: bool,
}

impl Lookup {
    /// The lookup for these enqueues. Only the careful mode looks up executions without
    /// deduplication keys, and leases.
    pub(in crate::store::sqlite) fn of(enqueues: &[&[NewExecution]], mode: WriteMode) -> Self {
        let careful = mode == WriteMode::Careful;
        let any = |has: fn(&NewExecution) -> bool| {
            let mut all = enqueues.iter().flat_map(|batch| batch.iter());
            all.any(has)
        };
        Self {
            executions: careful || any(needs_dedup),
            limits: any(|new| !new.rules.limits.is_empty()),
            fences: careful,
        }
    }

    /// True if the group can be written without any read.
    pub(in crate::store::sqlite) fn is_empty(self) -> bool {
        !(self.executions || self.limits || self.fences)
    }

    /// Reads the rows. Runs in the transaction of the group: no other connection can change them
    /// before the group is written. Creates the limits that are missing.
    pub(in crate::store::sqlite) async fn run<'n>(
        self,
        conn: &mut SqliteConnection,
        enqueues: &[&'n [NewExecution]],
        settles: &[&[Settlement]],
    ) -> Result<LookupResult<'n>, DbError> {
        let mut result = LookupResult::default();
        if self.executions && !enqueues.is_empty() {
            result.executions = enqueue::look_up_existing(conn, enqueues).await?;
        }
        if self.limits {
            let all = enqueues.iter().flat_map(|batch| batch.iter());
            let limits = all.map(|new| &*new.rules.limits);
            result.limits = lookup::look_up_in_txn(conn, limits).await?;
        }
        if self.fences && !settles.is_empty() {
            let all = settles.iter().flat_map(|batch| batch.iter());
            let fences = all.map(|settlement| settlement.fence);
            result.fences = FenceState::look_up(conn, fences).await?;
        }
        Ok(result)
    }
}
