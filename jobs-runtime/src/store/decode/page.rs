//! Pages of executions, newest first.
//!
//! One statement finds a page in three steps:
//!
//! 1. **Candidates:** the newest seqs in one index, the most selective one for the filters.
//! 2. **Filters:** the other filters are applied to each candidate.
//! 3. **Records:** full records are read for the executions that pass.
//!
//! A page examines at most [`EXAMINED`] candidates, or as many as its limit. So the cost of a page
//! is bounded for every combination of filters, and a page may be empty although more executions
//! follow. The cursor continues after the last examined candidate. With `since` or `until`, pages
//! begin and end where the times do; see `window`.

use jobs::{ExecutionError, ExecutionStatus};

use super::window::Window;
use super::{Columns, readable, records, words};
use crate::store::rules::error_fingerprint::error_fingerprint;
use crate::store::{
    Cursor, ExecutionPage, ExecutionQuery, ExecutionRecord, ExecutionSort, Match, MatchPage,
    SessionId,
};
use crate::time::Timestamp;

/// The number of candidates that a page examines, unless its limit is higher.
const EXAMINED: i64 = 2_500;

/// The largest number of queued executions that all become candidates. Their tables are not in the
/// order of lists. If there are more, many of the newest executions are queued.
pub(in crate::store) const FEW_QUEUED: i64 = 5_000;

/// The index or table that the candidates of a page come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Candidates {
    All,
    Job,
    Item,
    Correlation,
    Creator,
    Parent,
    Unsuccessful,
    Running,
    Pending,
    /// Used if at most [`FEW_QUEUED`] executions are queued.
    Queued,
    /// The executions that the query names by id.
    Ids,
}

impl Candidates {
    /// Chooses the most selective source for the filters. `few_queued`: allows
    /// [`Queued`](Self::Queued).
    pub(in crate::store) fn choose(query: &ExecutionQuery, few_queued: bool) -> Self {
        if !query.ids.is_empty() {
            return Self::Ids;
        }
        if query.parent_id.is_some() {
            return Self::Parent;
        }
        if query.item_id.is_some() {
            return Self::Item;
        }
        if query.correlation_id.is_some() {
            return Self::Correlation;
        }
        match query.demanded_status() {
            Some(ExecutionStatus::Running) => Self::Running,
            Some(ExecutionStatus::Pending) => Self::Pending,
            Some(ExecutionStatus::Failed | ExecutionStatus::Cancelled) => Self::Unsuccessful,
            Some(ExecutionStatus::Queued) if few_queued => Self::Queued,
            _ if query.created_by.is_some() => Self::Creator,
            _ if query.job_id.is_some() => Self::Job,
            _ => Self::All,
        }
    }

    /// Returns true if every candidate matches the query, because no other filter is left.
    fn match_entirely(self, query: &ExecutionQuery) -> bool {
        let ExecutionQuery {
            limit: _,
            cursor: _,
            sort: _,
            job_id,
            status,
            queue,
            item_id,
            correlation_id,
            created_by,
            parent_id,
            tag,
            since,
            until,
            longer_than,
            text,
            error_fingerprint,
            ids,
        } = query;
        let by_status = matches!(
            self,
            Self::Unsuccessful | Self::Running | Self::Pending | Self::Queued
        );
        (job_id.is_none() || self == Self::Job)
            && (item_id.is_none() || self == Self::Item)
            && (correlation_id.is_none() || self == Self::Correlation)
            && (created_by.is_none() || self == Self::Creator)
            && (parent_id.is_none() || self == Self::Parent)
            && (status.is_none() || by_status)
            && queue.is_none()
            && tag.is_none()
            && since.is_none()
            && until.is_none()
            && longer_than.is_none()
            && text.is_none()
            && error_fingerprint.is_none()
            && (ids.is_empty() || self == Self::Ids)
    }
}

/// The numbers of rows that the statement of a page needs.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct PageBounds {
    /// The seq before which candidates are taken.
    pub(in crate::store) before: i64,
    pub(in crate::store) examined: i64,
    /// One row more than the page has shows whether another page follows.
    pub(in crate::store) rows: i64,
    window: Window,
}

impl PageBounds {
    pub(in crate::store) fn of(
        query: &ExecutionQuery,
        candidates: Candidates,
        window: Window,
    ) -> Self {
        let mut rows = i64::try_from(query.limit).unwrap_or(i64::MAX - 1) + 1;
        if query.is_chosen_from_matches() {
            // Filter and order are applied to the rows that the statement returns.
            rows = rows.max(EXAMINED);
        }
        let begin = query.cursor.map_or(i64::MAX, |Cursor(seq)| seq);
        Self {
            // No seq is before the smallest one: the page is empty.
            before: window.skip_to(begin).unwrap_or(i64::MIN),
            examined: if candidates.match_entirely(query) {
                rows
            } else {
                EXAMINED.max(rows)
            },
            rows,
            window,
        }
    }

    /// Builds the page. Every row has the number of examined candidates and the last one; if no
    /// execution was found, there is one row without a record.
    pub(in crate::store) fn page<R: Columns>(
        self,
        rows: &[R],
        limit: usize,
    ) -> Result<ExecutionPage, R::Error> {
        let (found, next_cursor) = self.cut(rows, found(rows)?, limit)?;
        let executions = found.into_iter().filter_map(|(seq, row)| {
            let name = format_args!("the execution in row {seq}");
            readable(name, records::execution(row)).transpose()
        });
        let executions: Vec<ExecutionRecord> = executions.collect::<Result<_, _>>()?;
        let looked_back_to = match (executions.last(), executions.len() == limit) {
            (Some(last), true) => Some(last.created_at),
            _ => self.looked_back_to(rows)?,
        };
        Ok(ExecutionPage {
            executions,
            next_cursor,
            looked_back_to,
        })
    }

    /// Builds a page of matches from rows of `read/match.sql`. It applies the filter by error
    /// fingerprint, which SQL cannot, and the order by duration.
    pub(in crate::store) fn matches<R: Columns>(
        self,
        rows: &[R],
        query: &ExecutionQuery,
    ) -> Result<(MatchPage, Option<Timestamp>), R::Error> {
        let mut found = found(rows)?;
        if let Some(wanted) = &query.error_fingerprint {
            let mut kept = Vec::with_capacity(found.len());
            for (seq, row) in found {
                let error = error_of(row)?;
                if error.is_some_and(|error| error_fingerprint(&error) == *wanted) {
                    kept.push((seq, row));
                }
            }
            found = kept;
        }
        let (found, next) = match query.sort {
            ExecutionSort::Created => self.cut(rows, found, query.limit)?,
            ExecutionSort::Duration => {
                let longest = longest(found, query.limit)?;
                (longest, self.next_page(self.last_examined(rows)?))
            }
        };
        let matches = found.into_iter().map(|(seq, row)| {
            Ok(Match {
                place: Cursor(seq),
                id: row.id("id")?,
                job_id: row.text("job_id")?,
                status: row.word("execution_status")?,
                error: error_of(row)?,
                finished_at: row.opt_time("finished_at")?,
                session: row.opt_integer("session")?.map(SessionId),
            })
        });
        let matches: Vec<Match> = matches.collect::<Result<_, R::Error>>()?;
        Ok((MatchPage { matches, next }, self.looked_back_to(rows)?))
    }

    /// Cuts the found rows to the size of a page. Returns the cursor for the next page with them.
    fn cut<'r, R: Columns>(
        self,
        rows: &[R],
        mut found: Vec<(i64, &'r R)>,
        limit: usize,
    ) -> Result<Cut<'r, R>, R::Error> {
        if found.len() > limit {
            found.truncate(limit);
            let next = found.last().map(|(seq, _)| *seq);
            return Ok((found, self.next_page(next)));
        }
        let next = self.last_examined(rows)?;
        Ok((found, self.next_page(next)))
    }

    /// Returns the last candidate that the statement has examined, if more may follow.
    fn last_examined<R: Columns>(self, rows: &[R]) -> Result<Option<i64>, R::Error> {
        match rows.first() {
            Some(row) if row.integer::<i64>("examined")? == self.examined => {
                Ok(Some(row.integer("last_examined")?))
            }
            _ => Ok(None),
        }
    }

    /// Returns the cursor of the page that follows a position. `None` if the window ends there.
    fn next_page(self, place: Option<i64>) -> Option<Cursor> {
        place.and_then(|seq| self.window.skip_to(seq)).map(Cursor)
    }

    fn looked_back_to<R: Columns>(self, rows: &[R]) -> Result<Option<Timestamp>, R::Error> {
        match rows.first() {
            Some(row) => row.opt_time("looked_back_to"),
            None => Ok(None),
        }
    }
}

fn error_of<R: Columns>(row: &R) -> Result<Option<ExecutionError>, R::Error> {
    let kind = row.opt_json("error_kind")?;
    Ok(words::error(
        kind.as_deref(),
        row.opt_text("error_message")?,
    ))
}

/// Returns the rows that have a record, newest first.
fn found<R: Columns>(rows: &[R]) -> Result<Vec<(i64, &R)>, R::Error> {
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        if let Some(seq) = row.opt_integer("seq")? {
            found.push((seq, row));
        }
    }
    found.sort_unstable_by_key(|(seq, _)| std::cmp::Reverse(*seq));
    Ok(found)
}

/// Returns the rows with the longest durations, longest first, and newest first among equals.
fn longest<R: Columns>(found: Vec<(i64, &R)>, limit: usize) -> Result<Vec<(i64, &R)>, R::Error> {
    let mut timed = Vec::with_capacity(found.len());
    for (seq, row) in found {
        if let Some(millis) = row.opt_integer("duration_ms")? {
            timed.push((millis, (seq, row)));
        }
    }
    timed.sort_by_key(|(millis, _)| std::cmp::Reverse(*millis));
    timed.truncate(limit);
    Ok(timed.into_iter().map(|(_, row)| row).collect())
}

/// The rows of a page with their positions, and the cursor of the next page.
type Cut<'r, R> = (Vec<(i64, &'r R)>, Option<Cursor>);
