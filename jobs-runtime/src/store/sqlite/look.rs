//! What is looked at before a group is written.

use sqlx::sqlite::SqliteConnection;

use super::enqueue;
use super::fault::Fault;
use super::group::Way;
use super::known::{self, KnownLimits};
use super::settle::KnownFence;
use crate::store::admission::{KnownExecutions, needs_admission};
use crate::store::{NewExecution, Settlement};

/// What is there.
#[derive(Default)]
pub(super) struct Known<'n> {
    pub(super) executions: KnownExecutions,
    pub(super) limits: KnownLimits<'n>,
    pub(super) fences: Vec<KnownFence>,
}

/// What has to be looked at before a group is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Looks {
    pub(super) executions: bool,
    pub(super) limits: bool,
    pub(super) fences: bool,
}

impl Looks {
    pub(super) fn of(enqueues: &[&[NewExecution]], way: Way) -> Self {
        let careful = way == Way::Careful;
        let any =
            |what: fn(&NewExecution) -> bool| enqueues.iter().any(|batch| batch.iter().any(what));
        Self {
            executions: careful || any(needs_admission),
            limits: any(|new| !new.rules.limits.is_empty()),
            fences: careful,
        }
    }

    pub(super) fn none(self) -> bool {
        !(self.executions || self.limits || self.fences)
    }

    pub(super) async fn look<'n>(
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
            looked.limits = known::known_in_txn(conn, all).await?;
        }
        if self.fences && !settles.is_empty() {
            let fences = settles.iter().flat_map(|batch| batch.iter());
            let fences = fences.map(|settlement| settlement.fence);
            looked.fences = KnownFence::look(conn, fences).await?;
        }
        Ok(looked)
    }
}
