//! Records and states of executions.

use async_trait::async_trait;
use jobs::ExecutionId;
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::store::decode::records;
use crate::store::decode::words::attempts;
use crate::store::postgres::conn::error::DbError;
use crate::store::postgres::conn::operation::{Operation, Outcome, without_events};
use crate::store::postgres::conn::text;
use crate::store::postgres::conn::tx::Tx;
use crate::store::postgres::uuid_of;
use crate::store::{ExecutionRecord, ExecutionState, RecentOutcome};

/// Reads an execution with its attempts, in one statement and thus from one snapshot.
pub(in crate::store::postgres) struct ReadExecution(pub(in crate::store::postgres) ExecutionId);

#[async_trait]
impl Operation for ReadExecution {
    type Output = Option<ExecutionRecord>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let query = tx.query(&tx.sql.read_execution).bind(uuid_of(&self.0));
        let rows = tx.fetch(query).await?;
        let Some(row) = rows.first() else {
            return Ok(without_events(None));
        };
        let mut record = records::execution(row)?;
        record.attempts = attempts(row.try_get("attempts")?, text::decode)?;
        Ok(without_events(Some(record)))
    }
}

/// Reads the states of executions. Leaves out those that do not exist or cannot be read.
pub(in crate::store::postgres) struct ExecutionStates(
    pub(in crate::store::postgres) Vec<ExecutionId>,
);

#[async_trait]
impl Operation for ExecutionStates {
    type Output = Vec<ExecutionState>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let ids: Vec<Uuid> = self.0.iter().map(uuid_of).collect();
        let query = tx.query(&tx.sql.read_execution_states).bind(ids);
        let rows = tx.fetch(query).await?;
        Ok(without_events(records::states(&rows)?))
    }
}

/// Converts a stored id.
pub(in crate::store::postgres) fn id_of(uuid: Uuid) -> ExecutionId {
    ExecutionId::from_bytes(*uuid.as_bytes())
}

/// Reads and decodes a text that may be NULL.
pub(in crate::store::postgres) fn optional(
    row: &PgRow,
    column: &str,
) -> Result<Option<String>, DbError> {
    Ok(row.try_get::<Option<String>, _>(column)?.map(text::decode))
}

/// Reads the newest final executions, of all jobs or of one.
pub(in crate::store::postgres) struct RecentOutcomes {
    pub(in crate::store::postgres) job_id: Option<String>,
    pub(in crate::store::postgres) limit: usize,
}

#[async_trait]
impl Operation for RecentOutcomes {
    type Output = Vec<RecentOutcome>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let limit = i64::try_from(self.limit).unwrap_or(i64::MAX);
        let query = match &self.job_id {
            None => tx.query(&tx.sql.read_recent_outcomes).bind(limit),
            Some(job_id) => tx
                .query(&tx.sql.read_recent_outcomes_of_job)
                .bind(limit)
                .bind(text::encode(job_id).into_owned()),
        };
        let rows = tx.fetch(query).await?;
        Ok(without_events(records::recent_outcomes(&rows)?))
    }
}
