//! JSON Schemas (2020-12) of payloads and results.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde_json::Value;

/// The schema of payloads: the JSON that the type *accepts*.
///
/// A field with a default is optional, and the schema contains the default.
pub(crate) fn payload_schema<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12()
        .for_deserialize()
        .into_generator()
        .into_root_schema_for::<T>()
}

/// The schema of results: the JSON that the type *produces*.
pub(crate) fn result_schema<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<T>()
}

/// Sorts the keys of all objects, so that every program serialises the schema to the same text.
///
/// `serde_json` sorts keys by default. With its feature `preserve_order`, which any crate of a
/// program can enable, it keeps the order of insertion. Sorted insertion gives the same text in
/// both cases.
pub(crate) fn sort_keys(schema: Value) -> Value {
    match schema {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.into_iter().collect();
            fields.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
            let fields = fields
                .into_iter()
                .map(|(name, value)| (name, sort_keys(value)));
            Value::Object(fields.collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sort_keys).collect()),
        scalar => scalar,
    }
}
