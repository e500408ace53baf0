//! JSON Schemas of payloads and results, in JSON Schema 2020-12.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde_json::Value;

/// The schema that a payload must fit: what the type *accepts*.
///
/// Fields with a default are optional here, and the default stands beside them.
pub(crate) fn payload_schema<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12()
        .for_deserialize()
        .into_generator()
        .into_root_schema_for::<T>()
}

/// The schema that a result fits: what the type *produces*.
pub(crate) fn result_schema<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<T>()
}

/// The schema as a value that is written the same way by every program: whether the keys of a map
/// are sorted or as they were inserted is decided by whichever crate of a program enables
/// `serde_json/preserve_order`. Inserted in order, they are the same either way.
pub(crate) fn in_order(schema: Value) -> Value {
    match schema {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.into_iter().collect();
            fields.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
            let fields = fields
                .into_iter()
                .map(|(name, value)| (name, in_order(value)));
            Value::Object(fields.collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(in_order).collect()),
        scalar => scalar,
    }
}
