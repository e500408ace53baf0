//! Lists of executions, page by page; see `decode/page.rs`.

use async_trait::async_trait;
use jobs::ExecutionStatus;
use sqlx::postgres::PgRow;
use sqlx::{Row, SqlStr};

use super::execution::ReadExecution;

use crate::store::decode::page::{Candidates, FEW_QUEUED, PageBounds};
use crate::store::decode::window::{Place, Window, times};
use crate::store::postgres::conn::error::DbError;
use crate::store::postgres::conn::operation::{Operation, Outcome, without_events};
use crate::store::postgres::conn::statements::Statements;
use crate::store::postgres::conn::text::encode;
use crate::store::postgres::conn::tx::Tx;
use crate::store::postgres::uuid_of;
use crate::store::{ExecutionPage, ExecutionQuery, MatchPage};
use crate::time::Timestamp;

/// The columns that a list reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ListOf {
    Records,
    Matches,
}

/// Returns the statement for these candidates and columns.
fn statement(list: ListOf, candidates: Candidates, sql: &Statements) -> &SqlStr {
    let (records, matches) = match candidates {
        Candidates::All => (&sql.read_list_all, &sql.read_match_all),
        Candidates::Job => (&sql.read_list_job, &sql.read_match_job),
        Candidates::Item => (&sql.read_list_item, &sql.read_match_item),
        Candidates::Correlation => (&sql.read_list_correlation, &sql.read_match_correlation),
        Candidates::Parent => (&sql.read_list_parent, &sql.read_match_parent),
        Candidates::Creator => (&sql.read_list_creator, &sql.read_match_creator),
        Candidates::Unsuccessful => (&sql.read_list_unsuccessful, &sql.read_match_unsuccessful),
        Candidates::Running => (&sql.read_list_running, &sql.read_match_running),
        Candidates::Pending => (&sql.read_list_pending, &sql.read_match_pending),
        Candidates::Queued => (&sql.read_list_queued, &sql.read_match_queued),
        Candidates::Ids => (&sql.read_list_ids, &sql.read_match_ids),
    };
    match list {
        ListOf::Records => records,
        ListOf::Matches => matches,
    }
}

/// Returns true if few executions are queued.
async fn few_queued(tx: &mut Tx<'_>) -> Result<bool, DbError> {
    let query = tx.query(&tx.sql.read_count_queued).bind(FEW_QUEUED);
    let rows = tx.fetch(query).await?;
    let queued: i64 = rows.first().map_or(Ok(0), |row| row.try_get(0))?;
    Ok(queued < FEW_QUEUED)
}

/// Finds the part of the list that the times of the query bound.
async fn window(tx: &mut Tx<'_>, query: &ExecutionQuery) -> Result<Window, DbError> {
    let mut places = [None, None];
    for (place, at) in places.iter_mut().zip(times(query)) {
        if let Some(at) = at {
            let rows = tx.fetch(tx.query(&tx.sql.read_seek).bind(at)).await?;
            *place = Some(Place::of(rows.first().ok_or(DbError::Raced)?)?);
        }
    }
    let [since, until] = places;
    Ok(Window::between(since, until))
}

/// Reads a page of executions.
pub(in crate::store::postgres) struct ListExecutions(pub(in crate::store::postgres) ExecutionQuery);

#[async_trait]
impl Operation for ListExecutions {
    type Output = ExecutionPage;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<ExecutionPage>, DbError> {
        let Self(query) = self;
        if !query.is_chosen_from_matches() {
            let (bounds, rows) = rows(tx, query, ListOf::Records).await?;
            return Ok(without_events(bounds.page(&rows, query.limit)?));
        }
        let (bounds, rows) = rows(tx, query, ListOf::Matches).await?;
        let (page, looked_back_to) = bounds.matches(&rows, query)?;
        let mut executions = Vec::with_capacity(page.matches.len());
        for found in page.matches {
            let (execution, _) = ReadExecution(found.id).run(tx).await?;
            executions.extend(execution);
        }
        for execution in &mut executions {
            execution.attempts.clear();
        }
        Ok(without_events(ExecutionPage {
            executions,
            next_cursor: page.next,
            looked_back_to,
        }))
    }
}

/// Reads a page of matches.
pub(in crate::store::postgres) struct FindMatches(pub(in crate::store::postgres) ExecutionQuery);

#[async_trait]
impl Operation for FindMatches {
    type Output = MatchPage;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<MatchPage>, DbError> {
        let Self(query) = self;
        let (bounds, rows) = rows(tx, query, ListOf::Matches).await?;
        Ok(without_events(bounds.matches(&rows, query)?.0))
    }
}

/// Reads the rows of a page.
async fn rows(
    tx: &mut Tx<'_>,
    query: &ExecutionQuery,
    list: ListOf,
) -> Result<(PageBounds, Vec<PgRow>), DbError> {
    let mut candidates = Candidates::choose(query, true);
    if candidates == Candidates::Queued && !few_queued(tx).await? {
        candidates = Candidates::choose(query, false);
    }
    let window = window(tx, query).await?;
    let bounds = PageBounds::of(query, candidates, window);
    let mut statement = tx
        .query(statement(list, candidates, tx.sql))
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
        .bind(query.demanded_status().map(ExecutionStatus::as_str))
        .bind(bounds.rows)
        .bind(query.text.as_deref().map(encode))
        .bind(query.parent_id.as_ref().map(uuid_of));
    statement = statement.bind(query.longer_than_ms());
    if candidates == Candidates::Ids {
        statement = statement.bind(query.ids.iter().map(uuid_of).collect::<Vec<_>>());
    }
    Ok((bounds, tx.fetch(statement).await?))
}
