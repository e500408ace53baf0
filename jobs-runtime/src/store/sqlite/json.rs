//! Batches on their way into SQL: one JSON array per statement, read there by `json_each`.
//!
//! A row is an array, its fields are found by position. Texts that are JSON themselves travel as
//! strings, so that nothing in them is touched.

use jobs::ExecutionId;
use serde::ser::{Error as _, Serialize, Serializer};
use serde_json::Error;

use super::fault::{Fault, corrupt};

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

/// An id as the 32 digits that `unhex` reads.
pub(super) struct Hex(pub(super) ExecutionId);

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
