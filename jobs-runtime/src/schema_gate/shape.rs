//! A schema as a list of alternatives, each of one type or one value.
//!
//! `["string", "null"]`, `anyOf`, `oneOf`, `enum`, `allOf` and `$ref` are all turned into such a
//! list. So the comparison has one case for each pair of types. The keywords are those of JSON
//! Schema 2020-12.

use serde_json::{Map, Value};

/// The deepest chain of references and combinations that is followed.
const MAX_DEPTH: usize = 32;

/// The keywords that describe a schema and refuse no value.
pub(super) const ANNOTATIONS: &[&str] = &[
    "$schema",
    "$id",
    "$defs",
    "$comment",
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
];

/// One alternative of a schema.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Alternative {
    /// Every value.
    Anything,
    /// This value alone.
    Constant(Value),
    /// Values of one type, bounded by the keywords of the schema.
    Typed(&'static str, Map<String, Value>),
    /// A schema that this module does not understand.
    Opaque(Value),
}

/// The types of JSON Schema.
const TYPES: &[&str] = &[
    "null", "boolean", "integer", "number", "string", "array", "object",
];

/// The alternatives of a schema of the document `root`.
pub(super) fn alternatives(root: &Value, schema: &Value) -> Vec<Alternative> {
    let mut found = Vec::new();
    collect(root, schema, MAX_DEPTH, &mut found);
    found
}

fn collect(root: &Value, schema: &Value, depth: usize, found: &mut Vec<Alternative>) {
    let Value::Object(keywords) = schema else {
        match schema {
            Value::Bool(false) => {}
            _ => found.push(Alternative::Anything),
        }
        return;
    };
    let mut keywords: Map<String, Value> = keywords.clone();
    keywords.retain(|name, _| !ANNOTATIONS.contains(&name.as_str()) && !name.starts_with("x-"));
    if keywords.is_empty() {
        found.push(Alternative::Anything);
        return;
    }
    if depth == 0 {
        found.push(Alternative::Opaque(Value::Object(keywords)));
        return;
    }
    if let Some(combined) = resolve(root, &keywords) {
        match combined {
            Some(schemas) => {
                for schema in schemas {
                    collect(root, &schema, depth - 1, found);
                }
            }
            None => found.push(Alternative::Opaque(Value::Object(keywords))),
        }
        return;
    }
    if let Some(constant) = keywords.get("const") {
        found.push(Alternative::Constant(constant.clone()));
    } else if let Some(Value::Array(values)) = keywords.get("enum") {
        found.extend(values.iter().cloned().map(Alternative::Constant));
    } else {
        let types = types(&keywords);
        if types.is_empty() {
            found.push(Alternative::Opaque(Value::Object(keywords)));
        } else {
            let typed = types.into_iter();
            found.extend(typed.map(|name| Alternative::Typed(name, keywords.clone())));
        }
    }
}

/// Resolves one reference or combination: the schemas of which one has to match. `None` if there is
/// none; `Some(None)` if it cannot be resolved.
#[expect(
    clippy::option_option,
    reason = "no combination, or one that is not understood"
)]
fn resolve(root: &Value, keywords: &Map<String, Value>) -> Option<Option<Vec<Value>>> {
    let mut rest = keywords.clone();
    if let Some(reference) = rest.remove("$ref") {
        let target = reference.as_str().and_then(|text| target(root, text));
        return Some(target.and_then(|target| Some(vec![merge(&rest, target)?])));
    }
    if let Some(Value::Array(parts)) = rest.remove("allOf") {
        let mut whole = Value::Object(rest);
        for part in &parts {
            let (Value::Object(so_far), true) = (&whole, part.is_object()) else {
                return Some(None);
            };
            // A part that combines schemas itself is merged once it is resolved.
            let part = match part.as_object().and_then(|part| resolve(root, part)) {
                None => part.clone(),
                Some(Some(mut one)) if one.len() == 1 => one.remove(0),
                Some(_) => return Some(None),
            };
            match merge(so_far, &part) {
                Some(merged) => whole = merged,
                None => return Some(None),
            }
        }
        return Some(Some(vec![whole]));
    }
    for combination in ["oneOf", "anyOf"] {
        if let Some(Value::Array(branches)) = rest.remove(combination) {
            let merged = branches
                .iter()
                .map(|branch| merge_resolved(root, &rest, branch));
            return Some(merged.collect());
        }
    }
    None
}

/// Merges `rest` with a branch. A branch that is a reference is resolved first.
fn merge_resolved(root: &Value, rest: &Map<String, Value>, branch: &Value) -> Option<Value> {
    if rest.is_empty() {
        return Some(branch.clone());
    }
    let reference = branch.get("$ref").and_then(Value::as_str);
    let resolved = match reference {
        Some(text) => {
            let mut own = branch.as_object()?.clone();
            own.remove("$ref");
            merge(&own, target(root, text)?)?
        }
        None => branch.clone(),
    };
    merge(rest, &resolved)
}

/// Follows a reference into the same document, as in `#/$defs/Address`.
fn target<'a>(root: &'a Value, reference: &str) -> Option<&'a Value> {
    root.pointer(reference.strip_prefix('#')?)
}

/// The schema that demands both. `None` if both have a keyword that cannot be merged.
fn merge(one: &Map<String, Value>, other: &Value) -> Option<Value> {
    let other = match other {
        Value::Bool(true) => return Some(Value::Object(one.clone())),
        other => other.as_object()?,
    };
    let mut merged = one.clone();
    for (name, value) in other {
        match (name.as_str(), merged.get_mut(name)) {
            (_, None) => {
                merged.insert(name.clone(), value.clone());
            }
            (annotation, Some(_)) if ANNOTATIONS.contains(&annotation) => {}
            ("properties", Some(Value::Object(fields))) => {
                for (field, schema) in value.as_object()? {
                    match fields.get(field) {
                        Some(present) if present != schema => return None,
                        _ => fields.insert(field.clone(), schema.clone()),
                    };
                }
            }
            ("required", Some(Value::Array(names))) => {
                let more = value.as_array()?.iter();
                let more: Vec<_> = more.filter(|name| !names.contains(name)).cloned().collect();
                names.extend(more);
            }
            (_, Some(present)) if present == value => {}
            _ => return None,
        }
    }
    Some(Value::Object(merged))
}

/// The types of a schema: the declared ones, or those that its keywords belong to.
fn types(keywords: &Map<String, Value>) -> Vec<&'static str> {
    let known = |name: &str| TYPES.iter().copied().find(|known| *known == name);
    let of = |names: &[&str]| names.iter().any(|name| keywords.contains_key(*name));
    match keywords.get("type") {
        Some(Value::String(name)) => known(name).into_iter().collect(),
        Some(Value::Array(names)) => names
            .iter()
            .filter_map(Value::as_str)
            .filter_map(known)
            .collect(),
        Some(_) => Vec::new(),
        None if of(&["properties", "required", "additionalProperties"]) => vec!["object"],
        None if of(&["items", "prefixItems"]) => vec!["array"],
        None => Vec::new(),
    }
}
