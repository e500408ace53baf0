//! [`RawStore`] for [`PostgresStore`]: store calls without poison-row handling.

use async_trait::async_trait;
use jobs::ExecutionId;
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::conn::error::DbError;
use super::conn::operation::{Operation, Outcome, TxMode, without_events};
use super::conn::text::encode_all;
use super::conn::tx::Tx;
use super::limits::allocator;
use super::limits::allocator::Admit;
use super::promote::Promote;
use super::read::logs;
use super::settle::fence;
use super::{PostgresStore, claim, session, uuid_of};
use crate::store::poison::RawStore;
use crate::store::rules::permits::Trial;
use crate::store::{
    Claim, Claimed, LogBatch, ProgressReport, SessionBeat, StoreError, WriteAnswer,
};
use crate::time::Timestamp;

#[async_trait]
impl RawStore for PostgresStore {
    async fn claim_raw(&self, claim: Claim) -> Result<Vec<Claimed>, StoreError> {
        let (scans, vacuum) = (self.scans.clone(), self.vacuum.clone());
        self.claim
            .run(claim::ClaimReady {
                claim,
                scans,
                vacuum,
            })
            .await
    }

    async fn first_to_claim(&self, claim: Claim) -> Result<Option<ExecutionId>, StoreError> {
        self.claim.run(FirstToClaim(claim)).await
    }

    async fn promote_raw(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let promoted = self.claim.run(Promote { now, limit }).await?;
        Ok(promoted.ready)
    }

    async fn first_due(&self, now: Timestamp) -> Result<Option<ExecutionId>, StoreError> {
        self.claim.run(FirstDue(now)).await
    }

    async fn rejected_by_allocator(
        &self,
        now: Timestamp,
        limit: usize,
        most: usize,
    ) -> Result<Vec<ExecutionId>, StoreError> {
        let admit = Admit { now, limit };
        self.allocator
            .run(FindRejectedWaiters { admit, most })
            .await
    }

    async fn take_over_raw(
        &self,
        dead: SessionBeat,
        claim: Claim,
        skip: usize,
    ) -> Result<Vec<Claimed>, StoreError> {
        let take_over = session::TakeOver { dead, claim, skip };
        self.claim.run(take_over).await
    }

    async fn report_raw(&self, batch: Vec<ProgressReport>) -> Result<Vec<WriteAnswer>, StoreError> {
        self.progress.run(fence::ReportProgress(batch)).await
    }

    async fn append_logs_raw(&self, batch: Vec<LogBatch>) -> Result<Vec<WriteAnswer>, StoreError> {
        self.progress.run(logs::AppendLogs(batch)).await
    }
}

/// Finds the execution that a claim would lease first.
struct FirstToClaim(Claim);

#[async_trait]
impl Operation for FirstToClaim {
    type Output = Option<ExecutionId>;
    const TX_MODE: TxMode = TxMode::Statement;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let Self(claim) = self;
        let only: Vec<Uuid> = claim.only.iter().map(uuid_of).collect();
        let query = tx
            .query(&tx.sql.claim_first_candidate)
            .bind(encode_all(&claim.job_ids))
            .bind((!claim.queues.is_empty()).then(|| encode_all(&claim.queues)))
            .bind(encode_all(&claim.except))
            .bind(claim.caps.limited != Some(0))
            .bind((!only.is_empty()).then_some(only));
        first(&tx.fetch(query).await?)
    }
}

/// Finds the execution that a promotion would move first.
struct FirstDue(Timestamp);

#[async_trait]
impl Operation for FirstDue {
    type Output = Option<ExecutionId>;
    const TX_MODE: TxMode = TxMode::Statement;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let query = tx.query(&tx.sql.promote_first_due).bind(self.0.as_millis());
        first(&tx.fetch(query).await?)
    }
}

/// Finds up to `most` waiters whose rows in a permit plan the database rejects. Writes the plan in
/// smaller and smaller parts and rolls each of them back.
struct FindRejectedWaiters {
    admit: Admit,
    most: usize,
}

#[async_trait]
impl Operation for FindRejectedWaiters {
    type Output = Vec<ExecutionId>;
    const TX_MODE: TxMode = TxMode::Transaction;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        tx.script("SAVEPOINT plan").await?;
        let (plan, _) = self.admit.decide(tx).await?;
        let mut trial = Trial::of(plan, self.most);
        while let Some(part) = trial.next() {
            tx.script("SAVEPOINT part").await?;
            match allocator::write(tx, &part).await {
                Err(error) if error.is_rejection() => trial.reject(),
                written => written?,
            }
            tx.script("ROLLBACK TO SAVEPOINT part").await?;
        }
        let query = tx.query(&tx.sql.read_ids_by_seq).bind(trial.rejected());
        let rows = tx.fetch(query).await?;
        tx.script("ROLLBACK TO SAVEPOINT plan").await?;
        let ids = rows.iter().map(id).collect::<Result<_, DbError>>()?;
        Ok(without_events(ids))
    }
}

fn first(rows: &[PgRow]) -> Result<Outcome<Option<ExecutionId>>, DbError> {
    Ok(without_events(rows.first().map(id).transpose()?))
}

fn id(row: &PgRow) -> Result<ExecutionId, DbError> {
    let id: Uuid = row.try_get(0)?;
    Ok(ExecutionId::from_bytes(*id.as_bytes()))
}
