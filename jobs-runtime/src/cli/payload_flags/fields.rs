//! The fields of a payload's schema, each with its flag and the kind of its values.

use serde_json::Value;

use crate::cli::printable;

/// The most references and alternatives that are followed for one field. A schema of a type that
/// contains itself may have a loop.
const MAX_STEPS: usize = 32;

/// A payload field with its flag.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    /// The name in JSON.
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) required: bool,
    pub(super) help: String,
    /// True if its flag sets it at every place behind the job's id.
    pub(super) has_flag: bool,
}

/// The conversion of a flag's text to JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A string.
    Text,
    /// A boolean: `--force`, or `--force false`.
    Switch,
    /// Any other type: the text is parsed as JSON, and is a string if that fails.
    Json,
    /// An array. The flag is repeatable; each value is an item, either a string or like `Json`.
    List {
        /// True if the items are strings.
        text: bool,
    },
}

impl Field {
    /// The name of the flag: `workspaceId` and `workspace_id` → `workspace-id`.
    pub(super) fn flag(&self) -> String {
        kebab(&self.name)
    }
}

/// The top-level properties of a schema; required fields come first.
pub(super) fn fields_of(schema: &Value) -> Vec<Field> {
    let required: Vec<&str> = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let properties = schema["properties"].as_object();
    let mut fields: Vec<Field> = properties
        .into_iter()
        .flatten()
        .map(|(name, property)| {
            let required = required.contains(&name.as_str());
            Field {
                name: name.clone(),
                kind: kind_of(schema, property),
                required,
                help: help_of(property, required),
                has_flag: true,
            }
        })
        .collect();
    fields.sort_by_key(|field| !field.required);
    fields
}

fn help_of(property: &Value, required: bool) -> String {
    let description = property["description"].as_str().unwrap_or_default();
    let mut help = description.replace('\n', " ");
    if required {
        help.push_str(" [required]");
    }
    if let Some(default) = property.get("default") {
        let default = match default.as_str() {
            Some(text) => text.to_owned(),
            None => default.to_string(),
        };
        help.push_str(&format!(" [default: {default}]"));
    }
    printable::line(help.trim()).into_owned()
}

fn kind_of(root: &Value, property: &Value) -> Kind {
    let schema = resolve(root, property);
    if is_text(root, schema) {
        return Kind::Text;
    }
    match types(schema)[..] {
        ["boolean"] => Kind::Switch,
        ["array"] => Kind::List {
            text: is_text(root, resolve(root, &schema["items"])),
        },
        _ => Kind::Json,
    }
}

/// True if all values of a resolved schema are strings, or null.
fn is_text(root: &Value, schema: &Value) -> bool {
    let choices = choices(schema);
    let mut resolved = choices.iter().map(|choice| resolve(root, choice));
    is_string(schema) || !choices.is_empty() && resolved.all(is_string)
}

/// True if the schema itself says that its values are strings, or null.
fn is_string(schema: &Value) -> bool {
    match types(schema)[..] {
        ["string"] => true,
        [] => {
            let one = std::slice::from_ref(&schema["const"]);
            let constants = schema["enum"].as_array().map_or(one, Vec::as_slice);
            let is_string_or_null = |value: &Value| value.is_string() || value.is_null();
            constants.iter().any(Value::is_string) && constants.iter().all(is_string_or_null)
        }
        _ => false,
    }
}

/// The types of a schema without null.
fn types(schema: &Value) -> Vec<&str> {
    let types: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    types.into_iter().filter(|kind| *kind != "null").collect()
}

/// The alternatives of a schema without null.
fn choices(schema: &Value) -> Vec<&Value> {
    let lists = ["anyOf", "oneOf"].map(|name| schema[name].as_array());
    let choices = lists.into_iter().flatten().flatten();
    choices.filter(|choice| choice["type"] != "null").collect()
}

/// Follows references into the schema's own definitions, and `Option<T>` to `T`: that one has two
/// alternatives, of which one is null.
fn resolve<'a>(root: &'a Value, mut schema: &'a Value) -> &'a Value {
    for _ in 0..MAX_STEPS {
        let next = match choices(schema)[..] {
            _ if !schema["type"].is_null() => None,
            [only] => Some(only),
            _ => referenced(root, schema),
        };
        let Some(next) = next else { break };
        schema = next;
    }
    schema
}

fn referenced<'a>(root: &'a Value, schema: &Value) -> Option<&'a Value> {
    let reference = schema["$ref"].as_str()?;
    root.pointer(reference.strip_prefix('#')?)
}

/// `workspaceId` and `workspace_id` → `workspace-id`.
fn kebab(name: &str) -> String {
    let mut kebab = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter == '_' {
            kebab.push('-');
        } else if letter.is_uppercase() {
            if !kebab.is_empty() && !kebab.ends_with('-') {
                kebab.push('-');
            }
            kebab.extend(letter.to_lowercase());
        } else {
            kebab.push(letter);
        }
    }
    kebab
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The kind of a field among these definitions.
    fn kind(property: Value) -> Kind {
        let root = json!({
            "$defs": {
                "Inner": {"type": "string"},
                "User": {"$ref": "#/$defs/Inner"},
                "Level": {"oneOf": [
                    {"type": "string", "const": "1", "description": "Low."},
                    {"type": "string", "enum": ["2", "3"]},
                ]},
                "Loop": {"$ref": "#/$defs/Loop"},
                "Tree": {"type": "array", "items": {"$ref": "#/$defs/Tree"}},
                "Flag": {"type": "boolean"},
                "Shape": {"oneOf": [
                    {"type": "string", "const": "none"},
                    {"type": "object", "properties": {"circle": {"type": "number"}}},
                ]},
            },
        });
        kind_of(&root, &property)
    }

    fn reference(name: &str) -> Value {
        json!({"$ref": format!("#/$defs/{name}")})
    }

    #[test]
    fn types_of_text_are_text_by_every_way() {
        let nothing = json!({"type": "null"});
        for text in [
            reference("User"),
            reference("Level"),
            json!({"anyOf": [reference("User"), nothing]}),
            json!({"anyOf": [reference("Level"), nothing]}),
            json!({"anyOf": [reference("User"), reference("Inner"), nothing]}),
            json!({"enum": ["1", "2", null]}),
            json!({"const": "1"}),
            json!({"type": "string", "anyOf": [{"minLength": 1}]}),
        ] {
            assert_eq!(kind(text.clone()), Kind::Text, "{text}");
        }
        let users = json!({"type": ["array", "null"], "items": reference("User")});
        assert_eq!(kind(users), Kind::List { text: true });
        let levels = json!({"anyOf": [{"type": "array", "items": reference("Level")}, nothing]});
        assert_eq!(kind(levels), Kind::List { text: true });
    }

    #[test]
    fn other_types_are_json_and_loops_end() {
        for other in [
            reference("Loop"),
            reference("Shape"),
            reference("Absent"),
            json!({"enum": [1, "2"]}),
            json!({"anyOf": [{"type": "string"}, {"type": "integer"}]}),
            json!({"type": ["string", "integer"]}),
            json!({"type": "null"}),
            json!({}),
            json!(true),
        ] {
            assert_eq!(kind(other.clone()), Kind::Json, "{other}");
        }
        assert_eq!(kind(reference("Tree")), Kind::List { text: false });
        let flag = json!({"anyOf": [reference("Flag"), {"type": "null"}]});
        assert_eq!(kind(flag), Kind::Switch);
    }
}
