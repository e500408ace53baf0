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

/// The schema as it is published: every program gives it the same text.
pub(crate) fn publish(schema: Schema) -> Value {
    let mut schema = sort_keys(schema.to_value());
    shorten_defaults(&mut schema);
    schema
}

/// Writes a default of type `f32` with the digits that the type itself writes: `0.1`, and not
/// `0.10000000149011612`. Both are the same value, but keys and digests would differ.
fn shorten_defaults(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if members.get("format").is_some_and(|it| it == "float")
                && let Some(default) = members.get_mut("default")
                && let Some(shorter) = default.as_f64().and_then(as_f32)
            {
                *default = shorter;
            }
            members.values_mut().for_each(shorten_defaults);
        }
        Value::Array(items) => items.iter_mut().for_each(shorten_defaults),
        _ => {}
    }
}

/// The number as an `f32` writes it. `None` if it is no `f32`.
fn as_f32(number: f64) -> Option<Value> {
    #[expect(clippy::cast_possible_truncation, reason = "the next line compares")]
    let narrow = number as f32;
    if f64::from(narrow) != number {
        return None;
    }
    let written = serde_json::to_string(&narrow).ok()?;
    serde_json::from_str(&written).ok()
}

/// Sorts the keys of all objects, so that every program serialises the schema to the same text.
///
/// `serde_json` sorts keys by default. With its feature `preserve_order`, which any crate of a
/// program can enable, it keeps the order of insertion. Sorted insertion gives the same text in
/// both cases.
fn sort_keys(schema: Value) -> Value {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(JsonSchema, serde::Deserialize, serde::Serialize)]
    #[serde(default)]
    struct Ratios {
        narrow: f32,
        maybe: Option<f32>,
        wide: f64,
    }

    impl Default for Ratios {
        fn default() -> Self {
            Self {
                narrow: 0.1,
                maybe: Some(0.3),
                wide: 0.1,
            }
        }
    }

    #[test]
    fn a_default_has_the_digits_of_its_type() {
        let schema = publish(payload_schema::<Ratios>());
        let default = |name: &str| schema["properties"][name]["default"].clone();
        assert_eq!(default("narrow"), json!(0.1));
        assert_eq!(default("maybe"), json!(0.3));
        assert_eq!(default("wide"), json!(0.1));
    }
}
