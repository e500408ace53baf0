//! The permit allocator on SQLite: enforces the limits of jobs, `max_concurrent` and `rate_limit`.
//!
//! A blocked execution becomes ready only here, when it has a permit of each of its limits. The
//! rules are those of [`PermitAllocator`], the same for every store. This module reads the rows
//! that it queries and writes its plan, all in the transaction of one promotion. SQLite's write
//! lock makes sure that only one allocator runs at a time.
//!
//! An enqueue with free permits does not pass here: see
//! [`enqueue`](crate::store::sqlite::enqueue).

use std::collections::BTreeMap;

use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::rule;
use crate::store::rules::permits::{
    LimitId, LimitState, MAX_AHEAD, PermitAllocator, PermitPlan, PermitQuery, Waiter,
};
use crate::store::sqlite::conn::error::{DbError, readable};
use crate::store::sqlite::conn::json;
use crate::time::Timestamp;

/// Admits blocked executions that get permits. Looks at up to `most` new waiters and as many limits
/// that are due. Returns the number of admitted executions.
pub(in crate::store::sqlite) async fn admit(
    conn: &mut SqliteConnection,
    now: Timestamp,
    most: i64,
) -> Result<usize, DbError> {
    let plan = decide(conn, now, most).await?;
    write(conn, &plan).await?;
    Ok(plan.admitted.len())
}

/// Decides which executions to admit; does not write the plan.
pub(in crate::store::sqlite) async fn decide(
    conn: &mut SqliteConnection,
    now: Timestamp,
    most: i64,
) -> Result<PermitPlan, DbError> {
    let rows = sqlx::query(include_str!("../sql/limits/new_waiters.sql"))
        .bind(most)
        .fetch_all(&mut *conn)
        .await?;
    let new_waiters = rows.iter().map(|row| waiter(row, 0, None));
    let new_waiters = new_waiters.collect::<Result<_, _>>()?;
    let due: Vec<LimitId> = sqlx::query_scalar(include_str!("../sql/limits/due_limits.sql"))
        .bind(now.as_millis())
        .bind(most)
        .bind(now.after(MAX_AHEAD).as_millis())
        .fetch_all(&mut *conn)
        .await?;
    let mut allocator = PermitAllocator::new(now, new_waiters, [], due);
    loop {
        match allocator.next_query() {
            PermitQuery::Limits(ids) => allocator.add_limits(limit_states(conn, &ids).await?),
            PermitQuery::Waiters(asked) => {
                let waiters = waiters(conn, &asked).await?;
                allocator.add_waiters(&asked, waiters);
            }
            PermitQuery::Done => break,
        }
    }
    Ok(allocator.into_plan())
}

/// Reads the states of these limits. One that this program cannot read counts as missing.
async fn limit_states(
    conn: &mut SqliteConnection,
    ids: &[LimitId],
) -> Result<Vec<LimitState>, DbError> {
    let rows = sqlx::query(include_str!("../sql/limits/read_limits.sql"))
        .bind(json::array(ids)?)
        .fetch_all(conn)
        .await?;
    rows.iter()
        .filter_map(|row| readable("a limit", limit_state(row)).transpose())
        .collect()
}

/// Reads the first waiters of these limits, as many of each as asked for or somewhat more.
async fn waiters(
    conn: &mut SqliteConnection,
    asked: &[(LimitId, usize)],
) -> Result<Vec<(LimitId, Waiter)>, DbError> {
    let mut waiters = Vec::new();
    for (most, limits) in group_by_count(asked.iter().map(|(id, most)| (*most, *id))) {
        let rows = sqlx::query(include_str!("../sql/limits/read_waiters.sql"))
            .bind(json::array(limits)?)
            .bind(most)
            .fetch_all(&mut *conn)
            .await?;
        for row in &rows {
            waiters.push((row.try_get(0)?, waiter(row, 1, Some(4))?));
        }
    }
    Ok(waiters)
}

/// Groups limits by the number of waiters asked for, rounded up to a power of two. SQLite has no
/// `LIMIT` that differs from row to row, so each group is one query.
fn group_by_count(asked: impl Iterator<Item = (usize, LimitId)>) -> BTreeMap<i64, Vec<LimitId>> {
    let mut groups: BTreeMap<i64, Vec<LimitId>> = BTreeMap::new();
    for (most, limit) in asked {
        let most = i64::try_from(most.next_power_of_two()).unwrap_or(i64::MAX);
        groups.entry(most).or_default().push(limit);
    }
    groups
}

/// Writes a plan.
pub(in crate::store::sqlite) async fn write(
    conn: &mut SqliteConnection,
    plan: &PermitPlan,
) -> Result<(), DbError> {
    let row = |waiter: &Waiter| {
        (
            waiter.seq,
            waiter.waits_at(),
            waiter.passed,
            waiter.arrived_at,
        )
    };
    let rows = |waiters: &[Waiter]| json::array(waiters.iter().map(row));
    let admitted = plan.admitted.iter();
    let admitted = admitted.map(|waiter| (waiter.seq, waiter.earliest_start(plan.now)));
    let limits = plan.limits.iter().map(|limit| {
        let check_at = limit.check_at.map(Timestamp::as_millis);
        (limit.id, limit.in_use, limit.tat, check_at)
    });
    sqlx::query(include_str!("../sql/limits/write_plan.sql"))
        .bind(json::array(admitted)?)
        .bind(rows(&plan.blocked)?)
        .bind(json::array(limits)?)
        .execute(conn)
        .await?;
    Ok(())
}

/// Reads a waiter: seq, rank and limits from three columns, `passed` and `arrived_at` from two
/// others. Limits that cannot be read count as none: the execution becomes ready, and its claim
/// reports them.
fn waiter(row: &SqliteRow, first: usize, passed: Option<usize>) -> Result<Waiter, DbError> {
    Ok(Waiter {
        seq: row.try_get(first)?,
        rank: row.try_get(first + 1)?,
        limits: row
            .try_get(first + 2)
            .ok()
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default(),
        passed: match passed {
            Some(column) => row.try_get::<u32, _>(column)? as usize,
            None => 0,
        },
        arrived_at: passed.map_or(Ok(0), |column| row.try_get(column + 1))?,
    })
}

/// Reads a limit from the columns id, stage, kind, count, period, in_use, tat, paused_until
/// and check_at.
pub(in crate::store::sqlite) fn limit_state(row: &SqliteRow) -> Result<LimitState, DbError> {
    Ok(LimitState {
        id: row.try_get(0)?,
        stage: row.try_get(1)?,
        rule: rule(row, 2)?,
        in_use: row.try_get::<i64, _>(5)?.try_into().unwrap_or(0),
        tat: row.try_get(6)?,
        paused_until: Timestamp::from_millis(row.try_get(7)?),
        check_at: row
            .try_get::<Option<i64>, _>(8)?
            .map(Timestamp::from_millis),
    })
}
