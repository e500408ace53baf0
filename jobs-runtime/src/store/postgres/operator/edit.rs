//! Edits of waiting executions: priority, due time, payload.
//!
//! The execution's row is deleted and inserted again, in one transaction. A concurrent transaction
//! that was about to move the row finds it gone, and so never moves it with the old values.

use async_trait::async_trait;
use jobs::{ExecutionId, ExecutionStatus};
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::{MAX_LOOKUPS, RowState, row_state, seq_of};
use crate::store::postgres::conn::error::DbError;
use crate::store::postgres::conn::operation::{Operation, Outcome, TxMode, without_events};
use crate::store::postgres::conn::text::encode;
use crate::store::postgres::conn::tx::Tx;
use crate::store::postgres::limits::limits_of;
use crate::store::rules::permits::LimitId;
use crate::store::{EditAnswer, ExecutionEdit, StoreEvent};
use crate::time::Timestamp;

/// Edits an execution that waits.
pub(in crate::store::postgres) struct EditExecution {
    pub(in crate::store::postgres) id: ExecutionId,
    pub(in crate::store::postgres) edit: ExecutionEdit,
    pub(in crate::store::postgres) now: Timestamp,
}

#[async_trait]
impl Operation for EditExecution {
    type Output = EditAnswer;
    const TX_MODE: TxMode = TxMode::Transaction;
    /// A second run may find the execution running, with the edit of the first.
    const REPEATABLE: bool = false;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<EditAnswer>, DbError> {
        let Some(seq) = seq_of(tx, self.id).await? else {
            return Ok(without_events(EditAnswer::Unknown));
        };
        for _ in 0..MAX_LOOKUPS {
            let query = tx.query(&tx.sql.operator_edit_remove).bind(seq);
            if let Some(row) = tx.fetch(query).await?.first() {
                let row = WaitingRow::read(row)?;
                self.write(tx, seq).await?;
                let (row, unused) = row.edited(&self.edit, self.now);
                let mut events = vec![row.event(self.now)];
                if !unused.is_empty() {
                    // Other executions may get the permits.
                    events.push(StoreEvent::Scheduled(self.now));
                }
                row.insert(tx, seq, unused).await?;
                return Ok((EditAnswer::Changed, events));
            }
            match row_state(tx, seq).await? {
                RowState::Status(ExecutionStatus::Pending | ExecutionStatus::Queued)
                | RowState::Moving => {}
                RowState::Status(status) => {
                    return Ok(without_events(EditAnswer::NotWaiting(status)));
                }
                RowState::Deleted => return Ok(without_events(EditAnswer::Unknown)),
            }
        }
        Err(DbError::Raced)
    }
}

impl EditExecution {
    async fn write(&self, tx: &mut Tx<'_>, seq: i64) -> Result<(), DbError> {
        let ExecutionEdit {
            priority,
            run_at,
            payload,
            queue,
        } = &self.edit;
        let query = tx
            .query(&tx.sql.operator_edit_execution)
            .bind(seq)
            .bind(payload.as_deref())
            .bind(run_at.map(Timestamp::as_millis))
            .bind(priority.map(i16::from))
            .bind(queue.as_deref().map(encode));
        tx.execute(query).await?;
        Ok(())
    }
}

/// A waiting execution, whichever table its row is in.
struct WaitingRow {
    rank: i16,
    attempt: i32,
    spent: i32,
    /// Its limits; `None` also if they cannot be read.
    limits: Option<Vec<LimitId>>,
    /// Time of its admission, if it holds its permits.
    admitted_at: Option<i64>,
    wait: Wait,
}

/// State of a waiting execution.
enum Wait {
    Scheduled(Timestamp),
    /// Blocked at a limit: the limit, the number of limits passed, and `arrived_at`.
    Blocked(LimitId, i16, i64),
    Ready,
}

impl WaitingRow {
    fn read(row: &PgRow) -> Result<Self, DbError> {
        let until: Option<i64> = row.try_get(3)?;
        let limit: Option<LimitId> = row.try_get(4)?;
        let passed: Option<i16> = row.try_get(5)?;
        Ok(Self {
            rank: row.try_get(0)?,
            attempt: row.try_get(1)?,
            spent: row.try_get(2)?,
            limits: limits_of(row, 7),
            admitted_at: row.try_get(8)?,
            wait: match (until, limit.zip(passed)) {
                (Some(until), _) => Wait::Scheduled(Timestamp::from_millis(until)),
                (_, Some((limit, passed))) => Wait::Blocked(limit, passed, row.try_get(9)?),
                _ => Wait::Ready,
            },
        })
    }

    /// Returns the row after an edit, and the limits whose permits it gives up.
    fn edited(mut self, edit: &ExecutionEdit, now: Timestamp) -> (Self, Vec<LimitId>) {
        let until = match (edit.run_at, &self.wait) {
            (Some(until), _) => Some(until),
            (None, Wait::Scheduled(until)) => Some(*until),
            (None, _) => None,
        };
        let until = until.filter(|until| *until > now);
        let stays = until.is_none()
            && !matches!(self.wait, Wait::Scheduled(_))
            && edit
                .priority
                .is_none_or(|to| 100 - i16::from(to) == self.rank);
        if stays {
            return (self, Vec::new());
        }
        let limits = self.limits.as_deref().unwrap_or_default();
        let passed = match self.wait {
            Wait::Scheduled(_) => 0,
            Wait::Blocked(_, passed, _) => usize::try_from(passed).unwrap_or(0),
            Wait::Ready => limits.len(),
        };
        let unused = limits.iter().take(passed).copied().collect();
        self.wait = match until {
            Some(until) => Wait::Scheduled(until),
            None if limits.is_empty() => Wait::Ready,
            None => Wait::Blocked(0, 0, 0),
        };
        (self, unused)
    }

    /// Inserts the row into the table of its state.
    async fn insert(&self, tx: &mut Tx<'_>, seq: i64, unused: Vec<LimitId>) -> Result<(), DbError> {
        let (until, blocked) = match self.wait {
            Wait::Scheduled(until) => (Some(until.as_millis()), None),
            Wait::Blocked(limit, passed, arrived_at) => (None, Some((limit, passed, arrived_at))),
            Wait::Ready => (None, None),
        };
        let query = tx
            .query(&tx.sql.operator_edit_insert)
            .bind(seq)
            .bind(self.attempt)
            .bind(self.spent)
            .bind(until)
            .bind(blocked.map(|(limit, ..)| limit))
            .bind(blocked.map(|(_, passed, _)| passed))
            .bind(self.limits.as_deref())
            .bind(unused)
            .bind(self.admitted_at)
            .bind(blocked.map_or(0, |(.., arrived_at)| arrived_at));
        tx.execute(query).await?;
        Ok(())
    }

    /// The event that tells workers about the row.
    fn event(&self, now: Timestamp) -> StoreEvent {
        match self.wait {
            Wait::Scheduled(until) => StoreEvent::Scheduled(until),
            Wait::Blocked(..) => StoreEvent::Scheduled(now),
            Wait::Ready => StoreEvent::Ready,
        }
    }
}
