//! Admission control for executions with limits: `max_concurrent` and `rate_limit` are enforced
//! here.
//!
//! One allocator at a time runs in the whole fleet: it holds the row of `allocator_lock` for its
//! transaction. It reads new waiters and permit events, feeds them to [`PermitAllocator`] and
//! writes the plan that this returns: admitted executions move from `blocked` to `ready`.
//!
//! * **Locks:** besides `allocator_lock`, the allocator waits only for rows that short transactions
//!   lock, mostly of `limits`. It waits for no execution. A waiter that another transaction has
//!   locked (an edit, a cancellation) is skipped; its limit is checked again after [`RECHECK`].
//! * **A stalled process:** the server ends the transaction of an allocator that is silent for 3 s.
//!   Other processes wait for the lock for 1 s at most, and try again.
//!
//! Executions without limits never pass through here.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::{limits_of, state};
use crate::store::StoreEvent;
use crate::store::postgres::conn::error::{DbError, corrupt, readable};
use crate::store::postgres::conn::operation::{Operation, Outcome, TxMode, without_events};
use crate::store::postgres::conn::tx::Tx;
use crate::store::postgres::number;
use crate::store::postgres::promote::{DueWork, RECHECK, WorkLeft};
use crate::store::rules::permits::{
    LimitId, LimitState, MAX_AHEAD, PermitAllocator, PermitEvent, PermitPlan, PermitQuery, Waiter,
};
use crate::time::Timestamp;

/// Longest wait for another allocator, and longest silence after which the server ends this one.
const TIMEOUTS: &str = "SET LOCAL lock_timeout = '1s';\
    SET LOCAL idle_in_transaction_session_timeout = '3s';";

/// Admits the executions that permits are free for.
#[derive(Clone, Copy, Debug)]
pub(in crate::store::postgres) struct Admit {
    pub(in crate::store::postgres) now: Timestamp,
    /// The largest number of new waiters to look at.
    pub(in crate::store::postgres) max_new_waiters: usize,
}

/// Result of a run of the allocator.
pub(in crate::store::postgres) struct Admission {
    /// Executions that have become ready.
    pub(in crate::store::postgres) ready: usize,
    /// Work that exists after this run.
    pub(in crate::store::postgres) due: DueWork,
    /// Kinds of work that this run has left because of its bounds.
    pub(in crate::store::postgres) left: WorkLeft,
}

#[async_trait]
impl Operation for Admit {
    /// `None` if a lock, mostly that of another allocator, was not free within the timeout.
    type Output = Option<Admission>;
    const TX_MODE: TxMode = TxMode::Transaction;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        match self.admit(tx).await {
            Ok(admission) => {
                let ready = (admission.ready > 0).then_some(StoreEvent::Ready);
                Ok((Some(admission), ready.into_iter().collect()))
            }
            // The transaction has failed: its commit rolls everything back.
            Err(error) if error.is_locked() => Ok(without_events(None)),
            Err(error) => Err(error),
        }
    }
}

impl Admit {
    async fn admit(&self, tx: &mut Tx<'_>) -> Result<Admission, DbError> {
        let (plan, left) = self.lock_and_plan(tx).await?;
        write(tx, &plan).await?;
        Ok(Admission {
            ready: plan.admitted.len(),
            due: DueWork::load(tx, self.now).await?,
            left,
        })
    }

    /// Locks the allocator, consumes the permit events and returns the plan, with the work left.
    pub(in crate::store::postgres) async fn lock_and_plan(
        &self,
        tx: &mut Tx<'_>,
    ) -> Result<(PermitPlan, WorkLeft), DbError> {
        let lock = format!("{TIMEOUTS}{}", tx.sql.limits_allocator_lock.as_str());
        tx.script(&lock).await?;
        let most = i64::try_from(self.max_new_waiters).unwrap_or(i64::MAX);
        let rows = tx
            .fetch(tx.query(&tx.sql.limits_new_waiters).bind(most))
            .await?;
        let new_waiters = rows
            .iter()
            .map(|row| read_waiter(row, 0, None))
            .collect::<Result<_, DbError>>()?;
        let (events, due, has_more_events) = self.take_events(tx, most).await?;
        let mut left = WorkLeft {
            scheduled: false,
            new_waiters: rows.len() >= self.max_new_waiters,
            permit_events: has_more_events,
            blocked: false,
        };
        let mut seen = RowsSeen::default();
        let mut allocator = PermitAllocator::new(
            self.now,
            new_waiters,
            events.into_iter().map(|(_, limit, event)| (limit, event)),
            due,
        );
        loop {
            match allocator.next_query() {
                PermitQuery::Limits(ids) => allocator.add_limits(seen.limits(tx, ids).await?),
                PermitQuery::Waiters(asked) => {
                    let waiters = seen.waiters(tx, &asked).await?;
                    allocator.add_waiters(&asked, waiters);
                }
                PermitQuery::Done => break,
            }
        }
        let mut plan = allocator.into_plan();
        seen.finish_plan(&mut plan, self.now);
        left.blocked = !plan.blocked.is_empty();
        Ok((plan, left))
    }

    /// Deletes permit events and returns them, with the limits to check and whether events are
    /// left.
    async fn take_events(
        &self,
        tx: &mut Tx<'_>,
        most: i64,
    ) -> Result<(Events, Vec<LimitId>, bool), DbError> {
        let query = tx.query(&tx.sql.limits_take_permit_events);
        let most = most.max(1_000);
        let query = query
            .bind(most)
            .bind(self.now.as_millis())
            .bind(self.now.after(MAX_AHEAD).as_millis());
        let mut events = Events::new();
        let (mut due, mut taken) = (Vec::new(), 0);
        for row in &tx.fetch(query).await? {
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
            let event = event.ok_or_else(|| corrupt("the kind of a permit event", kind));
            if let Some(event) = readable(format_args!("an event of limit {limit}"), event)? {
                events.push((at, limit, event));
            }
        }
        // Starts count in the order of their times.
        events.sort_unstable_by_key(|(at, limit, _)| (*at, *limit));
        Ok((events, due, taken >= most))
    }
}

type Events = Vec<(Option<i64>, LimitId, PermitEvent)>;

/// Rows that one run of the allocator has read.
#[derive(Default)]
struct RowsSeen {
    /// Limits before the run.
    before: HashMap<LimitId, LimitState>,
    /// Limits with a waiter that another transaction has locked.
    skipped: HashSet<LimitId>,
}

impl RowsSeen {
    async fn limits(
        &mut self,
        tx: &mut Tx<'_>,
        ids: Vec<LimitId>,
    ) -> Result<Vec<LimitState>, DbError> {
        let rows = tx
            .fetch(tx.query(&tx.sql.limits_lock_limits).bind(ids))
            .await?;
        // A limit that this program cannot read counts as missing.
        let limits = rows.iter();
        let limits = limits.filter_map(|row| readable("a limit", state(row)).transpose());
        let limits: Vec<_> = limits.collect::<Result<_, _>>()?;
        let before = limits.iter().map(|limit| (limit.id, limit.clone()));
        self.before.extend(before);
        Ok(limits)
    }

    async fn waiters(
        &mut self,
        tx: &mut Tx<'_>,
        asked: &[(LimitId, usize)],
    ) -> Result<Vec<(LimitId, Waiter)>, DbError> {
        let query = tx
            .query(&tx.sql.limits_lock_waiters)
            .bind(asked.iter().map(|(id, _)| *id).collect::<Vec<_>>())
            .bind(
                asked
                    .iter()
                    .map(|(_, most)| most_of(*most))
                    .collect::<Vec<_>>(),
            );
        let mut waiters = Vec::new();
        for row in &tx.fetch(query).await? {
            let limit = row.try_get(0)?;
            match row.try_get::<i64, _>(1)? {
                0 => {
                    self.skipped.insert(limit);
                }
                _ => waiters.push((limit, read_waiter(row, 1, Some(4))?)),
            }
        }
        Ok(waiters)
    }

    /// Completes the plan: schedules a check of limits with skipped waiters, then drops limits that
    /// have not changed.
    fn finish_plan(&self, plan: &mut PermitPlan, now: Timestamp) {
        for limit in &mut plan.limits {
            if self.skipped.contains(&limit.id) {
                let again = now.after(RECHECK);
                limit.check_at = Some(limit.check_at.map_or(again, |at| at.min(again)));
            }
        }
        plan.limits
            .retain(|limit| self.before.get(&limit.id) != Some(limit));
    }
}

/// Writes a plan.
pub(in crate::store::postgres) async fn write(
    tx: &mut Tx<'_>,
    plan: &PermitPlan,
) -> Result<(), DbError> {
    let PermitPlan {
        admitted,
        blocked,
        limits,
        now,
    } = plan;
    let seqs = |waiters: &[Waiter]| waiters.iter().map(|it| it.seq).collect::<Vec<_>>();
    let starts = admitted.iter().map(|waiter| waiter.earliest_start(*now));
    let waits_at = blocked.iter().map(|waiter| waiter.waits_at().unwrap_or(0));
    let passed = blocked.iter().map(|it| i16::try_from(it.passed));
    let passed = passed.map(|passed| passed.unwrap_or(i16::MAX));
    let in_use = limits.iter().map(|limit| i64::try_from(limit.in_use));
    let in_use: Vec<_> = in_use.map(|count| count.unwrap_or(i64::MAX)).collect();
    let paused_until = limits.iter().map(|limit| limit.paused_until.as_millis());
    let check_at = limits.iter().map(|limit| limit.check_at);
    let check_at: Vec<_> = check_at.map(|at| at.map(Timestamp::as_millis)).collect();
    let query = tx
        .query(&tx.sql.limits_write_plan)
        .bind(seqs(admitted))
        .bind(starts.collect::<Vec<_>>())
        .bind(seqs(blocked))
        .bind(waits_at.collect::<Vec<_>>())
        .bind(passed.collect::<Vec<_>>())
        .bind(blocked.iter().map(|it| it.arrived_at).collect::<Vec<_>>())
        .bind(limits.iter().map(|limit| limit.id).collect::<Vec<_>>())
        .bind(in_use)
        .bind(limits.iter().map(|it| it.tat).collect::<Vec<_>>())
        .bind(paused_until.collect::<Vec<_>>())
        .bind(check_at);
    let rows = tx.fetch(query).await?;
    let written: i64 = rows.first().ok_or(DbError::Raced)?.try_get(0)?;
    // The rows are locked, so no other transaction can have deleted one.
    if usize::try_from(written) == Ok(admitted.len()) {
        Ok(())
    } else {
        Err(DbError::Raced)
    }
}

fn most_of(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Reads a waiter: seq, rank and limits from three columns, `passed` and `arrived_at` from two
/// others.
fn read_waiter(row: &PgRow, first: usize, passed: Option<usize>) -> Result<Waiter, DbError> {
    Ok(Waiter {
        seq: row.try_get(first)?,
        rank: match passed {
            // A UNION with literals makes the column an integer.
            Some(_) => i64::from(row.try_get::<i32, _>(first + 1)?),
            None => i64::from(row.try_get::<i16, _>(first + 1)?),
        },
        limits: limits_of(row, first + 2).unwrap_or_default(),
        passed: match passed {
            Some(column) => number("passed limits", row.try_get::<i32, _>(column)?)?,
            None => 0,
        },
        arrived_at: passed.map_or(Ok(0), |column| row.try_get(column + 1))?,
    })
}
