//! Sets in payloads: arrays whose order means nothing.
//!
//! A `HashSet` writes its items in a different order in every process. Two payloads with the same
//! set must have the same key and the same digest. The schema of a set says `uniqueItems`.

use serde_json::Value;

use super::{ExactJson, canonical};

/// The depth of references and combined schemas that is followed. It ends a schema that contains
/// itself.
const MAX_DEPTH: usize = 16;

/// True if the schema describes a set anywhere.
pub(crate) fn has_sets(schema: &Value) -> bool {
    match schema {
        Value::Object(members) => {
            members.get("uniqueItems") == Some(&Value::Bool(true)) || members.values().any(has_sets)
        }
        Value::Array(items) => items.iter().any(has_sets),
        _ => false,
    }
}

/// Sorts each array that `schema` describes as a set. Arrays of other values keep their order.
pub(crate) fn sort_sets<'v>(value: &ExactJson<'v>, schema: &Value) -> ExactJson<'v> {
    sort(value, &[schema], schema)
}

/// `schemas` are those that describe `value`; `root` has the definitions that they refer to.
fn sort<'v>(value: &ExactJson<'v>, schemas: &[&Value], root: &Value) -> ExactJson<'v> {
    let mut parts = Vec::new();
    for schema in schemas {
        add_parts(value, schema, root, MAX_DEPTH, &mut parts);
    }
    if parts.is_empty() {
        return value.clone();
    }
    if let Some(members) = value.members() {
        let members = members.into_iter().map(|(name, member)| {
            let schemas: Vec<_> = parts.iter().filter_map(|it| member_of(it, name)).collect();
            (name, sort(&member, &schemas, root))
        });
        return ExactJson::Object(members.collect());
    }
    let Some(items) = value.items() else {
        return value.clone();
    };
    let items = items.iter().enumerate().map(|(index, item)| {
        let schemas: Vec<_> = parts.iter().filter_map(|it| item_of(it, index)).collect();
        sort(item, &schemas, root)
    });
    let mut items: Vec<_> = items.collect();
    if parts.iter().any(|part| part["uniqueItems"] == true) {
        items.sort_by_cached_key(canonical);
    }
    ExactJson::Array(items)
}

/// Adds a schema, and those that it refers to and combines, unless `value` has the tag of another
/// variant.
fn add_parts<'s>(
    value: &ExactJson<'_>,
    schema: &'s Value,
    root: &'s Value,
    depth: usize,
    parts: &mut Vec<&'s Value>,
) {
    if depth == 0 || !schema.is_object() || has_other_tag(value, schema) {
        return;
    }
    parts.push(schema);
    let referred = schema["$ref"].as_str();
    let referred = referred.and_then(|it| root.pointer(it.strip_prefix('#')?));
    let combined = ["allOf", "anyOf", "oneOf"].map(|keyword| &schema[keyword]);
    let combined = combined.into_iter().filter_map(Value::as_array).flatten();
    for part in referred.into_iter().chain(combined) {
        add_parts(value, part, root, depth - 1, parts);
    }
}

/// True if a property that the schema fixes has another value.
fn has_other_tag(value: &ExactJson<'_>, schema: &Value) -> bool {
    let properties = schema["properties"].as_object().into_iter().flatten();
    let mut fixed = properties.filter_map(|(name, property)| Some((name, property.get("const")?)));
    fixed.any(|(name, tag)| {
        let given = value.get(name);
        given.is_some_and(|given| given != ExactJson::Plain(tag))
    })
}

/// The schema of an object's member.
fn member_of<'s>(schema: &'s Value, name: &str) -> Option<&'s Value> {
    let property = schema["properties"].get(name);
    property.or_else(|| schema.get("additionalProperties"))
}

/// The schema of an array's item.
fn item_of(schema: &Value, index: usize) -> Option<&Value> {
    let place = schema["prefixItems"].get(index);
    place.or_else(|| schema.get("items"))
}

impl<'v> ExactJson<'v> {
    /// The items of an array; `None` for another value.
    fn items(&self) -> Option<Vec<Self>> {
        match self {
            Self::Plain(Value::Array(items)) => Some(items.iter().map(Self::Plain).collect()),
            Self::Array(items) => Some(items.clone()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use schemars::JsonSchema;
    use serde_json::json;

    use super::*;

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct Mail {
        tags: Option<HashSet<String>>,
        path: Vec<String>,
        groups: HashMap<String, Group>,
        pairs: (Vec<u8>, HashSet<u128>),
        kind: Kind,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct Group {
        members: HashSet<HashSet<u8>>,
        inner: Option<Box<Group>>,
    }

    #[derive(JsonSchema)]
    #[serde(tag = "type")]
    #[expect(dead_code, reason = "only its schema is used")]
    enum Kind {
        Set { values: HashSet<u8> },
        List { values: Vec<u8> },
    }

    fn sorted(text: &str) -> String {
        let schema = schemars::schema_for!(Mail).to_value();
        assert!(has_sets(&schema));
        let value: Value = serde_json::from_str(text).expect("JSON");
        canonical(&sort_sets(&ExactJson::new(&value, text), &schema))
    }

    #[test]
    fn sets_are_sorted_and_lists_are_not() {
        let sorted_set = r#"{"tags":["a","b"]}"#;
        assert_eq!(sorted(r#"{"tags":["b","a"]}"#), sorted_set);
        assert_eq!(sorted(r#"{"path":["b","a"]}"#), r#"{"path":["b","a"]}"#);
        let wide = r#"{"pairs":[[2,1],[340282366920938463463374607431768211455,1]]}"#;
        let wide_sorted = r#"{"pairs":[[2,1],[1,340282366920938463463374607431768211455]]}"#;
        assert_eq!(sorted(wide), wide_sorted);
        let nested = r#"{"groups":{"x":{"inner":{"members":[[9],[3,2]]},"members":[]}}}"#;
        let nested_sorted = r#"{"groups":{"x":{"inner":{"members":[[2,3],[9]]},"members":[]}}}"#;
        assert_eq!(sorted(nested), nested_sorted);
    }

    #[test]
    fn the_variant_of_the_value_decides() {
        let set = r#"{"kind":{"type":"Set","values":[1,2]}}"#;
        assert_eq!(sorted(r#"{"kind":{"type":"Set","values":[2,1]}}"#), set);
        let list = r#"{"kind":{"type":"List","values":[2,1]}}"#;
        assert_eq!(sorted(list), list);
    }

    #[test]
    fn values_that_fit_no_schema_stay() {
        let schema = json!({"$ref": "#", "uniqueItems": true});
        for text in ["[1]", "{\"a\":[2,1]}", "null", "{}"] {
            let value: Value = serde_json::from_str(text).expect("JSON");
            let exact = ExactJson::new(&value, text);
            assert_eq!(canonical(&sort_sets(&exact, &schema)), text);
        }
        assert!(!has_sets(&json!({"items": {"uniqueItems": false}})));
    }
}
