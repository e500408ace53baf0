//! JSON Schemas of payloads and results, in JSON Schema 2020-12.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};

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
