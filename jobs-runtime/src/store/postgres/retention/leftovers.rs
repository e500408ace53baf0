//! Deletion of rows that nothing needs any more: keys, sessions, publications, limits,
//! tokens.

use std::collections::HashSet;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::Row;

use crate::store::postgres::PostgresStore;
use crate::store::postgres::conn::error::DbError;
use crate::store::postgres::conn::operation::{Operation, Outcome, TxMode, without_events};
use crate::store::postgres::conn::text::encode;
use crate::store::postgres::conn::tx::Tx;
use crate::store::rules::permits::LimitId;
use crate::store::{Leftover, StoreError, Sweep};
use crate::time::Timestamp;

/// Executions whose limits one statement reads.
const PAGE: i64 = 5_000;

/// Time for which a limit stays retired before it is deleted. A call that had looked the limit up
/// before has long ended by then, and the execution that it wrote is visible.
const RETIREMENT: Duration = Duration::from_secs(3_600);

/// Deletes up to `limit` rows. Limits are deleted by [`sweep_limits`].
pub(super) struct SweepRows(pub(super) Sweep);

#[async_trait]
impl Operation for SweepRows {
    type Output = u64;
    const TX_MODE: TxMode = TxMode::Statement;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<u64>, DbError> {
        let statement = match self.0.rows {
            Leftover::IdempotencyKeys => &tx.sql.retention_sweep_idempotency_keys,
            Leftover::Sessions => &tx.sql.retention_sweep_sessions,
            Leftover::Publications => &tx.sql.retention_sweep_publications,
            Leftover::Audit => &tx.sql.retention_sweep_audit,
            Leftover::Tokens => &tx.sql.retention_sweep_tokens,
            Leftover::Operations => &tx.sql.retention_sweep_operations,
            Leftover::Series => &tx.sql.retention_sweep_series,
            Leftover::Limits => return Ok(without_events(0)),
        };
        let query = tx
            .query(statement)
            .bind(self.0.before.as_millis())
            .bind(i64::try_from(self.0.limit).unwrap_or(i64::MAX));
        let rows = tx.fetch(query).await?;
        let deleted: i64 = rows.first().ok_or(DbError::Raced)?.try_get(0)?;
        Ok(without_events(deleted.unsigned_abs()))
    }
}

/// Records that a live program links jobs: id and fingerprint of each.
pub(super) struct RenewPublications(pub(super) Vec<(String, String)>, pub(super) Timestamp);

#[async_trait]
impl Operation for RenewPublications {
    type Output = ();
    const TX_MODE: TxMode = TxMode::Statement;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<()>, DbError> {
        let (ids, fingerprints): (Vec<_>, Vec<&str>) = self
            .0
            .iter()
            .map(|(id, fingerprint)| (encode(id), fingerprint.as_str()))
            .unzip();
        let query = tx
            .query(&tx.sql.retention_renew_publications)
            .bind(ids)
            .bind(fingerprints)
            .bind(self.1.as_millis());
        tx.execute(query).await?;
        Ok(without_events(()))
    }
}

/// Deletes limits that no execution names.
///
/// A first sweep retires a limit: the next enqueue that names it writes its row. A sweep after
/// [`RETIREMENT`] deletes it, if it is still retired and no execution names it.
pub(super) async fn sweep_limits(store: &PostgresStore, sweep: Sweep) -> Result<u64, StoreError> {
    let mut after = 0;
    loop {
        let idle = store.read(IdleLimits { after, sweep }).await?;
        let Some(&last) = idle.last() else {
            return Ok(0);
        };
        let is_end = idle.len() < sweep.limit;
        let mut unnamed: HashSet<LimitId> = idle.into_iter().collect();
        let mut seq = 0;
        while !unnamed.is_empty() {
            let (end, named) = store.read(NamedLimits(seq)).await?;
            for limit in named {
                unnamed.remove(&limit);
            }
            match end {
                Some(end) => seq = end,
                None => break,
            }
        }
        if !unnamed.is_empty() {
            let limits = unnamed.into_iter().collect();
            let deleted = store
                .retention
                .run(SweepLimits(limits, sweep.before))
                .await?;
            if deleted > 0 {
                return Ok(deleted);
            }
        }
        if is_end {
            return Ok(0);
        }
        after = last;
    }
}

/// Finds limits without permits in use.
struct IdleLimits {
    after: LimitId,
    sweep: Sweep,
}

#[async_trait]
impl Operation for IdleLimits {
    type Output = Vec<LimitId>;
    const TX_MODE: TxMode = TxMode::Statement;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Vec<LimitId>>, DbError> {
        let query = tx
            .query(&tx.sql.retention_idle_limits)
            .bind(self.after)
            .bind(self.sweep.before.as_millis().saturating_mul(1_000))
            .bind(i64::try_from(self.sweep.limit).unwrap_or(i64::MAX));
        let rows = tx.fetch(query).await?;
        let ids = rows.iter().map(|row| Ok(row.try_get(0)?));
        Ok(without_events(ids.collect::<Result<_, DbError>>()?))
    }
}

/// Reads the limits that the executions after a seq name, and the last of these executions.
struct NamedLimits(i64);

#[async_trait]
impl Operation for NamedLimits {
    type Output = (Option<i64>, Vec<LimitId>);
    const TX_MODE: TxMode = TxMode::Statement;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let query = tx
            .query(&tx.sql.retention_named_limits)
            .bind(self.0)
            .bind(PAGE);
        let rows = tx.fetch(query).await?;
        let row = rows.first().ok_or(DbError::Raced)?;
        Ok(without_events((row.try_get(0)?, row.try_get(1)?)))
    }
}

/// Retires idle limits, and deletes those that were retired before.
struct SweepLimits(Vec<LimitId>, Timestamp);

#[async_trait]
impl Operation for SweepLimits {
    type Output = u64;
    const TX_MODE: TxMode = TxMode::Statement;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<u64>, DbError> {
        let Self(limits, now) = self;
        let query = tx
            .query(&tx.sql.retention_sweep_limits)
            .bind(limits)
            .bind(now.as_millis())
            .bind(now.before(RETIREMENT).as_millis())
            .bind(now.as_millis().saturating_mul(1_000));
        let rows = tx.fetch(query).await?;
        let deleted: i64 = rows.first().ok_or(DbError::Raced)?.try_get(0)?;
        Ok(without_events(deleted.unsigned_abs()))
    }
}
