//! Lists of executions, page by page; see `decode/page.rs`.

use jobs::ExecutionStatus;
use sqlx::AssertSqlSafe;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::execution::execution_on_conn;
use crate::store::decode::page::{Candidates, FEW_QUEUED, PageBounds};
use crate::store::decode::window::{Place, Window, times};
use crate::store::sqlite::conn::error::DbError;
use crate::store::sqlite::conn::json::{self, Hex};
use crate::store::{ExecutionPage, ExecutionQuery, MatchPage};
use crate::time::Timestamp;

/// The query for the candidates. `$1` is the cursor; [`page_sql`] adds order and limit.
const fn candidates_sql(candidates: Candidates) -> &'static str {
    match candidates {
        Candidates::All => "SELECT seq FROM jobs_executions WHERE seq < $1",
        Candidates::Job => "SELECT seq FROM jobs_executions WHERE job_id = $3 AND seq < $1",
        Candidates::Item => "SELECT seq FROM jobs_executions WHERE item_id = $5 AND seq < $1",
        Candidates::Correlation => {
            "SELECT seq FROM jobs_executions WHERE correlation_id = $6 AND seq < $1"
        }
        Candidates::Parent => "SELECT seq FROM jobs_executions WHERE parent_id = $14 AND seq < $1",
        Candidates::Creator => "SELECT seq FROM jobs_executions WHERE created_by = $7 AND seq < $1",
        Candidates::Unsuccessful => {
            "SELECT seq FROM jobs_outcomes \
             WHERE status = $11 AND status <> 'succeeded' AND seq < $1"
        }
        Candidates::Running => "SELECT seq FROM jobs_leases WHERE seq < $1",
        Candidates::Pending => "SELECT seq FROM jobs_scheduled WHERE seq < $1",
        Candidates::Queued => {
            "SELECT seq FROM jobs_ready WHERE seq < $1 \
             UNION ALL SELECT seq FROM jobs_blocked WHERE seq < $1"
        }
        Candidates::Ids => {
            "SELECT x.seq FROM json_each($16) AS i \
             CROSS JOIN jobs_executions AS x ON x.id = unhex(i.value) WHERE x.seq < $1"
        }
    }
}

/// True if few executions are queued.
async fn few_queued(conn: &mut SqliteConnection) -> Result<bool, DbError> {
    let queued: i64 = sqlx::query_scalar(include_str!("../sql/read/count_queued.sql"))
        .bind(FEW_QUEUED)
        .fetch_one(conn)
        .await?;
    Ok(queued < FEW_QUEUED)
}

/// Finds the part of the list that the times of the query bound.
async fn window_on_conn(
    conn: &mut SqliteConnection,
    query: &ExecutionQuery,
) -> Result<Window, DbError> {
    let mut places = [None, None];
    for (place, at) in places.iter_mut().zip(times(query)) {
        if let Some(at) = at {
            let row = sqlx::query(include_str!("../sql/read/seek.sql"))
                .bind(at)
                .fetch_one(&mut *conn)
                .await?;
            *place = Some(Place::of(&row)?);
        }
    }
    let [since, until] = places;
    Ok(Window::between(since, until))
}

/// Reads a page.
pub(in crate::store::sqlite) async fn page_on_conn(
    conn: &mut SqliteConnection,
    query: &ExecutionQuery,
) -> Result<ExecutionPage, DbError> {
    if !query.is_chosen_from_matches() {
        let record = include_str!("../sql/read/execution.sql");
        let (bounds, rows) = rows_on_conn(conn, query, record).await?;
        return bounds.page(&rows, query.limit);
    }
    let (page, looked_back_to) = find_on_conn(conn, query).await?;
    let mut executions = Vec::with_capacity(page.matches.len());
    for found in page.matches {
        executions.extend(execution_on_conn(conn, found.id).await?);
    }
    for execution in &mut executions {
        execution.attempts.clear();
    }
    Ok(ExecutionPage {
        executions,
        next_cursor: page.next,
        looked_back_to,
    })
}

/// Reads a page of matches.
pub(in crate::store::sqlite) async fn matches_on_conn(
    conn: &mut SqliteConnection,
    query: &ExecutionQuery,
) -> Result<MatchPage, DbError> {
    Ok(find_on_conn(conn, query).await?.0)
}

async fn find_on_conn(
    conn: &mut SqliteConnection,
    query: &ExecutionQuery,
) -> Result<(MatchPage, Option<Timestamp>), DbError> {
    let record = include_str!("../sql/read/match.sql");
    let (bounds, rows) = rows_on_conn(conn, query, record).await?;
    bounds.matches(&rows, query)
}

/// Reads the rows of a page, with the columns of `record`.
async fn rows_on_conn(
    conn: &mut SqliteConnection,
    query: &ExecutionQuery,
    record: &str,
) -> Result<(PageBounds, Vec<SqliteRow>), DbError> {
    let mut candidates = Candidates::choose(query, true);
    if candidates == Candidates::Queued && !few_queued(conn).await? {
        candidates = Candidates::choose(query, false);
    }
    let window = window_on_conn(conn, query).await?;
    let bounds = PageBounds::of(query, candidates, window);
    let mut statement = sqlx::query(AssertSqlSafe(page_sql(candidates, record)))
        .bind(bounds.before)
        .bind(bounds.examined)
        .bind(query.job_id.as_deref())
        .bind(query.queue.as_deref())
        .bind(query.item_id.as_deref())
        .bind(query.correlation_id.as_deref())
        .bind(query.created_by.as_deref())
        .bind(query.tag.as_deref())
        .bind(query.since.map(Timestamp::as_millis))
        .bind(query.until.map(Timestamp::as_millis))
        .bind(query.demanded_status().map(ExecutionStatus::as_str))
        .bind(bounds.rows)
        .bind(query.text.as_deref())
        .bind(query.parent_id.as_ref().map(|id| id.as_bytes().to_vec()));
    statement = statement.bind(query.longer_than_ms());
    if candidates == Candidates::Ids {
        statement = statement.bind(json::array(query.ids.iter().map(|id| Hex(*id)))?);
    }
    Ok((bounds, statement.fetch_all(conn).await?))
}

/// The statement of a page. Its parameters: `$1` the cursor, `$2` the number of candidates, `$3` to
/// `$11` and `$13` to `$15` the filters (see `list_filters.sql`), `$12` the number of rows, `$16`
/// the ids.
fn page_sql(candidates: Candidates, record: &str) -> String {
    format!(
        "WITH candidates (seq) AS MATERIALIZED ({} ORDER BY seq DESC LIMIT $2)\n\
         SELECT f.*, (SELECT created_at FROM jobs_executions WHERE seq = f.last_examined) \
         AS looked_back_to, p.*\n\
         FROM (SELECT MIN(seq) AS last_examined, COUNT(*) AS examined FROM candidates) AS f\n\
         LEFT JOIN (\n{record}WHERE x.seq IN (SELECT seq FROM candidates) AND\n{}\
         ORDER BY x.seq DESC LIMIT $12) AS p ON TRUE",
        candidates_sql(candidates),
        include_str!("../sql/read/list_filters.sql"),
    )
}
