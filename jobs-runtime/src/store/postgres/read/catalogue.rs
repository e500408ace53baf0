//! What programs have linked.

use async_trait::async_trait;
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::store::postgres::conn::error::{Fault, corrupt};
use crate::store::postgres::conn::operation::{Done, Shape, Transition, quietly};
use crate::store::postgres::conn::text::stored;
use crate::store::postgres::conn::tx::Db;
use crate::store::postgres::limits;
use crate::store::{PublishedJob, StoreEvent};
use crate::time::Timestamp;

pub(in crate::store::postgres) struct Publish(pub(in crate::store::postgres) Vec<PublishedJob>);

#[async_trait]
impl Transition for Publish {
    type Answer = ();
    const SHAPE: Shape = Shape::Statement;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<()>, Fault> {
        let Self(jobs) = self;
        let mut descriptors = Vec::with_capacity(jobs.len());
        for job in jobs {
            let descriptor = serde_json::to_string(&job.descriptor)
                .map_err(|error| corrupt("a job's descriptor", error))?;
            descriptors.push(descriptor);
        }
        let ids: Vec<_> = jobs.iter().map(|job| stored(&job.descriptor.id)).collect();
        let fingerprints: Vec<&str> = jobs.iter().map(|job| &*job.fingerprint).collect();
        let times: Vec<i64> = jobs
            .iter()
            .map(|job| job.published_at.as_millis())
            .collect();
        let query = db
            .query(&db.sql.read_publish)
            .bind(ids)
            .bind(fingerprints)
            .bind(descriptors)
            .bind(times);
        db.execute(query).await?;
        let changed = limits::follow(db, jobs).await?;
        let event = changed.then(|| StoreEvent::Scheduled(Timestamp::default()));
        Ok(((), event.into_iter().collect()))
    }
}

pub(in crate::store::postgres) struct List;

#[async_trait]
impl Transition for List {
    type Answer = Vec<PublishedJob>;
    const SHAPE: Shape = Shape::Statement;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<Self::Answer>, Fault> {
        let rows = db.fetch(db.query(&db.sql.read_catalogue)).await?;
        Ok(quietly(read(&rows)?))
    }
}

/// Every publication, the outdated ones too.
pub(in crate::store::postgres) struct Publications;

#[async_trait]
impl Transition for Publications {
    type Answer = Vec<PublishedJob>;
    const SHAPE: Shape = Shape::Statement;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<Self::Answer>, Fault> {
        let rows = db.fetch(db.query(&db.sql.transfer_export_publications)).await?;
        Ok(quietly(read(&rows)?))
    }
}

fn read(rows: &[PgRow]) -> Result<Vec<PublishedJob>, Fault> {
    let jobs = rows.iter().map(|row| {
        let job_id: &str = row.try_get(0)?;
        let descriptor = serde_json::from_str(row.try_get(2)?)
            .map_err(|error| corrupt(&format!("the description of job `{job_id}`"), error))?;
        Ok(PublishedJob {
            descriptor,
            fingerprint: row.try_get(1)?,
            published_at: Timestamp::from_millis(row.try_get(3)?),
        })
    });
    jobs.collect()
}
