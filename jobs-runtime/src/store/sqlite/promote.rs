//! Promotion: cancels expired executions, moves due ones to their queues, and runs the permit
//! allocator.

use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::conn::error::DbError;
use super::conn::operation::{Outcome, operation};
use super::conn::script::rows_named;
use super::expire::expire;
use super::limits::allocator;
use super::{SqliteStore, postpone};
use crate::store::rules::permits::MAX_AHEAD;
use crate::store::rules::poison_rows::{is_rejection, without_rejected};
use crate::store::{Promotion, StoreError, StoreEvent};
use crate::time::Timestamp;

/// The work that a promotion would find, read without a lock.
#[derive(Clone, Copy, Debug)]
struct DueWork {
    /// The earliest time of a scheduled execution.
    scheduled: Option<Timestamp>,
    /// The earliest time at which the allocator has to look at a limit.
    check_at: Option<Timestamp>,
    /// Blocked executions exist that the allocator has not looked at.
    new_waiters: bool,
    /// The earliest time at which an execution expires.
    expires_at: Option<Timestamp>,
}

impl DueWork {
    /// Reads it from the database.
    async fn on_conn(conn: &mut SqliteConnection, now: Timestamp) -> Result<Self, DbError> {
        let row = sqlx::query(include_str!("sql/promote/due_work.sql"))
            .bind(now.as_millis())
            .bind(now.after(MAX_AHEAD).as_millis())
            .fetch_one(conn)
            .await?;
        let time = |column| -> Result<Option<Timestamp>, DbError> {
            let millis: Option<i64> = row.try_get(column)?;
            Ok(millis.map(Timestamp::from_millis))
        };
        Ok(Self {
            scheduled: time(0)?,
            check_at: time(1)?,
            new_waiters: row.try_get(2)?,
            expires_at: time(3)?,
        })
    }

    /// True if a promotion at `now` would change something.
    fn is_due(&self, now: Timestamp) -> bool {
        self.next(now).is_some_and(|due| due <= now)
    }

    /// True if the allocator has something to do at `now`.
    fn wants_allocator(&self, now: Timestamp) -> bool {
        self.new_waiters || self.check_at.is_some_and(|at| at <= now)
    }

    /// The time of the next promotion; `None` if only a new write can make one necessary.
    fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let at_once = self.new_waiters.then_some(now);
        let times = [self.scheduled, self.check_at, at_once, self.expires_at];
        times.into_iter().flatten().min()
    }
}

/// Cancels expired executions, promotes due ones and admits blocked ones. Postpones executions that
/// the database rejects.
pub(super) async fn promote(
    store: &SqliteStore,
    now: Timestamp,
    limit: usize,
) -> Result<Promotion, StoreError> {
    // Usually nothing is due: a read finds out without the write lock.
    let due = store
        .read(operation!(|conn| DueWork::on_conn(conn, now)))
        .await?;
    if !due.is_due(now) {
        return Ok(Promotion {
            promoted: 0,
            next_due: due.next(now),
        });
    }
    if due.expires_at.is_some_and(|at| at <= now) {
        expire(store, now).await?;
    }
    let promote = || store.transition(operation!(|conn| promote_in_txn(conn, now, limit)));
    match promote().await {
        Err(error) if is_rejection(&error) => {}
        promotion => return promotion,
    }
    let moved = without_rejected(
        || store.transition(operation!(|conn| move_due_in_txn(conn, now, limit))),
        || store.transition(operation!(|conn| postpone::due_in_txn(conn, now, limit))),
    )
    .await?;
    let mut promotion = without_rejected(promote, || {
        store.transition(operation!(|conn| postpone::waiters_in_txn(
            conn, now, limit
        )))
    })
    .await?;
    promotion.promoted += moved;
    Ok(promotion)
}

/// Moves up to `limit` due executions, and lets the allocator admit blocked ones.
async fn promote_in_txn(
    conn: &mut SqliteConnection,
    now: Timestamp,
    limit: usize,
) -> Result<Outcome<Promotion>, DbError> {
    let (moved, _) = move_due_in_txn(conn, now, limit).await?;
    let most = i64::try_from(limit).unwrap_or(i64::MAX);
    let admitted = if DueWork::on_conn(conn, now).await?.wants_allocator(now) {
        allocator::admit(conn, now, most).await?
    } else {
        0
    };
    let promoted = moved + admitted;
    let promotion = Promotion {
        promoted,
        next_due: DueWork::on_conn(conn, now).await?.next(now),
    };
    let ready = (promoted > 0).then_some(StoreEvent::Ready);
    Ok((promotion, Vec::from_iter(ready)))
}

/// Moves up to `limit` due executions: those without limits to their queues, where they are ready,
/// those with limits among the blocked ones. Returns the number of the former.
async fn move_due_in_txn(
    conn: &mut SqliteConnection,
    now: Timestamp,
    limit: usize,
) -> Result<Outcome<usize>, DbError> {
    let rows = sqlx::query(include_str!("sql/promote/move_due.sql"))
        .bind(now.as_millis())
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(conn)
        .await?;
    let moved = rows_named(&rows, "promoted").next();
    let moved = moved.map_or(Ok(0), |row| row.try_get::<i64, _>(1))?;
    let moved = usize::try_from(moved).unwrap_or(0);
    let ready = (moved > 0).then_some(StoreEvent::Ready);
    Ok((moved, Vec::from_iter(ready)))
}
