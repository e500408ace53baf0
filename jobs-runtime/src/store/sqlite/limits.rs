//! Limits: their rules, what is taken out of them directly, and what is told about them.

pub(in crate::store::sqlite) mod allocator;
pub(in crate::store::sqlite) mod lookup;
pub(in crate::store::sqlite) mod permits;
pub(in crate::store::sqlite) mod released;

use jobs::ExecutionId;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::conn::error::{Fault, corrupt};
use super::conn::json;
use super::conn::json::id_from_blob;
use super::conn::script::rows_named;
use crate::store::rules::permits::{LimitState, PermitEvent};
use crate::store::{
    BlockingLimit, Fence, Limit, LimitRule, PermitHolder, PublishedJob, PublishedRule, QueueRecord,
    Rate, Reservation, StoreEvent,
};
use crate::time::Timestamp;

/// How far those who wait are counted for people.
const COUNTED: i64 = 10_000;

/// Holders of permits that are shown.
const SHOWN: i64 = 10;

/// The rule in the columns kind, count and period.
pub(super) fn rule(row: &SqliteRow, first: usize) -> Result<LimitRule, Fault> {
    let (count, period_ms) = (row.try_get(first + 1)?, row.try_get(first + 2)?);
    match row.try_get(first)? {
        "concurrent" => Ok(rule_of(count, None)),
        "rate" => Ok(rule_of(count, Some(Option::unwrap_or(period_ms, 1)))),
        other => Err(corrupt("a limit", format!("its kind is `{other}`"))),
    }
}

/// A rate has a period.
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

pub(super) fn columns(rule: &LimitRule) -> (&'static str, u32, Option<u64>) {
    match rule {
        LimitRule::Concurrent { count } => ("concurrent", *count, None),
        LimitRule::Rate(rate) => ("rate", rate.count, Some(rate.period_ms)),
    }
}

/// Limits of published jobs get the rules that these have now; says whether any is another.
pub(super) async fn follow_in_txn(
    conn: &mut SqliteConnection,
    jobs: &[PublishedJob],
) -> Result<bool, Fault> {
    let mut rows = Vec::with_capacity(jobs.len() * 2);
    for job in jobs {
        for PublishedRule { rule, key } in job.rules() {
            let (kind, count, period_ms) = columns(&rule);
            rows.push((&job.descriptor.id, kind, count, period_ms, key));
        }
    }
    let done = sqlx::query(include_str!("sql/limits/published.sql"))
        .bind(json::array(rows)?)
        .execute(conn)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Whether somebody waits for permits that have come back: then they are to be let in at once.
pub(super) async fn wanted_in_txn(conn: &mut SqliteConnection) -> Result<Vec<StoreEvent>, Fault> {
    let rows = sqlx::query(include_str!("sql/settle/allocator_wanted.sql"))
        .fetch_all(conn)
        .await?;
    Ok(wanted(&rows))
}

/// The same, of the rows of a script.
pub(super) fn wanted(rows: &[SqliteRow]) -> Vec<StoreEvent> {
    let wanted = rows_named(rows, "wanted").next();
    let event = wanted.map(|_| StoreEvent::Scheduled(Timestamp::default()));
    Vec::from_iter(event)
}

/// Gives back what stuck attempts have kept.
pub(super) async fn release_permits_in_txn(
    conn: &mut SqliteConnection,
    fences: &[Fence],
) -> Result<(), Fault> {
    let fences = fences
        .iter()
        .map(|fence| (fence.row, fence.session, fence.attempt));
    sqlx::query(include_str!("sql/limits/release_permits.sql"))
        .bind(json::array(fences)?)
        .execute(conn)
        .await?;
    Ok(())
}

/// Takes starts out of a rate.
pub(super) async fn reserve_in_txn(
    conn: &mut SqliteConnection,
    limit: &Limit,
    cost: u32,
    now: Timestamp,
    latest: Timestamp,
) -> Result<Reservation, Fault> {
    let id = lookup::one_in_txn(conn, limit).await?;
    let row = sqlx::query(include_str!("sql/limits/limit_states.sql"))
        .bind(json::array(id)?)
        .fetch_one(&mut *conn)
        .await?;
    let mut state = allocator::limit(&row)?;
    let (reservation, taken) = state.reserve(cost, now, latest);
    if taken {
        write_arrival(conn, &state).await?;
    }
    Ok(reservation)
}

/// Nothing is taken out of these rates before then.
pub(super) async fn pause_limit_in_txn(
    conn: &mut SqliteConnection,
    keys: &[String],
    until: Timestamp,
) -> Result<(), Fault> {
    let rows = sqlx::query(include_str!("sql/limits/pause_limit.sql"))
        .bind(json::array(keys)?)
        .fetch_all(&mut *conn)
        .await?;
    for row in &rows {
        let mut state = allocator::limit(row)?;
        state.apply(PermitEvent::Pause(until));
        write_arrival(conn, &state).await?;
    }
    Ok(())
}

async fn write_arrival(conn: &mut SqliteConnection, state: &LimitState) -> Result<(), Fault> {
    sqlx::query(include_str!("sql/limits/reserve.sql"))
        .bind(state.id)
        .bind(state.tat)
        .execute(conn)
        .await?;
    Ok(())
}

pub(super) async fn pause_in_txn(
    conn: &mut SqliteConnection,
    queue: &str,
    now: Timestamp,
) -> Result<bool, Fault> {
    let done = sqlx::query(include_str!("sql/operator/pause.sql"))
        .bind(queue)
        .bind(now.as_millis())
        .execute(conn)
        .await?;
    Ok(done.rows_affected() > 0)
}

pub(super) async fn resume_in_txn(conn: &mut SqliteConnection, queue: &str) -> Result<bool, Fault> {
    let done = sqlx::query(include_str!("sql/operator/resume.sql"))
        .bind(queue)
        .execute(conn)
        .await?;
    Ok(done.rows_affected() > 0)
}

pub(super) async fn queues_on_conn(conn: &mut SqliteConnection) -> Result<Vec<QueueRecord>, Fault> {
    let rows = sqlx::query(include_str!("sql/operator/queues.sql"))
        .bind(COUNTED)
        .fetch_all(conn)
        .await?;
    rows.iter()
        .map(|row| {
            Ok(QueueRecord {
                queue: row.try_get(0)?,
                paused_at: row
                    .try_get::<Option<i64>, _>(1)?
                    .map(Timestamp::from_millis),
                ready: row.try_get(2)?,
                blocked: row.try_get(3)?,
                running: row.try_get(4)?,
            })
        })
        .collect()
}

/// The limit that an execution waits at.
pub(super) async fn blocked_by_on_conn(
    conn: &mut SqliteConnection,
    id: ExecutionId,
    now: Timestamp,
) -> Result<Option<BlockingLimit>, Fault> {
    let row = sqlx::query(include_str!("sql/limits/blocked_by.sql"))
        .bind(id.as_bytes().as_slice())
        .bind(COUNTED)
        .fetch_optional(&mut *conn)
        .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let state = allocator::limit(&row)?;
    let holders = sqlx::query(include_str!("sql/limits/blocked_by_holders.sql"))
        .bind(state.id)
        .bind(SHOWN)
        .fetch_all(conn)
        .await?;
    Ok(Some(BlockingLimit {
        key: row.try_get(8)?,
        ahead: row.try_get(9)?,
        free_at: state.next_free_at(now),
        rule: state.rule,
        holders: holders.iter().map(holder).collect::<Result<_, _>>()?,
    }))
}

fn holder(row: &SqliteRow) -> Result<PermitHolder, Fault> {
    Ok(PermitHolder {
        execution_id: id_from_blob(row.try_get(0)?)?,
        attempt: row.try_get(1)?,
        worker: row.try_get(2)?,
        stuck: row.try_get(3)?,
    })
}

pub(super) async fn waiting_since_on_conn(
    conn: &mut SqliteConnection,
    queue: &str,
    since: Timestamp,
    limit: usize,
) -> Result<Vec<ExecutionId>, Fault> {
    let ids: Vec<Vec<u8>> = sqlx::query_scalar(include_str!("sql/read/waiting_since.sql"))
        .bind(queue)
        .bind(since.as_millis())
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(conn)
        .await?;
    ids.iter().map(|id| id_from_blob(id)).collect()
}
