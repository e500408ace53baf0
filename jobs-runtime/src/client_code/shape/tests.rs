//! Tests of shapes: a schema, and the type that it becomes.

use serde_json::json;

use super::*;

fn shape(schema: &Value) -> Shape {
    Definitions::new("J").shape("JX", schema, "JPayload")
}

#[test]
fn every_kind_of_schema_has_a_shape() {
    for (schema, expected) in [
        (json!(true), Shape::Any),
        (json!({}), Shape::Any),
        (json!(false), Shape::Never),
        (json!({"type": "null"}), Shape::Null),
        (json!({"type": "integer", "minimum": 0}), Shape::Integer),
        (
            json!({"type": ["string", "null"]}),
            Shape::Union(vec![Shape::Text, Shape::Null]),
        ),
        (
            json!({"oneOf": [{"const": "a"}, {"enum": ["b", 1]}]}),
            Shape::Literal(vec![json!("a"), json!("b"), json!(1)]),
        ),
        (
            json!({"anyOf": [{"$ref": "#/$defs/Box"}, {"type": "null"}]}),
            Shape::Union(vec![Shape::Named("JPayloadBox".into()), Shape::Null]),
        ),
        (
            json!({"type": "array", "prefixItems": [{"type": "string"}, {"type": "number"}]}),
            Shape::Tuple(vec![Shape::Text, Shape::Number]),
        ),
        (
            json!({"type": "object", "additionalProperties": {"type": "boolean"}}),
            Shape::Map(Box::new(Shape::Boolean)),
        ),
        (json!({"type": "object"}), Shape::Map(Box::new(Shape::Any))),
    ] {
        assert_eq!(shape(&schema), expected, "{schema}");
    }
}

#[test]
fn variants_of_a_tagged_enum_become_objects_with_names() {
    let schema = json!({"oneOf": [
        {"type": "object", "properties": {"kind": {"const": "circle"}, "radius": {"type": "number"}}, "required": ["kind"]},
        {"type": "object", "properties": {"square": {"type": "number"}}, "required": ["square"]},
    ]});
    let mut definitions = Definitions::new("J");
    let root = definitions.add_root("Payload", &schema);
    let names: Vec<_> = definitions
        .into_all()
        .into_iter()
        .map(|it| it.name)
        .collect();
    assert_eq!(root, "JPayload");
    assert_eq!(names, ["JPayload", "JPayloadCircle", "JPayloadSquare"]);
}

/// The definitions of a payload, by their names.
fn definitions(schema: &Value) -> BTreeMap<String, DefinitionKind> {
    let mut definitions = Definitions::new("J");
    assert_eq!(definitions.add_root("Payload", schema), "JPayload");
    let all = definitions.into_all().into_iter();
    all.map(|it| (it.name, it.kind)).collect()
}

/// The names and shapes of the fields of an object.
fn fields(kind: &DefinitionKind) -> Vec<(&str, &Shape)> {
    let DefinitionKind::Object(fields) = kind else {
        panic!("no object: {kind:?}");
    };
    let mut fields: Vec<_> = fields.iter().map(|it| (&*it.name, &it.shape)).collect();
    fields.sort_by_key(|(name, _)| *name);
    fields
}

/// An alias of this definition.
fn alias(name: &str) -> DefinitionKind {
    DefinitionKind::Alias(Shape::Named(name.to_owned()))
}

fn tag(value: &str) -> Shape {
    Shape::Literal(vec![json!(value)])
}

#[test]
fn a_struct_with_two_flattened_enums_is_an_object_with_any_keys() {
    let variant = |name: &str| {
        let properties = json!({name: {"type": "null"}});
        json!({"type": "object", "properties": properties, "required": [name]})
    };
    let schema = json!({
        "type": "object",
        "properties": {"id": {"type": "string"}},
        "required": ["id"],
        "allOf": [{"oneOf": [variant("a"), variant("b")]}, {"oneOf": [variant("c")]}],
    });
    let any_keys = DefinitionKind::Alias(Shape::Map(Box::new(Shape::Any)));
    let expected = BTreeMap::from([("JPayload".to_owned(), any_keys)]);
    assert_eq!(definitions(&schema), expected);
}

#[test]
fn fields_beside_any_other_combination_end() {
    for (keyword, value) in [
        ("allOf", json!([])),
        ("allOf", json!("x")),
        ("oneOf", json!({})),
        ("enum", json!("x")),
        ("$ref", json!(1)),
    ] {
        let mut schema = json!({"type": "object", "properties": {"a": {"type": "string"}}});
        schema[keyword] = value;
        assert_eq!(shape(&schema), Shape::Map(Box::new(Shape::Any)), "{schema}");
    }
}

#[test]
fn a_single_part_has_the_fields_beside_it() {
    let schema = json!({
        "type": "object",
        "properties": {"a": {"type": "string"}},
        "required": ["a"],
        "allOf": [{"type": "object", "properties": {"b": {"type": "integer"}}}],
    });
    let found = definitions(&schema);
    assert_eq!(found["JPayload"], alias("JPayload2"));
    let expected = [("a", &Shape::Text), ("b", &Shape::Integer)];
    assert_eq!(fields(&found["JPayload2"]), expected);
}

/// An internally tagged enum: schemars writes the tag beside the reference to the content.
fn tagged(variants: &[(&str, &str)], defined: &Value) -> Value {
    let variants = variants.iter().map(|(tag, content)| {
        json!({
            "type": "object",
            "$ref": content,
            "properties": {"kind": {"type": "string", "const": tag}},
            "required": ["kind"],
        })
    });
    json!({"oneOf": variants.collect::<Vec<_>>(), "$defs": defined})
}

#[test]
fn a_variant_that_refers_to_a_struct_keeps_its_tag() {
    let circle = json!({
        "type": "object",
        "properties": {"radius": {"type": "number"}},
        "required": ["radius"],
    });
    let schema = tagged(
        &[("circle", "#/$defs/Circle"), ("hole", "#/$defs/Circle")],
        &json!({"Circle": circle}),
    );
    let found = definitions(&schema);
    let variants = ["JPayloadCircle2", "JPayloadHole"];
    let named = variants.map(|name| Shape::Named(name.to_owned()));
    let expected = DefinitionKind::Alias(Shape::Union(named.to_vec()));
    assert_eq!(found["JPayload"], expected);
    for (name, value) in [("JPayloadCircle2", "circle"), ("JPayloadHole", "hole")] {
        let expected = [("kind", &tag(value)), ("radius", &Shape::Number)];
        assert_eq!(fields(&found[name]), expected, "{name}");
        let DefinitionKind::Object(fields) = &found[name] else {
            panic!("no object");
        };
        assert!(fields.iter().all(|field| field.is_required), "{fields:?}");
    }
    // The struct itself has no tag.
    assert_eq!(
        fields(&found["JPayloadCircle"]),
        [("radius", &Shape::Number)]
    );
}

#[test]
fn a_variant_that_refers_to_an_enum_has_the_tag_in_each_option() {
    let inner = json!({"oneOf": [
        {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
        {"type": "object", "properties": {"b": {"type": "boolean"}}, "required": ["b"]},
    ]});
    let schema = tagged(&[("inner", "#/$defs/Inner")], &json!({"Inner": inner}));
    let found = definitions(&schema);
    let with_tag = found.values().filter(|kind| match kind {
        DefinitionKind::Object(fields) => fields.iter().any(|it| it.shape == tag("inner")),
        DefinitionKind::Alias(_) => false,
    });
    assert_eq!(with_tag.count(), 2, "{found:#?}");
}

#[test]
fn a_variant_that_refers_to_its_own_enum_ends() {
    let schema = tagged(
        &[("nested", "#"), ("again", "#/$defs/A")],
        &json!({
            "A": {"$ref": "#/$defs/A", "properties": {"x": {"type": "string"}}},
        }),
    );
    assert!(definitions(&schema).contains_key("JPayload"));
}

#[test]
fn a_reference_without_a_target_is_a_name() {
    let schema = json!({"$ref": "#/$defs/Gone", "required": ["kind"]});
    assert_eq!(shape(&schema), Shape::Named("JPayloadGone".into()));
}
