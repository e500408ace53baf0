//! Limits: their rows, reservations, pauses and released permits.
//!
//! Enforcement:
//!
//! | rule | place |
//! |---|---|
//! | `max_concurrent`, `rate_limit` | `limits/allocator.rs`; at an enqueue `enqueue/fast_path.rs` |
//! | a handler's own reservations of a rate | [`Reserve`] |
//! | `max_waiting` | `enqueue/lookup.rs` counts, `rules::dedup` decides |
//! | slot caps of a worker | `claim/capped.rs` |
//!
//! Rows of `limits` are inserted and changed by the store's own transactions, before the execution
//! that names them. A caller's transaction never locks a limit.
//!
//! This module imports the connections, `promote` and the rules of `store/rules/permits`. It must
//! not import `enqueue`, `claim`, `settle` or `operator`.

pub(in crate::store::postgres) mod allocator;

use std::collections::HashMap;

use async_trait::async_trait;
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::conn::error::{DbError, readable};
use super::conn::operation::{Operation, Outcome, without_events};
use super::conn::text::encode;
use super::conn::tx::Tx;
use super::number;
use crate::store::decode::export;
use crate::store::rules::permits::{LimitId, LimitState};
use crate::store::{
    Fence, Limit, LimitRule, NewExecution, PublishedJob, PublishedRule, Reservation, StoreEvent,
};
use crate::time::Timestamp;

/// Tries of a reservation that loses races against other reservations.
const MAX_TRIES: usize = 50;

/// Ids of limits by their encoded keys.
pub(super) type LimitIds = HashMap<String, LimitId>;

/// Reads a rule from the columns kind, count and period.
pub(super) fn rule(row: &PgRow, first: usize) -> Result<LimitRule, DbError> {
    let (count, period_ms) = (row.try_get(first + 1)?, row.try_get(first + 2)?);
    Ok(export::rule(row.try_get(first)?, count, period_ms)?)
}

/// Returns the columns kind, count and period of a rule.
fn rule_columns(rule: &LimitRule) -> (&'static str, i64, Option<i64>) {
    match rule {
        LimitRule::Concurrent { count } => ("concurrent", i64::from(*count), None),
        LimitRule::Rate(rate) => {
            let period = i64::try_from(rate.period_ms).unwrap_or(i64::MAX);
            ("rate", i64::from(rate.count), Some(period))
        }
    }
}

/// Reads the limits of an execution. An array that cannot be read is logged and counts as no
/// limits.
pub(super) fn limits_of(row: &PgRow, column: usize) -> Option<Vec<LimitId>> {
    row.try_get(column).unwrap_or_else(|error| {
        tracing::error!(%error, "an execution's limits cannot be read: it waits for none");
        None
    })
}

/// Reads a limit from the columns id, stage, kind, count, period, in_use, tat, paused_until
/// and check_at.
pub(super) fn state(row: &PgRow) -> Result<LimitState, DbError> {
    Ok(LimitState {
        id: row.try_get(0)?,
        stage: number("a limit's stage", row.try_get::<i16, _>(1)?)?,
        rule: rule(row, 2)?,
        in_use: row.try_get::<i64, _>(5)?.try_into().unwrap_or(0),
        tat: row.try_get(6)?,
        paused_until: Timestamp::from_millis(row.try_get(7)?),
        check_at: row
            .try_get::<Option<i64>, _>(8)?
            .map(Timestamp::from_millis),
    })
}

/// Limits that executions name, each with its stage.
#[derive(Debug, Default)]
pub(super) struct RequestedLimits(HashMap<String, (Limit, usize)>);

impl RequestedLimits {
    /// Collects the limits of executions. Texts are encoded already.
    pub(super) fn by<'n>(executions: impl IntoIterator<Item = &'n NewExecution>) -> Self {
        Self::of(executions.into_iter().map(|new| &*new.rules.limits))
    }

    /// Collects the limits of these lists, each in the order of stages.
    pub(super) fn of<'l>(lists: impl IntoIterator<Item = &'l [Limit]>) -> Self {
        let mut requested = HashMap::new();
        for (stage, limit) in lists.into_iter().flat_map(|list| list.iter().enumerate()) {
            requested.insert(limit.key.clone(), (limit.clone(), stage));
        }
        Self(requested)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Finds the requested limits, creates missing ones and updates rules that have changed.
pub(super) struct EnsureLimits(pub(super) RequestedLimits);

#[async_trait]
impl Operation for EnsureLimits {
    type Output = LimitIds;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<LimitIds>, DbError> {
        Ok(without_events(ensure(tx, &self.0).await?))
    }
}

/// Returns the ids of the requested limits, after their rows were created or updated.
pub(super) async fn ensure(
    tx: &mut Tx<'_>,
    RequestedLimits(requested): &RequestedLimits,
) -> Result<LimitIds, DbError> {
    let keys: Vec<&str> = requested.keys().map(|key| &**key).collect();
    let mut ids = LimitIds::with_capacity(requested.len());
    let mut outdated: HashMap<_, _> = requested
        .iter()
        .map(|(key, limit)| (&**key, limit))
        .collect();
    for row in &tx.fetch(tx.query(&tx.sql.limits_lookup).bind(keys)).await? {
        let key: &str = row.try_get(9)?;
        // The rule of a limit that this program cannot read is written anew.
        if let Some(state) = readable(key, state(row))? {
            // A retired limit is written, too: the write keeps it from being deleted.
            let is_retired: bool = row.try_get(10)?;
            let is_current = |(limit, stage): &&(Limit, usize)| {
                limit.rule == state.rule && *stage == usize::from(state.stage) && !is_retired
            };
            if outdated.get(key).is_some_and(is_current) {
                outdated.remove(key);
            }
        }
        ids.insert(key.to_owned(), row.try_get(0)?);
    }
    if !outdated.is_empty() {
        for row in &write_rules(tx, outdated.into_values()).await? {
            ids.insert(row.try_get(1)?, row.try_get(0)?);
        }
    }
    if ids.len() == requested.len() {
        Ok(ids)
    } else {
        // Another transaction has inserted one at the same time.
        Err(DbError::Raced)
    }
}

/// Inserts new limits and updates the rules of existing ones.
async fn write_rules<'l>(
    tx: &mut Tx<'_>,
    limits: impl Iterator<Item = &'l (Limit, usize)>,
) -> Result<Vec<PgRow>, DbError> {
    let mut limits: Vec<_> = limits.collect();
    // One order of inserts in all transactions avoids deadlocks.
    limits.sort_unstable_by_key(|(limit, _)| &*limit.key);
    let rules: Vec<_> = limits
        .iter()
        .map(|(limit, _)| rule_columns(&limit.rule))
        .collect();
    let keys: Vec<&str> = limits.iter().map(|(limit, _)| &*limit.key).collect();
    let jobs: Vec<&str> = limits.iter().map(|(limit, _)| &*limit.job_id).collect();
    let stages = limits.iter();
    let stages: Vec<i16> = stages
        .map(|(_, stage)| i16::try_from(*stage).unwrap_or(i16::MAX))
        .collect();
    let query = tx
        .query(&tx.sql.limits_write_rules)
        .bind(keys)
        .bind(jobs)
        .bind(stages)
        .bind(rules.iter().map(|rule| rule.0).collect::<Vec<_>>())
        .bind(rules.iter().map(|rule| rule.1).collect::<Vec<_>>())
        .bind(rules.iter().map(|rule| rule.2).collect::<Vec<_>>());
    tx.fetch(query).await
}

/// Updates existing limits to the rules of published jobs. Returns true if a rule has changed.
pub(super) async fn update_published_rules(
    tx: &mut Tx<'_>,
    jobs: &[PublishedJob],
) -> Result<bool, DbError> {
    let mut rows: (Vec<_>, Vec<_>, Vec<_>, Vec<_>, Vec<_>) = Default::default();
    for job in jobs {
        for PublishedRule { rule, key } in job.rules() {
            let (kind, count, period_ms) = rule_columns(&rule);
            rows.0.push(encode(&job.descriptor.id));
            rows.1.push(kind);
            rows.2.push(count);
            rows.3.push(period_ms);
            rows.4.push(key.map(|key| encode(&key).into_owned()));
        }
    }
    let query = tx
        .query(&tx.sql.limits_update_published_rules)
        .bind(rows.0)
        .bind(rows.1)
        .bind(rows.2)
        .bind(rows.3)
        .bind(rows.4);
    Ok(tx.execute(query).await? > 0)
}

/// Releases the permits of ended attempts whose handlers have returned.
pub(super) struct ReleasePermits(pub(super) Vec<Fence>);

#[async_trait]
impl Operation for ReleasePermits {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<()>, DbError> {
        let fences = self.0.iter();
        let query = tx
            .query(&tx.sql.limits_release_permits)
            .bind(fences.clone().map(|fence| fence.row).collect::<Vec<_>>())
            .bind(fences.clone().map(|it| it.session.0).collect::<Vec<_>>())
            .bind(fences.map(|it| i64::from(it.attempt)).collect::<Vec<_>>());
        let rows = tx.fetch(query).await?;
        let may_admit = rows.first().map_or(Ok(false), |row| row.try_get(0))?;
        let event = may_admit.then(|| StoreEvent::Scheduled(Timestamp::default()));
        Ok(((), event.into_iter().collect()))
    }
}

/// Reserves starts of a rate. Tries again if another reservation comes between lookup and write.
pub(super) struct Reserve {
    /// Texts are encoded.
    pub(super) limit: Limit,
    pub(super) cost: u32,
    pub(super) now: Timestamp,
    pub(super) latest: Timestamp,
}

#[async_trait]
impl Operation for Reserve {
    type Output = Reservation;
    /// A second run would reserve the starts again.
    const REPEATABLE: bool = false;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Reservation>, DbError> {
        for _ in 0..MAX_TRIES {
            let mut state = match lookup(tx, &self.limit.key).await? {
                Some(state) if state.rule == self.limit.rule => state,
                _ => {
                    ensure(
                        tx,
                        &RequestedLimits::of([std::slice::from_ref(&self.limit)]),
                    )
                    .await?;
                    continue;
                }
            };
            let before = state.tat;
            let (reservation, taken) = state.reserve(self.cost, self.now, self.latest);
            if !taken {
                return Ok(without_events(reservation));
            }
            let query = tx
                .query(&tx.sql.limits_reserve)
                .bind(state.id)
                .bind(before)
                .bind(state.paused_until.as_millis())
                .bind(state.tat);
            if tx.execute(query).await? > 0 {
                return Ok(without_events(reservation));
            }
        }
        Err(DbError::Raced)
    }
}

/// Pauses rates: no start before `until`.
pub(super) struct PauseLimits {
    /// Encoded keys.
    pub(super) keys: Vec<String>,
    pub(super) until: Timestamp,
}

#[async_trait]
impl Operation for PauseLimits {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<()>, DbError> {
        let query = tx
            .query(&tx.sql.limits_pause_limit)
            .bind(&self.keys)
            .bind(self.until.as_millis());
        tx.execute(query).await?;
        Ok(without_events(()))
    }
}

/// Forgets the starts and the pause of the rate with this encoded key. Outputs `false` if there is
/// none.
pub(super) struct ResetLimit(pub(super) String);

#[async_trait]
impl Operation for ResetLimit {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<bool>, DbError> {
        let query = tx.query(&tx.sql.limits_reset_limit).bind(&self.0);
        let exists = tx.execute(query).await? > 0;
        let event = exists.then(|| StoreEvent::Scheduled(Timestamp::default()));
        Ok((exists, event.into_iter().collect()))
    }
}

/// Reads the limit with this key.
async fn lookup(tx: &mut Tx<'_>, key: &str) -> Result<Option<LimitState>, DbError> {
    let query = tx.query(&tx.sql.limits_lookup).bind([key]);
    match tx.fetch(query).await?.first() {
        Some(row) => readable(key, state(row)),
        None => Ok(None),
    }
}
