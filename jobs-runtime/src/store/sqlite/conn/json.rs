//! Batches as parameters: one JSON array per statement, which the statement reads with `json_each`.
//!
//! A row is an array; a statement reads its fields by position. A payload or a result, JSON itself,
//! is one string of the array and stays byte for byte the same.
//!
//! Extracting a field with `->>` costs more than storing it. Consecutive rows of a large batch
//! mostly agree in most fields, so such batches use [`runs`], which carry the common fields once.

use jobs::ExecutionId;
use serde::Serialize;
use serde::ser::{SerializeSeq, Serializer};
use serde_json::Error;

use super::error::{DbError, corrupt};
pub(in crate::store::sqlite) use crate::store::rules::execution_rows::Hex;

/// A JSON array of these rows.
pub(in crate::store::sqlite) fn array<T: Serialize>(
    rows: impl IntoIterator<Item = T>,
) -> Result<String, DbError> {
    let mut bytes = Vec::new();
    serde_json::Serializer::new(&mut bytes)
        .collect_seq(rows)
        .map_err(unwritable)?;
    String::from_utf8(bytes).map_err(|error| corrupt("a batch", error))
}

/// Groups consecutive rows with equal `common` fields: `[[common, [row, …]], …]`.
pub(in crate::store::sqlite) fn runs<'r, T, C, R>(
    rows: &'r [T],
    common: impl Fn(&T) -> C,
    row: impl Fn(&'r T) -> R,
) -> Result<String, DbError>
where
    C: PartialEq + Serialize,
    R: Serialize,
{
    let runs = rows.chunk_by(|one, next| common(one) == common(next));
    array(runs.map(|run| (common(&run[0]), run.iter().map(&row).collect::<Vec<_>>())))
}

/// An optional field that most rows lack.
#[derive(Serialize)]
#[serde(untagged)]
pub(in crate::store::sqlite) enum Rare<'a> {
    Number(i64),
    Text(&'a str),
}

/// Ends a row with its optional fields. Trailing absent ones are left out; SQL reads them as NULL.
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

fn unwritable(error: Error) -> DbError {
    corrupt("a batch", error)
}

/// Reads an id from a stored blob.
pub(in crate::store::sqlite) fn id_from_blob(blob: &[u8]) -> Result<ExecutionId, DbError> {
    <[u8; 16]>::try_from(blob)
        .map(ExecutionId::from_bytes)
        .map_err(|_| corrupt("an execution's id", "it is not 16 bytes long"))
}

/// Reads an id from the text that SQL's `hex` returns.
pub(in crate::store::sqlite) fn id_from_hex(text: &str) -> Result<ExecutionId, DbError> {
    text.parse()
        .map_err(|error| corrupt("an execution's id", error))
}
