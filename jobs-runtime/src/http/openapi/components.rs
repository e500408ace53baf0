//! Shared schemas of the document, and the schemas of jobs among them.
//!
//! A job's schema is a document of its own: it refers to its parts as `#/$defs/Part`. In the
//! OpenAPI document these parts become components named `payload.JOB.Part` or `result.JOB.Part`,
//! and the references follow.

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

/// The place of schemas in the document.
pub(super) const SCHEMAS: &str = "/components/schemas";

/// Makes a generator whose references point into the document.
pub(super) fn generator(settings: SchemaSettings) -> SchemaGenerator {
    settings
        .with(|settings| {
            settings.definitions_path = SCHEMAS.into();
            settings.meta_schema = None;
        })
        .into_generator()
}

/// Adds a job's schema under a name, with its parts, and returns a reference to it.
pub(super) fn add_job_schema(
    components: &mut Map<String, Value>,
    name: &str,
    schema: &Value,
) -> Value {
    let mut schema = schema.clone();
    let mut parts = Map::new();
    if let Value::Object(members) = &mut schema {
        members.remove("$schema");
        if let Some(Value::Object(defs)) = members.remove("$defs") {
            parts = defs;
        }
    }
    rewrite(&mut schema, name);
    components.insert(name.to_owned(), schema);
    for (part, mut schema) in parts {
        rewrite(&mut schema, name);
        components.insert(part_name(name, &part), schema);
    }
    reference(name)
}

/// Returns a reference to a component.
pub(super) fn reference(name: &str) -> Value {
    serde_json::json!({ "$ref": format!("#{SCHEMAS}/{name}") })
}

/// The name of a part. A component's name has letters, digits, `.`, `_` and `-` only.
fn part_name(owner: &str, part: &str) -> String {
    let part = part.chars().map(|c| {
        if c.is_ascii_alphanumeric() || "._-".contains(c) {
            c
        } else {
            '_'
        }
    });
    format!("{owner}.{}", part.collect::<String>())
}

/// Lets references to the root and to `$defs` point to the components of `owner`.
fn rewrite(schema: &mut Value, owner: &str) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::String(target)) = members.get_mut("$ref") {
                if target == "#" {
                    *target = format!("#{SCHEMAS}/{owner}");
                } else if let Some(part) = target.strip_prefix("#/$defs/") {
                    let part = part.replace("~1", "/").replace("~0", "~");
                    *target = format!("#{SCHEMAS}/{}", part_name(owner, &part));
                }
            }
            for (name, member) in members {
                // Values that users wrote are no schemas.
                if !matches!(name.as_str(), "default" | "const" | "enum" | "examples") {
                    rewrite(member, owner);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rewrite(item, owner)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_of_a_job_point_to_its_components() {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {
                "mesh": {"$ref": "#/$defs/Mesh<f32>"},
                "note": {"default": {"$ref": "#/$defs/Mesh<f32>"}},
                "child": {"$ref": "#"},
            },
            "$defs": {"Mesh<f32>": {"type": "array", "items": {"$ref": "#/$defs/Mesh<f32>"}}},
        });
        let mut components = Map::new();
        let reference = add_job_schema(&mut components, "payload.cad", &schema);
        assert_eq!(
            reference,
            json!({"$ref": "#/components/schemas/payload.cad"})
        );
        let part = "#/components/schemas/payload.cad.Mesh_f32_";
        assert_eq!(
            Value::Object(components),
            json!({
                "payload.cad": {
                    "type": "object",
                    "properties": {
                        "mesh": {"$ref": part},
                        "note": {"default": {"$ref": "#/$defs/Mesh<f32>"}},
                        "child": {"$ref": "#/components/schemas/payload.cad"},
                    },
                },
                "payload.cad.Mesh_f32_": {"type": "array", "items": {"$ref": part}},
            })
        );
    }
}
