//! Checks of the keys that name payload fields, against the payload's schema.
//!
//! The macro cannot see the fields of an existing payload type, nor the names that serde gives to
//! them. The schema contains both.

use jobs_grammar::suggestion::distance;
use serde_json::Value;

use super::Problem;
use crate::{JobDefinition, JobDescriptor};

/// Finds keys that name missing fields, and scheduled jobs whose payload needs a value.
pub(super) fn find_problems(
    definition: &JobDefinition,
    descriptor: &JobDescriptor,
) -> Vec<Problem> {
    let (id, source) = (definition.id, definition.source);
    let schema = &descriptor.payload_schema;
    let mut problems = Vec::new();
    if let Some(known) = field_names(schema) {
        let hidden = definition
            .sensitive
            .iter()
            .map(|field| ("sensitive", *field));
        let named = definition.limits.fields().chain(hidden);
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
    let required = strings(&schema["required"]);
    if definition.schedules.is_empty() {
        return problems;
    }
    if !required.is_empty() {
        problems.push(Problem::ScheduleNeeds {
            id,
            source,
            fields: required,
        });
    } else if let Err(violation) = definition.reader.read("{}") {
        // Such as an enum without a variant for it.
        problems.push(Problem::ScheduleCannotRead {
            id,
            source,
            violation,
        });
    }
    problems
}

/// The names of an object's fields, in any of its shapes. `None` if the names are not known: the
/// payload is a map, or contains one beside shapes that the schema refers to.
///
/// A flattened map allows any name. A key that no other part of the schema names is refused all the
/// same: it would mostly be missing, and all such payloads would have one key.
fn field_names(schema: &Value) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut is_known = true;
    collect_names(schema, schema, 0, &mut names, &mut is_known);
    names.sort();
    names.dedup();
    (is_known && !(names.is_empty() && is_open(schema))).then_some(names)
}

/// The depth to which shapes refer to shapes.
const MAX_DEPTH: usize = 8;

fn collect_names(
    root: &Value,
    schema: &Value,
    depth: usize,
    names: &mut Vec<String>,
    is_known: &mut bool,
) {
    if depth > MAX_DEPTH {
        *is_known = false;
        return;
    }
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        names.extend(properties.keys().cloned());
    }
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        match reference.strip_prefix('#').and_then(|at| root.pointer(at)) {
            Some(referred) => collect_names(root, referred, depth + 1, names, is_known),
            None => *is_known = false,
        }
    }
    for part in ["allOf", "anyOf", "oneOf"] {
        for shape in schema
            .get(part)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            collect_names(root, shape, depth + 1, names, is_known);
        }
    }
}

/// True for a map: an object with any names.
fn is_open(schema: &Value) -> bool {
    let open = |keyword: &str| schema.get(keyword).is_some_and(|others| *others != false);
    open("additionalProperties") || open("patternProperties") || schema.get("$ref").is_some()
}

fn strings(list: &Value) -> Vec<String> {
    let strings = list
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    strings.map(str::to_owned).collect()
}

/// The most similar field name, for a suggestion.
///
/// Ignores case, `_` and `-`, so `workspace_id` suggests `workspaceId`. Tolerates one edit for
/// each three characters.
fn nearest(field: &str, known: &[String]) -> Option<String> {
    let normalise = |text: &str| text.replace(['_', '-'], "").to_ascii_lowercase();
    let wanted = normalise(field);
    let tolerated = (wanted.chars().count() / 3).max(1);
    known
        .iter()
        .map(|name| (distance(&wanted, &normalise(name)), name))
        .filter(|(distance, _)| *distance <= tolerated)
        .min()
        .map(|(_, name)| name.clone())
}
