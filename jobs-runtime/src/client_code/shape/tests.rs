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
