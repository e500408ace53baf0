//! Keys that executions bring, and what waiting ones take over from others.

use std::collections::{BTreeMap, HashMap, HashSet};

use sqlx::Row;

use super::lookup::Name;
use crate::store::postgres::conn::error::Fault;
use crate::store::postgres::conn::tx::Db;
use crate::store::postgres::uuid_of;
use crate::store::rules::dedup::{DedupKind, Merge};
use crate::store::{NewExecution, StoreEvent};
use crate::time::Timestamp;

/// Writes the idempotency keys of these executions: of several with one key the last, because the
/// others' have expired.
pub(super) async fn keys(db: &mut Db<'_>, rows: &[&NewExecution]) -> Result<(), Fault> {
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
        .query(&db.sql.enqueue_write_idempotency_keys)
        .bind(columns.0)
        .bind(columns.1)
        .bind(columns.2)
        .bind(columns.3)
        .bind(columns.4)
        .bind(columns.5);
    let written = db.execute(query).await?;
    all_or_again(usize::try_from(written).ok(), expected)
}

/// Writes the keys by which these executions are the same as others; `known` ones are locked.
pub(super) async fn names(
    db: &mut Db<'_>,
    rows: &[&NewExecution],
    known: &HashSet<Name>,
) -> Result<(), Fault> {
    let mut last = BTreeMap::new();
    for new in rows {
        for naming in DedupKind::ALL {
            if let Some(key) = naming.key_of(new) {
                last.insert((&*new.job_id, naming, key), new.id);
            }
        }
    }
    if last.is_empty() {
        return Ok(());
    }
    let expected = last.len();
    let mut columns: (Vec<_>, Vec<_>, Vec<_>, Vec<_>, Vec<_>) = Default::default();
    for ((job_id, naming, key), id) in last {
        columns.0.push(job_id);
        columns.1.push(naming.as_str());
        columns.2.push(key);
        columns.3.push(uuid_of(&id));
        columns
            .4
            .push(known.contains(&(job_id.to_owned(), naming, key.to_owned())));
    }
    let query = db
        .query(&db.sql.enqueue_write_dedup_keys)
        .bind(columns.0)
        .bind(columns.1)
        .bind(columns.2)
        .bind(columns.3)
        .bind(columns.4);
    counted(db, query, expected).await
}

/// Gives waiting executions what came last; those that have been claimed since the look are looked at
/// again. Says when somebody is to look for those that have another time.
pub(super) async fn merges(
    db: &mut Db<'_>,
    merges: &[Merge<'_>],
) -> Result<Option<StoreEvent>, Fault> {
    let mut last: BTreeMap<_, (&str, Option<i64>)> = BTreeMap::new();
    for merge in merges {
        let run_at = merge.run_at.map(Timestamp::as_millis);
        let (payload, until) = last.entry(uuid_of(&merge.execution_id)).or_default();
        *payload = merge.payload;
        *until = run_at.or(*until);
    }
    if last.is_empty() {
        return Ok(None);
    }
    let expected = last.len();
    let mut columns: (Vec<_>, Vec<_>, Vec<_>) = Default::default();
    for (id, (payload, run_at)) in last {
        columns.0.push(id);
        columns.1.push(payload);
        columns.2.push(run_at);
    }
    let query = db
        .query(&db.sql.enqueue_merge)
        .bind(columns.0)
        .bind(columns.1)
        .bind(columns.2);
    counted(db, query, expected).await?;
    let first = merges.iter().filter_map(|merge| merge.run_at).min();
    Ok(first.map(StoreEvent::Scheduled))
}

type Query<'q> = sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments>;

/// Runs a statement that says how many rows it has reached.
async fn counted(db: &mut Db<'_>, query: Query<'_>, expected: usize) -> Result<(), Fault> {
    let rows = db.fetch(query).await?;
    let reached = rows.first().ok_or(Fault::Raced)?.try_get::<i64, _>(0)?;
    all_or_again(usize::try_from(reached).ok(), expected)
}

fn all_or_again(reached: Option<usize>, expected: usize) -> Result<(), Fault> {
    match reached == Some(expected) {
        true => Ok(()),
        false => Err(Fault::Raced),
    }
}
