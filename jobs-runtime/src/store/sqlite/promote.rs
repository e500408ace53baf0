//! Moving executions that are due to their place in their queue.

use sqlx::sqlite::SqliteConnection;

use super::fault::Fault;
use crate::store::{Promotion, StoreEvent};
use crate::time::Timestamp;

pub(super) async fn promote_in_txn(
    conn: &mut SqliteConnection,
    now: Timestamp,
    limit: usize,
) -> Result<(Promotion, Option<StoreEvent>), Fault> {
    // Counts the rows of both statements: as many left as came.
    let moved = sqlx::query(include_str!("sql/promote.sql"))
        .bind(now.as_millis())
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .execute(&mut *conn)
        .await?;
    let promoted = usize::try_from(moved.rows_affected() / 2).unwrap_or(usize::MAX);
    let promotion = Promotion {
        promoted,
        next_due: next_due_on_conn(conn).await?,
    };
    Ok((promotion, (promoted > 0).then_some(StoreEvent::Ready)))
}

/// When the next scheduled execution is due.
pub(super) async fn next_due_on_conn(
    conn: &mut SqliteConnection,
) -> Result<Option<Timestamp>, Fault> {
    let due: Option<i64> = sqlx::query_scalar(include_str!("sql/promote_due.sql"))
        .fetch_one(conn)
        .await?;
    Ok(due.map(Timestamp::from_millis))
}
