//! The list of executions: query, page and cursor.

use std::fmt;
use std::str::FromStr;

use jobs::ExecutionStatus;
use serde::{Serialize, Serializer};

use crate::store::ExecutionRecord;
use crate::time::Timestamp;

/// A query for a page of executions. An execution is listed if it passes all filters.
#[derive(Clone, Debug)]
pub struct ExecutionQuery {
    /// The largest number of executions in the page.
    pub limit: usize,
    /// Executions of this job.
    pub job_id: Option<String>,
    /// Executions in this status.
    pub status: Option<ExecutionStatus>,
    /// Executions in this queue.
    pub queue: Option<String>,
    /// Executions with this item id.
    pub item_id: Option<String>,
    /// Executions with this correlation id.
    pub correlation_id: Option<String>,
    /// Executions created by this user or program.
    pub created_by: Option<String>,
    /// Executions with this tag.
    pub tag: Option<String>,
    /// Executions created at this time or later.
    pub since: Option<Timestamp>,
    /// Executions created before this time.
    pub until: Option<Timestamp>,
    /// The cursor of the previous page; `None` for the first page.
    pub cursor: Option<Cursor>,
}

impl ExecutionQuery {
    /// Returns a query for the newest executions, without filters.
    pub fn newest(limit: usize) -> Self {
        Self {
            limit,
            job_id: None,
            status: None,
            queue: None,
            item_id: None,
            correlation_id: None,
            created_by: None,
            tag: None,
            since: None,
            until: None,
            cursor: None,
        }
    }
}

/// A page of executions, newest first.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionPage {
    /// The executions, without their attempts.
    pub executions: Vec<ExecutionRecord>,
    /// The cursor for the next page; `None` at the end. A page that is short, or empty, may have
    /// one, because a call examines a bounded number of rows.
    pub next_cursor: Option<Cursor>,
}

/// A position between two executions of the list. Opaque to clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor(pub(crate) i64);

/// The text is not a cursor.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a cursor: pass back the `nextCursor` of a page as it is")]
pub struct ParseCursorError(String);

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "c{:x}", self.0)
    }
}

impl FromStr for Cursor {
    type Err = ParseCursorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.strip_prefix('c')
            .and_then(|hex| i64::from_str_radix(hex, 16).ok())
            .filter(|row| *row >= 0)
            .map(Self)
            .ok_or_else(|| ParseCursorError(text.to_owned()))
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
