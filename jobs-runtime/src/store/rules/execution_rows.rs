//! Rows of new executions as JSON, for the statements that insert them.
//!
//! A row is an array: the statements read its fields by position. A field that is itself JSON, such
//! as a payload, is a string in it, so that its text stays as it is.

use std::sync::Arc;

use jobs::ExecutionId;
use serde::ser::{Error as _, Serialize, SerializeSeq, Serializer};

use crate::store::NewExecution;

/// A row: the execution, and the text of its retry policy.
pub(in crate::store) struct ExecutionRow<'a>(
    pub(in crate::store) &'a NewExecution,
    pub(in crate::store) Arc<str>,
);

impl Serialize for ExecutionRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(new, retry) = self;
        let tags = match new.tags.as_slice() {
            [] => None,
            tags => Some(serde_json::to_string(tags).map_err(S::Error::custom)?),
        };
        let timeout_ms = new
            .policy
            .timeout_ms
            .map(|millis| i64::try_from(millis).unwrap_or(i64::MAX));
        let mut row = serializer.serialize_seq(None)?;
        row.serialize_element(&Hex(new.id))?;
        row.serialize_element(&new.job_id)?;
        row.serialize_element(&new.queue)?;
        row.serialize_element(&new.priority)?;
        row.serialize_element(&new.payload)?;
        row.serialize_element(&timeout_ms)?;
        row.serialize_element(&new.policy.max_attempts)?;
        row.serialize_element(&**retry)?;
        row.serialize_element(&new.created_at.as_millis())?;
        row.serialize_element(&new.run_at.unwrap_or(new.created_at).as_millis())?;
        row.serialize_element(&new.triggered_by)?;
        row.serialize_element(&new.correlation_id)?;
        row.serialize_element(&new.item_id)?;
        row.serialize_element(&new.created_by)?;
        row.serialize_element(&tags)?;
        row.serialize_element(&new.parent_id.map(Hex))?;
        row.serialize_element(&new.trace_parent)?;
        row.end()
    }
}

/// An execution id as 32 hexadecimal digits.
#[derive(PartialEq)]
pub(in crate::store) struct Hex(pub(in crate::store) ExecutionId);

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 32];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0.as_bytes()) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        serializer.serialize_str(str::from_utf8(&text).map_err(S::Error::custom)?)
    }
}
