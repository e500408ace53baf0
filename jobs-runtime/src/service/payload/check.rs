//! The payload check: size, JSON, defaults, schema.

use jobs::Violation;
use jsonschema::Validator;
use serde_json::Value;

use super::defaults::{PayloadDefault, complete, payload_defaults};
use super::expected::FITS_NO_SHAPE;
use super::json;
use super::schema;
use super::violation::{MAX_VIOLATIONS, violations};
use crate::service::options::MAX_PAYLOAD_BYTES;

/// The compiled payload schema of one job.
pub(crate) struct PayloadCheck {
    validator: Validator,
    defaults: Vec<PayloadDefault>,
}

/// A valid payload with its defaults, as the text that is stored and as a value.
#[derive(Debug)]
pub(crate) struct CheckedPayload {
    pub(crate) text: String,
    pub(crate) value: Value,
}

/// The reason why a payload is not accepted.
#[derive(Debug)]
pub(crate) enum PayloadError {
    /// The payload has this many bytes, more than [`MAX_PAYLOAD_BYTES`].
    TooLarge(usize),
    /// The payload is not valid JSON.
    Malformed(String),
    /// The payload does not match the schema.
    Invalid(Vec<Violation>),
}

impl PayloadCheck {
    /// Compiles a payload schema.
    ///
    /// # Errors
    /// The mistake in the schema.
    pub(crate) fn new(schema: &Value) -> Result<Self, String> {
        Ok(Self {
            validator: schema::compile(schema)?,
            defaults: payload_defaults(schema),
        })
    }

    /// Adds the schema's defaults to a payload and validates the result. An empty text counts as an
    /// empty object.
    pub(crate) fn check(&self, mut text: String) -> Result<CheckedPayload, PayloadError> {
        if text.is_empty() {
            text.push_str("{}");
        }
        within_limit(&text)?;
        let parsed = json::parse(&text).map_err(|error| PayloadError::Malformed(reason(&error)))?;
        let mut value = parsed.value;
        if !value.is_object() {
            return Err(PayloadError::Invalid(vec![Violation {
                pointer: String::new(),
                message: "must be an object".to_owned(),
            }]));
        }
        complete(&mut text, &mut value, &self.defaults);
        within_limit(&text)?;
        if parsed.duplicates.is_empty() && self.validator.is_valid(&value) {
            return Ok(CheckedPayload { text, value });
        }
        let repeated = parsed.duplicates.into_iter().take(MAX_VIOLATIONS);
        let repeated = repeated.map(|pointer| Violation {
            pointer,
            message: "is given more than once".to_owned(),
        });
        let found = violations(self.validator.iter_errors(&value));
        let mut violations: Vec<_> = repeated.chain(found).take(MAX_VIOLATIONS).collect();
        if violations.is_empty() {
            // The validator rejects the payload without naming a mistake.
            violations.push(Violation {
                pointer: String::new(),
                message: FITS_NO_SHAPE.to_owned(),
            });
        }
        // The validator reports in the order of its keywords. Sorting gives a stable order.
        violations.sort_by(|one, other| one.pointer.cmp(&other.pointer));
        Err(PayloadError::Invalid(violations))
    }
}

/// True if a payload schema accepts a payload, with its defaults.
pub(crate) fn schema_accepts(schema: &Value, payload: &str) -> bool {
    PayloadCheck::new(schema).is_ok_and(|check| check.check(payload.to_owned()).is_ok())
}

fn within_limit(text: &str) -> Result<(), PayloadError> {
    if text.len() > MAX_PAYLOAD_BYTES {
        Err(PayloadError::TooLarge(text.len()))
    } else {
        Ok(())
    }
}

/// Describes the syntax error and its position. Never quotes the payload.
fn reason(error: &serde_json::Error) -> String {
    match error.to_string() {
        text if text.starts_with("recursion limit") => "it is nested too deeply".to_owned(),
        text => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(schema: &Value, payload: &str) -> Vec<(String, String)> {
        let check = PayloadCheck::new(schema).expect("a schema");
        match check.check(payload.to_owned()) {
            Ok(_) => Vec::new(),
            Err(PayloadError::Invalid(violations)) => violations
                .into_iter()
                .map(|violation| (violation.pointer, violation.message))
                .collect(),
            Err(other) => panic!("{other:?}"),
        }
    }

    fn expect(schema: &Value, payload: &str, expected: &[(&str, &str)]) {
        let found = check(schema, payload);
        let found: Vec<_> = found
            .iter()
            .map(|(pointer, message)| (pointer.as_str(), message.as_str()))
            .collect();
        assert_eq!(found, expected, "{payload}");
    }

    #[test]
    fn the_violations_of_one_payload_are_bounded() {
        let schema = json!({
            "type": "object", "properties": {"a": {}}, "additionalProperties": false,
        });
        let unknown: serde_json::Map<_, _> =
            (0..40_000).map(|n| (format!("k{n}"), json!(1))).collect();
        let found = check(&schema, &Value::from(unknown).to_string());
        assert_eq!(found.len(), 1_000);
        let repeated = r#""a":1,"#.repeat(40_000);
        let found = check(
            &json!({"type": "object"}),
            &format!("{{{repeated}\"a\":1}}"),
        );
        assert!(found.len() <= 1_000, "{}", found.len());
    }

    #[test]
    fn every_mistake_has_its_pointer() {
        let schema = json!({
            "type": "object",
            "properties": {
                "workspaceId": {"type": "string", "minLength": 1},
                "count": {"type": "integer", "format": "uint8", "minimum": 0, "maximum": 255},
                "at": {"type": "string", "format": "date-time"},
                "a/b": {"type": "array", "items": {"type": "integer", "format": "int32"}},
            },
            "required": ["workspaceId", "count"],
            "additionalProperties": false,
        });
        expect(&schema, r#"{"workspaceId":"w","count":255}"#, &[]);
        expect(
            &schema,
            r#"{"count":256,"at":"now","a/b":[1,3000000000,2.0],"x~y":1}"#,
            &[
                ("/at", "must be a date and time like `2030-01-31T12:00:00Z`"),
                (
                    "/a~1b/1",
                    "must be a whole number from -2147483648 to 2147483647",
                ),
                (
                    "/a~1b/2",
                    "must be a whole number from -2147483648 to 2147483647, written without fraction or exponent",
                ),
                ("/count", "must be at most 255"),
                ("/workspaceId", "is required"),
                ("/x~0y", "is not a known property"),
            ],
        );
        expect(&schema, "[]", &[("", "must be an object")]);
        expect(
            &schema,
            r#"{"workspaceId":"","count":1,"count":2}"#,
            &[
                ("/count", "is given more than once"),
                ("/workspaceId", "must not be empty"),
            ],
        );
    }

    #[test]
    fn mistakes_in_options_and_enums_name_the_alternatives() {
        let schema = json!({
            "type": "object",
            "properties": {
                "size": {"type": ["integer", "null"]},
                "mode": {"oneOf": [
                    {"type": "string", "const": "fast", "description": "…"},
                    {"type": "string", "const": "slow", "description": "…"},
                ]},
                "maybe": {"anyOf": [{"$ref": "#/$defs/Point"}, {"type": "null"}]},
                "shape": {"oneOf": [
                    {"type": "object", "properties": {"circle": {"$ref": "#/$defs/Point"}},
                     "required": ["circle"], "additionalProperties": false},
                    {"type": "object", "properties": {"line": {"type": "string"}},
                     "required": ["line"], "additionalProperties": false},
                    {"type": "string", "enum": ["empty"]},
                ]},
                "tagged": {"oneOf": [
                    {"type": "object", "required": ["type", "x"],
                     "properties": {"type": {"const": "a", "type": "string"}, "x": {"type": "string"}}},
                    {"type": "object", "required": ["type"],
                     "properties": {"type": {"const": "b", "type": "string"}}},
                ]},
            },
            "$defs": {"Point": {
                "type": "object",
                "properties": {"x": {"type": "number"}},
                "required": ["x"],
            }},
        });
        expect(
            &schema,
            r#"{"size":"1"}"#,
            &[("/size", "must be an integer or null")],
        );
        expect(
            &schema,
            r#"{"mode":"medium"}"#,
            &[("/mode", "must be one of `fast`, `slow`")],
        );
        expect(
            &schema,
            r#"{"mode":1}"#,
            &[("/mode", "must be one of `fast`, `slow`")],
        );
        expect(&schema, r#"{"maybe":{}}"#, &[("/maybe/x", "is required")]);
        expect(
            &schema,
            r#"{"maybe":{"x":"1"}}"#,
            &[("/maybe/x", "must be a number")],
        );
        expect(
            &schema,
            r#"{"maybe":7}"#,
            &[("/maybe", "must be an object or null")],
        );
        expect(&schema, r#"{"maybe":null}"#, &[]);
        expect(
            &schema,
            r#"{"shape":{"circle":{}}}"#,
            &[("/shape/circle/x", "is required")],
        );
        expect(
            &schema,
            r#"{"shape":{"square":1}}"#,
            &[("/shape", "fits none of the allowed shapes")],
        );
        expect(
            &schema,
            r#"{"shape":7}"#,
            &[("/shape", "must be `empty` or an object")],
        );
        expect(
            &schema,
            r#"{"tagged":{"type":"c"}}"#,
            &[("/tagged/type", "must be one of `a`, `b`")],
        );
        expect(
            &schema,
            r#"{"tagged":{"type":"a"}}"#,
            &[("/tagged/x", "is required")],
        );
        expect(
            &schema,
            r#"{"tagged":{}}"#,
            &[("/tagged/type", "is required")],
        );
    }

    #[test]
    fn messages_never_quote_the_payload() {
        let schema = json!({
            "type": "object",
            "properties": {
                "a": {"type": "integer"}, "b": {"enum": ["x"]}, "c": {"pattern": "^x$"},
                "d": {"format": "uuid"}, "e": {"maxLength": 1}, "f": {"const": 1},
                "g": {"not": {}}, "h": false, "i": {"items": {"type": "null"}},
            },
        });
        let secret = r#"{"a":"hunter2","b":"hunter2","c":"hunter2","d":"hunter2","e":"hunter2",
            "f":"hunter2","g":"hunter2","h":"hunter2","i":["hunter2"]}"#;
        let found = check(&schema, secret);
        assert_eq!(found.len(), 9, "{found:?}");
        for (_, message) in found {
            assert!(!message.contains("hunter2"), "{message}");
        }
    }

    #[test]
    fn size_and_depth_are_bounded() {
        let check = PayloadCheck::new(&json!({"type": "object"})).expect("a schema");
        let large = format!(r#"{{"a":"{}"}}"#, "x".repeat(MAX_PAYLOAD_BYTES));
        assert!(matches!(check.check(large), Err(PayloadError::TooLarge(_))));
        let deep = format!(r#"{{"a":{}"#, "[".repeat(10_000));
        match check.check(deep) {
            Err(PayloadError::Malformed(reason)) => assert_eq!(reason, "it is nested too deeply"),
            other => panic!("{other:?}"),
        }
    }
}
