//! Queues and blocking limits: list, pause, resume, explain.

use async_trait::async_trait;
use jobs::ExecutionId;
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::store::decode::records;
use crate::store::decode::schedules::queues;
use crate::store::postgres::conn::error::{DbError, readable};
use crate::store::postgres::conn::operation::{Operation, Outcome, without_events};
use crate::store::postgres::conn::text::{decode, encode};
use crate::store::postgres::conn::tx::Tx;
use crate::store::postgres::limits::state;
use crate::store::postgres::read::execution::{id_of, optional};
use crate::store::postgres::{number, uuid_of};
use crate::store::{BlockingLimit, LimitRecord, PermitHolder, QueuePause, QueueRecord, StoreEvent};
use crate::time::Timestamp;

/// Executions are counted up to this number.
const MAX_COUNTED: i64 = 5_000;

/// Permit holders that are listed.
const MAX_HOLDERS: i64 = 10;

/// Pauses the claims from a queue.
pub(in crate::store::postgres) struct PauseQueue(
    pub(in crate::store::postgres) String,
    pub(in crate::store::postgres) QueuePause,
);

#[async_trait]
impl Operation for PauseQueue {
    type Output = bool;
    /// A second run would find the queue paused by the first.
    const REPEATABLE: bool = false;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<bool>, DbError> {
        let Self(queue, pause) = self;
        let query = tx
            .query(&tx.sql.operator_pause)
            .bind(encode(queue))
            .bind(pause.since.as_millis())
            .bind(pause.by.as_deref().map(encode))
            .bind(pause.reason.as_deref().map(encode));
        Ok(without_events(tx.execute(query).await? > 0))
    }
}

/// Resumes the claims from a queue.
pub(in crate::store::postgres) struct ResumeQueue(pub(in crate::store::postgres) String);

#[async_trait]
impl Operation for ResumeQueue {
    type Output = bool;
    /// A second run would find the queue resumed by the first.
    const REPEATABLE: bool = false;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<bool>, DbError> {
        let query = tx.query(&tx.sql.operator_resume).bind(encode(&self.0));
        let resumed = tx.execute(query).await? > 0;
        let ready = resumed.then_some(StoreEvent::Ready);
        Ok((resumed, ready.into_iter().collect()))
    }
}

/// Lists every queue with its counts.
pub(in crate::store::postgres) struct ListQueues;

#[async_trait]
impl Operation for ListQueues {
    type Output = Vec<QueueRecord>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let rows = tx
            .fetch(tx.query(&tx.sql.operator_queues).bind(MAX_COUNTED))
            .await?;
        Ok(without_events(queues(&rows)?))
    }
}

/// Lists limits of all jobs or of one.
pub(in crate::store::postgres) struct ListLimits(
    pub(in crate::store::postgres) Option<String>,
    pub(in crate::store::postgres) usize,
);

#[async_trait]
impl Operation for ListLimits {
    type Output = Vec<LimitRecord>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let Self(job_id, limit) = self;
        let (first, last) = records::job_range(job_id.clone());
        let query = tx
            .query(&tx.sql.limits_list)
            .bind(i64::try_from(*limit).unwrap_or(i64::MAX))
            .bind(encode(&first).into_owned())
            .bind(encode(&last).into_owned())
            .bind(records::MAX_WAITERS);
        let rows = tx.fetch(query).await?;
        Ok(without_events(records::limits(&rows)?))
    }
}

/// Finds the limit that blocks an execution, with its permit holders.
pub(in crate::store::postgres) struct BlockedBy(
    pub(in crate::store::postgres) ExecutionId,
    pub(in crate::store::postgres) Timestamp,
);

#[async_trait]
impl Operation for BlockedBy {
    type Output = Option<BlockingLimit>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let query = tx
            .query(&tx.sql.limits_blocked_by)
            .bind(uuid_of(&self.0))
            .bind(MAX_COUNTED);
        let rows = tx.fetch(query).await?;
        let Some(row) = rows.first() else {
            return Ok(without_events(None));
        };
        let Some(limit) = readable("a limit", state(row))? else {
            return Ok(without_events(None));
        };
        let query = tx.query(&tx.sql.limits_permit_holders);
        let holders = tx.fetch(query.bind(limit.id).bind(MAX_HOLDERS)).await?;
        Ok(without_events(Some(BlockingLimit {
            key: decode(row.try_get(9)?),
            ahead: number("a count", row.try_get::<i64, _>(10)?)?,
            free_at: limit.next_free_at(self.1),
            rule: limit.rule,
            holders: holders.iter().map(holder).collect::<Result<_, _>>()?,
        })))
    }
}

/// Lists the first waiters of a limit.
pub(in crate::store::postgres) struct LimitWaiters(
    pub(in crate::store::postgres) String,
    pub(in crate::store::postgres) usize,
);

#[async_trait]
impl Operation for LimitWaiters {
    type Output = Vec<ExecutionId>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let Self(key, limit) = self;
        let query = tx
            .query(&tx.sql.limits_waiters)
            .bind(encode(key))
            .bind(i64::try_from(*limit).unwrap_or(i64::MAX));
        let rows = tx.fetch(query).await?;
        let ids = rows.iter().map(|row| Ok(id_of(row.try_get(0)?)));
        Ok(without_events(ids.collect::<Result<_, DbError>>()?))
    }
}

fn holder(row: &PgRow) -> Result<PermitHolder, DbError> {
    Ok(PermitHolder {
        execution_id: id_of(row.try_get(0)?),
        attempt: number("an attempt's number", row.try_get::<i32, _>(1)?)?,
        worker: optional(row, "worker")?,
        stuck: row.try_get(3)?,
    })
}

/// Lists ready executions of a queue that have waited since a time and may be raised by ageing.
pub(in crate::store::postgres) struct WaitingSince(
    pub(in crate::store::postgres) String,
    pub(in crate::store::postgres) Timestamp,
    pub(in crate::store::postgres) usize,
);

#[async_trait]
impl Operation for WaitingSince {
    type Output = Vec<ExecutionId>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let Self(queue, since, limit) = self;
        let query = tx
            .query(&tx.sql.read_waiting_since)
            .bind(encode(queue))
            .bind(since.as_millis())
            .bind(i64::try_from(*limit).unwrap_or(i64::MAX));
        let rows = tx.fetch(query).await?;
        let ids = rows.iter().map(|row| Ok(id_of(row.try_get(0)?)));
        Ok(without_events(ids.collect::<Result<_, DbError>>()?))
    }
}
