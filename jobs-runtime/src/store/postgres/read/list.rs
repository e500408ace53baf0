//! Lists of executions, page by page; see `decode/page.rs`.

use async_trait::async_trait;
use jobs::ExecutionStatus;
use sqlx::{Row, SqlStr};

use crate::store::decode::page::{Candidates, FEW_QUEUED, PageBounds};
use crate::store::postgres::conn::error::DbError;
use crate::store::postgres::conn::operation::{Operation, Outcome, without_events};
use crate::store::postgres::conn::statements::Statements;
use crate::store::postgres::conn::text::encode;
use crate::store::postgres::conn::tx::Tx;
use crate::store::{ExecutionPage, ExecutionQuery};
use crate::time::Timestamp;

/// Returns the statement for these candidates.
fn statement(candidates: Candidates, sql: &Statements) -> &SqlStr {
    match candidates {
        Candidates::All => &sql.read_list_all,
        Candidates::Job => &sql.read_list_job,
        Candidates::Item => &sql.read_list_item,
        Candidates::Correlation => &sql.read_list_correlation,
        Candidates::Creator => &sql.read_list_creator,
        Candidates::Unsuccessful => &sql.read_list_unsuccessful,
        Candidates::Running => &sql.read_list_running,
        Candidates::Pending => &sql.read_list_pending,
        Candidates::Queued => &sql.read_list_queued,
    }
}

/// Returns true if few executions are queued.
async fn few_queued(tx: &mut Tx<'_>) -> Result<bool, DbError> {
    let query = tx.query(&tx.sql.read_count_queued).bind(FEW_QUEUED);
    let rows = tx.fetch(query).await?;
    let queued: i64 = rows.first().map_or(Ok(0), |row| row.try_get(0))?;
    Ok(queued < FEW_QUEUED)
}

/// Reads a page of executions.
pub(in crate::store::postgres) struct ListExecutions(pub(in crate::store::postgres) ExecutionQuery);

#[async_trait]
impl Operation for ListExecutions {
    type Output = ExecutionPage;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<ExecutionPage>, DbError> {
        let Self(query) = self;
        let mut candidates = Candidates::choose(query, true);
        if candidates == Candidates::Queued && !few_queued(tx).await? {
            candidates = Candidates::choose(query, false);
        }
        let bounds = PageBounds::of(query, candidates);
        let statement = tx
            .query(statement(candidates, tx.sql))
            .bind(bounds.before)
            .bind(bounds.examined)
            .bind(query.job_id.as_deref().map(encode))
            .bind(query.queue.as_deref().map(encode))
            .bind(query.item_id.as_deref().map(encode))
            .bind(query.correlation_id.as_deref().map(encode))
            .bind(query.created_by.as_deref().map(encode))
            .bind(query.tag.as_deref().map(encode))
            .bind(query.since.map(Timestamp::as_millis))
            .bind(query.until.map(Timestamp::as_millis))
            .bind(query.status.map(ExecutionStatus::as_str))
            .bind(bounds.rows);
        let rows = tx.fetch(statement).await?;
        Ok(without_events(bounds.page(&rows, query.limit)?))
    }
}
