//! Postponement of executions whose rows the database rejects.
//!
//! After a rejected claim or promotion, an operation of this module tries its executions one by
//! one, each in a savepoint that is rolled back. It postpones the rejected ones and returns their
//! number. See `store/rules/poison_rows.rs`.

use async_trait::async_trait;
use jobs::ExecutionId;
use sqlx::Row;

use super::claim::capped;
use super::conn::error::DbError;
use super::conn::operation::{Operation, Outcome, TxMode};
use super::conn::tx::Tx;
use super::limits::allocator;
use super::limits::allocator::Admit;
use super::operator::edit::EditExecution;
use super::read::execution::id_of;
use super::{claim, expire};
use crate::store::rules::poison_rows::{
    MAX_POSTPONED, POSTPONEMENT, log_postponed, postponement, promotion,
};
use crate::store::{Claim, StoreError};
use crate::time::Timestamp;

/// Postpones executions of a claim whose leases the database rejects.
pub(super) struct PostponeLeases(pub(super) Claim);

#[async_trait]
impl Operation for PostponeLeases {
    type Output = usize;
    const TX_MODE: TxMode = TxMode::Transaction;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<usize>, DbError> {
        let Self(claim) = self;
        let mut rejected = Vec::new();
        let (ranks, seqs) = capped::select(tx, claim, &[]).await?;
        for (rank, seq) in ranks.into_iter().zip(seqs) {
            tx.script("SAVEPOINT row").await?;
            let rows = capped::take_selected(tx, claim, vec![rank], vec![seq]).await;
            let leased = rows.and_then(|rows| claim::read(&rows, claim));
            if let Some(error) = undo(tx, leased).await? {
                rejected.push((id_of_seq(tx, seq).await?, error));
            }
            if rejected.len() == MAX_POSTPONED {
                break;
            }
        }
        postpone(tx, rejected, claim.now).await
    }
}

/// Postpones due executions again whose promotion the database rejects.
pub(super) struct PostponeDue {
    pub(super) now: Timestamp,
    pub(super) limit: usize,
}

#[async_trait]
impl Operation for PostponeDue {
    type Output = usize;
    const TX_MODE: TxMode = TxMode::Transaction;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<usize>, DbError> {
        let Self { now, limit } = *self;
        let query = tx
            .query(&tx.sql.promote_due_ids)
            .bind(now.as_millis())
            .bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let mut rejected = Vec::new();
        for row in tx.fetch(query).await? {
            let id = id_of(row.try_get(0)?);
            tx.script("SAVEPOINT row").await?;
            let edit = promotion();
            let moved = EditExecution { id, edit, now }.run(tx).await;
            if let Some(error) = undo(tx, moved).await? {
                rejected.push((id, error));
            }
            if rejected.len() == MAX_POSTPONED {
                break;
            }
        }
        postpone(tx, rejected, now).await
    }
}

/// Postpones the expiry of executions whose end the database rejects.
pub(super) struct PostponeExpired {
    pub(super) now: Timestamp,
}

#[async_trait]
impl Operation for PostponeExpired {
    type Output = usize;
    const TX_MODE: TxMode = TxMode::Transaction;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<usize>, DbError> {
        let now = self.now;
        let mut rejected = 0;
        for (seq, id) in expire::expired(tx, now).await? {
            tx.script("SAVEPOINT row").await?;
            let ended = expire::end(tx, vec![seq], now).await;
            if let Some(error) = undo(tx, ended).await? {
                let query = tx
                    .query(&tx.sql.promote_postpone_expiry)
                    .bind(seq)
                    .bind(now.after(POSTPONEMENT).as_millis());
                tx.execute(query).await?;
                log_postponed(id, &error);
                rejected += 1;
            }
            if rejected == MAX_POSTPONED {
                break;
            }
        }
        Ok((rejected, Vec::new()))
    }
}

/// Postpones waiters whose rows in the plan of the allocator the database rejects.
pub(super) struct PostponeWaiters(pub(super) Admit);

#[async_trait]
impl Operation for PostponeWaiters {
    type Output = usize;
    const TX_MODE: TxMode = TxMode::Transaction;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<usize>, DbError> {
        tx.script("SAVEPOINT plan").await?;
        let (plan, _) = self.0.lock_and_plan(tx).await?;
        let mut rejected = Vec::new();
        for (seq, part) in plan.rows() {
            tx.script("SAVEPOINT row").await?;
            let written = allocator::write(tx, &part).await;
            if let Some(error) = undo(tx, written).await? {
                rejected.push((id_of_seq(tx, seq).await?, error));
            }
            if rejected.len() == MAX_POSTPONED {
                break;
            }
        }
        tx.script("ROLLBACK TO SAVEPOINT plan").await?;
        postpone(tx, rejected, self.0.now).await
    }
}

/// Rolls back to the savepoint `row`. Returns the error if the database rejected the row.
async fn undo<T>(
    tx: &mut Tx<'_>,
    written: Result<T, DbError>,
) -> Result<Option<StoreError>, DbError> {
    let rejection = match written {
        Err(error) if error.is_rejection() => Some(error.at("")),
        written => written.map(|_| None)?,
    };
    tx.script("ROLLBACK TO SAVEPOINT row; RELEASE SAVEPOINT row")
        .await?;
    Ok(rejection)
}

async fn id_of_seq(tx: &mut Tx<'_>, seq: i64) -> Result<ExecutionId, DbError> {
    let query = tx.query(&tx.sql.read_ids_by_seq).bind(vec![seq]);
    let rows = tx.fetch(query).await?;
    Ok(id_of(rows.first().ok_or(DbError::Raced)?.try_get(0)?))
}

/// Postpones executions. One that is not waiting any more blocks no other, so that the answers of
/// the edits do not matter.
async fn postpone(
    tx: &mut Tx<'_>,
    rejected: Vec<(ExecutionId, StoreError)>,
    now: Timestamp,
) -> Result<Outcome<usize>, DbError> {
    let mut events = Vec::new();
    for (id, error) in &rejected {
        let (id, edit) = (*id, postponement(now));
        events.extend(EditExecution { id, edit, now }.run(tx).await?.1);
        log_postponed(id, error);
    }
    Ok((rejected.len(), events))
}
