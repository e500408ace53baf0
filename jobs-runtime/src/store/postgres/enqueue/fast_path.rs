//! Permits for new executions in the transaction that creates them.
//!
//! The enqueue takes the allocator's lock if it is free, and holds it until its commit. If another
//! allocator holds the lock, the enqueue does not wait: its executions with limits are blocked, and
//! the next promotion admits them.

use sqlx::Row;

use crate::store::NewExecution;
use crate::store::postgres::conn::error::DbError;
use crate::store::postgres::conn::tx::Tx;
use crate::store::postgres::limits::state;
use crate::store::rules::dedup::is_delayed;
use crate::store::rules::permits::{FreePermits, LimitId};

/// Locks the limits of these executions and returns their free permits. Returns none if another
/// allocator is running or has work to do.
pub(super) async fn lock_free_permits(
    tx: &mut Tx<'_>,
    rows: &[&NewExecution],
    ids: &[Vec<LimitId>],
) -> Result<FreePermits, DbError> {
    let Some(now) = rows.iter().map(|new| new.created_at).min() else {
        return Ok(FreePermits::default());
    };
    let due = rows.iter().zip(ids).filter(|(new, _)| !is_delayed(new));
    let mut limit_ids: Vec<_> = due.flat_map(|(_, ids)| ids).copied().collect();
    limit_ids.sort_unstable();
    limit_ids.dedup();
    if limit_ids.is_empty() {
        return Ok(FreePermits::default());
    }
    // No row if the lock is taken; the column is false if there are new waiters.
    let rows = tx
        .fetch(tx.query(&tx.sql.enqueue_try_allocator_lock))
        .await?;
    let is_idle = match rows.first() {
        Some(row) => row.try_get(0)?,
        None => false,
    };
    if !is_idle {
        return Ok(FreePermits::default());
    }
    let query = tx.query(&tx.sql.enqueue_lock_free_limits).bind(limit_ids);
    let mut free = Vec::new();
    for row in &tx.fetch(query).await? {
        if row.try_get(9)? {
            free.push(state(row)?);
        }
    }
    Ok(FreePermits::new(now, &free))
}
