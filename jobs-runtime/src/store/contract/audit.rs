//! The audit log: its entries, and the part of a store that keeps them.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::store::{Cursor, StoreError};
use crate::time::Timestamp;

/// An act of an operator, as the audit log keeps it. Values of payloads are never part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    /// The time.
    pub at: Timestamp,
    /// The name of the token, or of the user of the command line.
    pub actor: String,
    /// The role of the actor.
    pub role: String,
    /// The address of the caller; `None` for the command line.
    pub address: Option<String>,
    /// The act, such as `execution.cancel`.
    pub action: String,
    /// The target of the act: the id of an execution or a schedule, the name of a queue.
    pub target: String,
    /// The state before, as far as the act changed it.
    pub before: Option<Value>,
    /// The state after.
    pub after: Option<Value>,
}

/// A query for a page of the audit log. An entry is listed if it passes all filters.
#[derive(Clone, Debug)]
pub struct AuditQuery {
    /// The largest number of entries in the page.
    pub limit: usize,
    /// Entries of this actor.
    pub actor: Option<String>,
    /// Entries of this act.
    pub action: Option<String>,
    /// Entries about this target.
    pub target: Option<String>,
    /// Entries at this time or later.
    pub since: Option<Timestamp>,
    /// Entries before this time.
    pub until: Option<Timestamp>,
    /// The cursor of the previous page; `None` for the first page.
    pub cursor: Option<Cursor>,
}

impl AuditQuery {
    /// Returns a query for the newest entries, without filters.
    pub fn newest(limit: usize) -> Self {
        Self {
            limit,
            actor: None,
            action: None,
            target: None,
            since: None,
            until: None,
            cursor: None,
        }
    }
}

/// A page of the audit log, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditPage {
    /// The entries.
    pub entries: Vec<AuditEntry>,
    /// The cursor for the next page; `None` at the end. A page that is short, or empty, may have
    /// one, because a call examines a bounded number of rows.
    pub next_cursor: Option<Cursor>,
}

/// The part of a store that keeps the audit log. Errors: see [`Store`](crate::store::Store).
#[async_trait]
pub trait AuditStore: Send + Sync {
    /// Adds entries: all of them or none.
    async fn append_audit(&self, entries: Vec<AuditEntry>) -> Result<(), StoreError>;

    /// Returns a page of the log, newest first.
    async fn audit(&self, query: AuditQuery) -> Result<AuditPage, StoreError>;
}
