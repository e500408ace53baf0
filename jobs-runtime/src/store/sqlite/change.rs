//! Changing an execution that waits.

use jobs::{ExecutionId, ExecutionStatus};
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::fault::Fault;
use super::operate::standing;
use crate::store::{Change, ChangeAnswer, StoreEvent};
use crate::time::Timestamp;

pub(super) async fn change_in_txn(
    conn: &mut SqliteConnection,
    id: ExecutionId,
    change: &Change,
    now: Timestamp,
) -> Result<(ChangeAnswer, Option<StoreEvent>), Fault> {
    let seq = match standing(conn, id).await? {
        None => return Ok((ChangeAnswer::Unknown, None)),
        Some((seq, ExecutionStatus::Pending | ExecutionStatus::Queued)) => seq,
        Some((_, status)) => return Ok((ChangeAnswer::NotWaiting(status), None)),
    };
    let moves = change.priority.is_some() || change.run_at.is_some();
    let place = match moves {
        true => Some(leave(conn, seq).await?),
        false => None,
    };
    sqlx::query(include_str!("sql/change.sql"))
        .bind(seq)
        .bind(change.payload.as_deref())
        .bind(change.run_at.map(Timestamp::as_millis))
        .bind(change.priority)
        .execute(&mut *conn)
        .await?;
    let event = match place {
        Some(place) => Some(enter(conn, seq, place, change, now).await?),
        None => None,
    };
    Ok((ChangeAnswer::Changed, event))
}

/// Where an execution waited.
struct Waited {
    attempt: u32,
    spent: u32,
    until: Option<Timestamp>,
    limited: bool,
}

async fn leave(conn: &mut SqliteConnection, seq: i64) -> Result<Waited, Fault> {
    let row = sqlx::query(include_str!("sql/change_place.sql"))
        .bind(seq)
        .fetch_one(&mut *conn)
        .await?;
    let until: Option<i64> = row.try_get(2)?;
    let waited = Waited {
        attempt: row.try_get(0)?,
        spent: row.try_get(1)?,
        until: until.map(Timestamp::from_millis),
        limited: row.try_get(3)?,
    };
    sqlx::query(concat!(
        include_str!("sql/cancel_permits.sql"),
        include_str!("sql/change_leave.sql")
    ))
    .bind(seq)
    .execute(conn)
    .await?;
    Ok(waited)
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
