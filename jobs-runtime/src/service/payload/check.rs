//! The payload check: size, JSON, defaults, schema, deserialiser.

use std::collections::HashSet;
use std::ops::Range;

use jobs::Violation;
use jobs::runtime::PayloadReader;
use jsonschema::Validator;
use serde_json::Value;

use super::canonical::{has_same_members, keeps_content, rename_members};
use super::defaults::{PayloadDefault, complete, payload_defaults};
use super::expected::FITS_NO_SHAPE;
use super::json::{self, ParsedJson};
use super::schema;
use super::violation::{MAX_VIOLATIONS, violations};
use crate::service::options::MAX_PAYLOAD_BYTES;

/// The compiled payload schema of one job, and its deserialiser.
pub(crate) struct PayloadCheck {
    validator: Validator,
    defaults: Vec<PayloadDefault>,
    /// The names of the fields. Another one may be an alias.
    names: HashSet<String>,
    /// `None` for a job that is known by its published schema only.
    reader: Option<PayloadReader>,
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
    pub(crate) fn new(schema: &Value, reader: Option<PayloadReader>) -> Result<Self, String> {
        Ok(Self {
            validator: schema::compile(schema)?,
            defaults: payload_defaults(schema),
            names: property_names(schema),
            reader,
        })
    }

    /// Adds the schema's defaults to a payload, validates the result and reads it with the
    /// deserialiser of a linked job. An empty text counts as an empty object.
    ///
    /// A payload with aliases of fields or variants may not match the schema. If the deserialiser
    /// accepts it, it is stored with the names in the place of the aliases.
    pub(crate) fn check(&self, mut text: String) -> Result<CheckedPayload, PayloadError> {
        if text.is_empty() {
            text.push_str("{}");
        }
        within_limit(&text)?;
        let parsed = json::parse(&text).map_err(|error| PayloadError::Malformed(reason(&error)))?;
        let ParsedJson {
            mut value,
            duplicates,
        } = parsed;
        if !value.is_object() {
            return Err(PayloadError::Invalid(vec![Violation {
                pointer: String::new(),
                message: "must be an object".to_owned(),
            }]));
        }
        let added = complete(&mut text, &mut value, self.defaults.iter());
        within_limit(&text)?;
        let refusal = if duplicates.is_empty() && self.validator.is_valid(&value) {
            match self.read(&text) {
                Ok(()) => {
                    let accepted = CheckedPayload { text, value };
                    return Ok(self.without_aliases(accepted, added));
                }
                refusal => refusal.err(),
            }
        } else {
            None
        };
        // Without defaults, a payload that the deserialiser refuses has no other form.
        let has_other_form = refusal.is_none() || !added.is_empty();
        let mut given = text;
        given.drain(added);
        if has_other_form
            && duplicates.is_empty()
            && let Some(reader) = self.reader
            && let Some(accepted) = self.check_otherwise(reader, &given)
        {
            return Ok(accepted);
        }
        Err(PayloadError::Invalid(match refusal {
            // A default beside an alias is a field that is given twice. The mistake is another one
            // if the payload as it was given has one.
            Some(refusal) if has_other_form => {
                vec![self.read(&given).err().unwrap_or(refusal)]
            }
            Some(refusal) => vec![refusal],
            None => self.violations(&value, duplicates),
        }))
    }

    /// The mistakes of a payload in its defaults: of a payload without any member.
    pub(crate) fn invalid_defaults(&self) -> Vec<Violation> {
        let mut value = Value::Object(serde_json::Map::new());
        complete(&mut "{}".to_owned(), &mut value, self.defaults.iter());
        let mut violations = self.violations(&value, Vec::new());
        violations.retain(|violation| {
            let mut pointers = self.defaults.iter().map(PayloadDefault::pointer);
            pointers.any(|pointer| {
                let inside = violation.pointer.strip_prefix(&pointer);
                inside.is_some_and(|inside| inside.is_empty() || inside.starts_with('/'))
            })
        });
        violations
    }

    fn read(&self, text: &str) -> Result<(), Violation> {
        self.reader.map_or(Ok(()), |reader| reader.read(text))
    }

    /// Writes the names of fields in the place of their aliases, so that keys and redaction find
    /// them. Other payloads, also those with unknown members, are unchanged.
    fn without_aliases(&self, accepted: CheckedPayload, added: Range<usize>) -> CheckedPayload {
        let (Some(reader), Some(members)) = (self.reader, accepted.value.as_object()) else {
            return accepted;
        };
        if members.keys().all(|name| self.names.contains(name)) {
            return accepted;
        }
        let mut given = accepted.text.clone();
        given.drain(added);
        let written = reader.rewrite(&given);
        let renamed = written.and_then(|written| self.check_renamed(reader, &given, &written));
        renamed.unwrap_or(accepted)
    }

    /// Accepts a payload that the deserialiser reads in another form: without defaults that are
    /// `null`, with other names, or as its type writes it.
    fn check_otherwise(&self, reader: PayloadReader, given: &str) -> Option<CheckedPayload> {
        let written = reader.rewrite(given)?;
        let values = self
            .defaults
            .iter()
            .filter(|default| !default.value.is_null());
        if let Some(accepted) = self.check_form(given.to_owned(), values) {
            return Some(accepted);
        }
        if let Some(accepted) = self.check_renamed(reader, given, &written) {
            return Some(accepted);
        }
        let before = json::parse(given).ok()?.value;
        let accepted = self.check_form(written, self.defaults.iter())?;
        keeps_content(&before, &accepted.value).then_some(accepted)
    }

    /// Accepts a payload with the names that its type writes, if it still means the same.
    fn check_renamed(
        &self,
        reader: PayloadReader,
        given: &str,
        written: &str,
    ) -> Option<CheckedPayload> {
        let value = json::parse(written).ok()?.value;
        let renamed = rename_members(given, &value)?;
        let again = json::parse(&reader.rewrite(&renamed)?).ok()?.value;
        has_same_members(&again, &value).then(|| self.check_form(renamed, self.defaults.iter()))?
    }

    /// Completes and checks one form of a payload.
    fn check_form<'d>(
        &self,
        mut text: String,
        defaults: impl Iterator<Item = &'d PayloadDefault>,
    ) -> Option<CheckedPayload> {
        let mut value = json::parse(&text).ok()?.value;
        complete(&mut text, &mut value, defaults);
        let accepted = within_limit(&text).is_ok()
            && value.is_object()
            && self.validator.is_valid(&value)
            && self.read(&text).is_ok();
        accepted.then_some(CheckedPayload { text, value })
    }

    /// The mistakes relative to the schema, and the repeated keys.
    fn violations(&self, value: &Value, duplicates: Vec<String>) -> Vec<Violation> {
        if duplicates.is_empty() && self.validator.is_valid(value) {
            return Vec::new();
        }
        let repeated = duplicates.into_iter().take(MAX_VIOLATIONS);
        let repeated = repeated.map(|pointer| Violation {
            pointer,
            message: "is given more than once".to_owned(),
        });
        let found = violations(self.validator.iter_errors(value));
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
        violations
    }
}

/// True if a payload schema accepts a payload, with its defaults.
pub(crate) fn schema_accepts(schema: &Value, payload: &str) -> bool {
    PayloadCheck::new(schema, None).is_ok_and(|check| check.check(payload.to_owned()).is_ok())
}

fn property_names(schema: &Value) -> HashSet<String> {
    let properties = schema.get("properties").and_then(Value::as_object);
    let names = properties.into_iter().flatten();
    names.map(|(name, _)| name.clone()).collect()
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
        let check = PayloadCheck::new(schema, None).expect("a schema");
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
        let check = PayloadCheck::new(&json!({"type": "object"}), None).expect("a schema");
        let large = format!(r#"{{"a":"{}"}}"#, "x".repeat(MAX_PAYLOAD_BYTES));
        assert!(matches!(check.check(large), Err(PayloadError::TooLarge(_))));
        let deep = format!(r#"{{"a":{}"#, "[".repeat(10_000));
        match check.check(deep) {
            Err(PayloadError::Malformed(reason)) => assert_eq!(reason, "it is nested too deeply"),
            other => panic!("{other:?}"),
        }
    }
}
