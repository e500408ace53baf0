//! Changing an execution that waits.

use jobs::{ExecutionId, ExecutionStatus};
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::standing;
use crate::store::sqlite::conn::error::Fault;
use crate::store::sqlite::limits::wanted_in_txn;
use crate::store::{EditAnswer, ExecutionEdit, StoreEvent};
use crate::time::Timestamp;

pub(in crate::store::sqlite) async fn change_in_txn(
    conn: &mut SqliteConnection,
    id: ExecutionId,
    change: &ExecutionEdit,
    now: Timestamp,
) -> Result<(EditAnswer, Vec<StoreEvent>), Fault> {
    let seq = match standing(conn, id).await? {
        None => return Ok((EditAnswer::Unknown, Vec::new())),
        Some((seq, ExecutionStatus::Pending | ExecutionStatus::Queued)) => seq,
        Some((_, status)) => return Ok((EditAnswer::NotWaiting(status), Vec::new())),
    };
    let waited = waited(conn, seq).await?;
    let moves = waited.moves(change, now);
    if moves {
        sqlx::query(concat!(
            include_str!("../sql/operator/cancel_permits.sql"),
            include_str!("../sql/operator/edit_leave.sql")
        ))
        .bind(seq)
        .execute(&mut *conn)
        .await?;
    }
    sqlx::query(include_str!("../sql/operator/edit.sql"))
        .bind(seq)
        .bind(change.payload.as_deref())
        .bind(change.run_at.map(Timestamp::as_millis))
        .bind(change.priority)
        .execute(&mut *conn)
        .await?;
    let mut events = Vec::new();
    if moves {
        events.push(enter(conn, seq, waited, change, now).await?);
        events.extend(wanted_in_txn(conn).await?);
    }
    Ok((EditAnswer::Changed, events))
}

/// Where an execution waited.
struct Waited {
    attempt: u32,
    spent: u32,
    until: Option<Timestamp>,
    limited: bool,
    priority: u8,
}

impl Waited {
    /// Whether it belongs elsewhere by what changes: what stays where it is keeps its permits.
    fn moves(&self, change: &ExecutionEdit, now: Timestamp) -> bool {
        let another_time = match (self.until, change.run_at) {
            (_, None) => false,
            (Some(until), Some(run_at)) => until != run_at,
            (None, Some(run_at)) => run_at > now,
        };
        let another_rank = change
            .priority
            .is_some_and(|priority| priority != self.priority);
        another_time || another_rank
    }
}

async fn waited(conn: &mut SqliteConnection, seq: i64) -> Result<Waited, Fault> {
    let row = sqlx::query(include_str!("../sql/operator/edit_place.sql"))
        .bind(seq)
        .fetch_one(conn)
        .await?;
    let until: Option<i64> = row.try_get(2)?;
    Ok(Waited {
        attempt: row.try_get(0)?,
        spent: row.try_get(1)?,
        until: until.map(Timestamp::from_millis),
        limited: row.try_get(3)?,
        priority: row.try_get(4)?,
    })
}

async fn enter(
    conn: &mut SqliteConnection,
    seq: i64,
    waited: Waited,
    change: &ExecutionEdit,
    now: Timestamp,
) -> Result<StoreEvent, Fault> {
    let until = change.run_at.or(waited.until).filter(|until| *until > now);
    sqlx::query(include_str!("../sql/operator/edit_enter.sql"))
        .bind(seq)
        .bind(waited.attempt)
        .bind(waited.spent)
        .bind(until.map(Timestamp::as_millis))
        .bind(waited.limited)
        .execute(conn)
        .await?;
    Ok(match (until, waited.limited) {
        (Some(until), _) => StoreEvent::Scheduled(until),
        (None, true) => StoreEvent::Scheduled(now),
        (None, false) => StoreEvent::Ready,
    })
}
