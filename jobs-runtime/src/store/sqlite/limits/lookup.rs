//! The limits that executions name: found, created where they are missing, and whether there is room.

use std::collections::HashMap;
use std::rc::Rc;

use serde::Deserialize;
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::released;
use super::{columns, rule_of};
use crate::store::rules::permits::{LimitId, LimitState, Reach};
use crate::store::sqlite::conn::error::{Fault, corrupt};
use crate::store::sqlite::conn::json;
use crate::store::{Limit, NewExecution};

/// Limits by their keys.
#[derive(Debug, Default)]
pub(in crate::store::sqlite) struct KnownLimits<'n> {
    ids: HashMap<&'n str, LimitId>,
    /// Those at which nobody waits; none as long as somebody stands at the door.
    pub(in crate::store::sqlite) free: Vec<LimitState>,
}

impl KnownLimits<'_> {
    /// The numbers of these.
    pub(in crate::store::sqlite) fn of(&self, limits: &[Limit]) -> impl Iterator<Item = LimitId> {
        let id = |limit: &Limit| self.ids.get(limit.key.as_str()).copied();
        limits.iter().filter_map(id)
    }

    /// Those of each execution, in the order in which it passes them. Neighbours often have the same.
    pub(in crate::store::sqlite) fn of_each(&self, rows: &[&NewExecution]) -> Vec<Rc<[LimitId]>> {
        let mut all: Vec<Rc<[LimitId]>> = Vec::with_capacity(rows.len());
        for run in rows.chunk_by(|new, next| new.rules.limits == next.rules.limits) {
            let ids: Rc<[LimitId]> = self.of(&run[0].rules.limits).collect();
            all.extend(run.iter().map(|_| Rc::clone(&ids)));
        }
        all
    }
}

/// A limit that is looked for.
#[derive(Clone, Copy, Debug)]
struct Wanted<'n> {
    limit: &'n Limit,
    /// Whether it is passed first or second.
    stage: usize,
    /// How many executions name it.
    count: i64,
    /// Whether it is there, with the rule that it is to have.
    is_there: bool,
}

impl Wanted<'_> {
    /// Whether permits that came back and are not counted would make a difference.
    fn lacks(&self, known: &KnownRow) -> bool {
        known.period_ms.is_none()
            && known.has_returned != 0
            && known.in_use.saturating_add(self.count) > known.count
    }
}

/// A limit as `limits_known.sql` says it, in the order of its columns.
#[derive(Deserialize)]
struct KnownRow {
    place: usize,
    id: LimitId,
    stage: u8,
    count: i64,
    period_ms: Option<i64>,
    in_use: i64,
    tat: Option<i64>,
    is_free: u8,
    has_returned: u8,
}

/// Finds the limits that executions name, creates those that are missing, and writes down rules that
/// have changed.
pub(in crate::store::sqlite) async fn known_in_txn<'n>(
    conn: &mut SqliteConnection,
    executions: impl Iterator<Item = &'n [Limit]>,
) -> Result<KnownLimits<'n>, Fault> {
    let mut wanted: Vec<Wanted<'n>> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    // Neighbours often have the same: those of the last one, and where they are.
    let mut last: (&[Limit], Vec<usize>) = (&[], Vec::new());
    for limits in executions {
        if limits != last.0 {
            last = (limits, Vec::with_capacity(limits.len()));
            for (stage, limit) in limits.iter().enumerate() {
                let place = *places.entry(&limit.key).or_insert(wanted.len());
                if place == wanted.len() {
                    wanted.push(Wanted {
                        limit,
                        stage,
                        count: 0,
                        is_there: false,
                    });
                }
                // The last word counts.
                (wanted[place].limit, wanted[place].stage) = (limit, stage);
                last.1.push(place);
            }
        }
        for place in &last.1 {
            wanted[*place].count += 1;
        }
    }
    known_limits(conn, wanted).await
}

/// The same for one limit.
pub(in crate::store::sqlite) async fn one_in_txn(
    conn: &mut SqliteConnection,
    limit: &Limit,
) -> Result<Option<LimitId>, Fault> {
    let wanted = Wanted {
        limit,
        stage: 0,
        count: 0,
        is_there: false,
    };
    let known = known_limits(conn, vec![wanted]).await?;
    Ok(known.ids.into_values().next())
}

async fn known_limits<'n>(
    conn: &mut SqliteConnection,
    mut wanted: Vec<Wanted<'n>>,
) -> Result<KnownLimits<'n>, Fault> {
    let mut known = KnownLimits::default();
    if wanted.is_empty() {
        return Ok(known);
    }
    let keys = json::array(wanted.iter().map(|wanted| &wanted.limit.key))?;
    let mut rows = read(conn, &keys).await?;
    let lacks = |row: &KnownRow| {
        wanted
            .get(row.place)
            .is_some_and(|wanted| wanted.lacks(row))
    };
    if rows.iter().any(lacks) {
        released::count_in_txn(conn).await?;
        rows = read(conn, &keys).await?;
    }
    known.ids.reserve(wanted.len());
    for row in rows {
        let Some(wanted) = wanted.get_mut(row.place) else {
            continue;
        };
        let state = LimitState {
            id: row.id,
            rule: rule_of(row.count, row.period_ms),
            stage: row.stage,
            in_use: row.in_use.try_into().unwrap_or(0),
            tat: row.tat.unwrap_or(0),
            check_at: None,
            reach: Reach::ANYWHERE,
        };
        wanted.is_there =
            wanted.limit.rule == state.rule && wanted.stage == usize::from(state.stage);
        known.ids.insert(&wanted.limit.key, state.id);
        if wanted.is_there && row.is_free != 0 {
            known.free.push(state);
        }
    }
    wanted.retain(|wanted| !wanted.is_there);
    if !wanted.is_empty() {
        write(conn, &wanted, &mut known).await?;
    }
    Ok(known)
}

/// In one row: reading many costs far more.
async fn read(conn: &mut SqliteConnection, keys: &str) -> Result<Vec<KnownRow>, Fault> {
    let text: String = sqlx::query_scalar(include_str!("../sql/limits/lookup.sql"))
        .bind(keys)
        .fetch_one(conn)
        .await?;
    serde_json::from_str(&text).map_err(|error| corrupt("a limit", error))
}

/// Creates these, and gives those that have another rule the one that they are to have.
async fn write<'n>(
    conn: &mut SqliteConnection,
    wanted: &[Wanted<'n>],
    known: &mut KnownLimits<'n>,
) -> Result<(), Fault> {
    let rows = wanted.iter().map(|Wanted { limit, stage, .. }| {
        let (kind, count, period_ms) = columns(&limit.rule);
        (&limit.key, &limit.job_id, stage, kind, count, period_ms)
    });
    let rows = sqlx::query(include_str!("../sql/limits/write.sql"))
        .bind(json::array(rows)?)
        .fetch_all(conn)
        .await?;
    let by_key: HashMap<&str, &Wanted<'n>> = wanted
        .iter()
        .map(|wanted| (wanted.limit.key.as_str(), wanted))
        .collect();
    for row in &rows {
        let (id, key): (LimitId, &str) = (row.try_get(0)?, row.try_get(1)?);
        let Some(Wanted { limit, stage, .. }) = by_key.get(key) else {
            continue;
        };
        if known.ids.insert(&limit.key, id).is_none() {
            // A new one has all of its permits.
            known.free.push(LimitState {
                id,
                rule: limit.rule,
                stage: u8::try_from(*stage).unwrap_or(u8::MAX),
                in_use: 0,
                tat: 0,
                check_at: None,
                reach: Reach::ANYWHERE,
            });
        }
    }
    Ok(())
}
