//! Moving executions that are due to their place in their queue, and letting in what limits hold.

use std::collections::{BTreeMap, HashMap};

use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::released;
use super::rule;
use crate::store::rules::permits::{
    Behind, ClaimOrder, LimitId, LimitState, PermitAllocator, PermitEvent, PermitPlan, PermitQuery,
    Reach, Waiter,
};
use crate::store::sqlite::conn::error::{Fault, corrupt};
use crate::store::sqlite::conn::json;
use crate::store::sqlite::conn::script::rows_named;
use crate::store::{Promotion, StoreEvent};
use crate::time::Timestamp;

/// The index of who is ready by a limit's permit has stretches of two to the power of so many numbers.
const STRETCH: u32 = 9;

/// So many limits that reach over all stretches are looked up one by one, in less time than a look at everybody takes.
const FEW: i64 = 128;

/// What there is to do, before anything is written.
#[derive(Clone, Copy, Debug)]
pub(in crate::store::sqlite) struct Due {
    scheduled: Option<Timestamp>,
    check_at: Option<Timestamp>,
    /// Somebody stands at the door.
    door: bool,
    /// Something has become of permits that is not counted yet.
    events: bool,
}

impl Due {
    pub(in crate::store::sqlite) async fn on_conn(
        conn: &mut SqliteConnection,
    ) -> Result<Self, Fault> {
        let row = sqlx::query(include_str!("../sql/promote/due.sql"))
            .fetch_one(conn)
            .await?;
        let time = |column| -> Result<Option<Timestamp>, Fault> {
            let millis: Option<i64> = row.try_get(column)?;
            Ok(millis.map(Timestamp::from_millis))
        };
        Ok(Self {
            scheduled: time(0)?,
            check_at: time(1)?,
            door: row.try_get(2)?,
            events: row.try_get(3)?,
        })
    }

    /// Whether a promotion would change something.
    pub(in crate::store::sqlite) fn is_now(&self, now: Timestamp) -> bool {
        self.door || self.events || self.next(now).is_some_and(|due| due <= now)
    }

    /// When there will be something to do.
    pub(in crate::store::sqlite) fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let at_once = self.door.then_some(now);
        let times = [self.scheduled, self.check_at, at_once];
        times.into_iter().flatten().min()
    }
}

pub(in crate::store::sqlite) async fn promote_in_txn(
    conn: &mut SqliteConnection,
    now: Timestamp,
    limit: usize,
) -> Result<(Promotion, Vec<StoreEvent>), Fault> {
    let moved = promote_due_in_txn(conn, now, limit).await?;
    let most = i64::try_from(limit).unwrap_or(i64::MAX);
    let promoted = moved + admit(conn, now, most).await?;
    let promotion = Promotion {
        promoted,
        next_due: Due::on_conn(conn).await?.next(now),
    };
    let ready = (promoted > 0).then_some(StoreEvent::Ready);
    Ok((promotion, Vec::from_iter(ready)))
}

/// Moves what is due, and says how many are ready by that.
pub(in crate::store::sqlite) async fn promote_due_in_txn(
    conn: &mut SqliteConnection,
    now: Timestamp,
    limit: usize,
) -> Result<usize, Fault> {
    let rows = sqlx::query(include_str!("../sql/promote/promote.sql"))
        .bind(now.as_millis())
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(conn)
        .await?;
    let moved = rows_named(&rows, "promoted").next();
    let moved = moved.map_or(Ok(0), |row| row.try_get::<i64, _>(1))?;
    Ok(usize::try_from(moved).unwrap_or(0))
}

/// Lets in whom there are permits for, and says how many.
async fn admit(conn: &mut SqliteConnection, now: Timestamp, most: i64) -> Result<usize, Fault> {
    let due = Due::on_conn(conn).await?;
    if !due.door && !due.events && due.check_at.is_none_or(|at| at > now) {
        return Ok(0);
    }
    let plan = decide(conn, now, most).await?;
    write(conn, &plan).await?;
    Ok(plan.admitted.len())
}

/// Who is let in. Takes what became of permits.
pub(in crate::store::sqlite) async fn decide(
    conn: &mut SqliteConnection,
    now: Timestamp,
    most: i64,
) -> Result<PermitPlan, Fault> {
    let arrivals = concat!(
        include_str!("../sql/limits/released_take.sql"),
        include_str!("../sql/limits/new_waiters.sql")
    );
    let rows = sqlx::query(arrivals)
        .bind(most)
        .fetch_all(&mut *conn)
        .await?;
    // What was noted while nobody waited is counted before anybody does.
    released::count_taken(conn, &rows).await?;
    let door = rows.iter().filter(|row| row.try_get::<i64, _>(0).is_ok());
    let door: Vec<Waiter> = door
        .map(|row| held(row, 0, [None; 2]))
        .collect::<Result<_, _>>()?;
    let events = sqlx::query(include_str!("../sql/limits/permit_events.sql"))
        .fetch_all(&mut *conn)
        .await?;
    let events: Vec<_> = events.iter().filter_map(event).collect();
    let due: Vec<LimitId> = sqlx::query_scalar(include_str!("../sql/limits/due.sql"))
        .bind(now.as_millis())
        .bind(most)
        .fetch_all(&mut *conn)
        .await?;
    let mut keeper = PermitAllocator::new(now, door, events, due);
    loop {
        match keeper.next_query() {
            PermitQuery::Limits(ids) => keeper.add_limits(limits(conn, &ids).await?),
            PermitQuery::Waiters(asked) => {
                let standing = standing(conn, &asked).await?;
                keeper.add_waiters(&asked, standing);
            }
            PermitQuery::Admitted(asked) => keeper.displace(&asked, ready(conn, &asked).await?),
            PermitQuery::Done => break,
        }
    }
    Ok(keeper.into_plan())
}

async fn limits(conn: &mut SqliteConnection, ids: &[LimitId]) -> Result<Vec<LimitState>, Fault> {
    let rows = sqlx::query(include_str!("../sql/limits/limit_states.sql"))
        .bind(json::array(ids)?)
        .fetch_all(conn)
        .await?;
    let known = |row: &SqliteRow| -> Result<LimitState, Fault> {
        let reach = Reach {
            first: row.try_get(8)?,
            last: row.try_get(9)?,
            rank: row.try_get(10)?,
        };
        Ok(LimitState {
            reach,
            ..limit(row)?
        })
    };
    rows.iter().map(known).collect()
}

async fn standing(
    conn: &mut SqliteConnection,
    asked: &[(LimitId, usize)],
) -> Result<Vec<(LimitId, Waiter)>, Fault> {
    let mut standing = Vec::new();
    for (most, limits) in by_number(asked.iter().map(|(id, most)| (*most, *id))) {
        let rows = sqlx::query(include_str!("../sql/limits/waiters.sql"))
            .bind(json::array(limits)?)
            .bind(most)
            .fetch_all(&mut *conn)
            .await?;
        for row in &rows {
            standing.push((row.try_get(0)?, held(row, 1, [Some(4), Some(5)])?));
        }
    }
    Ok(standing)
}

async fn ready(
    conn: &mut SqliteConnection,
    asked: &[Behind],
) -> Result<Vec<(LimitId, Waiter)>, Fault> {
    let row = sqlx::query(include_str!("../sql/limits/stretches.sql"))
        .fetch_one(&mut *conn)
        .await?;
    let (Some(first), Some(last)) = (row.try_get(0)?, row.try_get(1)?) else {
        return Ok(Vec::new());
    };
    let stretches = asked.iter().map(|behind| {
        let (from, to) = behind.between;
        ((from >> STRETCH).max(first), (to >> STRETCH).min(last))
    });
    let places = asked
        .iter()
        .zip(stretches.clone())
        .map(|(behind, (from, to))| {
            let (rank, seq) = behind.place;
            (behind.limit, rank, seq, from, to)
        });
    let places = json::array(places)?;
    let steps: i64 = stretches.map(|(from, to)| (to - from + 1).max(0)).sum();
    let rows = match steps / FEW > last - first {
        false => sqlx::query(include_str!("../sql/limits/admitted.sql")).bind(places),
        true => sqlx::query(include_str!("../sql/limits/admitted_of_many.sql"))
            .bind(places)
            .bind(first)
            .bind(last),
    };
    let rows = rows.fetch_all(conn).await?;
    let left = asked
        .iter()
        .map(|behind| (behind.limit, (behind.place, behind.most)));
    let mut left: HashMap<LimitId, (ClaimOrder, usize)> = left.collect();
    let mut ready = Vec::new();
    for row in &rows {
        let limit = row.try_get(0)?;
        let held = held(row, 1, [None, Some(4)])?;
        if let Some((place, left)) = left.get_mut(&limit)
            && *left > 0
            && held.place() > *place
        {
            *left -= 1;
            ready.push((limit, held));
        }
    }
    Ok(ready)
}

/// Puts together those of which about as many are asked for: SQLite knows no `LIMIT` that differs from
/// row to row. Rounded up to a power of two, there are few different ones.
fn by_number(asked: impl Iterator<Item = (usize, LimitId)>) -> BTreeMap<i64, Vec<LimitId>> {
    let mut by_number: BTreeMap<i64, Vec<LimitId>> = BTreeMap::new();
    for (most, what) in asked {
        let most = i64::try_from(most.next_power_of_two()).unwrap_or(i64::MAX);
        by_number.entry(most).or_default().push(what);
    }
    by_number
}

/// Writes down what was decided.
pub(in crate::store::sqlite) async fn write(
    conn: &mut SqliteConnection,
    plan: &PermitPlan,
) -> Result<(), Fault> {
    let place = |held: &Waiter| (held.seq, held.waits_at(), held.passed, held.arrived_at);
    let places = |held: &[Waiter]| json::array(held.iter().map(place));
    let ready = plan.admitted.iter();
    let ready = ready.map(|held| (held.seq, held.earliest_start(plan.now)));
    let limits = plan.limits.iter().map(|limit| {
        let check_at = limit.check_at.map(Timestamp::as_millis);
        let Reach { first, last, rank } = limit.reach;
        let counts = (limit.in_use, limit.tat, check_at);
        (limit.id, counts, (first, last, rank))
    });
    sqlx::query(include_str!("../sql/limits/write_plan.sql"))
        .bind(json::array(ready)?)
        .bind(places(&plan.blocked)?)
        .bind(places(&plan.displaced)?)
        .bind(json::array(limits)?)
        .execute(conn)
        .await?;
    Ok(())
}

/// Reads seq, rank and limits from three columns, and how many were passed and the arrived_at from others. Who has
/// limits that cannot be read waits at none: its claim says why it does not run.
fn held(
    row: &SqliteRow,
    first: usize,
    [passed, arrived_at]: [Option<usize>; 2],
) -> Result<Waiter, Fault> {
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
        arrived_at: arrived_at.map_or(Ok(0), |column| row.try_get(column))?,
    })
}

/// Reads a limit from the columns id, stage, kind, count, period, in_use, tat and check_at.
pub(in crate::store::sqlite) fn limit(row: &SqliteRow) -> Result<LimitState, Fault> {
    Ok(LimitState {
        id: row.try_get(0)?,
        stage: row.try_get(1)?,
        rule: rule(row, 2)?,
        in_use: row.try_get::<i64, _>(5)?.try_into().unwrap_or(0),
        tat: row.try_get(6)?,
        check_at: row
            .try_get::<Option<i64>, _>(7)?
            .map(Timestamp::from_millis),
        reach: Reach::ANYWHERE,
    })
}

/// One that cannot be read is nobody's, and holds up nobody.
fn event(row: &SqliteRow) -> Option<(LimitId, PermitEvent)> {
    let read = || -> Result<_, Fault> {
        let kind: &str = row.try_get(1)?;
        let count: i64 = row.try_get(2)?;
        let at: Option<i64> = row.try_get(3)?;
        let at = at.map(Timestamp::from_millis);
        let event = PermitEvent::of_parts(kind, count.try_into().unwrap_or(0), at);
        let event = event.ok_or_else(|| corrupt("what became of a permit", kind))?;
        Ok((row.try_get(0)?, event))
    };
    read()
        .inspect_err(|fault| tracing::error!(?fault, "what became of a permit is left out"))
        .ok()
}
