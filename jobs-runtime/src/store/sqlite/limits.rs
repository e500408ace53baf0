//! Limits: their rules, what is taken out of them directly, and what is told about them.

use std::collections::HashMap;
use std::rc::Rc;

use jobs::ExecutionId;
use serde::Deserialize;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::fault::{Fault, corrupt};
use super::json::{self, id_from_blob};
use super::script::rows_named;
use crate::store::doorkeeper::{LimitId, LimitState, PermitEvent};
use crate::store::{
    Fence, Limit, LimitRule, NewExecution, Obstacle, PermitHolder, PublishedJob, PublishedRule,
    QueueRecord, Rate, Reservation, StoreEvent,
};
use crate::time::Timestamp;

/// How far those who wait are counted for people.
const COUNTED: i64 = 10_000;

/// Holders of permits that are shown.
const SHOWN: i64 = 10;

/// The rule in the columns kind, count and period.
pub(super) fn rule(row: &SqliteRow, first: usize) -> Result<LimitRule, Fault> {
    rule_of(
        row.try_get(first)?,
        row.try_get(first + 1)?,
        row.try_get(first + 2)?,
    )
}

fn rule_of(kind: &str, count: i64, period_ms: Option<i64>) -> Result<LimitRule, Fault> {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    let period_ms = period_ms.and_then(|millis| u64::try_from(millis).ok());
    Ok(match kind {
        "concurrent" => LimitRule::Concurrent { count },
        "rate" => LimitRule::Rate(Rate {
            count,
            period_ms: period_ms.unwrap_or(1),
        }),
        other => return Err(corrupt("a limit", format!("its kind is `{other}`"))),
    })
}

/// A limit as `limits_known.sql` says it: id, stage, kind, count, period, granted, arrival, look_at, free, key.
#[derive(Deserialize)]
struct KnownRow(
    LimitId,
    u8,
    String,
    i64,
    Option<i64>,
    i64,
    i64,
    Option<i64>,
    u8,
    String,
);

/// The limits that executions name.
#[derive(Debug, Default)]
pub(super) struct KnownLimits {
    pub(super) ids: HashMap<String, LimitId>,
    /// Those at which nobody waits; none as long as somebody stands at the door.
    pub(super) free: Vec<LimitState>,
}

impl KnownLimits {
    /// Those of each execution, in the order in which it passes them. Neighbours often have the same.
    pub(super) fn of_each(&self, rows: &[&NewExecution]) -> Vec<Rc<[LimitId]>> {
        let mut all: Vec<Rc<[LimitId]>> = Vec::with_capacity(rows.len());
        for run in rows.chunk_by(|new, next| new.rules.limits == next.rules.limits) {
            let limits = run[0].rules.limits.iter();
            let ids = limits.filter_map(|limit| self.ids.get(&limit.key));
            let ids: Rc<[LimitId]> = ids.copied().collect();
            all.extend(run.iter().map(|_| Rc::clone(&ids)));
        }
        all
    }
}

/// Finds the limits that executions name, creates those that are missing, and writes down rules that
/// have changed.
pub(super) async fn known_in_txn<'n>(
    conn: &mut SqliteConnection,
    executions: impl Iterator<Item = &'n [Limit]>,
) -> Result<KnownLimits, Fault> {
    let mut wanted: HashMap<&str, (&Limit, usize)> = HashMap::new();
    let mut last: &[Limit] = &[];
    for limits in executions {
        if limits == last {
            continue;
        }
        last = limits;
        for (stage, limit) in limits.iter().enumerate() {
            wanted.insert(&limit.key, (limit, stage));
        }
    }
    known_limits(conn, wanted).await
}

async fn known_limits(
    conn: &mut SqliteConnection,
    mut wanted: HashMap<&str, (&Limit, usize)>,
) -> Result<KnownLimits, Fault> {
    let mut known = KnownLimits::default();
    if wanted.is_empty() {
        return Ok(known);
    }
    // In one row: reading many of ten columns each costs far more.
    let text: String = sqlx::query_scalar(include_str!("sql/limits_known.sql"))
        .bind(json::array(wanted.keys())?)
        .fetch_one(&mut *conn)
        .await?;
    let rows: Vec<KnownRow> =
        serde_json::from_str(&text).map_err(|error| corrupt("a limit", error))?;
    known.ids.reserve(wanted.len());
    for row in rows {
        let KnownRow(id, stage, kind, count, period_ms, granted, arrival, look_at, is_free, key) =
            row;
        let state = LimitState {
            id,
            rule: rule_of(&kind, count, period_ms)?,
            stage,
            granted: granted.try_into().unwrap_or(0),
            arrival,
            look_at: look_at.map(Timestamp::from_millis),
        };
        let as_wanted = wanted.get(&*key).is_some_and(|(limit, stage)| {
            limit.rule == state.rule && *stage == usize::from(state.stage)
        });
        if as_wanted {
            wanted.remove(&*key);
            known.free.extend((is_free != 0).then_some(state));
        }
        known.ids.insert(key, id);
    }
    if wanted.is_empty() {
        return Ok(known);
    }
    let rows = wanted.values().map(|(limit, stage)| {
        let (kind, count, period_ms) = columns(&limit.rule);
        (&limit.key, &limit.job_id, stage, kind, count, period_ms)
    });
    let rows = sqlx::query(include_str!("sql/limits_write.sql"))
        .bind(json::array(rows)?)
        .fetch_all(conn)
        .await?;
    for row in &rows {
        let (id, key): (LimitId, &str) = (row.try_get(0)?, row.try_get(1)?);
        if known.ids.insert(key.to_owned(), id).is_none() {
            // A new one has all of its permits.
            known
                .free
                .extend(wanted.get(key).map(|(limit, stage)| LimitState {
                    id,
                    rule: limit.rule,
                    stage: u8::try_from(*stage).unwrap_or(u8::MAX),
                    granted: 0,
                    arrival: 0,
                    look_at: None,
                }));
        }
    }
    Ok(known)
}

fn columns(rule: &LimitRule) -> (&'static str, u32, Option<u64>) {
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
    let done = sqlx::query(include_str!("sql/limits_published.sql"))
        .bind(json::array(rows)?)
        .execute(conn)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Whether somebody waits for permits that have come back: then they are to be let in at once.
pub(super) async fn wanted_in_txn(conn: &mut SqliteConnection) -> Result<Vec<StoreEvent>, Fault> {
    let rows = sqlx::query(include_str!("sql/settle_wanted.sql"))
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
pub(super) async fn unstick_in_txn(
    conn: &mut SqliteConnection,
    fences: &[Fence],
) -> Result<(), Fault> {
    let fences = fences
        .iter()
        .map(|fence| (fence.row, fence.session, fence.attempt));
    sqlx::query(include_str!("sql/unstick.sql"))
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
    let wanted = HashMap::from([(limit.key.as_str(), (limit, 0))]);
    let known = known_limits(conn, wanted).await?;
    let ids: Vec<_> = known.ids.into_values().collect();
    let row = sqlx::query(include_str!("sql/door_limits.sql"))
        .bind(json::array(&ids)?)
        .fetch_one(&mut *conn)
        .await?;
    let mut state = super::door::limit(&row)?;
    let (reservation, taken) = state.reserve(cost, now, latest);
    if taken {
        write_arrival(conn, &state).await?;
    }
    Ok(reservation)
}

/// Nothing is taken out of these rates before then.
pub(super) async fn rest_in_txn(
    conn: &mut SqliteConnection,
    keys: &[String],
    until: Timestamp,
) -> Result<(), Fault> {
    let rows = sqlx::query(include_str!("sql/rest.sql"))
        .bind(json::array(keys)?)
        .fetch_all(&mut *conn)
        .await?;
    for row in &rows {
        let mut state = super::door::limit(row)?;
        state.note(PermitEvent::Rest(until));
        write_arrival(conn, &state).await?;
    }
    Ok(())
}

async fn write_arrival(conn: &mut SqliteConnection, state: &LimitState) -> Result<(), Fault> {
    sqlx::query(include_str!("sql/reserve.sql"))
        .bind(state.id)
        .bind(state.arrival)
        .execute(conn)
        .await?;
    Ok(())
}

pub(super) async fn pause_in_txn(
    conn: &mut SqliteConnection,
    queue: &str,
    now: Timestamp,
) -> Result<bool, Fault> {
    let done = sqlx::query(include_str!("sql/pause.sql"))
        .bind(queue)
        .bind(now.as_millis())
        .execute(conn)
        .await?;
    Ok(done.rows_affected() > 0)
}

pub(super) async fn resume_in_txn(conn: &mut SqliteConnection, queue: &str) -> Result<bool, Fault> {
    let done = sqlx::query(include_str!("sql/resume.sql"))
        .bind(queue)
        .execute(conn)
        .await?;
    Ok(done.rows_affected() > 0)
}

pub(super) async fn queues_on_conn(conn: &mut SqliteConnection) -> Result<Vec<QueueRecord>, Fault> {
    let rows = sqlx::query(include_str!("sql/queues.sql"))
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
                held: row.try_get(3)?,
                running: row.try_get(4)?,
            })
        })
        .collect()
}

/// The limit that an execution waits at.
pub(super) async fn obstacle_on_conn(
    conn: &mut SqliteConnection,
    id: ExecutionId,
    now: Timestamp,
) -> Result<Option<Obstacle>, Fault> {
    let row = sqlx::query(include_str!("sql/obstacle.sql"))
        .bind(id.as_bytes().as_slice())
        .bind(COUNTED)
        .fetch_optional(&mut *conn)
        .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let state = super::door::limit(&row)?;
    let holders = sqlx::query(include_str!("sql/obstacle_holders.sql"))
        .bind(state.id)
        .bind(SHOWN)
        .fetch_all(conn)
        .await?;
    Ok(Some(Obstacle {
        key: row.try_get(8)?,
        ahead: row.try_get(9)?,
        free_at: state.room_at(now),
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
    let ids: Vec<Vec<u8>> = sqlx::query_scalar(include_str!("sql/waiting_since.sql"))
        .bind(queue)
        .bind(since.as_millis())
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(conn)
        .await?;
    ids.iter().map(|id| id_from_blob(id)).collect()
}
