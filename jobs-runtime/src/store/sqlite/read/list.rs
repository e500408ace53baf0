//! Lists of executions, page by page, the newest first.
//!
//! One statement finds a page in two steps. The **candidates** are the newest `seq` in one index:
//! the most selective one for the filters of the query. The remaining filters are then tested on
//! their records.
//!
//! A page examines at most 2,500 candidates, or as many as its limit. No combination of filters
//! makes a page expensive; a page may be empty although more executions follow. The cursor
//! continues after the last candidate that was examined.

use jobs::ExecutionStatus;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Row};

use super::execution;
use crate::store::sqlite::conn::error::DbError;
use crate::store::{Cursor, ExecutionPage, ExecutionQuery};
use crate::time::Timestamp;

/// Most candidates that a page examines, unless its limit is higher.
const MAX_EXAMINED: i64 = 2_500;

/// Below this number of queued executions, the tables of queued executions provide the candidates.
const FEW_QUEUED: i64 = 5_000;

/// The table or index that provides the candidates of a page.
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
    /// Chooses the most selective index for the query.
    async fn choose(conn: &mut SqliteConnection, query: &ExecutionQuery) -> Result<Self, DbError> {
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
        } else if query.status == Some(ExecutionStatus::Queued) && few_queued(conn).await? {
            Self::Queued
        } else if query.created_by.is_some() {
            Self::Creator
        } else if query.job_id.is_some() {
            Self::Job
        } else {
            Self::All
        })
    }

    /// The query for the candidates. `$1` is the cursor; [`page_sql`] adds order and limit.
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

    /// True if every candidate matches the query, because no other filter is left.
    fn match_entirely(self, query: &ExecutionQuery) -> bool {
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

/// True if there are so few queued executions that all of them can be sorted. The table of ready
/// executions is not in the order of lists. If it is long, many of the newest executions are
/// queued.
async fn few_queued(conn: &mut SqliteConnection) -> Result<bool, DbError> {
    let queued: i64 = sqlx::query_scalar(include_str!("../sql/read/count_queued.sql"))
        .bind(FEW_QUEUED)
        .fetch_one(conn)
        .await?;
    Ok(queued < FEW_QUEUED)
}

/// Reads a page.
pub(in crate::store::sqlite) async fn page_on_conn(
    conn: &mut SqliteConnection,
    query: &ExecutionQuery,
) -> Result<ExecutionPage, DbError> {
    let candidates = Candidates::choose(conn, query).await?;
    let limit = i64::try_from(query.limit).unwrap_or(i64::MAX - 1);
    // One row more than the limit shows whether another page follows.
    let rows_read = limit.saturating_add(1);
    let examined = if candidates.match_entirely(query) {
        rows_read
    } else {
        MAX_EXAMINED.max(rows_read)
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
        .bind(rows_read)
        .fetch_all(conn)
        .await?;
    page(&rows, query.limit, examined)
}

/// The statement of a page. Its parameters: `$1` the cursor, `$2` the number of candidates, `$3` to
/// `$11` the filters (see `list_filters.sql`), `$12` the number of rows.
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

/// Reads the rows of a page. Each carries the number of candidates and the last one examined. If no
/// record matches, there is one row with these two only.
fn page(rows: &[SqliteRow], limit: usize, examined_at_most: i64) -> Result<ExecutionPage, DbError> {
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
