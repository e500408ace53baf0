//! Store calls without poison-row handling.
//!
//! [`poison`](crate::store::poison) calls these, and calls them again for smaller batches if the
//! database rejects a row.

use async_trait::async_trait;
use jobs::ExecutionId;
use sqlx::sqlite::SqliteConnection;

use super::conn::commit_group::WriteCall;
use super::conn::error::DbError;
use super::conn::json;
use super::conn::json::id_from_blob;
use super::conn::operation::{Operation, without_events};
use super::limits::allocator;
use super::read::logs;
use super::{SqliteStore, limits, promote, session, settle};
use crate::store::poison::RawStore;
use crate::store::rules::permits::Trial;
use crate::store::{
    Claim, Claimed, LogBatch, ProgressReport, SessionBeat, StoreError, StoreEvent, WriteAnswer,
};
use crate::time::Timestamp;

#[async_trait]
impl RawStore for SqliteStore {
    async fn claim_raw(&self, claim: Claim) -> Result<Vec<Claimed>, StoreError> {
        let claim = Box::new(claim);
        self.writer
            .call(|reply| WriteCall::Claim(claim, reply))
            .await
    }

    async fn first_to_claim(&self, claim: Claim) -> Result<Option<ExecutionId>, StoreError> {
        self.read(Box::new(move |conn| {
            Box::pin(async move { first_to_claim_on_conn(conn, &claim).await })
        }))
        .await
    }

    async fn promote_raw(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let operation: Operation<_> = Box::new(move |conn| {
            Box::pin(async move {
                let moved = promote::move_due_in_txn(conn, now, limit).await?;
                let ready = (moved > 0).then_some(StoreEvent::Ready);
                Ok((moved, Vec::from_iter(ready)))
            })
        });
        self.writer.write(operation).await
    }

    async fn first_due(&self, now: Timestamp) -> Result<Option<ExecutionId>, StoreError> {
        self.read(Box::new(move |conn| {
            Box::pin(async move { first_due_on_conn(conn, now).await })
        }))
        .await
    }

    async fn rejected_by_allocator(
        &self,
        now: Timestamp,
        limit: usize,
        most: usize,
    ) -> Result<Vec<ExecutionId>, StoreError> {
        let operation: Operation<_> = Box::new(move |conn| {
            Box::pin(async move {
                let rejected = rejected_by_plan_in_txn(conn, now, limit, most).await?;
                Ok(without_events(rejected))
            })
        });
        self.writer.write(operation).await
    }

    async fn take_over_raw(
        &self,
        dead: SessionBeat,
        claim: Claim,
        skip: usize,
    ) -> Result<Vec<Claimed>, StoreError> {
        let operation: Operation<_> = Box::new(move |conn| {
            Box::pin(async move {
                let claimed = session::take_over_in_txn(conn, &dead, &claim, skip).await?;
                Ok((claimed, limits::allocator_wanted_in_txn(conn).await?))
            })
        });
        self.writer.write(operation).await
    }

    async fn report_raw(&self, batch: Vec<ProgressReport>) -> Result<Vec<WriteAnswer>, StoreError> {
        let operation: Operation<_> = Box::new(move |conn| {
            Box::pin(async move {
                let answers = settle::report_in_txn(conn, &batch).await?;
                Ok(without_events(answers))
            })
        });
        self.writer.write(operation).await
    }

    async fn append_logs_raw(&self, batch: Vec<LogBatch>) -> Result<Vec<WriteAnswer>, StoreError> {
        let operation: Operation<_> = Box::new(move |conn| {
            Box::pin(async move {
                let answers = logs::append_in_txn(conn, &batch).await?;
                Ok(without_events(answers))
            })
        });
        self.writer.write(operation).await
    }
}

/// Finds up to `most` executions of the allocator's plan that the database rejects. Writes the plan
/// in parts, each in a savepoint that is rolled back.
async fn rejected_by_plan_in_txn(
    conn: &mut SqliteConnection,
    now: Timestamp,
    limit: usize,
    most: usize,
) -> Result<Vec<ExecutionId>, DbError> {
    sqlx::query("SAVEPOINT before_plan")
        .execute(&mut *conn)
        .await?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let plan = allocator::decide(conn, now, limit).await?;
    let mut trial = Trial::of(plan, most);
    while let Some(part) = trial.next() {
        sqlx::query("SAVEPOINT part").execute(&mut *conn).await?;
        match allocator::write(conn, &part).await {
            Err(error) if error.is_rejection() => trial.reject(),
            written => written?,
        }
        sqlx::query("ROLLBACK TO part").execute(&mut *conn).await?;
    }
    let ids: Vec<Vec<u8>> = sqlx::query_scalar(include_str!("sql/read/ids_by_seq.sql"))
        .bind(json::array(trial.rejected())?)
        .fetch_all(&mut *conn)
        .await?;
    sqlx::query("ROLLBACK TO before_plan").execute(conn).await?;
    ids.iter().map(|id| id_from_blob(id)).collect()
}

async fn first_to_claim_on_conn(
    conn: &mut SqliteConnection,
    claim: &Claim,
) -> Result<Option<ExecutionId>, DbError> {
    let id: Option<Vec<u8>> = sqlx::query_scalar(include_str!("sql/claim/first_candidate.sql"))
        .bind(claim.job_ids_json()?)
        .bind(claim.queues_json()?)
        .bind(claim.except_json()?)
        .bind(claim.caps.limited != Some(0))
        .bind(claim.only_json()?)
        .fetch_optional(conn)
        .await?;
    id.map(|id| id_from_blob(&id)).transpose()
}

async fn first_due_on_conn(
    conn: &mut SqliteConnection,
    now: Timestamp,
) -> Result<Option<ExecutionId>, DbError> {
    let id: Option<Vec<u8>> = sqlx::query_scalar(include_str!("sql/promote/first_due.sql"))
        .bind(now.as_millis())
        .fetch_optional(conn)
        .await?;
    id.map(|id| id_from_blob(&id)).transpose()
}
