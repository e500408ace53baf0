//! Lookup of existing ids, idempotency keys and dedup keys for a batch, and of the backlog.
//!
//! `max_waiting` is enforced by the count made here.

use std::collections::{BTreeMap, HashMap, HashSet};

use jobs::ExecutionId;
use sqlx::Row;
use uuid::Uuid;

use crate::store::NewExecution;
use crate::store::postgres::conn::error::{DbError, corrupt};
use crate::store::postgres::conn::tx::Tx;
use crate::store::postgres::read::execution::id_of;
use crate::store::postgres::{number, uuid_of};
use crate::store::rules::dedup::{DedupKind, ExistingExecutions, IdempotencyHolder, KeyHolder};
use crate::time::Timestamp;

/// A unique or debounce key: job, kind, key.
pub(super) type DedupKey = (String, DedupKind, String);

/// Result of a lookup.
pub(super) struct Lookup {
    pub(super) executions: ExistingExecutions,
    /// Unique and debounce keys that exist.
    pub(super) dedup_keys: HashSet<DedupKey>,
}

/// The locks that a lookup takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LookupLocks {
    /// Those of the keys and of the backlog.
    KeysAndBacklog,
    /// Those of the keys.
    Keys,
    /// None: nothing is written by what the lookup finds.
    None,
}

/// Looks up the ids and keys of these batches. Keys come first, so that the executions that they
/// name are found as well.
pub(super) async fn lookup(
    tx: &mut Tx<'_>,
    batches: &[&[NewExecution]],
    locks: LookupLocks,
) -> Result<Lookup, DbError> {
    let all = || batches.iter().flat_map(|batch| batch.iter());
    let mut lookup = Lookup {
        executions: ExistingExecutions::default(),
        dedup_keys: HashSet::new(),
    };
    read_idempotency_keys(tx, all(), locks, &mut lookup).await?;
    read_dedup_keys(tx, all(), locks, &mut lookup).await?;
    count_backlog(tx, all(), locks, &mut lookup).await?;
    let ids: Vec<Uuid> = all().map(|new| uuid_of(&new.id)).collect();
    for row in tx
        .fetch(tx.query(&tx.sql.enqueue_existing_ids).bind(ids))
        .await?
    {
        lookup.executions.add_id(id_of(row.try_get(0)?));
    }
    Ok(lookup)
}

/// Reads the idempotency keys that exist, and locks them if `locks` says so.
async fn read_idempotency_keys(
    tx: &mut Tx<'_>,
    all: impl Iterator<Item = &NewExecution>,
    locks: LookupLocks,
    lookup: &mut Lookup,
) -> Result<(), DbError> {
    let keys = all.filter_map(|new| Some((&*new.job_id, &*new.idempotency_key.as_ref()?.key)));
    let (jobs, keys): (Vec<&str>, Vec<&str>) = keys.unzip();
    if keys.is_empty() {
        return Ok(());
    }
    let statement = match locks {
        LookupLocks::None => &tx.sql.enqueue_read_idempotency_keys,
        _ => &tx.sql.enqueue_lock_idempotency_keys,
    };
    let query = tx.query(statement).bind(jobs).bind(keys);
    for row in tx.fetch(query).await? {
        let key = IdempotencyHolder {
            execution_id: id_of(row.try_get(2)?),
            payload_digest: row.try_get(3)?,
            expires_at: Timestamp::from_millis(row.try_get(4)?),
        };
        lookup
            .executions
            .add_key(row.try_get(0)?, row.try_get(1)?, key);
    }
    Ok(())
}

/// Reads the unique and debounce keys that exist, and locks them if `locks` says so. Then reads the
/// states of the executions they name.
async fn read_dedup_keys(
    tx: &mut Tx<'_>,
    all: impl Iterator<Item = &NewExecution>,
    locks: LookupLocks,
    lookup: &mut Lookup,
) -> Result<(), DbError> {
    let mut columns: (Vec<&str>, Vec<&str>, Vec<&str>) = Default::default();
    for new in all {
        for kind in DedupKind::ALL {
            if let Some(key) = kind.key_of(new) {
                columns.0.push(&new.job_id);
                columns.1.push(kind.as_str());
                columns.2.push(key);
            }
        }
    }
    if columns.0.is_empty() {
        return Ok(());
    }
    let statement = match locks {
        LookupLocks::None => &tx.sql.enqueue_read_dedup_keys,
        _ => &tx.sql.enqueue_lock_dedup_keys,
    };
    let query = tx
        .query(statement)
        .bind(columns.0)
        .bind(columns.1)
        .bind(columns.2);
    let mut named: HashMap<Uuid, Vec<DedupKey>> = HashMap::new();
    for row in tx.fetch(query).await? {
        let kind: &str = row.try_get(1)?;
        let kind = DedupKind::of(kind).ok_or_else(|| corrupt("a unique key", kind))?;
        let dedup_key = (row.try_get(0)?, kind, row.try_get(2)?);
        let dedup_keys = named.entry(row.try_get(3)?).or_default();
        if lookup.dedup_keys.insert(dedup_key.clone()) {
            dedup_keys.push(dedup_key);
        }
    }
    let ids: Vec<Uuid> = named.keys().copied().collect();
    for row in tx
        .fetch(tx.query(&tx.sql.enqueue_dedup_targets).bind(ids))
        .await?
    {
        let id: Uuid = row.try_get(0)?;
        let known = KeyHolder {
            execution_id: ExecutionId::from_bytes(*id.as_bytes()),
            created_at: Timestamp::from_millis(row.try_get(1)?),
            status: row
                .try_get::<&str, _>(2)?
                .parse()
                .map_err(|error| corrupt("an execution's status", error))?,
            delayed: row.try_get(3)?,
        };
        for (job_id, kind, key) in named.remove(&id).unwrap_or_default() {
            lookup
                .executions
                .add_holder(job_id, kind, key, known.clone());
        }
    }
    Ok(())
}

/// Counts the waiting executions of the jobs that have `max_waiting`, up to that number.
async fn count_backlog(
    tx: &mut Tx<'_>,
    all: impl Iterator<Item = &NewExecution>,
    locks: LookupLocks,
    lookup: &mut Lookup,
) -> Result<(), DbError> {
    let mut counted: BTreeMap<&str, u32> = BTreeMap::new();
    for new in all {
        if let Some(max_waiting) = new.rules.max_waiting {
            let most = counted.entry(&new.job_id).or_default();
            *most = max_waiting.max(*most);
        }
    }
    if counted.is_empty() {
        return Ok(());
    }
    let jobs: Vec<&str> = counted.keys().copied().collect();
    if locks == LookupLocks::KeysAndBacklog {
        let query = tx.query(&tx.sql.enqueue_lock_backlog).bind(&jobs);
        tx.fetch(query).await?;
    }
    let most: Vec<i64> = counted.values().copied().map(i64::from).collect();
    let query = tx
        .query(&tx.sql.enqueue_count_backlog)
        .bind(jobs)
        .bind(most);
    for row in tx.fetch(query).await? {
        let count = number("a count", row.try_get::<i64, _>(1)?)?;
        lookup.executions.add_waiting(row.try_get(0)?, count);
    }
    Ok(())
}
