//! Moving executions that are due to their place in their queue.

use async_trait::async_trait;
use sqlx::Row;

use super::db::Db;
use super::fault::Fault;
use super::transition::{Done, Shape, Transition, quietly};
use crate::store::{Promotion, StoreEvent};
use crate::time::Timestamp;

pub(super) struct Promote {
    pub(super) now: Timestamp,
    pub(super) limit: usize,
}

#[async_trait]
impl Transition for Promote {
    type Answer = Promotion;
    const SHAPE: Shape = Shape::Statement;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<Promotion>, Fault> {
        // Usually nothing is due: see before writing.
        let next_due = next_due(db).await?;
        if next_due.is_none_or(|due| due > self.now) {
            return Ok(quietly(Promotion {
                promoted: 0,
                next_due,
            }));
        }
        let query = db
            .query(&db.sql.promote)
            .bind(self.now.as_millis())
            .bind(i64::try_from(self.limit).unwrap_or(i64::MAX));
        let promoted = db.execute(query).await?;
        let promotion = Promotion {
            promoted: usize::try_from(promoted).unwrap_or(usize::MAX),
            next_due: self::next_due(db).await?,
        };
        let ready = (promoted > 0).then_some(StoreEvent::Ready);
        Ok((promotion, ready.into_iter().collect()))
    }
}

/// When the next scheduled execution is due.
async fn next_due(db: &mut Db<'_>) -> Result<Option<Timestamp>, Fault> {
    let rows = db.fetch(db.query(&db.sql.promote_due)).await?;
    let row = rows.first();
    row.map(|row| Ok(Timestamp::from_millis(row.try_get(0)?)))
        .transpose()
}
