//! Postponement of executions whose rows the database rejects.
//!
//! After a rejected claim or promotion, a function of this module tries its executions one by one,
//! each in a savepoint that is rolled back. It postpones the rejected ones and returns their
//! number. See `store/rules/poison_rows.rs`.

use jobs::ExecutionId;
use sqlx::sqlite::SqliteConnection;

use super::conn::error::DbError;
use super::conn::json;
use super::conn::json::id_from_blob;
use super::conn::operation::Outcome;
use super::limits::allocator;
use super::operator::edit::edit_in_txn;
use super::{claim, expire};
use crate::store::rules::poison_rows::{
    MAX_POSTPONED, POSTPONEMENT, log_postponed, postponement, promotion,
};
use crate::store::{Claim, StoreError};
use crate::time::Timestamp;

/// Postpones executions of a claim whose leases the database rejects.
pub(super) async fn leases_in_txn(
    conn: &mut SqliteConnection,
    claim: &Claim,
) -> Result<Outcome<usize>, DbError> {
    let mut rejected = Vec::new();
    savepoint(conn).await?;
    let chosen = claim::chosen_in_txn(conn, claim).await;
    undo(conn, Ok(())).await?;
    for id in chosen? {
        savepoint(conn).await?;
        let leased = claim::lease_one_in_txn(conn, claim, id).await;
        if let Some(error) = undo(conn, leased).await? {
            rejected.push((id, error));
        }
        if rejected.len() == MAX_POSTPONED {
            break;
        }
    }
    postpone(conn, rejected, claim.now).await
}

/// Postpones due executions again whose promotion the database rejects.
pub(super) async fn due_in_txn(
    conn: &mut SqliteConnection,
    now: Timestamp,
    limit: usize,
) -> Result<Outcome<usize>, DbError> {
    let due: Vec<Vec<u8>> = sqlx::query_scalar(include_str!("sql/promote/due_ids.sql"))
        .bind(now.as_millis())
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(&mut *conn)
        .await?;
    let mut rejected = Vec::new();
    for id in due {
        let id = id_from_blob(&id)?;
        savepoint(conn).await?;
        let moved = edit_in_txn(conn, id, &promotion(), now).await;
        if let Some(error) = undo(conn, moved).await? {
            rejected.push((id, error));
        }
        if rejected.len() == MAX_POSTPONED {
            break;
        }
    }
    postpone(conn, rejected, now).await
}

/// Postpones the expiry of executions whose end the database rejects.
pub(super) async fn expired_in_txn(
    conn: &mut SqliteConnection,
    now: Timestamp,
) -> Result<Outcome<usize>, DbError> {
    let mut rejected = 0;
    for (seq, id) in expire::expired_in_txn(conn, now).await? {
        savepoint(conn).await?;
        let ended = expire::end_in_txn(conn, seq, now).await;
        if let Some(error) = undo(conn, ended).await? {
            sqlx::query(include_str!("sql/promote/postpone_expiry.sql"))
                .bind(seq)
                .bind(now.after(POSTPONEMENT).as_millis())
                .execute(&mut *conn)
                .await?;
            log_postponed(id_from_blob(&id)?, &error);
            rejected += 1;
        }
        if rejected == MAX_POSTPONED {
            break;
        }
    }
    Ok((rejected, Vec::new()))
}

/// Postpones waiters whose rows in the plan of the allocator the database rejects.
pub(super) async fn waiters_in_txn(
    conn: &mut SqliteConnection,
    now: Timestamp,
    limit: usize,
) -> Result<Outcome<usize>, DbError> {
    savepoint(conn).await?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let plan = allocator::decide(conn, now, limit).await?;
    let mut rejected = Vec::new();
    for (seq, part) in plan.rows() {
        savepoint(conn).await?;
        let written = allocator::write(conn, &part).await;
        if let Some(error) = undo(conn, written).await? {
            let id: Vec<u8> = sqlx::query_scalar(include_str!("sql/read/ids_by_seq.sql"))
                .bind(json::array([seq])?)
                .fetch_one(&mut *conn)
                .await?;
            rejected.push((id_from_blob(&id)?, error));
        }
        if rejected.len() == MAX_POSTPONED {
            break;
        }
    }
    undo(conn, Ok(())).await?;
    postpone(conn, rejected, now).await
}

async fn savepoint(conn: &mut SqliteConnection) -> Result<(), DbError> {
    sqlx::query("SAVEPOINT row").execute(conn).await?;
    Ok(())
}

/// Rolls back to the last savepoint. Returns the error if the database rejected the row.
async fn undo<T>(
    conn: &mut SqliteConnection,
    written: Result<T, DbError>,
) -> Result<Option<StoreError>, DbError> {
    let rejection = match written {
        Err(error) if error.is_rejection() => Some(error.into_store_error("")),
        written => written.map(|_| None)?,
    };
    sqlx::query("ROLLBACK TO row; RELEASE row")
        .execute(conn)
        .await?;
    Ok(rejection)
}

/// Postpones executions. One that is not waiting any more blocks no other, so that the answers of
/// the edits do not matter.
async fn postpone(
    conn: &mut SqliteConnection,
    rejected: Vec<(ExecutionId, StoreError)>,
    now: Timestamp,
) -> Result<Outcome<usize>, DbError> {
    let mut events = Vec::new();
    for (id, error) in &rejected {
        events.extend(edit_in_txn(conn, *id, &postponement(now), now).await?.1);
        log_postponed(*id, error);
    }
    Ok((rejected.len(), events))
}
