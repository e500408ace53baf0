//! Lists of executions, page by page.
//!
//! One statement finds a page in three steps:
//!
//! 1. **Candidates:** the newest seqs in one index, the most selective one for the filters.
//! 2. **Filters:** the other filters are applied to each candidate.
//! 3. **Records:** full records are read for the executions that pass.
//!
//! At most [`EXAMINED`] candidates are examined per page, so that the cost of a page is bounded for
//! every combination of filters. The cursor continues after the last examined candidate.

use async_trait::async_trait;
use jobs::ExecutionStatus;
use sqlx::postgres::PgRow;
use sqlx::{Row, SqlStr};

use super::execution;
use crate::store::postgres::conn::error::DbError;
use crate::store::postgres::conn::operation::{Operation, Outcome, TxMode, without_events};
use crate::store::postgres::conn::statements::Statements;
use crate::store::postgres::conn::text::encode;
use crate::store::postgres::conn::tx::Tx;
use crate::store::{Cursor, ExecutionPage, ExecutionQuery};
use crate::time::Timestamp;

/// Candidates that are examined per page.
const EXAMINED: i64 = 2_500;

/// Up to this number of queued executions, a list of queued ones scans all of them.
const FEW_QUEUED: i64 = 5_000;

/// Index or table that the candidates of a page come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Candidates {
    All,
    Job,
    Item,
    Correlation,
    Creator,
    Unsuccessful,
    Running,
    Pending,
    Queued,
}

impl Candidates {
    /// Chooses the most selective source for the filters.
    async fn choose(tx: &mut Tx<'_>, query: &ExecutionQuery) -> Result<Self, DbError> {
        Ok(if query.item_id.is_some() {
            Self::Item
        } else if query.correlation_id.is_some() {
            Self::Correlation
        } else if query.status == Some(ExecutionStatus::Running) {
            Self::Running
        } else if query.status == Some(ExecutionStatus::Pending) {
            Self::Pending
        } else if matches!(
            query.status,
            Some(ExecutionStatus::Failed | ExecutionStatus::Cancelled)
        ) {
            Self::Unsuccessful
        } else if query.status == Some(ExecutionStatus::Queued) && few_queued(tx).await? {
            Self::Queued
        } else if query.created_by.is_some() {
            Self::Creator
        } else if query.job_id.is_some() {
            Self::Job
        } else {
            Self::All
        })
    }

    /// Returns the statement for these candidates.
    fn statement(self, sql: &Statements) -> &SqlStr {
        match self {
            Self::All => &sql.read_list_all,
            Self::Job => &sql.read_list_job,
            Self::Item => &sql.read_list_item,
            Self::Correlation => &sql.read_list_correlation,
            Self::Creator => &sql.read_list_creator,
            Self::Unsuccessful => &sql.read_list_unsuccessful,
            Self::Running => &sql.read_list_running,
            Self::Pending => &sql.read_list_pending,
            Self::Queued => &sql.read_list_queued,
        }
    }

    /// Returns true if no other filter is left, so that every candidate is on the page.
    fn satisfy_all_filters(self, query: &ExecutionQuery) -> bool {
        let ExecutionQuery {
            limit: _,
            cursor: _,
            job_id,
            status,
            queue,
            item_id,
            correlation_id,
            created_by,
            tag,
            since,
            until,
        } = query;
        let by_status = matches!(
            self,
            Self::Unsuccessful | Self::Running | Self::Pending | Self::Queued
        );
        (job_id.is_none() || self == Self::Job)
            && (item_id.is_none() || self == Self::Item)
            && (correlation_id.is_none() || self == Self::Correlation)
            && (created_by.is_none() || self == Self::Creator)
            && (status.is_none() || by_status)
            && queue.is_none()
            && tag.is_none()
            && since.is_none()
            && until.is_none()
    }
}

/// Returns true if few executions are queued. The tables of queued executions are not in the order
/// of the list, so all their rows are candidates. If there are many, newest executions are mostly
/// queued, and a scan of all executions finds a page soon.
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
    const TX_MODE: TxMode = TxMode::Statement;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<ExecutionPage>, DbError> {
        let Self(query) = self;
        let candidates = Candidates::choose(tx, query).await?;
        let limit = i64::try_from(query.limit).unwrap_or(i64::MAX - 1);
        // One row more than the page holds shows whether there is another page.
        let wanted = limit.saturating_add(1);
        let examined = if candidates.satisfy_all_filters(query) {
            wanted
        } else {
            EXAMINED.max(wanted)
        };
        let from = query.cursor.map_or(i64::MAX, |Cursor(seq)| seq);
        let statement = tx
            .query(candidates.statement(tx.sql))
            .bind(from)
            .bind(examined)
            .bind(query.job_id.as_deref().map(encode))
            .bind(query.queue.as_deref().map(encode))
            .bind(query.item_id.as_deref().map(encode))
            .bind(query.correlation_id.as_deref().map(encode))
            .bind(query.created_by.as_deref().map(encode))
            .bind(query.tag.as_deref().map(encode))
            .bind(query.since.map(Timestamp::as_millis))
            .bind(query.until.map(Timestamp::as_millis))
            .bind(query.status.map(ExecutionStatus::as_str))
            .bind(wanted);
        let rows = tx.fetch(statement).await?;
        Ok(without_events(page(&rows, query.limit, examined)?))
    }
}

/// Builds the page. Every row has the number of examined candidates and the last one; if no
/// execution was found, there is one row without a record.
fn page(rows: &[PgRow], limit: usize, examined_at_most: i64) -> Result<ExecutionPage, DbError> {
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        if let Some(seq) = row.try_get::<Option<i64>, _>("seq")? {
            found.push((seq, row));
        }
    }
    found.sort_unstable_by_key(|(seq, _)| std::cmp::Reverse(*seq));
    let next_cursor = if found.len() > limit {
        found.truncate(limit);
        found.last().map(|(seq, _)| Cursor(*seq))
    } else {
        match rows.first() {
            Some(row) if row.try_get::<i64, _>("examined")? == examined_at_most => {
                Some(Cursor(row.try_get("last_examined")?))
            }
            _ => None,
        }
    };
    let executions = found.iter().map(|(_, row)| execution::read(row));
    Ok(ExecutionPage {
        executions: executions.collect::<Result<_, _>>()?,
        next_cursor,
    })
}
