//! Schema defaults, added to the text of a payload.
//!
//! The caller's text stays unchanged byte for byte: the order of the keys, the escapes, and numbers
//! beyond the precision of a float. Missing members are inserted at the end of the object.

use std::ops::Range;

use serde_json::Value;

use super::violation::push_segment;

/// A top-level property with a default.
#[derive(Debug)]
pub(crate) struct PayloadDefault {
    pub(crate) name: String,
    pub(crate) value: Value,
    /// `"name":value`, the text that is inserted.
    member: String,
}

/// Returns the defaults of the top-level properties of a schema.
pub(crate) fn payload_defaults(schema: &Value) -> Vec<PayloadDefault> {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return Vec::new();
    };
    properties
        .iter()
        .filter_map(|(name, property)| {
            let value = property.get("default")?.clone();
            Some(PayloadDefault {
                member: format!("{}:{value}", Value::String(name.clone())),
                name: name.clone(),
                value,
            })
        })
        .collect()
}

impl PayloadDefault {
    /// The JSON pointer of the property.
    pub(crate) fn pointer(&self) -> String {
        let mut pointer = String::new();
        push_segment(&mut pointer, &self.name);
        pointer
    }
}

/// Adds the missing defaults to the text and to the value of an object. Returns the range of the
/// text that was added.
pub(crate) fn complete<'d>(
    text: &mut String,
    value: &mut Value,
    defaults: impl Iterator<Item = &'d PayloadDefault>,
) -> Range<usize> {
    let Value::Object(fields) = value else {
        return 0..0;
    };
    let missing: Vec<_> = defaults
        .filter(|default| !fields.contains_key(&default.name))
        .collect();
    let Some(end) = text.rfind('}').filter(|_| !missing.is_empty()) else {
        return 0..0;
    };
    let mut members = String::new();
    for (n, default) in missing.iter().enumerate() {
        if n > 0 || !fields.is_empty() {
            members.push(',');
        }
        members.push_str(&default.member);
    }
    text.insert_str(end, &members);
    for default in missing {
        fields.insert(default.name.clone(), default.value.clone());
    }
    end..end + members.len()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn keeps_the_text_and_inserts_defaults_at_the_end() {
        let defaults = payload_defaults(&json!({"properties": {
            "role": {"type": "string", "default": "member"},
            "copies": {"type": "integer", "default": 1},
            "name": {"type": "string"},
        }}));
        let check = |before: &str, after: &str| {
            let mut text = before.to_owned();
            let mut value: Value = serde_json::from_str(before).expect("JSON");
            let added = complete(&mut text, &mut value, defaults.iter());
            assert_eq!(text, after);
            assert_eq!(
                value,
                serde_json::from_str::<Value>(after).expect("JSON again")
            );
            text.drain(added);
            assert_eq!(text, before);
        };
        check("{}", r#"{"copies":1,"role":"member"}"#);
        check(
            " { \"z\" : 1.50, \"a\":\"\\u0000}\",\"role\":null }\n",
            " { \"z\" : 1.50, \"a\":\"\\u0000}\",\"role\":null ,\"copies\":1}\n",
        );
        check(r#"{"copies":2,"role":"x"}"#, r#"{"copies":2,"role":"x"}"#);
    }
}
