//! Limits: their rules, and what is taken out of them directly.
//!
//! A rule is written by transactions of our own alone, before the execution that brings it: no
//! transaction of a caller's ever holds a limit.

pub(in crate::store::postgres) mod allocator;

use std::collections::HashMap;

use async_trait::async_trait;
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::conn::error::{Fault, corrupt};
use super::conn::operation::{Done, Shape, Transition, quietly};
use super::conn::text::stored;
use super::conn::tx::Db;
use super::number;
use crate::store::rules::permits::{LimitId, LimitState, PermitEvent, Reach};
use crate::store::{
    Fence, Limit, LimitRule, NewExecution, PublishedJob, PublishedRule, Rate, Reservation,
    StoreEvent,
};
use crate::time::Timestamp;

/// How often a reservation is tried that others come in between of.
const TRIES: usize = 50;

/// The numbers of limits by their keys, which are as they are stored.
pub(super) type Numbers = HashMap<String, LimitId>;

/// The rule in the columns kind, count and period.
pub(super) fn rule(row: &PgRow, first: usize) -> Result<LimitRule, Fault> {
    let count: i64 = row.try_get(first + 1)?;
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    Ok(match row.try_get(first)? {
        "concurrent" => LimitRule::Concurrent { count },
        "rate" => LimitRule::Rate(Rate {
            count,
            period_ms: row.try_get::<i64, _>(first + 2)?.try_into().unwrap_or(1),
        }),
        other => return Err(corrupt("a limit", format!("its kind is `{other}`"))),
    })
}

/// The columns kind, count and period of a rule.
fn columns(rule: &LimitRule) -> (&'static str, i64, Option<i64>) {
    match rule {
        LimitRule::Concurrent { count } => ("concurrent", i64::from(*count), None),
        LimitRule::Rate(rate) => {
            let period = i64::try_from(rate.period_ms).unwrap_or(i64::MAX);
            ("rate", i64::from(rate.count), Some(period))
        }
    }
}

/// The limits of an execution in this column, if it has any. Who has some that cannot be read waits at none.
pub(super) fn limits_of(row: &PgRow, column: usize) -> Option<Vec<LimitId>> {
    row.try_get(column).unwrap_or_else(|error| {
        tracing::error!(%error, "an execution's limits are damaged: it waits at none");
        None
    })
}

/// Reads a limit from the columns id, stage, kind, count, period, in_use, tat and check_at.
pub(super) fn state(row: &PgRow) -> Result<LimitState, Fault> {
    Ok(LimitState {
        id: row.try_get(0)?,
        stage: number("a limit's stage", row.try_get::<i16, _>(1)?)?,
        rule: rule(row, 2)?,
        in_use: row.try_get::<i64, _>(5)?.try_into().unwrap_or(0),
        tat: row.try_get(6)?,
        check_at: row
            .try_get::<Option<i64>, _>(7)?
            .map(Timestamp::from_millis),
        reach: Reach::ANYWHERE,
    })
}

/// Limits that executions bring, each with its place in their order.
#[derive(Debug, Default)]
pub(super) struct Wanted(HashMap<String, (Limit, usize)>);

impl Wanted {
    /// Those that these bring, whose texts are as they are stored.
    pub(super) fn by<'n>(executions: impl IntoIterator<Item = &'n NewExecution>) -> Self {
        Self::of(executions.into_iter().map(|new| &*new.rules.limits))
    }

    /// Those of these lists.
    pub(super) fn of<'l>(lists: impl IntoIterator<Item = &'l [Limit]>) -> Self {
        let mut wanted = HashMap::new();
        for (stage, limit) in lists.into_iter().flat_map(|list| list.iter().enumerate()) {
            wanted.insert(limit.key.clone(), (limit.clone(), stage));
        }
        Self(wanted)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Finds the limits that executions name, creates those that are missing, and writes down rules that
/// have changed.
pub(super) struct Known(pub(super) Wanted);

#[async_trait]
impl Transition for Known {
    type Answer = Numbers;
    const SHAPE: Shape = Shape::Statement;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<Numbers>, Fault> {
        Ok(quietly(known(db, &self.0).await?))
    }
}

/// The numbers of these limits, whose rules are as wanted from now on.
pub(super) async fn known(db: &mut Db<'_>, Wanted(wanted): &Wanted) -> Result<Numbers, Fault> {
    let keys: Vec<&str> = wanted.keys().map(|key| &**key).collect();
    let mut numbers = Numbers::with_capacity(wanted.len());
    let mut other: HashMap<_, _> = wanted.iter().map(|(key, limit)| (&**key, limit)).collect();
    for row in &db.fetch(db.query(&db.sql.limits_lookup).bind(keys)).await? {
        let key: &str = row.try_get(8)?;
        let state = state(row)?;
        let as_wanted = |(limit, stage): &&(Limit, usize)| {
            limit.rule == state.rule && *stage == usize::from(state.stage)
        };
        if other.get(key).is_some_and(as_wanted) {
            other.remove(key);
        }
        numbers.insert(key.to_owned(), state.id);
    }
    if !other.is_empty() {
        for row in &write(db, other.into_values()).await? {
            numbers.insert(row.try_get(1)?, row.try_get(0)?);
        }
    }
    match numbers.len() == wanted.len() {
        true => Ok(numbers),
        // Another has brought one at the same moment.
        false => Err(Fault::Raced),
    }
}

async fn write<'l>(
    db: &mut Db<'_>,
    limits: impl Iterator<Item = &'l (Limit, usize)>,
) -> Result<Vec<PgRow>, Fault> {
    let mut limits: Vec<_> = limits.collect();
    // The order in which new ones are brought: the same for everybody.
    limits.sort_unstable_by_key(|(limit, _)| &*limit.key);
    let rules: Vec<_> = limits
        .iter()
        .map(|(limit, _)| columns(&limit.rule))
        .collect();
    let keys: Vec<&str> = limits.iter().map(|(limit, _)| &*limit.key).collect();
    let jobs: Vec<&str> = limits.iter().map(|(limit, _)| &*limit.job_id).collect();
    let stages = limits.iter();
    let stages: Vec<i16> = stages
        .map(|(_, stage)| i16::try_from(*stage).unwrap_or(i16::MAX))
        .collect();
    let query = db
        .query(&db.sql.limits_write)
        .bind(keys)
        .bind(jobs)
        .bind(stages)
        .bind(rules.iter().map(|rule| rule.0).collect::<Vec<_>>())
        .bind(rules.iter().map(|rule| rule.1).collect::<Vec<_>>())
        .bind(rules.iter().map(|rule| rule.2).collect::<Vec<_>>());
    db.fetch(query).await
}

/// Limits of published jobs get the rules that these have now. Answers whether any was another.
pub(super) async fn follow(db: &mut Db<'_>, jobs: &[PublishedJob]) -> Result<bool, Fault> {
    let mut rows: (Vec<_>, Vec<_>, Vec<_>, Vec<_>, Vec<_>) = Default::default();
    for job in jobs {
        for PublishedRule { rule, key } in job.rules() {
            let (kind, count, period_ms) = columns(&rule);
            rows.0.push(stored(&job.descriptor.id));
            rows.1.push(kind);
            rows.2.push(count);
            rows.3.push(period_ms);
            rows.4.push(key.map(|key| stored(&key).into_owned()));
        }
    }
    let query = db
        .query(&db.sql.limits_published)
        .bind(rows.0)
        .bind(rows.1)
        .bind(rows.2)
        .bind(rows.3)
        .bind(rows.4);
    Ok(db.execute(query).await? > 0)
}

/// Gives back what stuck attempts have kept.
pub(super) struct ReleasePermits(pub(super) Vec<Fence>);

#[async_trait]
impl Transition for ReleasePermits {
    type Answer = ();
    const SHAPE: Shape = Shape::Statement;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<()>, Fault> {
        let fences = self.0.iter();
        let query = db
            .query(&db.sql.release_permits)
            .bind(fences.clone().map(|fence| fence.row).collect::<Vec<_>>())
            .bind(fences.clone().map(|it| it.session.0).collect::<Vec<_>>())
            .bind(fences.map(|it| i64::from(it.attempt)).collect::<Vec<_>>());
        let rows = db.fetch(query).await?;
        let wanted = rows.first().map_or(Ok(false), |row| row.try_get(0))?;
        let event = wanted.then(|| StoreEvent::Scheduled(Timestamp::default()));
        Ok(((), event.into_iter().collect()))
    }
}

/// Takes starts out of a rate. Who comes in between of the look and the write is looked at again.
pub(super) struct Reserve {
    /// With its texts as they are stored.
    pub(super) limit: Limit,
    pub(super) cost: u32,
    pub(super) now: Timestamp,
    pub(super) latest: Timestamp,
}

#[async_trait]
impl Transition for Reserve {
    type Answer = Reservation;
    const SHAPE: Shape = Shape::Statement;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<Reservation>, Fault> {
        for _ in 0..TRIES {
            let rows = look(db, &[&self.limit.key]).await?;
            let mut state = match rows.into_iter().next() {
                Some(state) if state.rule == self.limit.rule => state,
                _ => {
                    known(db, &Wanted::of([std::slice::from_ref(&self.limit)])).await?;
                    continue;
                }
            };
            let before = state.tat;
            let (reservation, taken) = state.reserve(self.cost, self.now, self.latest);
            if !taken {
                return Ok(quietly(reservation));
            }
            let query = db
                .query(&db.sql.reserve)
                .bind(state.id)
                .bind(before)
                .bind(state.tat);
            if db.execute(query).await? > 0 {
                return Ok(quietly(reservation));
            }
        }
        Err(Fault::Raced)
    }
}

/// Nothing is taken out of these rates before then.
pub(super) struct Rest {
    /// As they are stored.
    pub(super) keys: Vec<String>,
    pub(super) until: Timestamp,
}

#[async_trait]
impl Transition for Rest {
    type Answer = ();
    const SHAPE: Shape = Shape::Statement;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<()>, Fault> {
        let keys: Vec<&str> = self.keys.iter().map(|key| &**key).collect();
        let mut limits = look(db, &keys).await?;
        // The order in which they are locked.
        limits.sort_unstable_by_key(|limit| limit.id);
        limits
            .iter_mut()
            .for_each(|limit| limit.apply(PermitEvent::Pause(self.until)));
        let query = db
            .query(&db.sql.pause_limit)
            .bind(limits.iter().map(|limit| limit.id).collect::<Vec<_>>())
            .bind(limits.iter().map(|limit| limit.tat).collect::<Vec<_>>());
        db.execute(query).await?;
        Ok(quietly(()))
    }
}

/// The limits with these keys, as they are.
async fn look(db: &mut Db<'_>, keys: &[&str]) -> Result<Vec<LimitState>, Fault> {
    let rows = db.fetch(db.query(&db.sql.limits_lookup).bind(keys)).await?;
    rows.iter().map(state).collect()
}
