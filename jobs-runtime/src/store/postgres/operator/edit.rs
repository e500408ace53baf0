//! Changing an execution that waits.
//!
//! It is taken out of where it waits and put where it belongs, in one transaction: whoever was about to move
//! it finds it gone, and it is never moved by what it was before.

use async_trait::async_trait;
use jobs::{ExecutionId, ExecutionStatus};
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::{LOOKS, Standing, seq_of, standing};
use crate::store::postgres::conn::error::Fault;
use crate::store::postgres::conn::operation::{Done, Shape, Transition, quietly};
use crate::store::postgres::conn::tx::Db;
use crate::store::postgres::limits::limits_of;
use crate::store::rules::permits::LimitId;
use crate::store::{EditAnswer, ExecutionEdit, StoreEvent};
use crate::time::Timestamp;

pub(in crate::store::postgres) struct Alter {
    pub(in crate::store::postgres) id: ExecutionId,
    pub(in crate::store::postgres) change: ExecutionEdit,
    pub(in crate::store::postgres) now: Timestamp,
}

#[async_trait]
impl Transition for Alter {
    type Answer = EditAnswer;
    const SHAPE: Shape = Shape::Transaction;
    /// The second run may find that it runs already, changed by the first.
    const REPEATABLE: bool = false;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<EditAnswer>, Fault> {
        let Some(seq) = seq_of(db, self.id).await? else {
            return Ok(quietly(EditAnswer::Unknown));
        };
        for _ in 0..LOOKS {
            let query = db.query(&db.sql.operator_edit_remove).bind(seq);
            if let Some(row) = db.fetch(query).await?.first() {
                let left = Place::read(row)?;
                self.write(db, seq).await?;
                let (place, unused) = left.moved(&self.change, self.now);
                let mut events = vec![place.event(self.now)];
                if !unused.is_empty() {
                    // Others may have them.
                    events.push(StoreEvent::Scheduled(self.now));
                }
                place.enter(db, seq, unused).await?;
                return Ok((EditAnswer::Changed, events));
            }
            match standing(db, seq).await? {
                Standing::Status(ExecutionStatus::Pending | ExecutionStatus::Queued)
                | Standing::Moving => {}
                Standing::Status(status) => {
                    return Ok(quietly(EditAnswer::NotWaiting(status)));
                }
                Standing::Gone => return Ok(quietly(EditAnswer::Unknown)),
            }
        }
        Err(Fault::Raced)
    }
}

impl Alter {
    async fn write(&self, db: &mut Db<'_>, seq: i64) -> Result<(), Fault> {
        let ExecutionEdit {
            priority,
            run_at,
            payload,
        } = &self.change;
        let query = db
            .query(&db.sql.operator_edit_execution)
            .bind(seq)
            .bind(payload.as_deref())
            .bind(run_at.map(Timestamp::as_millis))
            .bind(priority.map(i16::from));
        db.execute(query).await?;
        Ok(())
    }
}

/// Where an execution waits.
struct Place {
    rank: i16,
    attempt: i32,
    spent: i32,
    /// Its limits, if it has any that can be read.
    limits: Option<Vec<LimitId>>,
    /// Since when it has their permits, if it has.
    admitted_at: Option<i64>,
    wait: Wait,
}

enum Wait {
    Until(Timestamp),
    /// At a limit, having passed so many, with this turn.
    Held(LimitId, i16, i64),
    Ready,
}

impl Place {
    fn read(row: &PgRow) -> Result<Self, Fault> {
        let until: Option<i64> = row.try_get(3)?;
        let limit: Option<LimitId> = row.try_get(4)?;
        let passed: Option<i16> = row.try_get(5)?;
        Ok(Self {
            rank: row.try_get(0)?,
            attempt: row.try_get(1)?,
            spent: row.try_get(2)?,
            limits: limits_of(row, 7),
            admitted_at: row.try_get(8)?,
            wait: match (until, limit.zip(passed)) {
                (Some(until), _) => Wait::Until(Timestamp::from_millis(until)),
                (_, Some((limit, passed))) => Wait::Held(limit, passed, row.try_get(9)?),
                _ => Wait::Ready,
            },
        })
    }

    /// Where it waits after a change, and the permits that it does not need any more.
    fn moved(mut self, change: &ExecutionEdit, now: Timestamp) -> (Self, Vec<LimitId>) {
        let until = match (change.run_at, &self.wait) {
            (Some(until), _) => Some(until),
            (None, Wait::Until(until)) => Some(*until),
            (None, _) => None,
        };
        let until = until.filter(|until| *until > now);
        let stays = until.is_none()
            && !matches!(self.wait, Wait::Until(_))
            && change
                .priority
                .is_none_or(|to| 100 - i16::from(to) == self.rank);
        if stays {
            return (self, Vec::new());
        }
        let limits = self.limits.as_deref().unwrap_or_default();
        let passed = match self.wait {
            Wait::Until(_) => 0,
            Wait::Held(_, passed, _) => usize::try_from(passed).unwrap_or(0),
            Wait::Ready => limits.len(),
        };
        let unused = limits.iter().take(passed).copied().collect();
        self.wait = match until {
            Some(until) => Wait::Until(until),
            None if limits.is_empty() => Wait::Ready,
            None => Wait::Held(0, 0, 0),
        };
        (self, unused)
    }

    async fn enter(&self, db: &mut Db<'_>, seq: i64, unused: Vec<LimitId>) -> Result<(), Fault> {
        let (until, held) = match self.wait {
            Wait::Until(until) => (Some(until.as_millis()), None),
            Wait::Held(limit, passed, turn) => (None, Some((limit, passed, turn))),
            Wait::Ready => (None, None),
        };
        let query = db
            .query(&db.sql.operator_edit_insert)
            .bind(seq)
            .bind(self.attempt)
            .bind(self.spent)
            .bind(until)
            .bind(held.map(|(limit, ..)| limit))
            .bind(held.map(|(_, passed, _)| passed))
            .bind(self.limits.as_deref())
            .bind(unused)
            .bind(self.admitted_at)
            .bind(held.map_or(0, |(.., turn)| turn));
        db.execute(query).await?;
        Ok(())
    }

    fn event(&self, now: Timestamp) -> StoreEvent {
        match self.wait {
            Wait::Until(until) => StoreEvent::Scheduled(until),
            Wait::Held(..) => StoreEvent::Scheduled(now),
            Wait::Ready => StoreEvent::Ready,
        }
    }
}
