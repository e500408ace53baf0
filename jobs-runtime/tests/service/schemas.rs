//! Generated schemas, with valid payloads and mistakes for them.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// A generated schema with a valid value.
#[derive(Clone, Debug)]
pub(crate) enum Schema {
    Leaf(Leaf),
    Nullable(Box<Schema>),
    List(Box<Schema>),
    Object(Object),
}

/// A schema with a valid and an invalid value.
#[derive(Clone, Debug)]
pub(crate) struct Leaf {
    schema: Value,
    valid: Value,
    invalid: Value,
}

#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) fields: Vec<(String, Schema, Presence)>,
    closed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Presence {
    Required,
    Optional,
    Defaulted,
}

/// A change that makes a payload invalid at one pointer.
#[derive(Clone, Debug)]
pub(crate) enum Mistake {
    Replace(Value),
    Remove,
}

fn leaf() -> impl Strategy<Value = Leaf> {
    let of = |schema: Value, valid: Value, invalid: Value| Leaf {
        schema,
        valid,
        invalid,
    };
    let fixed = prop::sample::select(vec![
        of(json!({"type": "string"}), json!("é\u{0}"), json!(7)),
        of(json!({"type": "boolean"}), json!(true), json!("true")),
        of(
            json!({"type": "string", "format": "uuid"}),
            json!("123e4567-e89b-12d3-a456-426614174000"),
            json!("123"),
        ),
        of(
            json!({"type": "string", "format": "date-time"}),
            json!("2030-01-31T12:00:00Z"),
            json!("2030-13-31T12:00:00Z"),
        ),
        of(
            json!({"type": "string", "format": "date"}),
            json!("2030-01-31"),
            json!("31.1.2030"),
        ),
        of(
            json!({"type": "string", "format": "email"}),
            json!("a@example.org"),
            json!("a"),
        ),
        of(
            json!({"type": "string", "format": "ip"}),
            json!("::1"),
            json!("::1::"),
        ),
        of(
            json!({"type": "string", "format": "uri"}),
            json!("https://example.org"),
            json!("no uri"),
        ),
        of(
            json!({"type": "integer", "format": "int32"}),
            json!(-5),
            json!(3_000_000_000_u64),
        ),
        of(
            json!({"type": "integer", "format": "uint64", "minimum": 0}),
            json!(u64::MAX),
            json!(-1),
        ),
        of(
            json!({"type": "integer", "format": "int64"}),
            json!(i64::MIN),
            json!(2.0),
        ),
        of(
            json!({"type": "integer", "format": "uint8", "minimum": 0, "maximum": 255}),
            json!(255),
            json!(256),
        ),
        of(
            json!({"type": "number", "format": "double"}),
            json!(1.5),
            json!("1.5"),
        ),
        of(
            json!({"type": ["string", "null"], "maxLength": 3}),
            json!(null),
            json!("four"),
        ),
        of(json!({"enum": ["a", "b", 3]}), json!("b"), json!("c")),
        of(
            json!({"oneOf": [{"const": "x", "type": "string"}, {"const": "y", "type": "string"}]}),
            json!("y"),
            json!("z"),
        ),
        of(
            json!({"type": "string", "pattern": "^[a-z]+$"}),
            json!("abc"),
            json!("ABC"),
        ),
        of(
            json!({"type": "array", "items": {"type": "integer"}, "uniqueItems": true}),
            json!([1, 2]),
            json!([1, 1]),
        ),
        of(
            json!({"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 1}),
            json!({"k": 1}),
            json!({}),
        ),
    ]);
    let bounded = (-1_000_i64..1_000, 0_i64..100).prop_map(move |(low, span)| Leaf {
        schema: json!({"type": "integer", "minimum": low, "exclusiveMaximum": low + span + 1}),
        valid: json!(low + span),
        invalid: json!(low + span + 1),
    });
    let sized = (1_usize..5).prop_map(|size| Leaf {
        schema: json!({"type": "string", "minLength": size, "maxLength": size}),
        valid: json!("ü".repeat(size)),
        invalid: json!("ü".repeat(size - 1)),
    });
    prop_oneof![4 => fixed, 1 => bounded, 1 => sized]
}

fn object(schema: impl Strategy<Value = Schema> + 'static) -> impl Strategy<Value = Object> {
    let presence = prop::sample::select(vec![
        Presence::Required,
        Presence::Required,
        Presence::Optional,
        Presence::Defaulted,
    ]);
    let fields = prop::collection::btree_map("[a-e/~é ]{1,4}", (schema, presence), 1..5);
    (fields, any::<bool>()).prop_map(|(fields, closed)| Object {
        fields: fields
            .into_iter()
            .map(|(name, (schema, presence))| (name, schema, presence))
            .collect(),
        closed,
    })
}

/// Generates an object with at least three possible mistakes.
pub(crate) fn root() -> impl Strategy<Value = Object> {
    let schema = leaf()
        .prop_map(Schema::Leaf)
        .prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                inner
                    .clone()
                    .prop_map(|inner| Schema::List(Box::new(inner))),
                object(inner.clone()).prop_map(Schema::Object),
                object(inner).prop_map(|object| Schema::Nullable(Box::new(Schema::Object(object)))),
            ]
        });
    (object(schema), prop::collection::vec(leaf(), 3..5)).prop_map(|(mut root, leaves)| {
        for (n, leaf) in leaves.into_iter().enumerate() {
            root.fields
                .push((format!("leaf{n}"), Schema::Leaf(leaf), Presence::Required));
        }
        root
    })
}

impl Schema {
    fn schema(&self, defs: &mut Map<String, Value>) -> Value {
        match self {
            Self::Leaf(leaf) => leaf.schema.clone(),
            // The schema that schemars writes for an `Option` of a struct.
            Self::Nullable(inner) => {
                let name = format!("T{}", defs.len());
                defs.insert(name.clone(), Value::Null);
                let schema = inner.schema(defs);
                defs.insert(name.clone(), schema);
                json!({"anyOf": [{"$ref": format!("#/$defs/{name}")}, {"type": "null"}]})
            }
            Self::List(item) => json!({"type": "array", "items": item.schema(defs)}),
            Self::Object(object) => object.schema(defs),
        }
    }

    fn value(&self) -> Value {
        match self {
            Self::Leaf(leaf) => leaf.valid.clone(),
            Self::Nullable(inner) => inner.value(),
            Self::List(item) => json!([item.value(), item.value()]),
            Self::Object(object) => object.value(),
        }
    }

    fn mistakes(&self, pointer: &str, found: &mut Vec<(String, Mistake)>) {
        match self {
            Self::Leaf(leaf) => {
                found.push((pointer.to_owned(), Mistake::Replace(leaf.invalid.clone())));
            }
            Self::Nullable(inner) => inner.mistakes(pointer, found),
            Self::List(item) => {
                for index in 0..2 {
                    item.mistakes(&format!("{pointer}/{index}"), found);
                }
            }
            Self::Object(object) => object.mistakes(pointer, found),
        }
    }
}

impl Object {
    pub(crate) fn schema(&self, defs: &mut Map<String, Value>) -> Value {
        let mut properties = Map::new();
        let mut required = Vec::new();
        for (name, field, presence) in &self.fields {
            let mut schema = field.schema(defs);
            match presence {
                Presence::Required => required.push(name),
                Presence::Optional => {}
                Presence::Defaulted => schema["default"] = field.value(),
            }
            properties.insert(name.clone(), schema);
        }
        let mut schema = json!({"type": "object", "properties": properties, "required": required});
        if self.closed {
            schema["additionalProperties"] = json!(false);
        }
        schema
    }

    pub(crate) fn value(&self) -> Value {
        let fields = self.fields.iter();
        Value::Object(
            fields
                .map(|(name, schema, _)| (name.clone(), schema.value()))
                .collect(),
        )
    }

    pub(crate) fn mistakes(&self, pointer: &str, found: &mut Vec<(String, Mistake)>) {
        for (name, schema, presence) in &self.fields {
            let pointer = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
            match schema {
                Schema::Leaf(_) if *presence == Presence::Required && name.len() % 2 == 0 => {
                    found.push((pointer, Mistake::Remove));
                }
                schema => schema.mistakes(&pointer, found),
            }
        }
        if self.closed {
            found.push((
                format!("{pointer}/zzz"),
                Mistake::Replace(json!("not asked for")),
            ));
        }
    }
}
