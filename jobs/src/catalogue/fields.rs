//! What keys of the attribute say about the fields of a payload: the macro cannot look into a type
//! that exists already, nor into what serde makes of a field; the schema can.

use serde_json::Value;

use super::Problem;
use crate::{JobDefinition, JobDescriptor};

/// Named fields that do not exist, and required ones that a schedule does not fill in.
pub(super) fn problems(definition: &JobDefinition, descriptor: &JobDescriptor) -> Vec<Problem> {
    let (id, source) = (definition.id, definition.source);
    let schema = &descriptor.payload_schema;
    let mut problems = Vec::new();
    if let Some(known) = known(schema) {
        let named = definition.limits.fields();
        let unknown = named.filter(|(_, field)| !known.iter().any(|name| name == field));
        problems.extend(unknown.map(|(key, field)| Problem::UnknownField {
            id,
            source,
            key,
            field,
            near: nearest(field, &known),
            known: known.clone(),
        }));
    }
    let required = texts(&schema["required"]);
    if definition.scheduled && !required.is_empty() {
        problems.push(Problem::ScheduleNeeds {
            id,
            source,
            fields: required,
        });
    }
    problems
}

/// The fields of an object, unless it is put together from parts or has fields of any name: then
/// what it has shows in each payload.
fn known(schema: &Value) -> Option<Vec<String>> {
    let parts = ["$ref", "allOf", "anyOf", "oneOf", "patternProperties"];
    let open = schema
        .get("additionalProperties")
        .is_some_and(|others| *others != false);
    if open || parts.iter().any(|part| schema.get(part).is_some()) {
        return None;
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    Some(properties.map_or_else(Vec::new, |fields| fields.keys().cloned().collect()))
}

fn texts(list: &Value) -> Vec<String> {
    let texts = list
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

/// The field that was meant: `workspace_id` for `workspaceId`, or with one mistake in three letters.
fn nearest(field: &str, known: &[String]) -> Option<String> {
    let plain = |text: &str| text.replace(['_', '-'], "").to_ascii_lowercase();
    let meant = plain(field);
    let tolerated = (meant.chars().count() / 3).max(1);
    known
        .iter()
        .map(|name| (distance(&meant, &plain(name)), name))
        .filter(|(distance, _)| *distance <= tolerated)
        .min()
        .map(|(_, name)| name.clone())
}

/// How many characters must be inserted, deleted or replaced.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, a) in a.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, b) in b.iter().enumerate() {
            let replaced = corner + usize::from(a != *b);
            corner = row[j + 1];
            row[j + 1] = replaced.min(corner + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
