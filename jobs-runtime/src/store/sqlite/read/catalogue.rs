//! The catalogue: the jobs that programs have published.

use sqlx::sqlite::SqliteConnection;

use crate::store::decode::records;
use crate::store::sqlite::conn::error::{DbError, corrupt};
use crate::store::sqlite::conn::json;
use crate::store::sqlite::conn::operation::Outcome;
use crate::store::sqlite::limits;
use crate::store::{PublishedJob, SessionId, SessionPublication, StoreEvent};
use crate::time::Timestamp;

/// Stores the jobs of a program, and gives their limits the published rules. Returns an event if
/// any rule has changed, because the allocator then has to run.
pub(in crate::store::sqlite) async fn publish_in_txn(
    conn: &mut SqliteConnection,
    jobs: &[PublishedJob],
) -> Result<Outcome<()>, DbError> {
    let mut rows = Vec::with_capacity(jobs.len());
    for job in jobs {
        let descriptor = serde_json::to_string(&job.descriptor)
            .map_err(|error| corrupt("a job's descriptor", error))?;
        rows.push((
            &job.descriptor.id,
            &job.fingerprint,
            descriptor,
            job.published_at.as_millis(),
        ));
    }
    sqlx::query(include_str!("../sql/read/publish.sql"))
        .bind(json::array(&rows)?)
        .execute(&mut *conn)
        .await?;
    let changed = limits::update_rules_in_txn(conn, jobs).await?;
    let event = changed.then(|| StoreEvent::Scheduled(Timestamp::default()));
    Ok(((), Vec::from_iter(event)))
}

/// Lists the newest publication of every job.
pub(in crate::store::sqlite) async fn list_on_conn(
    conn: &mut SqliteConnection,
) -> Result<Vec<PublishedJob>, DbError> {
    let rows = sqlx::query(include_str!("../sql/read/catalogue.sql"))
        .fetch_all(conn)
        .await?;
    records::jobs(&rows)
}

/// Lists the sensitive fields of jobs in any of their publications.
pub(in crate::store::sqlite) async fn sensitive_fields_on_conn(
    conn: &mut SqliteConnection,
    job_ids: &[String],
) -> Result<Vec<String>, DbError> {
    let names = sqlx::query_scalar(include_str!("../sql/read/sensitive_fields.sql"))
        .bind(json::array(job_ids)?)
        .fetch_all(conn)
        .await?;
    Ok(names)
}

/// Lists the publications of jobs by the programs of sessions.
pub(in crate::store::sqlite) async fn session_publications_on_conn(
    conn: &mut SqliteConnection,
    pairs: &[(SessionId, String)],
) -> Result<Vec<SessionPublication>, DbError> {
    let rows = sqlx::query(include_str!("../sql/session/publications.sql"))
        .bind(json::array(pairs)?)
        .fetch_all(conn)
        .await?;
    records::session_publications(&rows)
}

/// Lists all publications.
pub(in crate::store::sqlite) async fn publications_on_conn(
    conn: &mut SqliteConnection,
) -> Result<Vec<PublishedJob>, DbError> {
    let rows = sqlx::query(include_str!("../sql/transfer/export_publications.sql"))
        .fetch_all(conn)
        .await?;
    records::jobs(&rows)
}
