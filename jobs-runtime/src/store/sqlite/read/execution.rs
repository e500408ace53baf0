//! Records of executions, with their attempts.

use jobs::ExecutionId;
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use crate::store::decode::records;
use crate::store::decode::words::attempts;
use crate::store::sqlite::conn::error::DbError;
use crate::store::sqlite::conn::json;
use crate::store::{ExecutionRecord, ExecutionState, RecentOutcome};

/// Reads an execution with its attempts. One statement reads both, so they come from one snapshot.
pub(in crate::store::sqlite) async fn execution_on_conn(
    conn: &mut SqliteConnection,
    id: ExecutionId,
) -> Result<Option<ExecutionRecord>, DbError> {
    let sql = concat!(
        "SELECT p.*, (\n",
        include_str!("../sql/read/attempts.sql"),
        ") AS attempts FROM (\n",
        include_str!("../sql/read/execution.sql"),
        "WHERE x.id = $1) AS p"
    );
    let row = sqlx::query(sql)
        .bind(id.as_bytes().as_slice())
        .fetch_optional(conn)
        .await?;
    row.map(|row| {
        let mut record = records::execution(&row)?;
        record.attempts = attempts(row.try_get("attempts")?, |text| text)?;
        Ok(record)
    })
    .transpose()
}

/// Reads the states of these executions. Leaves out ids that do not exist or cannot be read.
pub(in crate::store::sqlite) async fn states_on_conn(
    conn: &mut SqliteConnection,
    ids: &[ExecutionId],
) -> Result<Vec<ExecutionState>, DbError> {
    let rows = sqlx::query(include_str!("../sql/read/execution_states.sql"))
        .bind(json::array(ids.iter().copied().map(json::Hex))?)
        .fetch_all(conn)
        .await?;
    records::states(&rows)
}

/// Reads the newest final executions, of all jobs or of one.
pub(in crate::store::sqlite) async fn recent_outcomes_on_conn(
    conn: &mut SqliteConnection,
    job_id: Option<&str>,
    limit: usize,
) -> Result<Vec<RecentOutcome>, DbError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let query = match job_id {
        None => sqlx::query(include_str!("../sql/read/recent_outcomes.sql")).bind(limit),
        Some(job_id) => sqlx::query(include_str!("../sql/read/recent_outcomes_of_job.sql"))
            .bind(limit)
            .bind(job_id),
    };
    records::recent_outcomes(&query.fetch_all(conn).await?)
}
