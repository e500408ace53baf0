//! Pages of executions.

use std::fmt;
use std::str::FromStr;

use jobs::ExecutionStatus;
use serde::{Serialize, Serializer};

use crate::store::ExecutionRecord;
use crate::time::Timestamp;

/// What a page of executions shall show. All filters combine.
#[derive(Clone, Debug)]
pub struct ExecutionQuery {
    /// Executions per page at most.
    pub limit: usize,
    /// Of this job.
    pub job_id: Option<String>,
    /// In this status.
    pub status: Option<ExecutionStatus>,
    /// In this queue.
    pub queue: Option<String>,
    /// About this thing.
    pub item_id: Option<String>,
    /// Belonging to this.
    pub correlation_id: Option<String>,
    /// Wanted by this one.
    pub created_by: Option<String>,
    /// With this tag.
    pub tag: Option<String>,
    /// Created at this time or later.
    pub since: Option<Timestamp>,
    /// Created before this time.
    pub until: Option<Timestamp>,
    /// Where the page before ended.
    pub cursor: Option<Cursor>,
}

impl ExecutionQuery {
    /// The newest executions, without filters.
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
    /// What was found.
    pub executions: Vec<ExecutionRecord>,
    /// Where to go on; `None` at the end. A short page may have one: only so many rows are
    /// examined at a time.
    pub next_cursor: Option<Cursor>,
}

/// A place between two executions of the feed; opaque to clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor(pub(crate) i64);

/// A text that no page ended with.
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
