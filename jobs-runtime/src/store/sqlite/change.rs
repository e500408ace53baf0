//! Changing an execution that waits.

use jobs::{ExecutionId, ExecutionStatus};
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::fault::Fault;
use super::limits::wanted_in_txn;
use super::operate::standing;
use crate::store::{Change, ChangeAnswer, StoreEvent};
use crate::time::Timestamp;

pub(super) async fn change_in_txn(
    conn: &mut SqliteConnection,
    id: ExecutionId,
    change: &Change,
    now: Timestamp,
) -> Result<(ChangeAnswer, Vec<StoreEvent>), Fault> {
    let seq = match standing(conn, id).await? {
        None => return Ok((ChangeAnswer::Unknown, Vec::new())),
        Some((seq, ExecutionStatus::Pending | ExecutionStatus::Queued)) => seq,
        Some((_, status)) => return Ok((ChangeAnswer::NotWaiting(status), Vec::new())),
    };
    let waited = waited(conn, seq).await?;
    let moves = waited.moves(change, now);
    if moves {
        sqlx::query(concat!(
            include_str!("sql/cancel_permits.sql"),
            include_str!("sql/change_leave.sql")
        ))
        .bind(seq)
        .execute(&mut *conn)
        .await?;
    }
    sqlx::query(include_str!("sql/change.sql"))
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
    Ok((ChangeAnswer::Changed, events))
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
    fn moves(&self, change: &Change, now: Timestamp) -> bool {
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
    let row = sqlx::query(include_str!("sql/change_place.sql"))
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
    change: &Change,
    now: Timestamp,
) -> Result<StoreEvent, Fault> {
    let until = change.run_at.or(waited.until).filter(|until| *until > now);
    sqlx::query(include_str!("sql/change_enter.sql"))
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
