//! Pages of executions.
//!
//! A page is found in two steps within one statement: **candidates** are the newest numbers in one
//! index, the one that promises most for the filters given; the rest of the filters is then tried
//! on their records. Only so many candidates are examined per page, so that no combination of
//! filters makes a page expensive; the cursor goes on from the last one examined.

use jobs::ExecutionStatus;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Row};

use super::execution;
use crate::store::sqlite::conn::error::Fault;
use crate::store::{Cursor, ExecutionPage, ExecutionQuery};
use crate::time::Timestamp;

/// Candidates examined per page: what a page that finds nothing takes.
const EXAMINED: i64 = 2_500;

/// As long as no more are ready, those that are queued are found among them.
const FEW_READY: i64 = 5_000;

/// Where the candidates of a page come from. `$1` is the cursor, `$2` how many are examined.
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
    async fn choose(conn: &mut SqliteConnection, query: &ExecutionQuery) -> Result<Self, Fault> {
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
        } else if query.status == Some(ExecutionStatus::Queued) && few_ready(conn).await? {
            Self::Queued
        } else if query.created_by.is_some() {
            Self::Creator
        } else if query.job_id.is_some() {
            Self::Job
        } else {
            Self::All
        })
    }

    /// The numbers of the candidates, newest first.
    const fn sql(self) -> &'static str {
        match self {
            Self::All => "SELECT seq FROM jobs_executions WHERE seq < $1",
            Self::Job => "SELECT seq FROM jobs_executions WHERE job_id = $3 AND seq < $1",
            Self::Item => "SELECT seq FROM jobs_executions WHERE item_id = $5 AND seq < $1",
            Self::Correlation => {
                "SELECT seq FROM jobs_executions WHERE correlation_id = $6 AND seq < $1"
            }
            Self::Creator => "SELECT seq FROM jobs_executions WHERE created_by = $7 AND seq < $1",
            Self::Unsuccessful => {
                "SELECT seq FROM jobs_outcomes \
                 WHERE status = $11 AND status <> 'succeeded' AND seq < $1"
            }
            Self::Running => "SELECT seq FROM jobs_leases WHERE seq < $1",
            Self::Pending => "SELECT seq FROM jobs_scheduled WHERE seq < $1",
            Self::Queued => {
                "SELECT seq FROM jobs_ready WHERE seq < $1 \
                 UNION ALL SELECT seq FROM jobs_blocked WHERE seq < $1"
            }
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
async fn few_ready(conn: &mut SqliteConnection) -> Result<bool, Fault> {
    let ready: i64 = sqlx::query_scalar(include_str!("../sql/read/list_few_ready.sql"))
        .bind(FEW_READY)
        .fetch_one(conn)
        .await?;
    Ok(ready < FEW_READY)
}

pub(in crate::store::sqlite) async fn page_on_conn(
    conn: &mut SqliteConnection,
    query: &ExecutionQuery,
) -> Result<ExecutionPage, Fault> {
    let candidates = Candidates::choose(conn, query).await?;
    let limit = i64::try_from(query.limit).unwrap_or(i64::MAX - 1);
    // One more than fits tells whether there is another page.
    let wanted = limit.saturating_add(1);
    let examined = if candidates.decides(query) {
        wanted
    } else {
        EXAMINED.max(wanted)
    };
    let from = query.cursor.map_or(i64::MAX, |Cursor(seq)| seq);
    let rows = sqlx::query(AssertSqlSafe(page_sql(candidates)))
        .bind(from)
        .bind(examined)
        .bind(query.job_id.as_deref())
        .bind(query.queue.as_deref())
        .bind(query.item_id.as_deref())
        .bind(query.correlation_id.as_deref())
        .bind(query.created_by.as_deref())
        .bind(query.tag.as_deref())
        .bind(query.since.map(Timestamp::as_millis))
        .bind(query.until.map(Timestamp::as_millis))
        .bind(query.status.map(ExecutionStatus::as_str))
        .bind(wanted)
        .fetch_all(conn)
        .await?;
    page(&rows, query.limit, examined)
}

fn page_sql(candidates: Candidates) -> String {
    format!(
        "WITH candidates (seq) AS MATERIALIZED ({} ORDER BY seq DESC LIMIT $2)\n\
         SELECT f.*, p.*\n\
         FROM (SELECT MIN(seq) AS last_examined, COUNT(*) AS examined FROM candidates) AS f\n\
         LEFT JOIN (\n{}WHERE x.seq IN (SELECT seq FROM candidates) AND\n{}\
         ORDER BY x.seq DESC LIMIT $12) AS p ON TRUE",
        candidates.sql(),
        include_str!("../sql/read/execution.sql"),
        include_str!("../sql/read/list_filters.sql"),
    )
}

/// Every row carries how far was looked; there is one without a record when none was found.
fn page(rows: &[SqliteRow], limit: usize, examined_at_most: i64) -> Result<ExecutionPage, Fault> {
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
