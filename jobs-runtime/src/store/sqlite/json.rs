//! Batches on their way into SQL: one JSON array per statement, read there by `json_each`.
//!
//! A row is an array, its fields are found by position. Texts that are JSON themselves travel as
//! strings, so that nothing in them is touched.

use jobs::ExecutionId;
use serde::ser::{Serialize, Serializer};
use serde_json::Error;

use super::fault::{Fault, corrupt};
pub(super) use crate::store::rows::Hex;

/// The array of these rows.
pub(super) fn array<T: Serialize>(rows: impl IntoIterator<Item = T>) -> Result<String, Fault> {
    let mut bytes = Vec::new();
    serde_json::Serializer::new(&mut bytes)
        .collect_seq(rows)
        .map_err(unwritable)?;
    String::from_utf8(bytes).map_err(|error| corrupt("a batch", error))
}

fn unwritable(error: Error) -> Fault {
    corrupt("a batch", error)
}

/// An id from a stored blob.
pub(super) fn id_from_blob(blob: &[u8]) -> Result<ExecutionId, Fault> {
    <[u8; 16]>::try_from(blob)
        .map(ExecutionId::from_bytes)
        .map_err(|_| corrupt("an execution's id", "it is not 16 bytes long"))
}

/// An id from the digits of `hex`.
pub(super) fn id_from_hex(text: &str) -> Result<ExecutionId, Fault> {
    text.parse()
        .map_err(|error| corrupt("an execution's id", error))
}
