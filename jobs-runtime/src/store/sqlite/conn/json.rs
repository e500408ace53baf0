//! Batches on their way into SQL: one JSON array per statement, read there by `json_each`.
//!
//! A row is an array, its fields are found by position. Texts that are JSON themselves travel as
//! strings, so that nothing in them is touched.
//!
//! Finding a field costs more than writing it does, and neighbours in a batch have most of theirs in
//! common: large batches travel in [`runs`], of which each says these once.

use jobs::ExecutionId;
use serde::Serialize;
use serde::ser::{SerializeSeq, Serializer};
use serde_json::Error;

use super::error::{Fault, corrupt};
pub(in crate::store::sqlite) use crate::store::rules::execution_rows::Hex;

/// The array of these rows.
pub(in crate::store::sqlite) fn array<T: Serialize>(
    rows: impl IntoIterator<Item = T>,
) -> Result<String, Fault> {
    let mut bytes = Vec::new();
    serde_json::Serializer::new(&mut bytes)
        .collect_seq(rows)
        .map_err(unwritable)?;
    String::from_utf8(bytes).map_err(|error| corrupt("a batch", error))
}

/// Rows in runs of neighbours that have `common` in common: `[[common, [row, …]], …]`.
pub(in crate::store::sqlite) fn runs<'r, T, C, R>(
    rows: &'r [T],
    common: impl Fn(&T) -> C,
    row: impl Fn(&'r T) -> R,
) -> Result<String, Fault>
where
    C: PartialEq + Serialize,
    R: Serialize,
{
    let runs = rows.chunk_by(|one, next| common(one) == common(next));
    array(runs.map(|run| (common(&run[0]), run.iter().map(&row).collect::<Vec<_>>())))
}

/// A field that most rows do without.
#[derive(Serialize)]
#[serde(untagged)]
pub(in crate::store::sqlite) enum Rare<'a> {
    Number(i64),
    Text(&'a str),
}

/// Ends a row with those that there are: what is not written reads as NULL.
pub(in crate::store::sqlite) fn write_rare<S: SerializeSeq>(
    row: &mut S,
    fields: &[Option<Rare<'_>>],
) -> Result<(), S::Error> {
    let length = fields.iter().rposition(Option::is_some);
    let fields = &fields[..length.map_or(0, |last| last + 1)];
    fields
        .iter()
        .try_for_each(|field| row.serialize_element(field))
}

fn unwritable(error: Error) -> Fault {
    corrupt("a batch", error)
}

/// An id from a stored blob.
pub(in crate::store::sqlite) fn id_from_blob(blob: &[u8]) -> Result<ExecutionId, Fault> {
    <[u8; 16]>::try_from(blob)
        .map(ExecutionId::from_bytes)
        .map_err(|_| corrupt("an execution's id", "it is not 16 bytes long"))
}

/// An id from the digits of `hex`.
pub(in crate::store::sqlite) fn id_from_hex(text: &str) -> Result<ExecutionId, Fault> {
    text.parse()
        .map_err(|error| corrupt("an execution's id", error))
}
