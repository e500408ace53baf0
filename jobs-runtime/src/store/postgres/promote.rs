//! Moving executions that are due to their place in their queue.

use async_trait::async_trait;
use sqlx::Row;
use std::time::Duration;

use super::conn::error::Fault;
use super::conn::operation::{Done, Shape, Transition};
use super::conn::tx::Db;
use crate::store::StoreEvent;
use crate::time::Timestamp;

/// When to look again for what somebody else holds, an open transaction perhaps.
pub(super) const AGAIN: Duration = Duration::from_secs(1);

/// When to look again once somebody has come to wait: an end that was being written just then has not seen him, and
/// tells nobody. Hardly any takes longer than to wait for a lock; what does is found by the look that is due anyway.
const UNSEEN: Duration = Duration::from_millis(300);

/// What there is to do, before anything is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Due {
    now: Timestamp,
    scheduled: Option<Timestamp>,
    /// The first one that is scheduled for later.
    later: Option<Timestamp>,
    check_at: Option<Timestamp>,
    /// Somebody stands at the door.
    door: bool,
    /// Permits have come back.
    events: bool,
}

impl Due {
    pub(super) async fn look(db: &mut Db<'_>, now: Timestamp) -> Result<Self, Fault> {
        let query = db.query(&db.sql.promote_due_work).bind(now.as_millis());
        let rows = db.fetch(query).await?;
        let row = rows.first().ok_or(Fault::Raced)?;
        let time = |column: usize| -> Result<Option<Timestamp>, Fault> {
            let millis: Option<i64> = row.try_get(column)?;
            Ok(millis.map(Timestamp::from_millis))
        };
        Ok(Self {
            now,
            scheduled: time(0)?,
            later: time(1)?,
            check_at: time(2)?,
            door: row.try_get(3)?,
            events: row.try_get(4)?,
        })
    }

    /// Whether something that was scheduled is due.
    fn is_scheduled(&self) -> bool {
        self.scheduled.is_some_and(|at| at <= self.now)
    }

    /// Whether somebody may be let in, or is to be looked at.
    pub(super) fn at_the_door(&self) -> bool {
        self.door || self.events || self.check_at.is_some_and(|at| at <= self.now)
    }

    /// When there will be something to do; `more` tells whether more was to be done at once than was.
    pub(super) fn next(&self, more: More) -> Option<Timestamp> {
        let scheduled = match self.is_scheduled() && !more.scheduled {
            // Whatever is due now is in somebody's hands.
            true => self.later.into_iter().chain([self.now.after(AGAIN)]).min(),
            false => self.scheduled,
        };
        let door = (self.door && more.door).then_some(self.now);
        let events = (self.events && more.events).then_some(self.now);
        let unseen = more.held.then(|| self.now.after(UNSEEN));
        let times = [scheduled, self.check_at, door, events, unseen];
        times.into_iter().flatten().min()
    }
}

/// Whether the limit of a promotion has left something undone, and whether somebody has come to wait.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct More {
    pub(super) scheduled: bool,
    pub(super) door: bool,
    pub(super) events: bool,
    pub(super) held: bool,
}

/// Moves what is due. Answers how many are ready by that, and what is to be done then.
pub(super) struct Promote {
    pub(super) now: Timestamp,
    pub(super) limit: usize,
}

pub(super) struct Promoted {
    pub(super) ready: usize,
    pub(super) due: Due,
    pub(super) more: More,
}

#[async_trait]
impl Transition for Promote {
    type Answer = Promoted;
    const SHAPE: Shape = Shape::Statement;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<Promoted>, Fault> {
        let limit = i64::try_from(self.limit).unwrap_or(i64::MAX);
        let mut promoted = Promoted {
            ready: 0,
            due: Due::look(db, self.now).await?,
            more: More {
                scheduled: true,
                door: true,
                events: true,
                held: false,
            },
        };
        // Usually nothing is due: see before writing.
        if promoted.due.is_scheduled() {
            let query = db
                .query(&db.sql.promote_move_due)
                .bind(self.now.as_millis())
                .bind(limit);
            let rows = db.fetch(query).await?;
            let row = rows.first().ok_or(Fault::Raced)?;
            let moved: i64 = row.try_get(0)?;
            promoted.ready = usize::try_from(row.try_get::<i64, _>(1)?).unwrap_or(0);
            promoted.more.scheduled = moved >= limit;
            promoted.due = Due::look(db, self.now).await?;
        }
        let ready = (promoted.ready > 0).then_some(StoreEvent::Ready);
        Ok((promoted, ready.into_iter().collect()))
    }
}
