//! Creating executions, those of several callers in one transaction.
//!
//! A group is first written **optimistically**: in one statement, as if every id was new, which
//! nearly always is so. When the database says otherwise, or when idempotency keys come in, it is
//! written **carefully**: lock the keys, look at what is there, decide per row, write the rest. What
//! another transaction brings in between is noticed by the write, and all of it is done again.

use std::collections::HashMap;

use async_trait::async_trait;
use jobs::ExecutionId;
use sqlx::Row;
use uuid::Uuid;

use super::db::Db;
use super::fault::Fault;
use super::gate::Call;
use super::text::array_literal;
use super::transition::{Done, Shape, Transition};
use super::uuid_of;
use crate::store::admission::{Admitted, KnownExecutions, KnownKey, events};
use crate::store::policy::RetryText;
use crate::store::{EnqueueAnswer, NewExecution, StoreError};
use crate::time::Timestamp;

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
        Ok((calls.iter().map(created).collect(), events(&rows)))
    }
}

/// Writes the batches of these callers after a look.
pub(super) struct Careful(pub(super) Vec<Call>);

#[async_trait]
impl Transition for Careful {
    type Answer = Answers;
    const SHAPE: Shape = Shape::Transaction;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<Answers>, Fault> {
        if self.0.len() > 1 {
            db.hurry(PATIENCE_OF_MANY);
        }
        let batches: Vec<&[NewExecution]> = self.0.iter().map(|call| &*call.batch).collect();
        admit_in_txn(db, &batches).await
    }
}

/// Looks, decides and writes. [`Fault::Raced`] if that has to be done again: nothing of it may be
/// kept then.
pub(super) async fn admit_in_txn(
    db: &mut Db<'_>,
    batches: &[&[NewExecution]],
) -> Result<Done<Answers>, Fault> {
    let Admitted { rows, answers, .. } = look(db, batches).await?.admit(batches);
    if !rows.is_empty() {
        keep_keys(db, &rows).await?;
        let written = write(db, &rows).await;
        // An id that was not there a moment ago.
        written.map_err(|fault| match fault.is_unique_violation() {
            true => Fault::Raced,
            false => fault,
        })?;
    }
    Ok((answers, events(&rows)))
}

/// Looks up all ids and keys that these batches bring. Keys first: whose key is there, whose
/// execution is there as well.
async fn look(db: &mut Db<'_>, batches: &[&[NewExecution]]) -> Result<KnownExecutions, Fault> {
    let all = || batches.iter().flat_map(|batch| batch.iter());
    let mut known = KnownExecutions::default();
    let keys: Vec<(&str, &str)> = all()
        .filter_map(|new| Some((&*new.job_id, &*new.idempotency_key.as_ref()?.key)))
        .collect();
    if !keys.is_empty() {
        let (jobs, keys): (Vec<&str>, Vec<&str>) = keys.into_iter().unzip();
        let query = db.query(&db.sql.enqueue_keys_lock).bind(jobs).bind(keys);
        for row in db.fetch(query).await? {
            let key = KnownKey {
                execution_id: id_of(row.try_get(2)?),
                payload_digest: row.try_get(3)?,
                expires_at: Timestamp::from_millis(row.try_get(4)?),
            };
            known.add_key(row.try_get(0)?, row.try_get(1)?, key);
        }
    }
    let ids: Vec<Uuid> = all().map(|new| uuid_of(&new.id)).collect();
    let query = db.query(&db.sql.enqueue_ids).bind(ids);
    for row in db.fetch(query).await? {
        known.add_id(id_of(row.try_get(0)?));
    }
    Ok(known)
}

fn id_of(uuid: Uuid) -> ExecutionId {
    ExecutionId::from_bytes(*uuid.as_bytes())
}

/// Writes the keys of these executions: of several with one key the last, because the others'
/// have expired.
async fn keep_keys(db: &mut Db<'_>, rows: &[&NewExecution]) -> Result<(), Fault> {
    let mut last = HashMap::new();
    for new in rows {
        if let Some(key) = &new.idempotency_key {
            last.insert((&*new.job_id, &*key.key), (new, key));
        }
    }
    if last.is_empty() {
        return Ok(());
    }
    let mut kept: Vec<_> = last.into_iter().collect();
    // The order in which keys are locked, too.
    kept.sort_unstable_by_key(|(place, _)| *place);
    let expected = kept.len();
    let mut columns: (Vec<_>, Vec<_>, Vec<_>, Vec<_>, Vec<_>, Vec<_>) = Default::default();
    for ((job_id, name), (new, key)) in kept {
        columns.0.push(job_id);
        columns.1.push(name);
        columns.2.push(uuid_of(&new.id));
        columns.3.push(&*key.payload_digest);
        columns.4.push(new.created_at.as_millis());
        columns.5.push(key.expires_at.as_millis());
    }
    let query = db
        .query(&db.sql.enqueue_keys)
        .bind(columns.0)
        .bind(columns.1)
        .bind(columns.2)
        .bind(columns.3)
        .bind(columns.4)
        .bind(columns.5);
    let written = db.execute(query).await?;
    match usize::try_from(written) == Ok(expected) {
        true => Ok(()),
        false => Err(Fault::Raced),
    }
}

/// Writes executions to where they belong.
async fn write(db: &mut Db<'_>, rows: &[&NewExecution]) -> Result<(), Fault> {
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
    let query = db
        .query(&db.sql.enqueue)
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
        .bind(column(rows, |new| new.trace_parent.as_deref()));
    db.execute(query).await?;
    Ok(())
}

/// One value of each row.
fn column<'r, T>(rows: &[&'r NewExecution], value: impl Fn(&&'r NewExecution) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}
