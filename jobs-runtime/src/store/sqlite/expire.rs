//! Expiry: cancels executions whose first attempt has not started in time.

use jobs::ErrorKind;
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::conn::error::DbError;
use super::conn::json::id_from_blob;
use super::conn::operation::{Outcome, operation};
use super::limits::allocator_wanted_in_txn;
use super::operator::end_waiting_in_txn;
use super::{SqliteStore, postpone};
use crate::store::rules::expiry::{MAX_EXPIRED, MESSAGE};
use crate::store::rules::poison_rows::without_rejected;
use crate::store::{StoreError, StoreEvent};
use crate::time::Timestamp;

/// Cancels expired executions, up to [`MAX_EXPIRED`]. Postpones the expiry of those whose end the
/// database rejects.
pub(super) async fn expire(store: &SqliteStore, now: Timestamp) -> Result<(), StoreError> {
    without_rejected(
        || store.transition(operation!(|conn| expire_in_txn(conn, now))),
        || store.transition(operation!(|conn| postpone::expired_in_txn(conn, now))),
    )
    .await
}

async fn expire_in_txn(
    conn: &mut SqliteConnection,
    now: Timestamp,
) -> Result<Outcome<()>, DbError> {
    let mut ids = Vec::new();
    for (seq, id) in expired_in_txn(conn, now).await? {
        end_in_txn(conn, seq, now).await?;
        ids.push(id_from_blob(&id)?);
    }
    let mut events = vec![StoreEvent::Finished(ids.into())];
    events.extend(allocator_wanted_in_txn(conn).await?);
    Ok(((), events))
}

/// Reads the seqs and ids of expired executions, up to [`MAX_EXPIRED`].
pub(super) async fn expired_in_txn(
    conn: &mut SqliteConnection,
    now: Timestamp,
) -> Result<Vec<(i64, Vec<u8>)>, DbError> {
    let rows = sqlx::query(include_str!("sql/promote/expired.sql"))
        .bind(now.as_millis())
        .bind(MAX_EXPIRED)
        .fetch_all(conn)
        .await?;
    rows.iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
        .collect()
}

/// Cancels an expired execution.
pub(super) async fn end_in_txn(
    conn: &mut SqliteConnection,
    seq: i64,
    now: Timestamp,
) -> Result<(), DbError> {
    end_waiting_in_txn(conn, seq, now, (ErrorKind::Expired, MESSAGE)).await
}
