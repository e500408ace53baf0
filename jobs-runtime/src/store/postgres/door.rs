//! Letting in what limits hold: one doorkeeper at a time in the whole fleet.
//!
//! It holds the one row of `door` for its transaction, in which every statement sees what was committed
//! before. It waits for nobody else: who is held and just being changed or cancelled is passed over, and
//! looked at again a moment later. A process that is stopped in the middle of it is left by the server
//! soon; meanwhile the others give up, and try again.
//!
//! What has no limits goes through none of this.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::db::Db;
use super::fault::{Fault, corrupt};
use super::limits::{limits_of, state};
use super::number;
use super::promote::{AGAIN, Due, More};
use super::transition::{Done, Shape, Transition, quietly};
use crate::store::StoreEvent;
use crate::store::doorkeeper::{
    Behind, Doorkeeper, Entrance, Held, LimitId, LimitState, Need, PermitEvent, Reach,
};
use crate::time::Timestamp;

/// How long a doorkeeper waits for another, and the server for one that says nothing.
const PATIENCE: &str = "SET LOCAL lock_timeout = '1s';\
    SET LOCAL idle_in_transaction_session_timeout = '3s';";

/// Lets in whom there are permits for.
pub(super) struct LetIn {
    pub(super) now: Timestamp,
    pub(super) limit: usize,
}

/// What became of it.
pub(super) struct Entered {
    pub(super) ready: usize,
    /// What is to be done then, and whether more of that was left.
    pub(super) due: Due,
    pub(super) more: More,
}

#[async_trait]
impl Transition for LetIn {
    /// `None` if another doorkeeper did not get done.
    type Answer = Option<Entered>;
    const SHAPE: Shape = Shape::Transaction;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<Self::Answer>, Fault> {
        match self.let_in(db).await {
            Ok(entered) => {
                let ready = (entered.ready > 0).then_some(StoreEvent::Ready);
                Ok((Some(entered), ready.into_iter().collect()))
            }
            // The transaction has failed: its commit takes everything back.
            Err(fault) if fault.is_locked() => Ok(quietly(None)),
            Err(fault) => Err(fault),
        }
    }
}

impl LetIn {
    async fn let_in(&self, db: &mut Db<'_>) -> Result<Entered, Fault> {
        let (entrance, more) = self.decide(db).await?;
        write(db, &entrance).await?;
        Ok(Entered {
            ready: entrance.ready.len(),
            due: Due::look(db, self.now).await?,
            more,
        })
    }

    /// Who is let in, and whether that leaves anything undone. Takes what became of permits.
    pub(super) async fn decide(&self, db: &mut Db<'_>) -> Result<(Entrance, More), Fault> {
        let lock = format!("{PATIENCE}{}", db.sql.door_lock.as_str());
        db.script(&lock).await?;
        let most = i64::try_from(self.limit).unwrap_or(i64::MAX);
        let arrivals = db.fetch(db.query(&db.sql.door_arrivals).bind(most)).await?;
        let door = arrivals
            .iter()
            .map(|row| held(row, 0, [None; 2]))
            .collect::<Result<_, Fault>>()?;
        let (events, due, left) = self.events(db, most).await?;
        let mut more = More {
            scheduled: false,
            door: arrivals.len() >= self.limit,
            events: left,
            held: false,
        };
        let mut visit = Visit::default();
        let mut keeper = Doorkeeper::new(
            self.now,
            door,
            events.into_iter().map(|(_, limit, event)| (limit, event)),
            due,
        );
        loop {
            match keeper.next() {
                Need::Limits(ids) => keeper.learn(visit.limits(db, ids).await?),
                Need::Standing(asked) => {
                    let standing = visit.standing(db, &asked).await?;
                    keeper.line_up(&asked, standing);
                }
                Need::Ready(asked) => keeper.displace(&asked, ready(db, &asked).await?),
                Need::Nothing => break,
            }
        }
        let mut entrance = keeper.close();
        visit.look_again(&mut entrance, self.now);
        more.held = !entrance.held.is_empty() || !entrance.displaced.is_empty();
        Ok((entrance, more))
    }

    /// What became of permits, the limits that are to be looked at, and whether more was left.
    async fn events(
        &self,
        db: &mut Db<'_>,
        most: i64,
    ) -> Result<(Events, Vec<LimitId>, bool), Fault> {
        let query = db.query(&db.sql.door_events);
        let most = most.max(1_000);
        let query = query.bind(most).bind(self.now.as_millis());
        let mut events = Events::new();
        let (mut due, mut taken) = (Vec::new(), 0);
        for row in &db.fetch(query).await? {
            let limit: LimitId = row.try_get(0)?;
            taken += row.try_get::<i64, _>(4)?;
            let kind: &str = row.try_get(1)?;
            if kind == "due" {
                due.push(limit);
                continue;
            }
            let count = number("a count of permits", row.try_get::<i64, _>(2)?)?;
            let at: Option<i64> = row.try_get(3)?;
            let event = PermitEvent::of_parts(kind, count, at.map(Timestamp::from_millis));
            let event = event.ok_or_else(|| corrupt("what became of a permit", kind))?;
            events.push((at, limit, event));
        }
        // Starts count in their order.
        events.sort_unstable_by_key(|(at, limit, _)| (*at, *limit));
        Ok((events, due, taken >= most))
    }
}

type Events = Vec<(Option<i64>, LimitId, PermitEvent)>;

/// What a doorkeeper has found.
#[derive(Default)]
struct Visit {
    /// Limits as they were.
    before: HashMap<LimitId, LimitState>,
    /// Limits at which somebody was passed over.
    passed_over: HashSet<LimitId>,
}

impl Visit {
    async fn limits(
        &mut self,
        db: &mut Db<'_>,
        ids: Vec<LimitId>,
    ) -> Result<Vec<LimitState>, Fault> {
        let rows = db.fetch(db.query(&db.sql.door_limits).bind(ids)).await?;
        let limits: Vec<_> = rows.iter().map(state).collect::<Result<_, _>>()?;
        let before = limits.iter().map(|limit| (limit.id, limit.clone()));
        self.before.extend(before);
        Ok(limits)
    }

    async fn standing(
        &mut self,
        db: &mut Db<'_>,
        asked: &[(LimitId, usize)],
    ) -> Result<Vec<(LimitId, Held)>, Fault> {
        let query = db
            .query(&db.sql.door_standing)
            .bind(asked.iter().map(|(id, _)| *id).collect::<Vec<_>>())
            .bind(
                asked
                    .iter()
                    .map(|(_, most)| most_of(*most))
                    .collect::<Vec<_>>(),
            );
        let mut standing = Vec::new();
        for row in &db.fetch(query).await? {
            let limit = row.try_get(0)?;
            match row.try_get::<i64, _>(1)? {
                0 => {
                    self.passed_over.insert(limit);
                }
                _ => standing.push((limit, held(row, 1, [Some(4), Some(5)])?)),
            }
        }
        Ok(standing)
    }

    /// Sees to it that somebody looks again where one was passed over, and leaves limits alone that are
    /// as they were.
    fn look_again(&self, entrance: &mut Entrance, now: Timestamp) {
        for limit in &mut entrance.limits {
            // An index answers as quickly without it: it is not kept.
            limit.reach = Reach::ANYWHERE;
            if self.passed_over.contains(&limit.id) {
                let again = now.after(AGAIN);
                limit.look_at = Some(limit.look_at.map_or(again, |at| at.min(again)));
            }
        }
        entrance
            .limits
            .retain(|limit| self.before.get(&limit.id) != Some(limit));
    }
}

async fn ready(db: &mut Db<'_>, asked: &[Behind]) -> Result<Vec<(LimitId, Held)>, Fault> {
    let query = db
        .query(&db.sql.door_ready)
        .bind(asked.iter().map(|it| it.limit).collect::<Vec<_>>())
        .bind(asked.iter().map(|it| most_of(it.most)).collect::<Vec<_>>())
        .bind(asked.iter().map(|it| it.place.0).collect::<Vec<_>>())
        .bind(asked.iter().map(|it| it.place.1).collect::<Vec<_>>());
    let rows = db.fetch(query).await?;
    rows.iter()
        .map(|row| Ok((row.try_get(0)?, held(row, 1, [None, Some(4)])?)))
        .collect()
}

/// Writes down what was decided.
pub(super) async fn write(db: &mut Db<'_>, entrance: &Entrance) -> Result<(), Fault> {
    let Entrance {
        ready,
        held,
        displaced,
        limits,
        now,
    } = entrance;
    let numbers = |held: &[Held]| held.iter().map(|held| held.seq).collect::<Vec<_>>();
    let turns = |held: &[Held]| held.iter().map(|held| held.turn).collect::<Vec<_>>();
    let starts = ready.iter().map(|held| held.starts_from(*now));
    let places = |held: &[Held]| {
        let at = held.iter().map(|held| held.at().unwrap_or(0));
        let passed = held.iter().map(|it| i16::try_from(it.passed));
        let passed = passed.map(|passed| passed.unwrap_or(i16::MAX));
        (at.collect::<Vec<_>>(), passed.collect::<Vec<_>>())
    };
    let ranks = displaced.iter().map(|it| i16::try_from(it.rank));
    let ranks: Vec<_> = ranks.map(|rank| rank.unwrap_or(i16::MAX)).collect();
    let (at, passed) = places(held);
    let (back_at, back_passed) = places(displaced);
    let granted = limits.iter().map(|limit| i64::try_from(limit.granted));
    let granted: Vec<_> = granted.map(|count| count.unwrap_or(i64::MAX)).collect();
    let look_at = limits.iter().map(|limit| limit.look_at);
    let look_at: Vec<_> = look_at.map(|at| at.map(Timestamp::as_millis)).collect();
    let query = db
        .query(&db.sql.door_write)
        .bind(numbers(ready))
        .bind(numbers(held))
        .bind(at)
        .bind(passed)
        .bind(numbers(displaced))
        .bind(ranks)
        .bind(back_at)
        .bind(back_passed)
        .bind(limits.iter().map(|limit| limit.id).collect::<Vec<_>>())
        .bind(granted)
        .bind(limits.iter().map(|it| it.arrival).collect::<Vec<_>>())
        .bind(look_at)
        .bind(starts.collect::<Vec<_>>())
        .bind(turns(held))
        .bind(turns(displaced));
    let rows = db.fetch(query).await?;
    let entered: i64 = rows.first().ok_or(Fault::Raced)?.try_get(0)?;
    // They are locked: nobody can have taken them.
    match usize::try_from(entered) == Ok(ready.len()) {
        true => Ok(()),
        false => Err(Fault::Raced),
    }
}

fn most_of(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Reads seq, rank and limits from three columns, and how many were passed and the turn from others.
fn held(row: &PgRow, first: usize, [passed, turn]: [Option<usize>; 2]) -> Result<Held, Fault> {
    Ok(Held {
        seq: row.try_get(first)?,
        rank: match passed {
            // Where rows of another kind stand among them, it is wider.
            Some(_) => i64::from(row.try_get::<i32, _>(first + 1)?),
            None => i64::from(row.try_get::<i16, _>(first + 1)?),
        },
        limits: limits_of(row, first + 2).unwrap_or_default(),
        passed: match passed {
            Some(column) => number("passed limits", row.try_get::<i32, _>(column)?)?,
            None => 0,
        },
        turn: turn.map_or(Ok(0), |column| row.try_get(column))?,
    })
}
