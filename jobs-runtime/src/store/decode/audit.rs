//! Rows of the audit log, in the form that both stores write and read.

use serde::Serialize;
use serde_json::Value;

use crate::store::{AuditEntry, AuditPage, AuditQuery, Cursor};
use crate::time::Timestamp;

/// Rows that one page examines.
pub(in crate::store) const EXAMINED: i64 = 5_000;

/// An entry as its row.
#[derive(Clone, Debug, Serialize)]
pub(in crate::store) struct AuditRow {
    pub(in crate::store) at: i64,
    pub(in crate::store) actor: String,
    pub(in crate::store) role: String,
    pub(in crate::store) address: Option<String>,
    pub(in crate::store) action: String,
    pub(in crate::store) target: String,
    pub(in crate::store) before: Option<String>,
    pub(in crate::store) after: Option<String>,
}

impl AuditRow {
    /// The row of an entry. `encode` encodes a text for the store.
    pub(in crate::store) fn of(entry: AuditEntry, encode: fn(String) -> String) -> Self {
        let json = |value: Option<Value>| value.map(|value| value.to_string());
        Self {
            at: entry.at.as_millis(),
            actor: encode(entry.actor),
            role: entry.role,
            address: entry.address,
            action: entry.action,
            target: encode(entry.target),
            before: json(entry.before),
            after: json(entry.after),
        }
    }

    /// Reads the row. A state that is no JSON is shown as a text.
    pub(in crate::store) fn read(self, decode: fn(String) -> String) -> AuditEntry {
        let json = |text: Option<String>| {
            text.map(|text| serde_json::from_str(&text).unwrap_or(Value::String(text)))
        };
        AuditEntry {
            at: Timestamp::from_millis(self.at),
            actor: decode(self.actor),
            role: self.role,
            address: self.address,
            action: self.action,
            target: decode(self.target),
            before: json(self.before),
            after: json(self.after),
        }
    }
}

/// The position from which a page begins: it has entries before this one.
pub(in crate::store) fn begin(query: &AuditQuery) -> i64 {
    query.cursor.map_or(i64::MAX, |cursor| cursor.0)
}

/// The rows that a page examines: the lowest of them, and their number.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct Examined {
    pub(in crate::store) last: i64,
    pub(in crate::store) count: i64,
}

/// Makes the page of the entries that were found among the examined rows.
pub(in crate::store) fn page(
    query: &AuditQuery,
    examined: Examined,
    found: Vec<(i64, AuditEntry)>,
) -> AuditPage {
    let next = match found.last() {
        Some((seq, _)) if found.len() >= query.limit => Some(*seq),
        _ if examined.count >= EXAMINED => Some(examined.last),
        _ => None,
    };
    AuditPage {
        entries: found.into_iter().map(|(_, entry)| entry).collect(),
        next_cursor: next.map(Cursor),
    }
}
