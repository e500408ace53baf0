//! The list of executions: query, page and cursor.
//!
//! Each store makes the cursor of a page in its `read/list.rs`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jobs::{ExecutionId, ExecutionStatus};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

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
    /// Executions that an attempt of this one enqueued.
    pub parent_id: Option<ExecutionId>,
    /// Executions with this tag.
    pub tag: Option<String>,
    /// Executions created at this time or later. A page begins and ends at this time and `until`,
    /// by the order of [`created_at`](crate::store::NewExecution::created_at).
    pub since: Option<Timestamp>,
    /// Executions created before this time.
    pub until: Option<Timestamp>,
    /// Final executions whose last attempt took at least this long.
    pub longer_than: Option<Duration>,
    /// Executions whose payload contains this text. It is compared with the JSON text as it is
    /// stored.
    pub text: Option<String>,
    /// Failed executions whose error has this fingerprint; other statuses only if `status` is set.
    pub error_fingerprint: Option<String>,
    /// These executions, if the list is not empty.
    pub ids: Vec<ExecutionId>,
    /// The order within a page.
    pub sort: ExecutionSort,
    /// The cursor of the previous page; `None` for the first page.
    pub cursor: Option<Cursor>,
}

/// The order of the executions in a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExecutionSort {
    /// Newest first.
    #[default]
    Created,
    /// Longest last attempt first. The page has final executions that were started. It chooses
    /// among the newest 2,500 executions that an index finds, and the next page continues behind
    /// these.
    Duration,
}

impl FromStr for ExecutionSort {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "created" => Ok(Self::Created),
            "duration" => Ok(Self::Duration),
            _ => Err("must be `created` or `duration`".to_owned()),
        }
    }
}

impl fmt::Display for ExecutionSort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Created => "created",
            Self::Duration => "duration",
        })
    }
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
            parent_id: None,
            tag: None,
            since: None,
            until: None,
            longer_than: None,
            text: None,
            error_fingerprint: None,
            ids: Vec::new(),
            sort: ExecutionSort::Created,
            cursor: None,
        }
    }

    /// Returns true if the store's statement cannot choose the executions of a page itself, so that
    /// it reads all that it examines, without their payloads.
    pub(in crate::store) fn is_chosen_from_matches(&self) -> bool {
        self.error_fingerprint.is_some() || self.sort == ExecutionSort::Duration
    }

    /// Returns the shortest duration in milliseconds.
    pub(in crate::store) fn longer_than_ms(&self) -> Option<i64> {
        let millis = self.longer_than?.as_millis();
        Some(i64::try_from(millis).unwrap_or(i64::MAX))
    }

    /// Returns the status that the filters demand.
    pub(in crate::store) fn demanded_status(&self) -> Option<ExecutionStatus> {
        let failed = self.error_fingerprint.as_ref();
        self.status.or(failed.map(|_| ExecutionStatus::Failed))
    }
}

/// A page of executions, in the order of [`ExecutionQuery::sort`].
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionPage {
    /// The executions, without their attempts.
    pub executions: Vec<ExecutionRecord>,
    /// The cursor for the next page; `None` at the end. A page that is short, or empty, may have
    /// one, because a call examines a bounded number of rows.
    pub next_cursor: Option<Cursor>,
    /// The time of creation of the last execution that the call has examined: how far it has looked
    /// back. `None` if it examined none.
    pub looked_back_to: Option<Timestamp>,
}

/// A position between two executions of the list. Opaque to clients: its text shows no row number.
///
/// The text is `c`, a digit for the version of the form, and 18 hexadecimal digits: the position,
/// mixed by a bijection, and a check of it. A store that is divided one day gets a version of its
/// own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor(pub(crate) i64);

/// The beginning of every cursor of this version.
const VERSION: &str = "c1";

/// An odd number, and its inverse modulo 2^64: a multiplication by one undoes the other.
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
const UNMIX: u64 = 0xf1de_83e1_9937_733d;

impl Cursor {
    fn check(mixed: u64) -> u8 {
        mixed
            .to_be_bytes()
            .iter()
            .fold(0x5a, |sum: u8, byte| sum.rotate_left(3).wrapping_add(*byte))
    }

    fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(VERSION)?;
        let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        if digits.len() != 18 || !is_hex {
            return None;
        }
        let mixed = u64::from_str_radix(&digits[..16], 16).ok()?;
        let check = u8::from_str_radix(&digits[16..], 16).ok()?;
        let position = i64::try_from(mixed.rotate_right(32).wrapping_mul(UNMIX)).ok()?;
        (check == Self::check(mixed)).then_some(Self(position))
    }
}

/// The text is not a cursor.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a cursor: pass back the `nextCursor` of a page as it is")]
pub struct ParseCursorError(String);

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mixed = self.0.cast_unsigned().wrapping_mul(MIX).rotate_left(32);
        write!(f, "{VERSION}{mixed:016x}{:02x}", Self::check(mixed))
    }
}

impl FromStr for Cursor {
    type Err = ParseCursorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text).ok_or_else(|| ParseCursorError(text.to_owned()))
    }
}

impl JsonSchema for Cursor {
    fn schema_name() -> Cow<'static, str> {
        "Cursor".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^c1[0-9a-f]{18}$"})
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_and_shows_no_row_number() {
        for position in [0, 1, 42, 1_000_000, i64::MAX] {
            let text = Cursor(position).to_string();
            assert_eq!(text.parse::<Cursor>().unwrap(), Cursor(position), "{text}");
            assert!(
                !text.contains(&format!("{position:x}")) || position < 16,
                "{text}"
            );
        }
        assert_ne!(&Cursor(1).to_string()[2..10], &Cursor(2).to_string()[2..10]);
    }

    #[test]
    fn other_texts_are_refused() {
        let text = Cursor(7).to_string();
        let last = text.len() - 1;
        let damaged = format!(
            "{}{}",
            &text[..last],
            if text.ends_with('0') { '1' } else { '0' }
        );
        let of_another_version = text.replacen("c1", "c2", 1);
        for wrong in [
            "",
            "c1",
            "c7f",
            "c-1",
            &text[..last],
            &damaged,
            &of_another_version,
        ] {
            assert!(wrong.parse::<Cursor>().is_err(), "{wrong}");
        }
        assert!(format!("{VERSION}éééééééé00").parse::<Cursor>().is_err());
    }
}
