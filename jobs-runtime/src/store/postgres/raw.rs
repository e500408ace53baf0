//! The calls that are asked again in parts where the database refuses them: as it takes them.

use async_trait::async_trait;
use jobs::ExecutionId;
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::conn::error::Fault;
use super::conn::operation::{Done, Shape, Transition, quietly};
use super::conn::text::all_stored;
use super::conn::tx::Db;
use super::limits::allocator;
use super::limits::allocator::LetIn;
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
        let (walks, broom) = (self.walks.clone(), self.broom.clone());
        self.claims
            .run(claim::Take {
                claim,
                walks,
                broom,
            })
            .await
    }

    async fn first_to_claim(&self, claim: Claim) -> Result<Option<ExecutionId>, StoreError> {
        self.claims.run(FirstToClaim(claim)).await
    }

    async fn promote_raw(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let promoted = self.claims.run(Promote { now, limit }).await?;
        Ok(promoted.ready)
    }

    async fn first_due(&self, now: Timestamp) -> Result<Option<ExecutionId>, StoreError> {
        self.claims.run(FirstDue(now)).await
    }

    async fn rejected_by_allocator(
        &self,
        now: Timestamp,
        limit: usize,
        most: usize,
    ) -> Result<Vec<ExecutionId>, StoreError> {
        let visit = LetIn { now, limit };
        self.door.run(RefusedAtTheDoor { visit, most }).await
    }

    async fn take_over_raw(
        &self,
        dead: SessionBeat,
        claim: Claim,
        skip: usize,
    ) -> Result<Vec<Claimed>, StoreError> {
        let take_over = session::TakeOver { dead, claim, skip };
        self.claims.run(take_over).await
    }

    async fn report_raw(&self, batch: Vec<ProgressReport>) -> Result<Vec<WriteAnswer>, StoreError> {
        self.notes.run(fence::Report(batch)).await
    }

    async fn append_logs_raw(&self, batch: Vec<LogBatch>) -> Result<Vec<WriteAnswer>, StoreError> {
        self.notes.run(logs::Append(batch)).await
    }
}

struct FirstToClaim(Claim);

#[async_trait]
impl Transition for FirstToClaim {
    type Answer = Option<ExecutionId>;
    const SHAPE: Shape = Shape::Statement;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<Self::Answer>, Fault> {
        let Self(claim) = self;
        let only: Vec<Uuid> = claim.only.iter().map(uuid_of).collect();
        let query = db
            .query(&db.sql.claim_first)
            .bind(all_stored(&claim.job_ids))
            .bind((!claim.queues.is_empty()).then(|| all_stored(&claim.queues)))
            .bind(all_stored(&claim.except))
            .bind(claim.caps.limited != Some(0))
            .bind((!only.is_empty()).then_some(only));
        first(&db.fetch(query).await?)
    }
}

struct FirstDue(Timestamp);

#[async_trait]
impl Transition for FirstDue {
    type Answer = Option<ExecutionId>;
    const SHAPE: Shape = Shape::Statement;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<Self::Answer>, Fault> {
        let query = db.query(&db.sql.promote_first).bind(self.0.as_millis());
        first(&db.fetch(query).await?)
    }
}

struct RefusedAtTheDoor {
    visit: LetIn,
    most: usize,
}

#[async_trait]
impl Transition for RefusedAtTheDoor {
    type Answer = Vec<ExecutionId>;
    const SHAPE: Shape = Shape::Transaction;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<Self::Answer>, Fault> {
        db.script("SAVEPOINT visit").await?;
        let (entrance, _) = self.visit.decide(db).await?;
        let mut trial = Trial::of(entrance, self.most);
        while let Some(part) = trial.next() {
            db.script("SAVEPOINT part").await?;
            match allocator::write(db, &part).await {
                Err(fault) if fault.is_rejection() => trial.reject(),
                written => written?,
            }
            db.script("ROLLBACK TO SAVEPOINT part").await?;
        }
        let query = db.query(&db.sql.ids_of).bind(trial.rejected());
        let rows = db.fetch(query).await?;
        db.script("ROLLBACK TO SAVEPOINT visit").await?;
        let ids = rows.iter().map(id).collect::<Result<_, Fault>>()?;
        Ok(quietly(ids))
    }
}

fn first(rows: &[PgRow]) -> Result<Done<Option<ExecutionId>>, Fault> {
    Ok(quietly(rows.first().map(id).transpose()?))
}

fn id(row: &PgRow) -> Result<ExecutionId, Fault> {
    let id: Uuid = row.try_get(0)?;
    Ok(ExecutionId::from_bytes(*id.as_bytes()))
}
