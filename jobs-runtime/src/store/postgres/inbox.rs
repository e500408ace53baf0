//! Inbox: takes in the requests that callers of the function `enqueue` have written.
//!
//! A transaction locks a page of requests, resolves them, deletes them and creates their
//! executions. So a crash loses nothing and creates nothing twice. Other processes skip the locked
//! requests. The resolution runs inside of the transaction. It reads the catalogue on another
//! connection and waits for no lock of this one.
//!
//! If the database rejects a page, or a key is locked, the requests are taken in one by one. A
//! request that fails alone backs off, from a second to a minute.
//!
//! This module imports the connections, `enqueue` and `limits`.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jobs::{ErrorKind, ExecutionError, ExecutionStatus};
use sqlx::Row;
use sqlx::postgres::PgRow;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::conn::error::DbError;
use super::conn::operation::{Operation, Outcome, TxMode, without_events};
use super::conn::pool::{ConnectionTask, Pool, PoolOptions, Request};
use super::conn::text::{decode_error, encode, encode_execution};
use super::conn::tx::Tx;
use super::enqueue::{end_new, enqueue_in_own_txn};
use super::limits::{EnsureLimits, LimitIds, RequestedLimits};
use super::read::execution::id_of;
use super::{DEADLINE, PostgresStore};
use crate::store::{
    EnqueueAnswer, InboxStore, NewExecution, Received, Resolution, ResolveReceived, StoreError,
    StoreEvent, TakenIn,
};
use crate::time::Timestamp;

/// A key that a caller's transaction has locked must not hold up a page for long.
pub(super) const POOL_OPTIONS: PoolOptions = PoolOptions {
    call_timeout: DEADLINE,
    lock_timeout: Some(Duration::from_millis(250)),
    hides_warnings: false,
};

/// Requests that one call takes in one by one. Each may wait for a lock.
const MAX_SINGLES: usize = 50;

/// Bytes of payloads in a page, after which it ends.
const MAX_BYTES: i64 = 8 << 20;

/// The primary key of a request.
type Key = (i64, i64);

#[async_trait]
impl InboxStore for PostgresStore {
    async fn has_received(&self, now: Timestamp) -> Result<bool, StoreError> {
        self.monitor.run(HasReceived(now)).await
    }

    async fn take_in(
        &self,
        limit: usize,
        now: Timestamp,
        resolve: Arc<dyn ResolveReceived>,
    ) -> Result<Vec<TakenIn>, StoreError> {
        let permits = self.permits.clone();
        let take = |reply| TakeInRequest {
            limit,
            now,
            resolve,
            permits,
            reply,
        };
        self.inbox.request_with(|reply| Box::new(take(reply))).await
    }
}

struct HasReceived(Timestamp);

#[async_trait]
impl Operation for HasReceived {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<bool>, DbError> {
        let query = tx.query(&tx.sql.inbox_is_waiting).bind(self.0.as_millis());
        let rows = tx.fetch(query).await?;
        let row = rows.first().ok_or(DbError::Raced)?;
        Ok(without_events(row.try_get(0)?))
    }
}

/// Request that takes in a page; request by request if that fails.
struct TakeInRequest {
    limit: usize,
    now: Timestamp,
    resolve: Arc<dyn ResolveReceived>,
    permits: Pool,
    reply: oneshot::Sender<Result<Vec<TakenIn>, StoreError>>,
}

#[async_trait]
impl Request for TakeInRequest {
    async fn run(self: Box<Self>, task: &mut ConnectionTask) {
        let taken = match self.take(task, Page::Due(self.limit)).await {
            Err(error) if !error.is_outage() => self.take_singly(task, error).await,
            taken => taken,
        };
        let _ = self
            .reply
            .send(taken.map_err(|error| error.at(task.location())));
    }
}

impl TakeInRequest {
    async fn take(&self, task: &mut ConnectionTask, page: Page) -> Result<Vec<TakenIn>, DbError> {
        let operation = TakeIn {
            page,
            now: self.now,
            resolve: Arc::clone(&self.resolve),
            permits: self.permits.clone(),
        };
        task.run_operation(&operation).await
    }

    async fn take_singly(
        &self,
        task: &mut ConnectionTask,
        cause: DbError,
    ) -> Result<Vec<TakenIn>, DbError> {
        let cause = cause.at(task.location());
        tracing::debug!(error = %cause, "requests by SQL are taken in one by one");
        let due = DueKeys(self.now, self.limit.min(MAX_SINGLES));
        let mut taken = Vec::new();
        for key in task.run_operation(&due).await? {
            match self.take(task, Page::One(key)).await {
                Ok(one) => taken.extend(one),
                Err(error) if error.is_outage() => return Err(error),
                Err(error) => {
                    let error = error.at(task.location());
                    let reason = crate::error::chain(&error).to_string();
                    tracing::warn!(error = %reason, "a request by SQL is postponed");
                    let now = self.now;
                    task.run_operation(&BackOff { key, now, reason }).await?;
                }
            }
        }
        Ok(taken)
    }
}

struct DueKeys(Timestamp, usize);

#[async_trait]
impl Operation for DueKeys {
    type Output = Vec<Key>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Vec<Key>>, DbError> {
        let query = tx
            .query(&tx.sql.inbox_due_keys)
            .bind(self.0.as_millis())
            .bind(i64::try_from(self.1).unwrap_or(i64::MAX));
        let rows = tx.fetch(query).await?;
        let keys = rows.iter().map(key_of).collect::<Result<_, _>>()?;
        Ok(without_events(keys))
    }
}

fn key_of(row: &PgRow) -> Result<Key, DbError> {
    Ok((row.try_get(0)?, row.try_get(1)?))
}

struct BackOff {
    key: Key,
    now: Timestamp,
    reason: String,
}

#[async_trait]
impl Operation for BackOff {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<()>, DbError> {
        let query = tx
            .query(&tx.sql.inbox_back_off)
            .bind(self.key.0)
            .bind(self.key.1)
            .bind(self.now.as_millis())
            .bind(encode(&self.reason));
        tx.execute(query).await?;
        Ok(without_events(()))
    }
}

/// The requests that an operation takes in.
#[derive(Clone, Copy)]
enum Page {
    Due(usize),
    One(Key),
}

struct TakeIn {
    page: Page,
    now: Timestamp,
    resolve: Arc<dyn ResolveReceived>,
    permits: Pool,
}

#[async_trait]
impl Operation for TakeIn {
    type Output = Vec<TakenIn>;
    const TX_MODE: TxMode = TxMode::Transaction;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Vec<TakenIn>>, DbError> {
        let (mut keys, requests) = self.lock(tx).await?;
        if requests.is_empty() {
            return Ok(without_events(Vec::new()));
        }
        let resolved = self.resolve.resolve(&requests).await?;
        let mut accepted = Vec::new();
        let mut ended = Vec::new();
        let mut postponed = Vec::new();
        for (key, resolution) in std::mem::take(&mut keys).into_iter().zip(resolved) {
            match resolution {
                Resolution::Postpone(at, reason) => {
                    postponed.push((key, at, reason));
                    continue;
                }
                Resolution::Enqueue(new) => accepted.push(encoded(*new)),
                Resolution::Reject(new, error) => {
                    ended.push((at_once(encoded(*new)), ExecutionStatus::Failed, error));
                }
            }
            keys.push(key);
        }
        postpone(tx, &postponed).await?;
        delete(tx, &keys).await?;
        let mut taken = Vec::with_capacity(keys.len());
        let mut events = Vec::new();
        if !accepted.is_empty() {
            let limits = self.ensure_limits(&accepted).await?;
            let batches: Vec<_> = accepted.iter().map(std::slice::from_ref).collect();
            let (answers, enqueued) = enqueue_in_own_txn(tx, &batches, &limits).await?;
            events = enqueued;
            for (new, answer) in accepted.iter().zip(answers) {
                match end_of(answer) {
                    None => taken.push(taken_in(new, true)),
                    Some((status, error)) => ended.push((at_once(new.clone()), status, error)),
                }
            }
        }
        if !ended.is_empty() {
            end_new(tx, &ended, self.now).await?;
            taken.extend(ended.iter().map(|(new, ..)| taken_in(new, false)));
            let ids: Vec<_> = ended.iter().map(|(new, ..)| new.id).collect();
            events.push(StoreEvent::Finished(ids.into()));
        }
        Ok((taken, events))
    }
}

impl TakeIn {
    async fn lock(&self, tx: &mut Tx<'_>) -> Result<(Vec<Key>, Vec<Received>), DbError> {
        let query = match self.page {
            Page::Due(limit) => tx
                .query(&tx.sql.inbox_lock_due)
                .bind(self.now.as_millis())
                .bind(i64::try_from(limit).unwrap_or(i64::MAX))
                .bind(MAX_BYTES),
            Page::One((not_before, seq)) => {
                tx.query(&tx.sql.inbox_lock_one).bind(not_before).bind(seq)
            }
        };
        let rows = tx.fetch(query).await?;
        let keys = rows.iter().map(key_of).collect::<Result<_, _>>()?;
        let requests = rows.iter().map(request_of).collect::<Result<_, _>>()?;
        Ok((keys, requests))
    }

    /// Writes the limits in a transaction of their own, as every enqueue does.
    async fn ensure_limits(&self, accepted: &[NewExecution]) -> Result<LimitIds, DbError> {
        let requested = RequestedLimits::by(accepted);
        if requested.is_empty() {
            return Ok(LimitIds::new());
        }
        Ok(self.permits.run(EnsureLimits(requested)).await?)
    }
}

fn request_of(row: &PgRow) -> Result<Received, DbError> {
    let at = |millis: Option<i64>| millis.map(Timestamp::from_millis);
    Ok(Received {
        id: id_of(row.try_get::<Uuid, _>(2)?),
        enqueued_at: Timestamp::from_millis(row.try_get(3)?),
        job_id: row.try_get(4)?,
        payload: row.try_get(5)?,
        priority: row
            .try_get::<Option<i16>, _>(6)?
            .and_then(|priority| u8::try_from(priority).ok()),
        run_at: at(row.try_get(7)?),
        expires_ms: row.try_get(8)?,
        idempotency_key: row.try_get(9)?,
        correlation_id: row.try_get(10)?,
        item_id: row.try_get(11)?,
        created_by: row.try_get(12)?,
        tags: row.try_get::<Option<_>, _>(13)?.unwrap_or_default(),
        trace_parent: row.try_get(14)?,
    })
}

fn encoded(mut new: NewExecution) -> NewExecution {
    encode_execution(&mut new);
    new
}

/// An execution that has ended is not scheduled.
fn at_once(new: NewExecution) -> NewExecution {
    NewExecution {
        run_at: None,
        ..new
    }
}

fn taken_in(new: &NewExecution, created: bool) -> TakenIn {
    TakenIn {
        execution_id: new.id,
        job_id: new.job_id.clone(),
        created,
    }
}

/// Returns how the execution of a request ends at once; `None` if it was created for a worker.
fn end_of(
    answer: Result<Vec<EnqueueAnswer>, StoreError>,
) -> Option<(ExecutionStatus, ExecutionError)> {
    let answers = match answer {
        Ok(answers) => answers,
        Err(error) => {
            let error = ExecutionError {
                kind: ErrorKind::Rejected,
                message: decode_error(error).to_string(),
            };
            return Some((ExecutionStatus::Failed, error));
        }
    };
    let message = match answers.first()? {
        EnqueueAnswer::Created => return None,
        EnqueueAnswer::Replayed(id) => format!("the execution {id} has the same idempotency key"),
        EnqueueAnswer::Skipped(id) => format!("the live execution {id} has the same unique key"),
        EnqueueAnswer::Merged(id) => format!("the waiting execution {id} has received the payload"),
    };
    let kind = ErrorKind::Cancelled;
    Some((ExecutionStatus::Cancelled, ExecutionError { kind, message }))
}

async fn delete(tx: &mut Tx<'_>, keys: &[Key]) -> Result<(), DbError> {
    let (not_before, seqs): (Vec<i64>, Vec<i64>) = keys.iter().copied().unzip();
    let query = tx.query(&tx.sql.inbox_delete).bind(not_before).bind(seqs);
    tx.execute(query).await?;
    Ok(())
}

async fn postpone(tx: &mut Tx<'_>, postponed: &[(Key, Timestamp, String)]) -> Result<(), DbError> {
    for ((not_before, seq), at, reason) in postponed {
        let query = tx
            .query(&tx.sql.inbox_postpone)
            .bind(not_before)
            .bind(seq)
            .bind(at.as_millis())
            .bind(encode(reason));
        tx.execute(query).await?;
    }
    Ok(())
}
