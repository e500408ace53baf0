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

use super::{limits_of, state};
use crate::store::StoreEvent;
use crate::store::postgres::conn::error::{Fault, corrupt};
use crate::store::postgres::conn::operation::{Done, Shape, Transition, quietly};
use crate::store::postgres::conn::tx::Db;
use crate::store::postgres::number;
use crate::store::postgres::promote::{AGAIN, Due, More};
use crate::store::rules::permits::{
    Behind, LimitId, LimitState, PermitAllocator, PermitEvent, PermitPlan, PermitQuery, Reach,
    Waiter,
};
use crate::time::Timestamp;

/// How long a doorkeeper waits for another, and the server for one that says nothing.
const PATIENCE: &str = "SET LOCAL lock_timeout = '1s';\
    SET LOCAL idle_in_transaction_session_timeout = '3s';";

/// Lets in whom there are permits for.
pub(in crate::store::postgres) struct LetIn {
    pub(in crate::store::postgres) now: Timestamp,
    pub(in crate::store::postgres) limit: usize,
}

/// What became of it.
pub(in crate::store::postgres) struct Entered {
    pub(in crate::store::postgres) ready: usize,
    /// What is to be done then, and whether more of that was left.
    pub(in crate::store::postgres) due: Due,
    pub(in crate::store::postgres) more: More,
}

#[async_trait]
impl Transition for LetIn {
    /// `None` if another doorkeeper did not get done.
    type Answer = Option<Entered>;
    const SHAPE: Shape = Shape::Transaction;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<Self::Answer>, Fault> {
        match self.admit(db).await {
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
    async fn admit(&self, db: &mut Db<'_>) -> Result<Entered, Fault> {
        let (plan, more) = self.decide(db).await?;
        write(db, &plan).await?;
        Ok(Entered {
            ready: plan.admitted.len(),
            due: Due::look(db, self.now).await?,
            more,
        })
    }

    /// Who is let in, and whether that leaves anything undone. Takes what became of permits.
    pub(in crate::store::postgres) async fn decide(
        &self,
        db: &mut Db<'_>,
    ) -> Result<(PermitPlan, More), Fault> {
        let lock = format!("{PATIENCE}{}", db.sql.allocator_lock.as_str());
        db.script(&lock).await?;
        let most = i64::try_from(self.limit).unwrap_or(i64::MAX);
        let arrivals = db
            .fetch(db.query(&db.sql.limits_new_waiters).bind(most))
            .await?;
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
        let mut keeper = PermitAllocator::new(
            self.now,
            door,
            events.into_iter().map(|(_, limit, event)| (limit, event)),
            due,
        );
        loop {
            match keeper.next_query() {
                PermitQuery::Limits(ids) => keeper.add_limits(visit.limits(db, ids).await?),
                PermitQuery::Waiters(asked) => {
                    let standing = visit.standing(db, &asked).await?;
                    keeper.add_waiters(&asked, standing);
                }
                PermitQuery::Admitted(asked) => keeper.displace(&asked, ready(db, &asked).await?),
                PermitQuery::Done => break,
            }
        }
        let mut plan = keeper.into_plan();
        visit.look_again(&mut plan, self.now);
        more.held = !plan.blocked.is_empty() || !plan.displaced.is_empty();
        Ok((plan, more))
    }

    /// What became of permits, the limits that are to be looked at, and whether more was left.
    async fn events(
        &self,
        db: &mut Db<'_>,
        most: i64,
    ) -> Result<(Events, Vec<LimitId>, bool), Fault> {
        let query = db.query(&db.sql.limits_permit_events);
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
        let rows = db.fetch(db.query(&db.sql.limits_states).bind(ids)).await?;
        let limits: Vec<_> = rows.iter().map(state).collect::<Result<_, _>>()?;
        let before = limits.iter().map(|limit| (limit.id, limit.clone()));
        self.before.extend(before);
        Ok(limits)
    }

    async fn standing(
        &mut self,
        db: &mut Db<'_>,
        asked: &[(LimitId, usize)],
    ) -> Result<Vec<(LimitId, Waiter)>, Fault> {
        let query = db
            .query(&db.sql.limits_waiters)
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
    fn look_again(&self, plan: &mut PermitPlan, now: Timestamp) {
        for limit in &mut plan.limits {
            // An index answers as quickly without it: it is not kept.
            limit.reach = Reach::ANYWHERE;
            if self.passed_over.contains(&limit.id) {
                let again = now.after(AGAIN);
                limit.check_at = Some(limit.check_at.map_or(again, |at| at.min(again)));
            }
        }
        plan.limits
            .retain(|limit| self.before.get(&limit.id) != Some(limit));
    }
}

async fn ready(db: &mut Db<'_>, asked: &[Behind]) -> Result<Vec<(LimitId, Waiter)>, Fault> {
    let query = db
        .query(&db.sql.limits_admitted)
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
pub(in crate::store::postgres) async fn write(
    db: &mut Db<'_>,
    plan: &PermitPlan,
) -> Result<(), Fault> {
    let PermitPlan {
        admitted: ready,
        blocked: held,
        displaced,
        limits,
        now,
    } = plan;
    let numbers = |held: &[Waiter]| held.iter().map(|held| held.seq).collect::<Vec<_>>();
    let turns = |held: &[Waiter]| held.iter().map(|held| held.arrived_at).collect::<Vec<_>>();
    let starts = ready.iter().map(|held| held.earliest_start(*now));
    let places = |held: &[Waiter]| {
        let at = held.iter().map(|held| held.waits_at().unwrap_or(0));
        let passed = held.iter().map(|it| i16::try_from(it.passed));
        let passed = passed.map(|passed| passed.unwrap_or(i16::MAX));
        (at.collect::<Vec<_>>(), passed.collect::<Vec<_>>())
    };
    let ranks = displaced.iter().map(|it| i16::try_from(it.rank));
    let ranks: Vec<_> = ranks.map(|rank| rank.unwrap_or(i16::MAX)).collect();
    let (at, passed) = places(held);
    let (back_at, back_passed) = places(displaced);
    let in_use = limits.iter().map(|limit| i64::try_from(limit.in_use));
    let in_use: Vec<_> = in_use.map(|count| count.unwrap_or(i64::MAX)).collect();
    let check_at = limits.iter().map(|limit| limit.check_at);
    let check_at: Vec<_> = check_at.map(|at| at.map(Timestamp::as_millis)).collect();
    let query = db
        .query(&db.sql.limits_write_plan)
        .bind(numbers(ready))
        .bind(numbers(held))
        .bind(at)
        .bind(passed)
        .bind(numbers(displaced))
        .bind(ranks)
        .bind(back_at)
        .bind(back_passed)
        .bind(limits.iter().map(|limit| limit.id).collect::<Vec<_>>())
        .bind(in_use)
        .bind(limits.iter().map(|it| it.tat).collect::<Vec<_>>())
        .bind(check_at)
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

/// Reads seq, rank and limits from three columns, and how many were passed and the arrived_at from others.
fn held(
    row: &PgRow,
    first: usize,
    [passed, arrived_at]: [Option<usize>; 2],
) -> Result<Waiter, Fault> {
    Ok(Waiter {
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
        arrived_at: arrived_at.map_or(Ok(0), |column| row.try_get(column))?,
    })
}
