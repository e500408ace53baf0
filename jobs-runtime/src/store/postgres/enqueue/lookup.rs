//! What is there already of what callers bring.

use std::collections::{BTreeMap, HashMap, HashSet};

use jobs::ExecutionId;
use sqlx::Row;
use uuid::Uuid;

use crate::store::NewExecution;
use crate::store::postgres::conn::error::{Fault, corrupt};
use crate::store::postgres::conn::tx::Db;
use crate::store::postgres::read::execution::id_of;
use crate::store::postgres::{number, uuid_of};
use crate::store::rules::dedup::{DedupKind, ExistingExecutions, ExistingKey, ExistingName};
use crate::time::Timestamp;

/// A key by which executions are the same one, within its job.
pub(super) type Name = (String, DedupKind, String);

/// How long those who count what waits may keep others from it, waiting for a lock themselves; in
/// milliseconds.
const TURN: &str = "SET LOCAL lock_timeout = 200";

/// What was found.
pub(super) struct Look {
    pub(super) executions: ExistingExecutions,
    /// The keys that are there, and locked.
    pub(super) names: HashSet<Name>,
    /// Whether nobody else counts what waits of these jobs.
    pub(super) has_turn: bool,
}

/// Looks up all ids and keys that these batches bring. Keys first: whose key is there, whose
/// execution is there as well. `takes_turns` with others who count what waits.
pub(super) async fn look(
    db: &mut Db<'_>,
    batches: &[&[NewExecution]],
    takes_turns: bool,
) -> Result<Look, Fault> {
    let all = || batches.iter().flat_map(|batch| batch.iter());
    let mut look = Look {
        executions: ExistingExecutions::default(),
        names: HashSet::new(),
        has_turn: false,
    };
    keys(db, all(), &mut look).await?;
    names(db, all(), &mut look).await?;
    waiting(db, all(), takes_turns, &mut look).await?;
    let ids: Vec<Uuid> = all().map(|new| uuid_of(&new.id)).collect();
    for row in db.fetch(db.query(&db.sql.enqueue_existing_ids).bind(ids)).await? {
        look.executions.add_id(id_of(row.try_get(0)?));
    }
    Ok(look)
}

async fn keys(
    db: &mut Db<'_>,
    all: impl Iterator<Item = &NewExecution>,
    look: &mut Look,
) -> Result<(), Fault> {
    let keys = all.filter_map(|new| Some((&*new.job_id, &*new.idempotency_key.as_ref()?.key)));
    let (jobs, keys): (Vec<&str>, Vec<&str>) = keys.unzip();
    if keys.is_empty() {
        return Ok(());
    }
    let query = db.query(&db.sql.enqueue_lock_idempotency_keys).bind(jobs).bind(keys);
    for row in db.fetch(query).await? {
        let key = ExistingKey {
            execution_id: id_of(row.try_get(2)?),
            payload_digest: row.try_get(3)?,
            expires_at: Timestamp::from_millis(row.try_get(4)?),
        };
        look.executions
            .add_key(row.try_get(0)?, row.try_get(1)?, key);
    }
    Ok(())
}

/// Locks the keys by which executions are the same one, then looks where those stand that they name.
async fn names(
    db: &mut Db<'_>,
    all: impl Iterator<Item = &NewExecution>,
    look: &mut Look,
) -> Result<(), Fault> {
    let mut columns: (Vec<&str>, Vec<&str>, Vec<&str>) = Default::default();
    for new in all {
        for naming in DedupKind::ALL {
            if let Some(key) = naming.key_of(new) {
                columns.0.push(&new.job_id);
                columns.1.push(naming.as_str());
                columns.2.push(key);
            }
        }
    }
    if columns.0.is_empty() {
        return Ok(());
    }
    let query = db
        .query(&db.sql.enqueue_lock_dedup_keys)
        .bind(columns.0)
        .bind(columns.1)
        .bind(columns.2);
    let mut named: HashMap<Uuid, Vec<Name>> = HashMap::new();
    for row in db.fetch(query).await? {
        let kind: &str = row.try_get(1)?;
        let naming = DedupKind::of(kind).ok_or_else(|| corrupt("a unique key", kind))?;
        let name = (row.try_get(0)?, naming, row.try_get(2)?);
        let names = named.entry(row.try_get(3)?).or_default();
        if look.names.insert(name.clone()) {
            names.push(name);
        }
    }
    let ids: Vec<Uuid> = named.keys().copied().collect();
    for row in db.fetch(db.query(&db.sql.enqueue_dedup_targets).bind(ids)).await? {
        let id: Uuid = row.try_get(0)?;
        let known = ExistingName {
            execution_id: ExecutionId::from_bytes(*id.as_bytes()),
            created_at: Timestamp::from_millis(row.try_get(1)?),
            status: row
                .try_get::<&str, _>(2)?
                .parse()
                .map_err(|error| corrupt("an execution's status", error))?,
            delayed: row.try_get(3)?,
        };
        for (job_id, naming, key) in named.remove(&id).unwrap_or_default() {
            look.executions.add_name(job_id, naming, key, known.clone());
        }
    }
    Ok(())
}

/// Counts what waits of the jobs that say how many may.
async fn waiting(
    db: &mut Db<'_>,
    all: impl Iterator<Item = &NewExecution>,
    takes_turns: bool,
    look: &mut Look,
) -> Result<(), Fault> {
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
    if takes_turns {
        let query = db.query(&db.sql.enqueue_lock_backlog).bind(&jobs);
        db.fetch(query).await?;
        db.script(TURN).await?;
        look.has_turn = true;
    }
    let most: Vec<i64> = counted.values().copied().map(i64::from).collect();
    let query = db.query(&db.sql.enqueue_count_backlog).bind(jobs).bind(most);
    for row in db.fetch(query).await? {
        let count = number("a count", row.try_get::<i64, _>(1)?)?;
        look.executions.add_waiting(row.try_get(0)?, count);
    }
    Ok(())
}
