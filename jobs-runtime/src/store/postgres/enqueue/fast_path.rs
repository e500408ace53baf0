//! Letting in new executions for which there is room, in the transaction that creates them.
//!
//! There is one doorkeeper at a time: who enqueues is it for that long, if nobody else is. Otherwise
//! nobody waits, and everything goes to the door.

use sqlx::Row;

use crate::store::NewExecution;
use crate::store::postgres::conn::error::Fault;
use crate::store::postgres::conn::tx::Db;
use crate::store::postgres::limits::state;
use crate::store::rules::dedup::is_delayed;
use crate::store::rules::permits::{FreePermits, LimitId};

/// What the limits of these executions have left, which stays so until the transaction ends.
pub(super) async fn open_doors(
    db: &mut Db<'_>,
    rows: &[&NewExecution],
    ids: &[Vec<LimitId>],
) -> Result<FreePermits, Fault> {
    let Some(now) = rows.iter().map(|new| new.created_at).min() else {
        return Ok(FreePermits::default());
    };
    let knocking = rows.iter().zip(ids).filter(|(new, _)| !is_delayed(new));
    let mut wanted: Vec<_> = knocking.flat_map(|(_, ids)| ids).copied().collect();
    wanted.sort_unstable();
    wanted.dedup();
    if wanted.is_empty() {
        return Ok(FreePermits::default());
    }
    // A row, if the place was free; whether somebody stands at the door already.
    let office = db.fetch(db.query(&db.sql.enqueue_try_allocator_lock)).await?;
    let is_free = match office.first() {
        Some(row) => row.try_get(0)?,
        None => false,
    };
    if !is_free {
        return Ok(FreePermits::default());
    }
    let query = db.query(&db.sql.enqueue_lock_free_limits).bind(wanted);
    let mut free = Vec::new();
    for row in &db.fetch(query).await? {
        if row.try_get(8)? {
            free.push(state(row)?);
        }
    }
    Ok(FreePermits::new(now, &free))
}
