//! Pages of executions.
//!
//! A page is found in three steps within one statement: **candidates** are the newest numbers in
//! one index, the one that promises most for the filters given; the rest of the filters is then
//! tried on each, where it stands before what it is; whole records are made of those that pass. Only so many candidates are examined per page, so that no combination of
//! filters makes a page expensive; the cursor goes on from the last one examined.

use async_trait::async_trait;
use jobs::ExecutionStatus;
use sqlx::postgres::PgRow;
use sqlx::{Row, SqlStr};

use super::execution;
use crate::store::postgres::conn::error::Fault;
use crate::store::postgres::conn::operation::{Done, Shape, Transition, quietly};
use crate::store::postgres::conn::statements::Statements;
use crate::store::postgres::conn::text::stored;
use crate::store::postgres::conn::tx::Db;
use crate::store::{Cursor, ExecutionPage, ExecutionQuery};
use crate::time::Timestamp;

/// Candidates examined per page: what a page that finds nothing takes.
const EXAMINED: i64 = 2_500;

/// As long as no more are ready, those that are queued are found among them.
const FEW_READY: i64 = 5_000;

/// Where the candidates of a page come from.
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
    /// The index that promises most.
    async fn choose(db: &mut Db<'_>, query: &ExecutionQuery) -> Result<Self, Fault> {
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
        } else if query.status == Some(ExecutionStatus::Queued) && few_ready(db).await? {
            Self::Queued
        } else if query.created_by.is_some() {
            Self::Creator
        } else if query.job_id.is_some() {
            Self::Job
        } else {
            Self::All
        })
    }

    /// The statement that starts from these candidates, newest first.
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

    /// Whether every candidate is on the page, because no other filter is left.
    fn decides(self, query: &ExecutionQuery) -> bool {
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

/// Whether so few executions are ready that all of them can be looked through. The ready table is not
/// in the order of the feed; when it is long, queued ones are found soon among all.
async fn few_ready(db: &mut Db<'_>) -> Result<bool, Fault> {
    let query = db.query(&db.sql.read_count_queued).bind(FEW_READY);
    let rows = db.fetch(query).await?;
    let ready: i64 = rows.first().map_or(Ok(0), |row| row.try_get(0))?;
    Ok(ready < FEW_READY)
}

/// A page.
pub(in crate::store::postgres) struct Page(pub(in crate::store::postgres) ExecutionQuery);

#[async_trait]
impl Transition for Page {
    type Answer = ExecutionPage;
    const SHAPE: Shape = Shape::Statement;

    async fn run(&self, db: &mut Db<'_>) -> Result<Done<ExecutionPage>, Fault> {
        let Self(query) = self;
        let candidates = Candidates::choose(db, query).await?;
        let limit = i64::try_from(query.limit).unwrap_or(i64::MAX - 1);
        // One more than fits tells whether there is another page.
        let wanted = limit.saturating_add(1);
        let examined = if candidates.decides(query) {
            wanted
        } else {
            EXAMINED.max(wanted)
        };
        let from = query.cursor.map_or(i64::MAX, |Cursor(seq)| seq);
        let statement = db
            .query(candidates.statement(db.sql))
            .bind(from)
            .bind(examined)
            .bind(query.job_id.as_deref().map(stored))
            .bind(query.queue.as_deref().map(stored))
            .bind(query.item_id.as_deref().map(stored))
            .bind(query.correlation_id.as_deref().map(stored))
            .bind(query.created_by.as_deref().map(stored))
            .bind(query.tag.as_deref().map(stored))
            .bind(query.since.map(Timestamp::as_millis))
            .bind(query.until.map(Timestamp::as_millis))
            .bind(query.status.map(ExecutionStatus::as_str))
            .bind(wanted);
        let rows = db.fetch(statement).await?;
        Ok(quietly(page(&rows, query.limit, examined)?))
    }
}

/// Every row carries how far was looked; there is one without a record when none was found.
fn page(rows: &[PgRow], limit: usize, examined_at_most: i64) -> Result<ExecutionPage, Fault> {
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
