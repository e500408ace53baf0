//! Promotion: due executions become ready, blocked ones are admitted.
//!
//! [`Promote`] moves due executions out of `scheduled`: to `ready`, or to `blocked` if they have
//! limits. The permit allocator then runs in a transaction of its own, if there is work for it.
//! Executions without limits are thus claimed while the allocator waits for that of another
//! process.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::Row;

use super::PostgresStore;
use super::conn::error::DbError;
use super::conn::operation::{Operation, Outcome};
use super::conn::tx::Tx;
use super::expire::{Expired, expire};
use super::limits::allocator::Admit;
use super::postpone::{PostponeDue, PostponeWaiters};
use crate::store::rules::expiry::MAX_EXPIRED;
use crate::store::rules::permits::MAX_AHEAD;
use crate::store::rules::poison_rows::without_rejected;
use crate::store::{Promotion, StoreError, StoreEvent};
use crate::time::Timestamp;

/// Pause before rows are checked again that another transaction has locked.
pub(super) const RECHECK: Duration = Duration::from_secs(1);

/// Pause before permits are checked again after an execution was blocked. A concurrent settlement
/// cannot see the new waiter and publishes no event. A settlement waits 250 ms for a lock at most;
/// one that takes longer is covered by the periodic promotion.
const CONCURRENT_SETTLE_RECHECK: Duration = Duration::from_millis(300);

/// Cancels expired executions, promotes due ones and admits blocked ones.
pub(super) async fn promote(
    store: &PostgresStore,
    now: Timestamp,
    limit: usize,
) -> Result<Promotion, StoreError> {
    let Promoted {
        ready,
        mut due,
        more,
    } = without_rejected(
        || store.promotion.run(Promote { now, limit }),
        || store.promotion.run(PostponeDue { now, limit }),
    )
    .await?;
    if due.has_expired() {
        due = expire(store, now).await?.due_work();
    }
    if !due.needs_allocator() {
        return Ok(Promotion {
            promoted: ready,
            next_due: due.next_due(more),
        });
    }
    let admit = Admit {
        now,
        max_new_waiters: limit,
    };
    let admission = without_rejected(
        || store.allocator.run(admit),
        || store.allocator.run(PostponeWaiters(admit)),
    )
    .await?;
    Ok(match admission {
        Some(admission) => Promotion {
            promoted: ready + admission.ready,
            next_due: DueWork {
                expires_at: due.expires_at,
                ..admission.due
            }
            .next_due(WorkLeft {
                scheduled: more.scheduled,
                ..admission.left
            }),
        },
        // The allocator of another process holds the lock: try again at once.
        None => Promotion {
            promoted: ready,
            next_due: Some(now),
        },
    })
}

/// Work of a promotion and of the allocator, read without locks.
#[derive(Clone, Copy, Debug)]
pub(super) struct DueWork {
    now: Timestamp,
    /// Due time of the first scheduled execution.
    scheduled: Option<Timestamp>,
    /// Due time of the first one that is due after `now`.
    later: Option<Timestamp>,
    /// First time at which the allocator must look at a limit.
    check_at: Option<Timestamp>,
    /// True if there are waiters that the allocator has not looked at.
    new_waiters: bool,
    /// True if permits were released or taken since the allocator ran.
    permit_events: bool,
    /// First time at which an execution expires.
    expires_at: Option<Timestamp>,
    /// First such time after `now`.
    expires_later: Option<Timestamp>,
}

impl DueWork {
    pub(super) async fn load(tx: &mut Tx<'_>, now: Timestamp) -> Result<Self, DbError> {
        let query = tx
            .query(&tx.sql.promote_due_work)
            .bind(now.as_millis())
            .bind(now.after(MAX_AHEAD).as_millis());
        let rows = tx.fetch(query).await?;
        let row = rows.first().ok_or(DbError::Raced)?;
        let time = |column: usize| -> Result<Option<Timestamp>, DbError> {
            let millis: Option<i64> = row.try_get(column)?;
            Ok(millis.map(Timestamp::from_millis))
        };
        Ok(Self {
            now,
            scheduled: time(0)?,
            later: time(1)?,
            check_at: time(2)?,
            new_waiters: row.try_get(3)?,
            permit_events: row.try_get(4)?,
            expires_at: time(5)?,
            expires_later: time(6)?,
        })
    }

    /// Returns true if a scheduled execution is due.
    fn has_due_executions(&self) -> bool {
        self.scheduled.is_some_and(|at| at <= self.now)
    }

    /// Returns true if an execution has expired.
    fn has_expired(&self) -> bool {
        self.expires_at.is_some_and(|at| at <= self.now)
    }

    /// Returns true if the allocator may admit an execution or has to check a limit.
    pub(super) fn needs_allocator(&self) -> bool {
        self.new_waiters || self.permit_events || self.check_at.is_some_and(|at| at <= self.now)
    }

    /// Returns the time of the next promotion; `more` is the work that the last one has left.
    pub(super) fn next_due(&self, more: WorkLeft) -> Option<Timestamp> {
        let scheduled = if self.has_due_executions() && !more.scheduled {
            // Other transactions have locked the executions that are due now.
            self.later
                .into_iter()
                .chain([self.now.after(RECHECK)])
                .min()
        } else {
            self.scheduled
        };
        let new_waiters = (self.new_waiters && more.new_waiters).then_some(self.now);
        let permit_events = (self.permit_events && more.permit_events).then_some(self.now);
        let concurrent_settle = more
            .blocked
            .then(|| self.now.after(CONCURRENT_SETTLE_RECHECK));
        let times = [
            scheduled,
            self.check_at,
            new_waiters,
            permit_events,
            concurrent_settle,
            self.expires_at,
        ];
        times.into_iter().flatten().min()
    }
}

impl Expired {
    /// Returns the work that is left. After a full batch, more executions may have expired. After a
    /// partial one, those that are left are locked by other transactions.
    fn due_work(self) -> DueWork {
        let Self {
            found,
            cancelled,
            mut due,
        } = self;
        let is_full = i64::try_from(found).is_ok_and(|found| found >= MAX_EXPIRED);
        if due.has_expired() && (!is_full || cancelled == 0) {
            let recheck = due.now.after(RECHECK);
            due.expires_at = due.expires_later.into_iter().chain([recheck]).min();
        }
        due
    }
}

/// Kinds of work that a promotion or the allocator has left because of its bounds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct WorkLeft {
    pub(super) scheduled: bool,
    pub(super) new_waiters: bool,
    pub(super) permit_events: bool,
    /// True if an execution was blocked at a limit.
    pub(super) blocked: bool,
}

/// Moves due executions out of `scheduled`, up to `limit`.
pub(super) struct Promote {
    pub(super) now: Timestamp,
    pub(super) limit: usize,
}

/// Output of [`Promote`].
pub(super) struct Promoted {
    /// Executions that have become ready.
    pub(super) ready: usize,
    pub(super) due: DueWork,
    pub(super) more: WorkLeft,
}

#[async_trait]
impl Operation for Promote {
    type Output = Promoted;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Promoted>, DbError> {
        let limit = i64::try_from(self.limit).unwrap_or(i64::MAX);
        let mut promoted = Promoted {
            ready: 0,
            due: DueWork::load(tx, self.now).await?,
            more: WorkLeft {
                scheduled: true,
                new_waiters: true,
                permit_events: true,
                blocked: false,
            },
        };
        // Mostly nothing is due: read before writing.
        if promoted.due.has_due_executions() {
            let query = tx
                .query(&tx.sql.promote_move_due)
                .bind(self.now.as_millis())
                .bind(limit);
            let rows = tx.fetch(query).await?;
            let row = rows.first().ok_or(DbError::Raced)?;
            let moved: i64 = row.try_get(0)?;
            promoted.ready = usize::try_from(row.try_get::<i64, _>(1)?).unwrap_or(0);
            promoted.more.scheduled = moved >= limit;
            promoted.due = DueWork::load(tx, self.now).await?;
        }
        let ready = (promoted.ready > 0).then_some(StoreEvent::Ready);
        Ok((promoted, ready.into_iter().collect()))
    }
}
