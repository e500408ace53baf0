//! Deletion of rows that nothing needs any more: keys, sessions, publications, limits,
//! tokens.

use std::collections::HashSet;

use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use crate::store::rules::permits::LimitId;
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::conn::error::{DbError, corrupt};
use crate::store::sqlite::conn::json;
use crate::store::sqlite::conn::operation::{Operation, without_events};
use crate::store::{Leftover, StoreError, Sweep};

/// Executions whose limits one statement reads.
const PAGE: i64 = 5_000;

/// Deletes up to `sweep.limit` rows. Limits are deleted by [`sweep_limits`].
pub(super) async fn sweep_in_txn(
    conn: &mut SqliteConnection,
    sweep: Sweep,
) -> Result<u64, DbError> {
    let sql = match sweep.rows {
        Leftover::IdempotencyKeys => include_str!("../sql/retention/sweep_idempotency_keys.sql"),
        Leftover::Sessions => include_str!("../sql/retention/sweep_sessions.sql"),
        Leftover::Publications => include_str!("../sql/retention/sweep_publications.sql"),
        Leftover::Audit => include_str!("../sql/retention/sweep_audit.sql"),
        Leftover::Tokens => include_str!("../sql/retention/sweep_tokens.sql"),
        Leftover::Operations => include_str!("../sql/retention/sweep_operations.sql"),
        Leftover::Series => include_str!("../sql/retention/sweep_series.sql"),
        Leftover::Limits => return Ok(0),
    };
    let done = sqlx::query(sql)
        .bind(sweep.before.as_millis())
        .bind(i64::try_from(sweep.limit).unwrap_or(i64::MAX))
        .execute(conn)
        .await?;
    Ok(done.rows_affected())
}

/// Deletes limits that no execution names.
///
/// Readers walk through all executions with limits. The writer then deletes the limits that they
/// have not met, unless a newer execution names them: it is the only writer meanwhile.
pub(super) async fn sweep_limits(store: &SqliteStore, sweep: Sweep) -> Result<u64, StoreError> {
    let now = sweep.before.as_millis().saturating_mul(1_000);
    let limit = i64::try_from(sweep.limit).unwrap_or(i64::MAX);
    let mut after = 0;
    loop {
        let idle = store.read(Box::new(move |conn| {
            Box::pin(idle_on_conn(conn, after, now, limit))
        }));
        let idle = idle.await?;
        let Some(&last) = idle.last() else {
            return Ok(0);
        };
        let is_end = idle.len() < sweep.limit;
        let mut unnamed: HashSet<LimitId> = idle.into_iter().collect();
        let mut seq = 0;
        while !unnamed.is_empty() {
            let page = store.read(Box::new(move |conn| Box::pin(named_on_conn(conn, seq))));
            let (end, named) = page.await?;
            for limit in named {
                unnamed.remove(&limit);
            }
            match end {
                Some(end) => seq = end,
                None => break,
            }
        }
        if !unnamed.is_empty() {
            let operation: Operation<_> = Box::new(move |conn| {
                Box::pin(async move {
                    let deleted = delete_limits_in_txn(conn, &unnamed, seq, now).await?;
                    Ok(without_events(deleted))
                })
            });
            let deleted = store.writer.write(operation).await?;
            if deleted > 0 {
                return Ok(deleted);
            }
        }
        if is_end {
            return Ok(0);
        }
        after = last;
    }
}

async fn idle_on_conn(
    conn: &mut SqliteConnection,
    after: LimitId,
    now: i64,
    limit: i64,
) -> Result<Vec<LimitId>, DbError> {
    let ids = sqlx::query_scalar(include_str!("../sql/retention/idle_limits.sql"))
        .bind(after)
        .bind(now)
        .bind(limit)
        .fetch_all(conn)
        .await?;
    Ok(ids)
}

/// Reads the limits of the executions after `seq`. Returns the last of these executions with them.
async fn named_on_conn(
    conn: &mut SqliteConnection,
    seq: i64,
) -> Result<(Option<i64>, Vec<LimitId>), DbError> {
    let row = sqlx::query(include_str!("../sql/retention/named_limits.sql"))
        .bind(seq)
        .bind(PAGE)
        .fetch_one(conn)
        .await?;
    let limits: &str = row.try_get(1)?;
    let limits =
        serde_json::from_str(limits).map_err(|error| corrupt("an execution's limits", error))?;
    Ok((row.try_get(0)?, limits))
}

async fn delete_limits_in_txn(
    conn: &mut SqliteConnection,
    limits: &HashSet<LimitId>,
    seq: i64,
    now: i64,
) -> Result<u64, DbError> {
    let done = sqlx::query(include_str!("../sql/retention/sweep_limits.sql"))
        .bind(json::array(limits)?)
        .bind(seq)
        .bind(now)
        .execute(conn)
        .await?;
    Ok(done.rows_affected())
}
