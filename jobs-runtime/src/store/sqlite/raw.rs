//! The calls that are asked again in parts where the database refuses them: as it takes them.

use async_trait::async_trait;
use jobs::ExecutionId;
use sqlx::sqlite::SqliteConnection;

use super::conn::commit_group::Call;
use super::conn::error::Fault;
use super::conn::json;
use super::conn::json::id_from_blob;
use super::conn::operation::Work;
use super::limits::allocator;
use super::read::logs;
use super::{SqliteStore, limits, session, settle};
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
        self.writer.call(|reply| Call::Claim(claim, reply)).await
    }

    async fn first_to_claim(&self, claim: Claim) -> Result<Option<ExecutionId>, StoreError> {
        self.read(Box::new(move |conn| {
            Box::pin(async move { first_to_claim_on_conn(conn, &claim).await })
        }))
        .await
    }

    async fn promote_raw(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let work: Work<_> = Box::new(move |conn| {
            Box::pin(async move {
                let moved = allocator::promote_due_in_txn(conn, now, limit).await?;
                let ready = (moved > 0).then_some(StoreEvent::Ready);
                Ok((moved, Vec::from_iter(ready)))
            })
        });
        self.writer.write(work).await
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
        let work: Work<_> = Box::new(move |conn| {
            Box::pin(async move {
                let refused = refused_at_the_door_in_txn(conn, now, limit, most).await?;
                Ok((refused, Vec::new()))
            })
        });
        self.writer.write(work).await
    }

    async fn take_over_raw(
        &self,
        dead: SessionBeat,
        claim: Claim,
        skip: usize,
    ) -> Result<Vec<Claimed>, StoreError> {
        let work: Work<_> = Box::new(move |conn| {
            Box::pin(async move {
                let claimed = session::take_over_in_txn(conn, &dead, &claim, skip).await?;
                Ok((claimed, limits::wanted_in_txn(conn).await?))
            })
        });
        self.writer.write(work).await
    }

    async fn report_raw(&self, batch: Vec<ProgressReport>) -> Result<Vec<WriteAnswer>, StoreError> {
        let work: Work<_> = Box::new(move |conn| {
            Box::pin(async move { Ok((settle::report_in_txn(conn, &batch).await?, Vec::new())) })
        });
        self.writer.write(work).await
    }

    async fn append_logs_raw(&self, batch: Vec<LogBatch>) -> Result<Vec<WriteAnswer>, StoreError> {
        let work: Work<_> = Box::new(move |conn| {
            Box::pin(async move { Ok((logs::append_in_txn(conn, &batch).await?, Vec::new())) })
        });
        self.writer.write(work).await
    }
}

async fn refused_at_the_door_in_txn(
    conn: &mut SqliteConnection,
    now: Timestamp,
    limit: usize,
    most: usize,
) -> Result<Vec<ExecutionId>, Fault> {
    sqlx::query("SAVEPOINT visit").execute(&mut *conn).await?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let entrance = allocator::decide(conn, now, limit).await?;
    let mut trial = Trial::of(entrance, most);
    while let Some(part) = trial.next() {
        sqlx::query("SAVEPOINT part").execute(&mut *conn).await?;
        match allocator::write(conn, &part).await {
            Err(fault) if fault.is_rejection() => trial.reject(),
            written => written?,
        }
        sqlx::query("ROLLBACK TO part").execute(&mut *conn).await?;
    }
    let ids: Vec<Vec<u8>> = sqlx::query_scalar(include_str!("sql/read/ids_of.sql"))
        .bind(json::array(trial.rejected())?)
        .fetch_all(&mut *conn)
        .await?;
    sqlx::query("ROLLBACK TO visit").execute(conn).await?;
    ids.iter().map(|id| id_from_blob(id)).collect()
}

async fn first_to_claim_on_conn(
    conn: &mut SqliteConnection,
    claim: &Claim,
) -> Result<Option<ExecutionId>, Fault> {
    let id: Option<Vec<u8>> = sqlx::query_scalar(include_str!("sql/claim/first.sql"))
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
) -> Result<Option<ExecutionId>, Fault> {
    let id: Option<Vec<u8>> = sqlx::query_scalar(include_str!("sql/promote/first.sql"))
        .bind(now.as_millis())
        .fetch_optional(conn)
        .await?;
    id.map(|id| id_from_blob(&id)).transpose()
}
