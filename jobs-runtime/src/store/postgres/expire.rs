//! Expiry: cancels executions whose first attempt has not started in time.

use async_trait::async_trait;
use sqlx::Row;

use super::PostgresStore;
use super::conn::error::DbError;
use super::conn::operation::{Operation, Outcome, TxMode};
use super::conn::tx::Tx;
use super::postpone::PostponeExpired;
use super::promote::DueWork;
use super::read::execution::id_of;
use crate::store::rules::expiry::{MAX_EXPIRED, MESSAGE};
use crate::store::rules::poison_rows::without_rejected;
use crate::store::{StoreError, StoreEvent};
use crate::time::Timestamp;

/// Cancels expired executions, up to [`MAX_EXPIRED`]. Postpones the expiry of those whose end the
/// database rejects.
pub(super) async fn expire(store: &PostgresStore, now: Timestamp) -> Result<Expired, StoreError> {
    without_rejected(
        || store.promotion.run(Expire { now }),
        || store.promotion.run(PostponeExpired { now }),
    )
    .await
}

/// Output of [`Expire`].
pub(super) struct Expired {
    /// Expired executions that were found.
    pub(super) found: usize,
    /// Of these, cancelled. Other transactions have locked the rest.
    pub(super) cancelled: usize,
    /// Work that is left.
    pub(super) due: DueWork,
}

/// Cancels expired executions.
struct Expire {
    now: Timestamp,
}

#[async_trait]
impl Operation for Expire {
    type Output = Expired;
    const TX_MODE: TxMode = TxMode::Transaction;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Expired>, DbError> {
        let seqs = expired(tx, self.now).await?;
        let seqs: Vec<_> = seqs.into_iter().map(|(seq, _)| seq).collect();
        let found = seqs.len();
        let (ids, released) = end(tx, seqs, self.now).await?;
        let cancelled = ids.len();
        let mut events = Vec::new();
        if cancelled > 0 {
            events.push(StoreEvent::Finished(ids.into()));
        }
        events.extend(released.then_some(StoreEvent::Scheduled(self.now)));
        let due = DueWork::load(tx, self.now).await?;
        let expired = Expired {
            found,
            cancelled,
            due,
        };
        Ok((expired, events))
    }
}

/// Reads the seqs and ids of expired executions, up to [`MAX_EXPIRED`]. Nothing is locked.
pub(super) async fn expired(
    tx: &mut Tx<'_>,
    now: Timestamp,
) -> Result<Vec<(i64, jobs::ExecutionId)>, DbError> {
    let query = tx
        .query(&tx.sql.promote_expired)
        .bind(now.as_millis())
        .bind(MAX_EXPIRED);
    let rows = tx.fetch(query).await?;
    rows.iter()
        .map(|row| Ok((row.try_get(0)?, id_of(row.try_get(1)?))))
        .collect()
}

/// Cancels those of these executions that wait. Returns their ids, and whether permits were
/// released.
pub(super) async fn end(
    tx: &mut Tx<'_>,
    seqs: Vec<i64>,
    now: Timestamp,
) -> Result<(Vec<jobs::ExecutionId>, bool), DbError> {
    let query = tx
        .query(&tx.sql.promote_expire)
        .bind(seqs)
        .bind(now.as_millis())
        .bind(MESSAGE);
    let (mut ids, mut released) = (Vec::new(), false);
    for row in tx.fetch(query).await? {
        ids.push(id_of(row.try_get(0)?));
        released |= row.try_get::<bool, _>(1)?;
    }
    Ok((ids, released))
}
