//! Enqueue: executions of several callers in one transaction.
//!
//! * **Optimistic:** one statement inserts all executions, as if every id was new.
//! * **Checked:** lock the keys, look up what exists, decide per execution, write. Used if a batch
//!   has idempotency keys, dedup keys, limits, `expires` or `max_waiting`, or if the optimistic
//!   insert has met an existing id.
//!
//! If another transaction brings the same key or id after the lookup, the checked write affects
//! fewer rows than expected, and the operation runs again.
//!
//! This module imports the connections, `limits` and, to decode ids, `read`. It must not import
//! `claim`, `settle` or `operator`.

pub(in crate::store::postgres) mod batcher;
mod dedup;
mod fast_path;
mod lookup;
pub(in crate::store::postgres) mod waiting;

use std::collections::HashMap;

use async_trait::async_trait;
use jobs::{ExecutionError, ExecutionStatus};
use sqlx::Row;
use uuid::Uuid;

use lookup::{Lookup, LookupLocks, lookup};

use super::conn::error::DbError;
use super::conn::operation::{Operation, Outcome, TxMode, without_events};
use super::conn::text::{array_literal, encode};
use super::conn::tx::Tx;
use super::limits::LimitIds;
use super::uuid_of;
use crate::store::rules::dedup::{DedupPlan, events, is_delayed};
use crate::store::rules::permits::{FreePermits, LimitId};
use crate::store::rules::retry_text::RetryText;
use crate::store::{EnqueueAnswer, EnqueuePreview, NewExecution, StoreError};
use crate::time::Timestamp;
use batcher::EnqueueCall;

type Query<'q> = sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments>;

/// One answer per call.
pub(super) type Answers = Vec<Result<Vec<EnqueueAnswer>, StoreError>>;

/// Inserts the batches of these calls, on the assumption that every id is new.
pub(super) struct OptimisticEnqueue(pub(super) Vec<EnqueueCall>);

#[async_trait]
impl Operation for OptimisticEnqueue {
    type Output = Answers;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Answers>, DbError> {
        let Self(calls) = self;
        let rows: Vec<_> = calls.iter().flat_map(|call| &call.batch).collect();
        write(tx, &rows).await?;
        let created = |call: &EnqueueCall| Ok(vec![EnqueueAnswer::Created; call.batch.len()]);
        Ok((calls.iter().map(created).collect(), events(&rows, &[])))
    }
}

/// Inserts the batches of these calls after a lookup of ids and keys.
pub(super) struct CheckedEnqueue {
    pub(super) calls: Vec<EnqueueCall>,
    /// Ids of the limits that the batches name.
    pub(super) limits: LimitIds,
}

#[async_trait]
impl Operation for CheckedEnqueue {
    type Output = Answers;
    const TX_MODE: TxMode = TxMode::Transaction;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Answers>, DbError> {
        let batches: Vec<&[NewExecution]> = self.calls.iter().map(|call| &*call.batch).collect();
        let lookup = lookup(tx, &batches, LookupLocks::KeysAndBacklog).await?;
        decide_and_write(tx, &batches, lookup, &self.limits, FastPath::Try).await
    }
}

/// Decides about a batch, and writes nothing.
pub(super) struct PreviewEnqueue(pub(super) Vec<NewExecution>);

#[async_trait]
impl Operation for PreviewEnqueue {
    type Output = Result<Vec<EnqueuePreview>, StoreError>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let Self(batch) = self;
        let lookup = lookup(tx, &[batch], LookupLocks::None).await?;
        Ok(without_events(lookup.executions.preview(batch)))
    }
}

/// Looks up, decides and writes in a caller's transaction. On [`DbError::Raced`] the caller rolls
/// back and tries again.
///
/// The backlog is counted without its lock, because the transaction may stay open for long. The
/// count has what is committed and what this transaction has written.
pub(super) async fn enqueue_in_txn(
    tx: &mut Tx<'_>,
    batch: &[NewExecution],
    limits: &LimitIds,
) -> Result<Outcome<Answers>, DbError> {
    let batches = [batch];
    let lookup = lookup(tx, &batches, LookupLocks::Keys).await?;
    decide_and_write(tx, &batches, lookup, limits, FastPath::Skip).await
}

/// Looks up, decides and writes in a transaction of the store that also writes something else.
pub(super) async fn enqueue_in_own_txn(
    tx: &mut Tx<'_>,
    batches: &[&[NewExecution]],
    limits: &LimitIds,
) -> Result<Outcome<Answers>, DbError> {
    let lookup = lookup(tx, batches, LookupLocks::KeysAndBacklog).await?;
    decide_and_write(tx, batches, lookup, limits, FastPath::Try).await
}

/// Creates executions that have ended already, without an attempt. They have no limits and no keys.
pub(super) async fn end_new(
    tx: &mut Tx<'_>,
    ended: &[(NewExecution, ExecutionStatus, ExecutionError)],
    now: Timestamp,
) -> Result<(), DbError> {
    let rows: Vec<_> = ended.iter().map(|(new, ..)| new).collect();
    let query = bind_executions(tx.query(&tx.sql.enqueue_executions_only), &rows)?;
    let mut seq_by_id: HashMap<Uuid, i64> = HashMap::with_capacity(rows.len());
    for row in tx.fetch(query).await? {
        seq_by_id.insert(row.try_get(0)?, row.try_get(1)?);
    }
    let seqs = rows.iter().map(|new| seq_by_id.get(&uuid_of(&new.id)));
    let seqs: Option<Vec<i64>> = seqs.map(|seq| seq.copied()).collect();
    let query = tx
        .query(&tx.sql.inbox_insert_ended)
        .bind(seqs.ok_or(DbError::Raced)?)
        .bind(Vec::from_iter(ended.iter().map(|end| end.1.as_str())))
        .bind(Vec::from_iter(ended.iter().map(|end| end.2.kind.as_str())))
        .bind(Vec::from_iter(
            ended.iter().map(|end| encode(&end.2.message)),
        ))
        .bind(now.as_millis());
    tx.execute(query).await?;
    Ok(())
}

/// Use of free permits for new executions with limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FastPath {
    /// Take permits, if no allocator is running and the limits have free ones.
    Try,
    /// Block every execution with limits: a caller's transaction would hold the allocator's lock
    /// until its end.
    Skip,
}

/// Decides by what was found and writes.
async fn decide_and_write(
    tx: &mut Tx<'_>,
    batches: &[&[NewExecution]],
    lookup: Lookup,
    limits: &LimitIds,
    fast_path: FastPath,
) -> Result<Outcome<Answers>, DbError> {
    let DedupPlan {
        rows,
        keys,
        merges,
        answers,
    } = lookup.executions.decide(batches);
    let mut admitted = Vec::new();
    dedup::write_idempotency_keys(tx, &keys).await?;
    if !rows.is_empty() {
        dedup::write_dedup_keys(tx, &rows, &lookup.dedup_keys).await?;
        let written = if rows.iter().any(|new| needs_limit_rows(new)) {
            write_limited(tx, &rows, limits, fast_path).await
        } else {
            write(tx, &rows).await.map(|()| Vec::new())
        };
        // Another transaction has inserted the id after the lookup.
        admitted = written.map_err(|error| {
            if error.is_unique_violation() {
                DbError::Raced
            } else {
                error
            }
        })?;
    }
    write_expirations(tx, &rows).await?;
    let mut events = events(&rows, &admitted);
    events.extend(dedup::write_merges(tx, &merges).await?);
    Ok((answers, events))
}

/// Records the times at which executions expire.
async fn write_expirations(tx: &mut Tx<'_>, rows: &[&NewExecution]) -> Result<(), DbError> {
    let times = |new: &&NewExecution| Some((uuid_of(&new.id), new.expires_at?.as_millis()));
    let (ids, times): (Vec<_>, Vec<_>) = rows.iter().filter_map(times).unzip();
    if !ids.is_empty() {
        let query = tx.query(&tx.sql.enqueue_insert_expirations);
        tx.execute(query.bind(ids).bind(times)).await?;
    }
    Ok(())
}

/// Returns true if the execution has limits or its job caps the backlog.
fn needs_limit_rows(new: &NewExecution) -> bool {
    !new.rules.limits.is_empty() || new.rules.max_waiting.is_some()
}

/// Inserts executions without limits: into `scheduled` or `ready`.
async fn write(tx: &mut Tx<'_>, rows: &[&NewExecution]) -> Result<(), DbError> {
    let query = bind_executions(tx.query(&tx.sql.enqueue_executions), rows)?;
    tx.execute(query).await?;
    Ok(())
}

/// Inserts executions, some of which have limits: into `scheduled`, `ready` or `blocked`. Returns
/// for each of them whether it was admitted.
async fn write_limited(
    tx: &mut Tx<'_>,
    rows: &[&NewExecution],
    limits: &LimitIds,
    fast_path: FastPath,
) -> Result<Vec<bool>, DbError> {
    let ids: Vec<_> = rows
        .iter()
        .map(|new| limit_ids(new, limits))
        .collect::<Result<_, _>>()?;
    // After the statements that may wait for a lock, so that the allocator's lock is not held
    // meanwhile.
    let mut free = match fast_path {
        FastPath::Try => fast_path::lock_free_permits(tx, rows, &ids).await?,
        FastPath::Skip => FreePermits::default(),
    };
    let admitted = free.admit(rows, &ids);
    let taken = free.taken();
    let query = bind_executions(tx.query(&tx.sql.enqueue_executions_only), rows)?;
    let mut seq_by_id: HashMap<Uuid, i64> = HashMap::with_capacity(rows.len());
    for row in tx.fetch(query).await? {
        seq_by_id.insert(row.try_get(0)?, row.try_get(1)?);
    }
    let mut seqs = Vec::with_capacity(rows.len());
    for new in rows {
        seqs.push(*seq_by_id.get(&uuid_of(&new.id)).ok_or(DbError::Raced)?);
    }
    let lists: Vec<_> = ids.iter().map(|ids| limit_list(ids)).collect();
    let admitted_at = rows.iter().zip(&admitted);
    let admitted_at =
        admitted_at.map(|(new, admitted)| admitted.then_some(new.created_at.as_millis()));
    let query = tx
        .query(&tx.sql.enqueue_insert_limited)
        .bind(seqs)
        .bind(column(rows, |new| 100 - i16::from(new.priority)))
        .bind(column(rows, |new| &*new.queue))
        .bind(column(rows, |new| &*new.job_id))
        .bind(column(rows, |new| !is_delayed(new)))
        .bind(lists)
        .bind(column(rows, |new| new.rules.max_waiting.is_some()))
        .bind(admitted_at.collect::<Vec<_>>())
        .bind(taken.iter().map(|(id, _)| *id).collect::<Vec<_>>())
        .bind(taken.iter().map(|(_, n)| count(*n)).collect::<Vec<_>>());
    tx.execute(query).await?;
    Ok(admitted)
}

fn count(permits: u64) -> i64 {
    i64::try_from(permits).unwrap_or(i64::MAX)
}

/// Returns the ids of an execution's limits in the order of their stages.
fn limit_ids(new: &NewExecution, limits: &LimitIds) -> Result<Vec<LimitId>, DbError> {
    let ids = new.rules.limits.iter().map(|limit| {
        let id = limits.get(&limit.key);
        id.copied().ok_or(DbError::Raced)
    });
    ids.collect()
}

/// Returns the array literal of limit ids; `None` for no limits.
fn limit_list(ids: &[LimitId]) -> Option<String> {
    let ids: Vec<_> = ids.iter().map(LimitId::to_string).collect();
    (!ids.is_empty()).then(|| format!("{{{}}}", ids.join(",")))
}

/// Binds $1 to $17 of `insert_executions.sql`.
fn bind_executions<'q>(query: Query<'q>, rows: &[&NewExecution]) -> Result<Query<'q>, DbError> {
    let mut texts = RetryText::default();
    let mut retries = Vec::with_capacity(rows.len());
    for new in rows {
        retries.push(texts.write(&new.policy)?);
    }
    let retries: Vec<&str> = retries.iter().map(|text| &**text).collect();
    let timeout = |new: &&NewExecution| {
        let millis = new.policy.timeout_ms?;
        Some(i64::try_from(millis).unwrap_or(i64::MAX))
    };
    let run_at = |new: &&NewExecution| new.run_at.unwrap_or(new.created_at).as_millis();
    Ok(query
        .bind(column(rows, |new| uuid_of(&new.id)))
        .bind(column(rows, |new| &*new.job_id))
        .bind(column(rows, |new| &*new.queue))
        .bind(column(rows, |new| i16::from(new.priority)))
        .bind(column(rows, |new| &*new.payload))
        .bind(column(rows, timeout))
        .bind(column(rows, |new| i64::from(new.policy.max_attempts)))
        .bind(retries)
        .bind(column(rows, |new| new.created_at.as_millis()))
        .bind(column(rows, run_at))
        .bind(column(rows, |new| &*new.triggered_by))
        .bind(column(rows, |new| new.correlation_id.as_deref()))
        .bind(column(rows, |new| new.item_id.as_deref()))
        .bind(column(rows, |new| new.created_by.as_deref()))
        .bind(column(rows, |new| array_literal(&new.tags)))
        .bind(column(rows, |new| new.parent_id.as_ref().map(uuid_of)))
        .bind(column(rows, |new| new.trace_parent.as_deref())))
}

/// Collects one value of each execution.
fn column<'r, T>(rows: &[&'r NewExecution], value: impl Fn(&&'r NewExecution) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}
