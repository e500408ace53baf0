//! Lookup of the limits that new executions name.
//!
//! It finds limits by key, creates the missing ones, and updates changed rules. It also returns the
//! limits with free permits and no waiter, which an enqueue may take without the allocator.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::rc::Rc;

use serde::Deserialize;
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::{columns, rule_of};
use crate::store::rules::permits::{LimitId, LimitState};
use crate::store::sqlite::conn::error::{DbError, corrupt};
use crate::store::sqlite::conn::json;
use crate::store::{Limit, NewExecution};
use crate::time::Timestamp;

/// The limits that a batch names.
#[derive(Debug, Default)]
pub(in crate::store::sqlite) struct ExistingLimits<'n> {
    /// Ids by key.
    ids: HashMap<&'n str, LimitId>,
    /// Limits without a waiter, whose free permits an enqueue may take. While any execution is a
    /// new waiter, these are only limits just created.
    pub(in crate::store::sqlite) free: Vec<LimitState>,
}

impl ExistingLimits<'_> {
    /// The ids of these limits.
    pub(in crate::store::sqlite) fn of(&self, limits: &[Limit]) -> impl Iterator<Item = LimitId> {
        let id = |limit: &Limit| self.ids.get(limit.key.as_str()).copied();
        limits.iter().filter_map(id)
    }

    /// The ids of each execution's limits, in the order of their stages. Consecutive executions
    /// with the same limits share a list.
    pub(in crate::store::sqlite) fn of_each(&self, rows: &[&NewExecution]) -> Vec<Rc<[LimitId]>> {
        let mut all: Vec<Rc<[LimitId]>> = Vec::with_capacity(rows.len());
        for run in rows.chunk_by(|new, next| new.rules.limits == next.rules.limits) {
            let ids: Rc<[LimitId]> = self.of(&run[0].rules.limits).collect();
            all.extend(run.iter().map(|_| Rc::clone(&ids)));
        }
        all
    }
}

/// A limit that executions of the batch name.
#[derive(Clone, Copy, Debug)]
struct NamedLimit<'n> {
    limit: &'n Limit,
    /// The order in which executions pass it: 0, then 1.
    stage: usize,
    /// The limit exists with this rule and this stage.
    is_up_to_date: bool,
}

/// A row of `lookup.sql`.
#[derive(Deserialize)]
struct LimitRow {
    place: usize,
    id: LimitId,
    stage: u8,
    count: i64,
    period_ms: Option<i64>,
    in_use: i64,
    tat: Option<i64>,
    paused_until: i64,
    is_free: u8,
}

/// Looks up the limits of these executions. If executions name different rules for a key, the last
/// one holds.
pub(in crate::store::sqlite) async fn look_up_in_txn<'n>(
    conn: &mut SqliteConnection,
    executions: impl Iterator<Item = &'n [Limit]>,
) -> Result<ExistingLimits<'n>, DbError> {
    let mut named: Vec<NamedLimit<'n>> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    // The limits of the previous execution: the next one mostly has the same.
    let mut last: &[Limit] = &[];
    for limits in executions {
        if limits == last {
            continue;
        }
        last = limits;
        for (stage, limit) in limits.iter().enumerate() {
            let newest = NamedLimit {
                limit,
                stage,
                is_up_to_date: false,
            };
            match places.entry(&limit.key) {
                Entry::Occupied(place) => named[*place.get()] = newest,
                Entry::Vacant(place) => {
                    place.insert(named.len());
                    named.push(newest);
                }
            }
        }
    }
    find_or_create(conn, named).await
}

/// Looks up one limit.
pub(in crate::store::sqlite) async fn look_up_one_in_txn(
    conn: &mut SqliteConnection,
    limit: &Limit,
) -> Result<Option<LimitId>, DbError> {
    let named = NamedLimit {
        limit,
        stage: 0,
        is_up_to_date: false,
    };
    let existing = find_or_create(conn, vec![named]).await?;
    Ok(existing.ids.into_values().next())
}

async fn find_or_create<'n>(
    conn: &mut SqliteConnection,
    mut named: Vec<NamedLimit<'n>>,
) -> Result<ExistingLimits<'n>, DbError> {
    let mut existing = ExistingLimits::default();
    if named.is_empty() {
        return Ok(existing);
    }
    let keys = json::array(named.iter().map(|named| &named.limit.key))?;
    let rows = read(conn, &keys).await?;
    existing.ids.reserve(named.len());
    for row in rows {
        let Some(named) = named.get_mut(row.place) else {
            continue;
        };
        let state = LimitState {
            id: row.id,
            rule: rule_of(row.count, row.period_ms),
            stage: row.stage,
            in_use: row.in_use.try_into().unwrap_or(0),
            tat: row.tat.unwrap_or(0),
            paused_until: Timestamp::from_millis(row.paused_until),
            check_at: None,
        };
        named.is_up_to_date =
            named.limit.rule == state.rule && named.stage == usize::from(state.stage);
        existing.ids.insert(&named.limit.key, state.id);
        if named.is_up_to_date && row.is_free != 0 {
            existing.free.push(state);
        }
    }
    named.retain(|named| !named.is_up_to_date);
    if !named.is_empty() {
        write(conn, &named, &mut existing).await?;
    }
    Ok(existing)
}

/// Reads the limits with these keys. They come in one row, because each row costs a message from
/// the connection's thread.
async fn read(conn: &mut SqliteConnection, keys: &str) -> Result<Vec<LimitRow>, DbError> {
    let text: String = sqlx::query_scalar(include_str!("../sql/limits/lookup.sql"))
        .bind(keys)
        .fetch_one(conn)
        .await?;
    serde_json::from_str(&text).map_err(|error| corrupt("a limit", error))
}

/// Creates limits, and updates the rules of existing ones.
async fn write<'n>(
    conn: &mut SqliteConnection,
    named: &[NamedLimit<'n>],
    existing: &mut ExistingLimits<'n>,
) -> Result<(), DbError> {
    let rows = named.iter().map(|NamedLimit { limit, stage, .. }| {
        let (kind, count, period_ms, interval) = columns(&limit.rule);
        let (key, job_id) = (&limit.key, &limit.job_id);
        (key, job_id, stage, kind, count, period_ms, interval)
    });
    let rows = sqlx::query(include_str!("../sql/limits/write_rules.sql"))
        .bind(json::array(rows)?)
        .fetch_all(conn)
        .await?;
    let by_key: HashMap<&str, &NamedLimit<'n>> = named
        .iter()
        .map(|named| (named.limit.key.as_str(), named))
        .collect();
    for row in &rows {
        let (id, key): (LimitId, &str) = (row.try_get(0)?, row.try_get(1)?);
        let Some(NamedLimit { limit, stage, .. }) = by_key.get(key) else {
            continue;
        };
        if existing.ids.insert(&limit.key, id).is_none() {
            // A new limit has all of its permits.
            existing.free.push(LimitState {
                id,
                rule: limit.rule,
                stage: u8::try_from(*stage).unwrap_or(u8::MAX),
                in_use: 0,
                tat: 0,
                paused_until: Timestamp::default(),
                check_at: None,
            });
        }
    }
    Ok(())
}
