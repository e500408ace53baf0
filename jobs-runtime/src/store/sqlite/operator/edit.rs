//! Edits of a waiting execution: its payload, its time, its priority.
//!
//! An edit that changes the execution's place in the order of claims, or its time, moves it: it
//! gives up its permits and waits anew. Every other edit leaves the execution and its permits as
//! they are.

use jobs::{ExecutionId, ExecutionStatus};
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::state_on_conn;
use crate::store::sqlite::conn::error::DbError;
use crate::store::sqlite::conn::operation::Outcome;
use crate::store::sqlite::limits::allocator_wanted_in_txn;
use crate::store::{EditAnswer, ExecutionEdit, StoreEvent};
use crate::time::Timestamp;

/// Edits an execution that is pending or queued.
pub(in crate::store::sqlite) async fn edit_in_txn(
    conn: &mut SqliteConnection,
    id: ExecutionId,
    edit: &ExecutionEdit,
    now: Timestamp,
) -> Result<Outcome<EditAnswer>, DbError> {
    let seq = match state_on_conn(conn, id).await? {
        None => return Ok((EditAnswer::Unknown, Vec::new())),
        Some((seq, ExecutionStatus::Pending | ExecutionStatus::Queued)) => seq,
        Some((_, status)) => return Ok((EditAnswer::NotWaiting(status), Vec::new())),
    };
    let before = WaitingState::on_conn(conn, seq).await?;
    let moves = before.moves(edit, now);
    if moves {
        sqlx::query(concat!(
            include_str!("../sql/operator/cancel_permits.sql"),
            include_str!("../sql/operator/edit_remove.sql")
        ))
        .bind(seq)
        .execute(&mut *conn)
        .await?;
    }
    sqlx::query(include_str!("../sql/operator/edit_execution.sql"))
        .bind(seq)
        .bind(edit.payload.as_deref())
        .bind(edit.run_at.map(Timestamp::as_millis))
        .bind(edit.priority)
        .bind(edit.queue.as_deref())
        .execute(&mut *conn)
        .await?;
    let mut events = Vec::new();
    if moves {
        events.push(insert(conn, seq, before, edit, now).await?);
        events.extend(allocator_wanted_in_txn(conn).await?);
    }
    Ok((EditAnswer::Changed, events))
}

/// The state of a waiting execution before an edit.
struct WaitingState {
    /// The number of the next attempt.
    attempt: u32,
    /// Attempts that count against the budget.
    spent: u32,
    /// The time at which it is due; `None` if it is queued.
    until: Option<Timestamp>,
    limited: bool,
    priority: u8,
}

impl WaitingState {
    /// Reads the state of an execution that is pending or queued.
    async fn on_conn(conn: &mut SqliteConnection, seq: i64) -> Result<Self, DbError> {
        let row = sqlx::query(include_str!("../sql/operator/edit_state.sql"))
            .bind(seq)
            .fetch_one(conn)
            .await?;
        let until: Option<i64> = row.try_get(2)?;
        Ok(Self {
            attempt: row.try_get(0)?,
            spent: row.try_get(1)?,
            until: until.map(Timestamp::from_millis),
            limited: row.try_get(3)?,
            priority: row.try_get(4)?,
        })
    }

    /// True if the edit changes the time, the priority or the queue.
    fn moves(&self, edit: &ExecutionEdit, now: Timestamp) -> bool {
        let another_time = match (self.until, edit.run_at) {
            (_, None) => false,
            (Some(until), Some(run_at)) => until != run_at,
            (None, Some(run_at)) => run_at > now,
        };
        let another_rank = edit
            .priority
            .is_some_and(|priority| priority != self.priority);
        // The table of ready executions is in the order of queues.
        another_time || another_rank || edit.queue.is_some()
    }
}

/// Inserts the execution into the table where it waits after the edit.
async fn insert(
    conn: &mut SqliteConnection,
    seq: i64,
    before: WaitingState,
    edit: &ExecutionEdit,
    now: Timestamp,
) -> Result<StoreEvent, DbError> {
    let until = edit.run_at.or(before.until).filter(|until| *until > now);
    sqlx::query(include_str!("../sql/operator/edit_insert.sql"))
        .bind(seq)
        .bind(before.attempt)
        .bind(before.spent)
        .bind(until.map(Timestamp::as_millis))
        .bind(before.limited)
        .execute(conn)
        .await?;
    Ok(match (until, before.limited) {
        (Some(until), _) => StoreEvent::Scheduled(until),
        (None, true) => StoreEvent::Scheduled(now),
        (None, false) => StoreEvent::Ready,
    })
}
