//! Catalogue: publication and listing of jobs.

use async_trait::async_trait;
use sqlx::Row;

use crate::store::decode::records;
use crate::store::postgres::conn::error::{DbError, corrupt};
use crate::store::postgres::conn::operation::{Operation, Outcome, without_events};
use crate::store::postgres::conn::text::encode;
use crate::store::postgres::conn::tx::Tx;
use crate::store::postgres::limits;
use crate::store::{PublishedJob, SessionId, SessionPublication, StoreEvent};
use crate::time::Timestamp;

/// Publishes jobs and updates the rules of their limits.
pub(in crate::store::postgres) struct PublishJobs(pub(in crate::store::postgres) Vec<PublishedJob>);

#[async_trait]
impl Operation for PublishJobs {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<()>, DbError> {
        let Self(jobs) = self;
        let mut descriptors = Vec::with_capacity(jobs.len());
        for job in jobs {
            let descriptor = serde_json::to_string(&job.descriptor)
                .map_err(|error| corrupt("a job's descriptor", error))?;
            descriptors.push(descriptor);
        }
        let ids: Vec<_> = jobs.iter().map(|job| encode(&job.descriptor.id)).collect();
        let fingerprints: Vec<&str> = jobs.iter().map(|job| &*job.fingerprint).collect();
        let times: Vec<i64> = jobs
            .iter()
            .map(|job| job.published_at.as_millis())
            .collect();
        let query = tx
            .query(&tx.sql.read_publish)
            .bind(ids)
            .bind(fingerprints)
            .bind(descriptors)
            .bind(times);
        tx.execute(query).await?;
        let changed = limits::update_published_rules(tx, jobs).await?;
        let event = changed.then(|| StoreEvent::Scheduled(Timestamp::default()));
        Ok(((), event.into_iter().collect()))
    }
}

/// Lists the newest publication of each job.
pub(in crate::store::postgres) struct ListJobs;

#[async_trait]
impl Operation for ListJobs {
    type Output = Vec<PublishedJob>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let rows = tx.fetch(tx.query(&tx.sql.read_catalogue)).await?;
        Ok(without_events(records::jobs(&rows)?))
    }
}

/// Lists the sensitive fields of jobs in any of their publications.
pub(in crate::store::postgres) struct SensitiveFields(pub(in crate::store::postgres) Vec<String>);

#[async_trait]
impl Operation for SensitiveFields {
    type Output = Vec<String>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let ids: Vec<_> = self.0.iter().map(|id| encode(id)).collect();
        let query = tx.query(&tx.sql.read_sensitive_fields).bind(ids);
        let rows = tx.fetch(query).await?;
        let names = rows.iter().map(|row| row.try_get("name"));
        Ok(without_events(names.collect::<Result<_, _>>()?))
    }
}

/// Lists the publications of jobs by the programs of sessions.
pub(in crate::store::postgres) struct SessionPublications(
    pub(in crate::store::postgres) Vec<(SessionId, String)>,
);

#[async_trait]
impl Operation for SessionPublications {
    type Output = Vec<SessionPublication>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let sessions: Vec<i64> = self.0.iter().map(|(session, _)| session.0).collect();
        let jobs: Vec<_> = self.0.iter().map(|(_, job_id)| encode(job_id)).collect();
        let query = tx
            .query(&tx.sql.session_publications)
            .bind(sessions)
            .bind(jobs);
        let rows = tx.fetch(query).await?;
        Ok(without_events(records::session_publications(&rows)?))
    }
}

/// Lists every publication, also outdated ones.
pub(in crate::store::postgres) struct ListPublications;

#[async_trait]
impl Operation for ListPublications {
    type Output = Vec<PublishedJob>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let rows = tx
            .fetch(tx.query(&tx.sql.transfer_export_publications))
            .await?;
        Ok(without_events(records::jobs(&rows)?))
    }
}
