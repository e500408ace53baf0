//! Shapes: JSON Schemas as types, without a language.
//!
//! The schemas are those that `schemars` makes for the types of payloads and results. A keyword
//! without a counterpart in a type, such as `minimum`, is left to the server.
//!
//! This module imports nothing of the crate. It must not import a language.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{plain, unused, upper_camel};

/// The type of a value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    Any,
    Never,
    Null,
    Boolean,
    Integer,
    Number,
    Text,
    /// One of these values: texts, numbers, booleans, null.
    Literal(Vec<Value>),
    List(Box<Self>),
    Tuple(Vec<Self>),
    /// An object with any keys.
    Map(Box<Self>),
    Union(Vec<Self>),
    /// A definition, by its name.
    Named(String),
}

/// A type with a name.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Definition {
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) kind: DefinitionKind,
}

/// The content of a definition.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum DefinitionKind {
    Object(Vec<Field>),
    Alias(Shape),
}

/// A field of an object.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) is_required: bool,
    pub(super) shape: Shape,
    pub(super) description: Option<String>,
}

/// The definitions of one job. Each name begins with the job's.
pub(super) struct Definitions {
    prefix: String,
    /// The schema document that is being read.
    root: Value,
    /// The references that are being merged with what stands beside them.
    open: Vec<String>,
    all: BTreeMap<String, Definition>,
    /// The names in use, those of schemas that are not read yet included.
    taken: BTreeSet<String>,
}

/// Keywords that make a schema an object with fields.
const OBJECT_KEYS: [&str; 2] = ["properties", "required"];

impl Definitions {
    pub(super) fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
            root: Value::Null,
            open: Vec::new(),
            all: BTreeMap::new(),
            taken: BTreeSet::new(),
        }
    }

    /// Adds a schema with its own definitions, and returns the name of its type.
    pub(super) fn add_root(&mut self, suffix: &str, schema: &Value) -> String {
        let scope = format!("{}{suffix}", self.prefix);
        let empty = Map::new();
        let defined = schema["$defs"].as_object().unwrap_or(&empty);
        self.root = schema.clone();
        self.taken.insert(scope.clone());
        let names = defined
            .keys()
            .map(|name| format!("{scope}{}", upper_camel(name)));
        self.taken.extend(names);
        for (name, schema) in defined {
            self.define(format!("{scope}{}", upper_camel(name)), schema, &scope);
        }
        self.define(scope.clone(), schema, &scope);
        scope
    }

    /// The definitions in the order of their names.
    pub(super) fn into_all(self) -> Vec<Definition> {
        self.all.into_values().collect()
    }

    fn define(&mut self, name: String, schema: &Value, scope: &str) {
        let kind = match self.fields(&name, schema, scope) {
            Some(fields) => DefinitionKind::Object(fields),
            None => DefinitionKind::Alias(self.shape(&name, schema, scope)),
        };
        self.insert(name, schema, kind);
    }

    fn insert(&mut self, name: String, schema: &Value, kind: DefinitionKind) {
        let definition = Definition {
            name: name.clone(),
            description: schema["description"].as_str().map(plain),
            kind,
        };
        self.all.insert(name, definition);
    }

    /// The fields of an object schema; `None` for another schema.
    fn fields(&mut self, name: &str, schema: &Value, scope: &str) -> Option<Vec<Field>> {
        let object = schema.as_object()?;
        let is_combined = ["oneOf", "anyOf", "allOf", "$ref", "enum", "const"]
            .iter()
            .any(|key| object.contains_key(*key));
        let is_empty_object = schema["additionalProperties"] == false && schema["type"] == "object";
        if is_combined || !has_fields(object) && !is_empty_object {
            return None;
        }
        let required = schema["required"].as_array();
        let is_required = |name: &str| {
            required.is_some_and(|names| names.iter().any(|one| one.as_str() == Some(name)))
        };
        let empty = Map::new();
        let properties = schema["properties"].as_object().unwrap_or(&empty);
        let fields = properties.iter().map(|(field, schema)| Field {
            name: field.clone(),
            is_required: is_required(field),
            shape: self.shape(&format!("{name}{}", upper_camel(field)), schema, scope),
            description: schema["description"].as_str().map(plain),
        });
        Some(fields.collect())
    }

    /// The shape of a schema. An object with fields becomes a definition named `name`.
    fn shape(&mut self, name: &str, schema: &Value, scope: &str) -> Shape {
        let object = match schema {
            Value::Bool(false) => return Shape::Never,
            Value::Object(object) => object,
            _ => return Shape::Any,
        };
        if let Some(reference) = object.get("$ref").and_then(Value::as_str) {
            return self.reference(name, reference, object, scope);
        }
        if let Some(value) = object.get("const") {
            return literal(std::slice::from_ref(value));
        }
        if let Some(values) = object.get("enum").and_then(Value::as_array) {
            return literal(values);
        }
        for key in ["oneOf", "anyOf"] {
            if let Some(options) = object.get(key).and_then(Value::as_array) {
                return self.union(name, options, object, scope);
            }
        }
        match object
            .get("allOf")
            .and_then(Value::as_array)
            .map(Vec::as_slice)
        {
            None | Some([]) => {}
            Some([only]) => return self.shape(name, &with_shared(only, object), scope),
            Some(_) => return combination(object),
        }
        match object.get("type") {
            Some(Value::Array(types)) => {
                let of_type = |one: &Value| {
                    let mut schema = object.clone();
                    schema.insert("type".to_owned(), one.clone());
                    Value::Object(schema)
                };
                let options: Vec<_> = types.iter().map(of_type).collect();
                let shapes = options.iter().map(|one| self.shape(name, one, scope));
                one_of(shapes.collect())
            }
            Some(Value::String(word)) => self.of_type(name, word, schema, scope),
            _ if has_fields(object) => self.of_type(name, "object", schema, scope),
            _ => Shape::Any,
        }
    }

    /// A reference to a definition. One with fields beside it, as in a variant of an internally
    /// tagged enum, is one object of both.
    fn reference(
        &mut self,
        name: &str,
        reference: &str,
        object: &Map<String, Value>,
        scope: &str,
    ) -> Shape {
        if has_fields(object)
            && let Some(merged) = self.resolve(reference, object)
        {
            if self.open.iter().any(|open| open == reference) {
                return combination(object);
            }
            self.open.push(reference.to_owned());
            let shape = self.shape(name, &Value::Object(merged), scope);
            self.open.pop();
            return shape;
        }
        match reference.strip_prefix("#/$defs/") {
            Some(defined) => Shape::Named(format!("{scope}{}", upper_camel(defined))),
            // `#`: the root itself.
            None => Shape::Named(scope.to_owned()),
        }
    }

    /// The schema behind a reference, together with the keywords beside the reference.
    fn resolve(&self, reference: &str, beside: &Map<String, Value>) -> Option<Map<String, Value>> {
        let target = self
            .root
            .pointer(reference.strip_prefix('#')?)?
            .as_object()?;
        let mut merged = beside.clone();
        merged.remove("$ref");
        let none = Map::new();
        let fields = target.get("properties").and_then(Value::as_object);
        merge(&mut merged, fields.unwrap_or(&none), target.get("required"));
        for (keyword, value) in target {
            merged.entry(keyword).or_insert_with(|| value.clone());
        }
        Some(merged)
    }

    /// A union. Fields beside it belong to each option, as in an internally tagged enum.
    fn union(
        &mut self,
        name: &str,
        options: &[Value],
        object: &Map<String, Value>,
        scope: &str,
    ) -> Shape {
        let mut shapes = Vec::with_capacity(options.len());
        for (index, option) in options.iter().enumerate() {
            let option = with_shared(option, object);
            let variant = variant_name(&option).unwrap_or_else(|| format!("Option{}", index + 1));
            shapes.push(self.shape(&format!("{name}{variant}"), &option, scope));
        }
        one_of(shapes)
    }

    fn of_type(&mut self, name: &str, word: &str, schema: &Value, scope: &str) -> Shape {
        match word {
            "null" => Shape::Null,
            "boolean" => Shape::Boolean,
            "integer" => Shape::Integer,
            "number" => Shape::Number,
            "string" => Shape::Text,
            "array" => match schema["prefixItems"].as_array() {
                Some(items) => {
                    let item = |(index, item): (usize, &Value)| {
                        self.shape(&format!("{name}Item{}", index + 1), item, scope)
                    };
                    Shape::Tuple(items.iter().enumerate().map(item).collect())
                }
                None => {
                    let item = self.shape(&format!("{name}Item"), &schema["items"], scope);
                    Shape::List(Box::new(item))
                }
            },
            "object" if is_object(schema) => self.object(name, schema, scope),
            "object" => {
                let values = schema.get("additionalProperties");
                // `patternProperties` of a map with typed keys.
                let patterns = schema["patternProperties"].as_object();
                let pattern = patterns.and_then(|patterns| patterns.values().next());
                let values = values.filter(|it| it.is_object()).or(pattern);
                let value = values.map_or(Shape::Any, |values| {
                    self.shape(&format!("{name}Value"), values, scope)
                });
                Shape::Map(Box::new(value))
            }
            _ => Shape::Any,
        }
    }

    /// An object with fields becomes a definition. One that is combined with what this module does
    /// not understand is an object with any keys.
    fn object(&mut self, name: &str, schema: &Value, scope: &str) -> Shape {
        let name = unused(name.to_owned(), &mut self.taken);
        let Some(fields) = self.fields(&name, schema, scope) else {
            return Shape::Map(Box::new(Shape::Any));
        };
        self.insert(name.clone(), schema, DefinitionKind::Object(fields));
        Shape::Named(name)
    }
}

/// True if the schema has keywords of an object with fields.
fn has_fields(object: &Map<String, Value>) -> bool {
    OBJECT_KEYS.iter().any(|key| object.contains_key(*key))
}

/// The shape of a schema that demands several others at once: no type says so.
fn combination(object: &Map<String, Value>) -> Shape {
    let is_object = object.get("type").is_some_and(|it| it == "object");
    if is_object || has_fields(object) {
        Shape::Map(Box::new(Shape::Any))
    } else {
        Shape::Any
    }
}

/// A part of a combination, with the fields that stand beside the combination.
fn with_shared(part: &Value, beside: &Map<String, Value>) -> Value {
    let mut part = part.clone();
    let shared = beside.get("properties").and_then(Value::as_object);
    if let (Some(shared), Some(part)) = (shared, part.as_object_mut()) {
        merge(part, shared, beside.get("required"));
    }
    part
}

/// True if the schema has fields, or allows none.
fn is_object(schema: &Value) -> bool {
    let properties = schema["properties"].as_object();
    let is_closed = schema["additionalProperties"] == false;
    let has_patterns = schema.get("patternProperties").is_some();
    properties.is_some_and(|it| !it.is_empty()) || is_closed && !has_patterns
}

/// Adds shared fields to the schema of an option.
fn merge(option: &mut Map<String, Value>, shared: &Map<String, Value>, required: Option<&Value>) {
    let properties = option
        .entry("properties")
        .or_insert_with(|| Value::Object(Map::new()));
    if let Some(properties) = properties.as_object_mut() {
        for (name, schema) in shared {
            properties.entry(name).or_insert_with(|| schema.clone());
        }
    }
    let names = required
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let all = option
        .entry("required")
        .or_insert_with(|| Value::Array(Vec::new()));
    if let Some(all) = all.as_array_mut() {
        all.extend(names);
    }
}

/// The name of a variant: the value of its tag, or its only field.
fn variant_name(schema: &Value) -> Option<String> {
    let properties = schema["properties"].as_object()?;
    let tag = properties
        .values()
        .find_map(|field| field["const"].as_str());
    let only = (properties.len() == 1)
        .then(|| properties.keys().next())
        .flatten();
    tag.or(only.map(String::as_str)).map(upper_camel)
}

fn literal(values: &[Value]) -> Shape {
    let is_simple = |value: &Value| !value.is_object() && !value.is_array() && !value.is_f64();
    if values.iter().all(is_simple) {
        Shape::Literal(values.to_vec())
    } else {
        Shape::Any
    }
}

/// A union without repetitions; literals are joined.
fn one_of(shapes: Vec<Shape>) -> Shape {
    let mut literals = Vec::new();
    let mut others: Vec<Shape> = Vec::new();
    for shape in shapes {
        match shape {
            Shape::Any => return Shape::Any,
            Shape::Literal(values) => literals.extend(values),
            Shape::Union(options) => others.extend(options),
            shape if others.contains(&shape) => {}
            shape => others.push(shape),
        }
    }
    if !literals.is_empty() {
        others.insert(0, Shape::Literal(literals));
    }
    match others.len() {
        1 => others.remove(0),
        _ => Shape::Union(others),
    }
}
