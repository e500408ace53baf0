//! Queues, and the limits that executions wait at, as people see and change them.

use async_trait::async_trait;
use jobs::ExecutionId;
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::store::postgres::conn::error::Fault;
use crate::store::postgres::conn::operation::{Done, Shape, Transition, quietly};
use crate::store::postgres::conn::text;
use crate::store::postgres::conn::text::stored;
use crate::store::postgres::conn::tx::Db;
use crate::store::postgres::limits::state;
use crate::store::postgres::read::execution::{id_of, optional};
use crate::store::postgres::{number, uuid_of};
use crate::store::{BlockingLimit, PermitHolder, QueueRecord, StoreEvent};
use crate::time::Timestamp;

/// How far those who wait are counted for people.
const COUNTED: i64 = 5_000;

/// Holders of permits that are shown.
const SHOWN: i64 = 10;

/// Stops the claims from a queue.
pub(in crate::store::postgres) struct Pause(
    pub(in crate::store::postgres) String,
    pub(in crate::store::postgres) Timestamp,
);

#[async_trait]
impl Transition for Pause {
    type Answer = bool;
    const SHAPE: Shape = Shape::Statement;
    /// The second run would find it paused by the first.
    const REPEATABLE: bool = false;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<bool>, Fault> {
        let query = db
            .query(&db.sql.pause)
            .bind(stored(&self.0))
            .bind(self.1.as_millis());
        Ok(quietly(db.execute(query).await? > 0))
    }
}

/// Lets claims take from a queue again.
pub(in crate::store::postgres) struct Resume(pub(in crate::store::postgres) String);

#[async_trait]
impl Transition for Resume {
    type Answer = bool;
    const SHAPE: Shape = Shape::Statement;
    /// The second run would find it resumed by the first.
    const REPEATABLE: bool = false;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<bool>, Fault> {
        let query = db.query(&db.sql.resume).bind(stored(&self.0));
        let resumed = db.execute(query).await? > 0;
        let ready = resumed.then_some(StoreEvent::Ready);
        Ok((resumed, ready.into_iter().collect()))
    }
}

/// Every queue.
pub(in crate::store::postgres) struct List;

#[async_trait]
impl Transition for List {
    type Answer = Vec<QueueRecord>;
    const SHAPE: Shape = Shape::Statement;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<Self::Answer>, Fault> {
        let rows = db.fetch(db.query(&db.sql.queues).bind(COUNTED)).await?;
        let count = |row: &PgRow, column: usize| -> Result<u64, Fault> {
            number("a count", row.try_get::<i64, _>(column)?)
        };
        let queues = rows.iter().map(|row| {
            Ok(QueueRecord {
                queue: text::read(row.try_get(0)?),
                paused_at: row
                    .try_get::<Option<i64>, _>(1)?
                    .map(Timestamp::from_millis),
                ready: count(row, 2)?,
                blocked: count(row, 3)?,
                running: count(row, 4)?,
            })
        });
        Ok(quietly(queues.collect::<Result<_, Fault>>()?))
    }
}

/// The limit that an execution waits at.
pub(in crate::store::postgres) struct Before(
    pub(in crate::store::postgres) ExecutionId,
    pub(in crate::store::postgres) Timestamp,
);

#[async_trait]
impl Transition for Before {
    type Answer = Option<BlockingLimit>;
    const SHAPE: Shape = Shape::Statement;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<Self::Answer>, Fault> {
        let query = db
            .query(&db.sql.blocked_by)
            .bind(uuid_of(&self.0))
            .bind(COUNTED);
        let rows = db.fetch(query).await?;
        let Some(row) = rows.first() else {
            return Ok(quietly(None));
        };
        let limit = state(row)?;
        let query = db.query(&db.sql.blocked_by_holders);
        let holders = db.fetch(query.bind(limit.id).bind(SHOWN)).await?;
        Ok(quietly(Some(BlockingLimit {
            key: text::read(row.try_get(8)?),
            ahead: number("a count", row.try_get::<i64, _>(9)?)?,
            free_at: limit.next_free_at(self.1),
            rule: limit.rule,
            holders: holders.iter().map(holder).collect::<Result<_, _>>()?,
        })))
    }
}

fn holder(row: &PgRow) -> Result<PermitHolder, Fault> {
    Ok(PermitHolder {
        execution_id: id_of(row.try_get(0)?),
        attempt: number("an attempt's number", row.try_get::<i32, _>(1)?)?,
        worker: optional(row, "worker")?,
        stuck: row.try_get(3)?,
    })
}

pub(in crate::store::postgres) struct WaitingSince(
    pub(in crate::store::postgres) String,
    pub(in crate::store::postgres) Timestamp,
    pub(in crate::store::postgres) usize,
);

#[async_trait]
impl Transition for WaitingSince {
    type Answer = Vec<ExecutionId>;
    const SHAPE: Shape = Shape::Statement;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<Self::Answer>, Fault> {
        let Self(queue, since, limit) = self;
        let query = db
            .query(&db.sql.waiting_since)
            .bind(stored(queue))
            .bind(since.as_millis())
            .bind(i64::try_from(*limit).unwrap_or(i64::MAX));
        let rows = db.fetch(query).await?;
        let ids = rows.iter().map(|row| Ok(id_of(row.try_get(0)?)));
        Ok(quietly(ids.collect::<Result<_, Fault>>()?))
    }
}
