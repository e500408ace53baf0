//! What operators do to single executions: cancel, retry, delete.
//!
//! Each takes hold of the one row that tells where the execution stands: whoever deletes it first
//! decides. Between two looks the execution may have moved on (claimed, promoted, settled), so what
//! was found nowhere is looked for again.

pub(in crate::store::postgres) mod edit;
pub(in crate::store::postgres) mod queues;

use async_trait::async_trait;
use jobs::{ExecutionId, ExecutionStatus};
use sqlx::{Row, SqlStr};

use super::conn::error::{Fault, corrupt};
use super::conn::operation::{Done, Shape, Transition, quietly};
use super::conn::tx::Db;
use super::uuid_of;
use crate::store::{CancelAnswer, DeleteAnswer, RetryAnswer, StoreEvent};
use crate::time::Timestamp;

/// How often an execution that keeps moving is looked for.
pub(super) const LOOKS: usize = 20;

/// The number of an execution.
pub(super) async fn seq_of(db: &mut Db<'_>, id: ExecutionId) -> Result<Option<i64>, Fault> {
    let query = db.query(&db.sql.read_seq_by_id).bind(uuid_of(&id));
    let rows = db.fetch(query).await?;
    rows.first().map(|row| Ok(row.try_get(0)?)).transpose()
}

/// Where an execution stands.
pub(super) enum Standing {
    Status(ExecutionStatus),
    /// Nowhere that one statement could see: it is being moved.
    Moving,
    /// It has been deleted.
    Gone,
}

pub(super) async fn standing(db: &mut Db<'_>, seq: i64) -> Result<Standing, Fault> {
    let query = db.query(&db.sql.read_row_state).bind(seq);
    let rows = db.fetch(query).await?;
    let Some(row) = rows.first() else {
        return Ok(Standing::Gone);
    };
    Ok(match row.try_get::<Option<&str>, _>(0)? {
        None => Standing::Moving,
        Some(status) => Standing::Status(
            status
                .parse()
                .map_err(|error| corrupt("an execution's status", error))?,
        ),
    })
}

pub(super) struct Cancel {
    pub(super) id: ExecutionId,
    pub(super) now: Timestamp,
}

impl Cancel {
    /// Whether it has cancelled an execution that waits; then, whether that leaves permits to others.
    async fn waiting(
        &self,
        db: &mut Db<'_>,
        statement: &SqlStr,
        seq: i64,
    ) -> Result<Option<bool>, Fault> {
        let query = db.query(statement).bind(seq).bind(self.now.as_millis());
        let rows = db.fetch(query).await?;
        rows.first().map(|row| Ok(row.try_get(0)?)).transpose()
    }

    async fn running(&self, db: &mut Db<'_>, seq: i64) -> Result<bool, Fault> {
        let query = db.query(&db.sql.operator_cancel_lease);
        let query = query.bind(seq).bind(self.now.as_millis());
        Ok(db.execute(query).await? > 0)
    }
}

#[async_trait]
impl Transition for Cancel {
    type Answer = CancelAnswer;
    const SHAPE: Shape = Shape::Statement;
    /// The second run would find what the first has cancelled, and say that it was final.
    const REPEATABLE: bool = false;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<CancelAnswer>, Fault> {
        let Some(seq) = seq_of(db, self.id).await? else {
            return Ok(quietly(CancelAnswer::Unknown));
        };
        for _ in 0..LOOKS {
            let sql = db.sql;
            for statement in [
                &sql.operator_cancel_ready,
                &sql.operator_cancel_scheduled,
                &sql.operator_cancel_blocked,
            ] {
                if let Some(wanted) = self.waiting(db, statement, seq).await? {
                    let mut events = vec![StoreEvent::Finished([self.id].into())];
                    events.extend(wanted.then_some(StoreEvent::Scheduled(self.now)));
                    return Ok((CancelAnswer::Cancelled, events));
                }
            }
            if self.running(db, seq).await? {
                return Ok((CancelAnswer::Requested, vec![StoreEvent::CancelRequested]));
            }
            match standing(db, seq).await? {
                Standing::Status(status) if status.is_final() => {
                    return Ok(quietly(CancelAnswer::Final(status)));
                }
                Standing::Gone => return Ok(quietly(CancelAnswer::Unknown)),
                _ => {}
            }
        }
        Err(Fault::Raced)
    }
}

pub(super) struct Retry {
    pub(super) id: ExecutionId,
    pub(super) payload: Option<String>,
    pub(super) now: Timestamp,
}

#[async_trait]
impl Transition for Retry {
    type Answer = RetryAnswer;
    const SHAPE: Shape = Shape::Statement;
    /// The second run would find it queued by the first, and refuse.
    const REPEATABLE: bool = false;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<RetryAnswer>, Fault> {
        let Some(seq) = seq_of(db, self.id).await? else {
            return Ok(quietly(RetryAnswer::Unknown));
        };
        for _ in 0..LOOKS {
            let query = db
                .query(&db.sql.operator_retry)
                .bind(seq)
                .bind(self.payload.as_deref());
            if let Some(row) = db.fetch(query).await?.first() {
                let event = match row.try_get(0)? {
                    true => StoreEvent::Scheduled(self.now),
                    false => StoreEvent::Ready,
                };
                return Ok((RetryAnswer::Queued, vec![event]));
            }
            match standing(db, seq).await? {
                Standing::Status(ExecutionStatus::Failed | ExecutionStatus::Cancelled)
                | Standing::Moving => {}
                Standing::Status(status) => {
                    return Ok(quietly(RetryAnswer::NotRetryable(status)));
                }
                Standing::Gone => return Ok(quietly(RetryAnswer::Unknown)),
            }
        }
        Err(Fault::Raced)
    }
}

pub(super) struct Delete(pub(super) ExecutionId);

#[async_trait]
impl Transition for Delete {
    type Answer = DeleteAnswer;
    const SHAPE: Shape = Shape::Statement;
    /// The second run would find nothing.
    const REPEATABLE: bool = false;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<DeleteAnswer>, Fault> {
        let Some(seq) = seq_of(db, self.0).await? else {
            return Ok(quietly(DeleteAnswer::Unknown));
        };
        for _ in 0..LOOKS {
            let query = db.query(&db.sql.operator_delete).bind(seq);
            if !db.fetch(query).await?.is_empty() {
                return Ok(quietly(DeleteAnswer::Deleted));
            }
            match standing(db, seq).await? {
                Standing::Status(status) if !status.is_final() => {
                    return Ok(quietly(DeleteAnswer::NotFinal(status)));
                }
                Standing::Gone => return Ok(quietly(DeleteAnswer::Unknown)),
                _ => {}
            }
        }
        Err(Fault::Raced)
    }
}

/// How many stand before a queued execution, counted up to `limit`.
pub(super) struct Ahead {
    pub(super) id: ExecutionId,
    pub(super) limit: u64,
}

#[async_trait]
impl Transition for Ahead {
    type Answer = Option<u64>;
    const SHAPE: Shape = Shape::Statement;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<Option<u64>>, Fault> {
        let query = db
            .query(&db.sql.read_count_ahead)
            .bind(uuid_of(&self.id))
            .bind(i64::try_from(self.limit).unwrap_or(i64::MAX));
        let rows = db.fetch(query).await?;
        let Some(row) = rows.first() else {
            return Ok(quietly(None));
        };
        let ahead: i64 = row.try_get(0)?;
        Ok(quietly(u64::try_from(ahead).ok()))
    }
}
