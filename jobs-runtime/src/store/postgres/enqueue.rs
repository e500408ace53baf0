//! Creating executions, those of several callers in one transaction.
//!
//! A group is first written **optimistically**: in one statement, as if every id was new, which
//! nearly always is so. When the database says otherwise, or when idempotency keys come in, it is
//! written **carefully**: lock the keys, look at what is there, decide per row, write the rest. What
//! another transaction brings in between is noticed by the write, and all of it is done again.

pub(in crate::store::postgres) mod batcher;
mod fast_path;
mod keep;
mod lookup;

use std::collections::HashMap;

use async_trait::async_trait;
use sqlx::Row;
use uuid::Uuid;

use lookup::{Look, look};

use super::conn::error::Fault;
use super::conn::operation::{Done, Shape, Transition};
use super::conn::text::array_literal;
use super::conn::tx::Db;
use super::limits::Numbers;
use super::uuid_of;
use crate::store::rules::dedup::{DedupPlan, events, is_delayed};
use crate::store::rules::permits::{FreePermits, LimitId};
use crate::store::rules::retry_text::RetryText;
use crate::store::{EnqueueAnswer, NewExecution, StoreError};
use batcher::Call;

type Query<'q> = sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments>;

/// How long several callers wait together for the lock of another transaction, in milliseconds. Then
/// whoever it is that has to wait waits alone.
const PATIENCE_OF_MANY: u16 = 200;

/// What became of each caller's batch.
pub(super) type Answers = Vec<Result<Vec<EnqueueAnswer>, StoreError>>;

/// Writes the batches of these callers, taking every id for new.
pub(super) struct Optimistic(pub(super) Vec<Call>);

#[async_trait]
impl Transition for Optimistic {
    type Answer = Answers;
    const SHAPE: Shape = Shape::Statement;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<Answers>, Fault> {
        let Self(calls) = self;
        let rows: Vec<_> = calls.iter().flat_map(|call| &call.batch).collect();
        write(db, &rows).await?;
        let created = |call: &Call| Ok(vec![EnqueueAnswer::Created; call.batch.len()]);
        Ok((calls.iter().map(created).collect(), events(&rows, &[])))
    }
}

/// Writes the batches of these callers after a look.
pub(super) struct Careful {
    pub(super) calls: Vec<Call>,
    /// The limits that they bring.
    pub(super) limits: Numbers,
}

#[async_trait]
impl Transition for Careful {
    type Answer = Answers;
    const SHAPE: Shape = Shape::Transaction;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<Answers>, Fault> {
        if self.calls.len() > 1 {
            db.hurry(PATIENCE_OF_MANY);
        }
        let batches: Vec<&[NewExecution]> = self.calls.iter().map(|call| &*call.batch).collect();
        let look = look(db, &batches, true).await?;
        let has_turn = look.has_turn;
        let written = admit(db, &batches, look, &self.limits, Way::Straight).await;
        // Whoever counts what waits lets others do so before it waits again.
        written.map_err(|fault| match has_turn && fault.is_locked() {
            true => Fault::Raced,
            false => fault,
        })
    }
}

/// Looks, decides and writes in a transaction of a caller's. [`Fault::Raced`] if that has to be done
/// again: nothing of it may be kept then.
///
/// What waits is counted as far as it is committed, or of this transaction: others are not kept from
/// counting until it ends.
pub(super) async fn admit_in_txn(
    db: &mut Db<'_>,
    batch: &[NewExecution],
    limits: &Numbers,
) -> Result<Done<Answers>, Fault> {
    let batches = [batch];
    let look = look(db, &batches, false).await?;
    admit(db, &batches, look, limits, Way::ByTheDoor).await
}

/// Where those with limits go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// In, if nobody else lets in at the moment and there is room.
    Straight,
    /// To the door: whoever lets in must not have to wait for a transaction of a caller's.
    ByTheDoor,
}

/// Decides and writes.
async fn admit(
    db: &mut Db<'_>,
    batches: &[&[NewExecution]],
    look: Look,
    limits: &Numbers,
    way: Way,
) -> Result<Done<Answers>, Fault> {
    let DedupPlan {
        rows,
        merges,
        answers,
    } = look.executions.decide(batches);
    let mut entered = Vec::new();
    if !rows.is_empty() {
        keep::keys(db, &rows).await?;
        keep::names(db, &rows, &look.names).await?;
        let written = match rows.iter().any(|new| is_ruled(new)) {
            true => write_limited(db, &rows, limits, way).await,
            false => write(db, &rows).await.map(|()| Vec::new()),
        };
        // An id that was not there a moment ago.
        entered = written.map_err(|fault| match fault.is_unique_violation() {
            true => Fault::Raced,
            false => fault,
        })?;
    }
    let mut events = events(&rows, &entered);
    events.extend(keep::merges(db, &merges).await?);
    Ok((answers, events))
}

/// Whether it is held back, or counted.
fn is_ruled(new: &NewExecution) -> bool {
    !new.rules.limits.is_empty() || new.rules.max_waiting.is_some()
}

/// Writes executions to where they belong: none of them has limits.
async fn write(db: &mut Db<'_>, rows: &[&NewExecution]) -> Result<(), Fault> {
    let query = bound(db.query(&db.sql.enqueue_executions), rows)?;
    db.execute(query).await?;
    Ok(())
}

/// Writes executions to where they belong, some of them to the door; says which of them have entered
/// at once.
async fn write_limited(
    db: &mut Db<'_>,
    rows: &[&NewExecution],
    limits: &Numbers,
    way: Way,
) -> Result<Vec<bool>, Fault> {
    let ids: Vec<_> = rows
        .iter()
        .map(|new| limit_ids(new, limits))
        .collect::<Result<_, _>>()?;
    // Last of all that may have to wait, so that nobody waits for whoever lets in.
    let mut doors = match way {
        Way::Straight => fast_path::open_doors(db, rows, &ids).await?,
        Way::ByTheDoor => FreePermits::default(),
    };
    let entered = doors.admit(rows, &ids);
    let taken = doors.taken();
    let query = bound(db.query(&db.sql.enqueue_executions_only), rows)?;
    let mut numbers: HashMap<Uuid, i64> = HashMap::with_capacity(rows.len());
    for row in db.fetch(query).await? {
        numbers.insert(row.try_get(0)?, row.try_get(1)?);
    }
    let mut ordered = Vec::with_capacity(rows.len());
    for new in rows {
        ordered.push(*numbers.get(&uuid_of(&new.id)).ok_or(Fault::Raced)?);
    }
    let lists: Vec<_> = ids.iter().map(|ids| limit_list(ids)).collect();
    let admitted_at = rows.iter().zip(&entered);
    let admitted_at =
        admitted_at.map(|(new, entered)| entered.then_some(new.created_at.as_millis()));
    let query = db
        .query(&db.sql.enqueue_insert_limited)
        .bind(ordered)
        .bind(column(rows, |new| 100 - i16::from(new.priority)))
        .bind(column(rows, |new| &*new.queue))
        .bind(column(rows, |new| &*new.job_id))
        .bind(column(rows, |new| !is_delayed(new)))
        .bind(lists)
        .bind(column(rows, |new| new.rules.max_waiting.is_some()))
        .bind(admitted_at.collect::<Vec<_>>())
        .bind(taken.iter().map(|(id, _)| *id).collect::<Vec<_>>())
        .bind(taken.iter().map(|(_, n)| count(*n)).collect::<Vec<_>>());
    db.execute(query).await?;
    Ok(entered)
}

fn count(permits: u64) -> i64 {
    i64::try_from(permits).unwrap_or(i64::MAX)
}

/// The limits' numbers, in the order in which they are passed.
fn limit_ids(new: &NewExecution, limits: &Numbers) -> Result<Vec<LimitId>, Fault> {
    let ids = new.rules.limits.iter().map(|limit| {
        let number = limits.get(&limit.key);
        number.copied().ok_or(Fault::Raced)
    });
    ids.collect()
}

/// The literal of an array of them, if there are any.
fn limit_list(ids: &[LimitId]) -> Option<String> {
    let numbers: Vec<_> = ids.iter().map(LimitId::to_string).collect();
    (!numbers.is_empty()).then(|| format!("{{{}}}", numbers.join(",")))
}

/// The executions as both statements read them.
fn bound<'q>(query: Query<'q>, rows: &[&NewExecution]) -> Result<Query<'q>, Fault> {
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

/// One value of each row.
fn column<'r, T>(rows: &[&'r NewExecution], value: impl Fn(&&'r NewExecution) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}
