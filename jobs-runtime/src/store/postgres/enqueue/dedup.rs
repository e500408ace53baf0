//! Writes of an enqueue beside the executions: idempotency keys, dedup keys and merges.

use std::collections::{BTreeMap, HashMap, HashSet};

use sqlx::Row;

use super::lookup::DedupKey;
use crate::store::postgres::conn::error::DbError;
use crate::store::postgres::conn::tx::Tx;
use crate::store::postgres::uuid_of;
use crate::store::rules::dedup::{DedupKind, Merge, NewKey};
use crate::store::{NewExecution, StoreEvent};
use crate::time::Timestamp;

/// Writes idempotency keys. If several are the same, the last one is written, because the others
/// have expired.
pub(super) async fn write_idempotency_keys(
    tx: &mut Tx<'_>,
    keys: &[NewKey<'_>],
) -> Result<(), DbError> {
    let mut last = HashMap::new();
    for new in keys {
        last.insert((&*new.new.job_id, &*new.key.key), new);
    }
    if last.is_empty() {
        return Ok(());
    }
    let mut kept: Vec<_> = last.into_iter().collect();
    // The order in which keys are locked.
    kept.sort_unstable_by_key(|(place, _)| *place);
    let expected = kept.len();
    let mut columns: (Vec<_>, Vec<_>, Vec<_>, Vec<_>, Vec<_>, Vec<_>) = Default::default();
    for ((job_id, name), new) in kept {
        columns.0.push(job_id);
        columns.1.push(name);
        columns.2.push(uuid_of(&new.execution_id));
        columns.3.push(&*new.key.payload_digest);
        columns.4.push(new.new.created_at.as_millis());
        columns.5.push(new.key.expires_at.as_millis());
    }
    let query = tx
        .query(&tx.sql.enqueue_write_idempotency_keys)
        .bind(columns.0)
        .bind(columns.1)
        .bind(columns.2)
        .bind(columns.3)
        .bind(columns.4)
        .bind(columns.5);
    let written = tx.execute(query).await?;
    expect_rows(usize::try_from(written).ok(), expected)
}

/// Writes the unique and debounce keys of these executions. The `known` ones exist and are locked.
pub(super) async fn write_dedup_keys(
    tx: &mut Tx<'_>,
    rows: &[&NewExecution],
    known: &HashSet<DedupKey>,
) -> Result<(), DbError> {
    let mut last = BTreeMap::new();
    for new in rows {
        for kind in DedupKind::ALL {
            if let Some(key) = kind.key_of(new) {
                last.insert((&*new.job_id, kind, key), new.id);
            }
        }
    }
    if last.is_empty() {
        return Ok(());
    }
    let expected = last.len();
    let mut columns: (Vec<_>, Vec<_>, Vec<_>, Vec<_>, Vec<_>) = Default::default();
    for ((job_id, kind, key), id) in last {
        columns.0.push(job_id);
        columns.1.push(kind.as_str());
        columns.2.push(key);
        columns.3.push(uuid_of(&id));
        columns
            .4
            .push(known.contains(&(job_id.to_owned(), kind, key.to_owned())));
    }
    let query = tx
        .query(&tx.sql.enqueue_write_dedup_keys)
        .bind(columns.0)
        .bind(columns.1)
        .bind(columns.2)
        .bind(columns.3)
        .bind(columns.4);
    run_counted(tx, query, expected).await
}

/// Writes the payload and due time of the last merge into each waiting execution. Fails with
/// [`DbError::Raced`] if one was claimed since the lookup. Returns an event if a due time has
/// changed.
pub(super) async fn write_merges(
    tx: &mut Tx<'_>,
    merges: &[Merge<'_>],
) -> Result<Option<StoreEvent>, DbError> {
    let mut last: BTreeMap<_, (&str, Option<i64>, Option<i64>)> = BTreeMap::new();
    for merge in merges {
        let run_at = merge.run_at.map(Timestamp::as_millis);
        let expires_at = merge.expires_at.map(Timestamp::as_millis);
        let (payload, until, expires) = last.entry(uuid_of(&merge.execution_id)).or_default();
        *payload = merge.payload;
        *until = run_at.or(*until);
        *expires = expires_at.or(*expires);
    }
    if last.is_empty() {
        return Ok(None);
    }
    let expected = last.len();
    let mut columns: (Vec<_>, Vec<_>, Vec<_>, Vec<_>) = Default::default();
    for (id, (payload, run_at, expires_at)) in last {
        columns.0.push(id);
        columns.1.push(payload);
        columns.2.push(run_at);
        columns.3.push(expires_at);
    }
    let query = tx
        .query(&tx.sql.enqueue_merge)
        .bind(columns.0)
        .bind(columns.1)
        .bind(columns.2)
        .bind(columns.3);
    run_counted(tx, query, expected).await?;
    let first = merges.iter().filter_map(|merge| merge.run_at).min();
    Ok(first.map(StoreEvent::Scheduled))
}

type Query<'q> = sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments>;

/// Runs a statement that returns the number of rows it has written.
async fn run_counted(tx: &mut Tx<'_>, query: Query<'_>, expected: usize) -> Result<(), DbError> {
    let rows = tx.fetch(query).await?;
    let written = rows.first().ok_or(DbError::Raced)?.try_get::<i64, _>(0)?;
    expect_rows(usize::try_from(written).ok(), expected)
}

/// Fails with [`DbError::Raced`] if fewer rows were written than expected.
fn expect_rows(written: Option<usize>, expected: usize) -> Result<(), DbError> {
    if written == Some(expected) {
        Ok(())
    } else {
        Err(DbError::Raced)
    }
}
