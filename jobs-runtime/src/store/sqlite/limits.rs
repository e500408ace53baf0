//! Limits: rules of published jobs, reservations, pauses and retained permits.
//!
//! The limits of jobs (`max_concurrent`, `rate_limit`) are enforced in [`allocator`]: it admits
//! blocked executions. An enqueue takes free permits itself, by what [`lookup`] finds. [`permits`]
//! reads and writes the limits of an execution as text.
//!
//! Permits come back by one route: the transaction that ends an attempt, starts one under a rate,
//! or moves a waiting execution, subtracts from the counts of its limits. If a limit has waiters,
//! it also sets `check_at` to 0, and the allocator looks at it next.
//!
//! This module imports the connections and the rules of `store/rules/permits`. It must not import
//! `enqueue`, `claim`, `settle` or `operator`, which import it.

pub(in crate::store::sqlite) mod allocator;
pub(in crate::store::sqlite) mod lookup;
pub(in crate::store::sqlite) mod permits;

use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::conn::error::DbError;
use super::conn::json;
use super::conn::operation::Outcome;
use super::conn::script::rows_named;
use crate::store::decode::export;
use crate::store::{
    Fence, Limit, LimitRule, PublishedJob, PublishedRule, Rate, Reservation, StoreEvent,
};
use crate::time::Timestamp;

/// Reads a rule from three columns: kind, count, period.
pub(super) fn rule(row: &SqliteRow, first: usize) -> Result<LimitRule, DbError> {
    let (count, period_ms) = (row.try_get(first + 1)?, row.try_get(first + 2)?);
    Ok(export::rule(row.try_get(first)?, count, period_ms)?)
}

/// The rule of these values. A rate has a period, a concurrency limit has none.
pub(super) fn rule_of(count: i64, period_ms: Option<i64>) -> LimitRule {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    match period_ms {
        None => LimitRule::Concurrent { count },
        Some(millis) => LimitRule::Rate(Rate {
            count,
            period_ms: u64::try_from(millis).unwrap_or(1),
        }),
    }
}

/// The columns kind, count, period and interval of a rule.
pub(super) fn columns(rule: &LimitRule) -> (&'static str, u32, Option<u64>, Option<u64>) {
    match rule {
        LimitRule::Concurrent { count } => ("concurrent", *count, None, None),
        LimitRule::Rate(rate) => (
            "rate",
            rate.count,
            Some(rate.period_ms),
            Some(rate.of_claims().interval()),
        ),
    }
}

/// Gives existing limits the rules of the published jobs. A kind of limit that a job no longer
/// declares gets the highest count, so it blocks no execution. Returns true if any rule has
/// changed.
pub(super) async fn update_rules_in_txn(
    conn: &mut SqliteConnection,
    jobs: &[PublishedJob],
) -> Result<bool, DbError> {
    let mut rows = Vec::with_capacity(jobs.len() * 2);
    for job in jobs {
        for PublishedRule { rule, key } in job.rules() {
            let (kind, count, period_ms, interval) = columns(&rule);
            rows.push((&job.descriptor.id, kind, count, period_ms, key, interval));
        }
    }
    let done = sqlx::query(include_str!("sql/limits/update_published_rules.sql"))
        .bind(json::array(rows)?)
        .execute(conn)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Returns an event if the allocator has to run: an execution waits for a permit that was released.
pub(super) async fn allocator_wanted_in_txn(
    conn: &mut SqliteConnection,
) -> Result<Vec<StoreEvent>, DbError> {
    let rows = sqlx::query(include_str!("sql/settle/allocator_wanted.sql"))
        .fetch_all(conn)
        .await?;
    Ok(allocator_wanted(&rows))
}

/// The same from the rows of a script that ends with `allocator_wanted.sql`.
pub(super) fn allocator_wanted(rows: &[SqliteRow]) -> Vec<StoreEvent> {
    let wanted = rows_named(rows, "allocator_wanted").next();
    let event = wanted.map(|_| StoreEvent::Scheduled(Timestamp::default()));
    Vec::from_iter(event)
}

/// Releases the permits that ended attempts have retained because their handlers still ran.
pub(super) async fn release_permits_in_txn(
    conn: &mut SqliteConnection,
    fences: &[Fence],
) -> Result<Outcome<()>, DbError> {
    let fences = fences
        .iter()
        .map(|fence| (fence.row, fence.session, fence.attempt));
    sqlx::query(include_str!("sql/limits/release_permits.sql"))
        .bind(json::array(fences)?)
        .execute(conn)
        .await?;
    Ok(((), vec![StoreEvent::Scheduled(Timestamp::default())]))
}

/// Takes `cost` starts from a rate, at the earliest possible time up to `latest`.
pub(super) async fn reserve_in_txn(
    conn: &mut SqliteConnection,
    limit: &Limit,
    cost: u32,
    now: Timestamp,
    latest: Timestamp,
) -> Result<Reservation, DbError> {
    let id = lookup::look_up_one_in_txn(conn, limit).await?;
    let row = sqlx::query(include_str!("sql/limits/read_limits.sql"))
        .bind(json::array(id)?)
        .fetch_one(&mut *conn)
        .await?;
    let mut state = allocator::limit_state(&row)?;
    let (reservation, taken) = state.reserve(cost, now, latest);
    if taken {
        sqlx::query(include_str!("sql/limits/reserve.sql"))
            .bind(state.id)
            .bind(state.tat)
            .execute(conn)
            .await?;
    }
    Ok(reservation)
}

/// Pauses rates: no start before `until`.
pub(super) async fn pause_limit_in_txn(
    conn: &mut SqliteConnection,
    keys: &[String],
    until: Timestamp,
) -> Result<(), DbError> {
    sqlx::query(include_str!("sql/limits/pause_limit.sql"))
        .bind(json::array(keys)?)
        .bind(until.as_millis())
        .execute(conn)
        .await?;
    Ok(())
}

/// Forgets the starts and the pause of a rate. Returns false if no rate has this key.
pub(super) async fn reset_limit_in_txn(
    conn: &mut SqliteConnection,
    key: &str,
) -> Result<Outcome<bool>, DbError> {
    let done = sqlx::query(include_str!("sql/limits/reset_limit.sql"))
        .bind(key)
        .execute(&mut *conn)
        .await?;
    let exists = done.rows_affected() > 0;
    Ok((exists, allocator_wanted_in_txn(conn).await?))
}
