//! Completes a payload's text without writing it anew.
//!
//! What a caller has sent stays as it is, byte for byte: the order of its keys, its escapes, its
//! numbers with more digits than a machine's. Only what is missing is added at the end.

use serde_json::Value;

/// A property that may be left out of a payload, and what stands for it then.
#[derive(Debug)]
pub(crate) struct PayloadDefault {
    pub(crate) name: String,
    pub(crate) value: Value,
    /// `"name":value`, as it is spliced in.
    member: String,
}

/// The defaults of the top-level properties of a schema.
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

/// Adds the defaults to an object's text and to its value, where they are missing.
pub(crate) fn complete(text: &mut String, value: &mut Value, defaults: &[PayloadDefault]) {
    let Value::Object(fields) = value else {
        return;
    };
    let missing: Vec<_> = defaults
        .iter()
        .filter(|default| !fields.contains_key(&default.name))
        .collect();
    let Some(end) = text.rfind('}').filter(|_| !missing.is_empty()) else {
        return;
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
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn keeps_the_text_and_adds_at_the_end() {
        let defaults = payload_defaults(&json!({"properties": {
            "role": {"type": "string", "default": "member"},
            "copies": {"type": "integer", "default": 1},
            "name": {"type": "string"},
        }}));
        let check = |before: &str, after: &str| {
            let mut text = before.to_owned();
            let mut value: Value = serde_json::from_str(before).expect("JSON");
            complete(&mut text, &mut value, &defaults);
            assert_eq!(text, after);
            assert_eq!(
                value,
                serde_json::from_str::<Value>(after).expect("JSON again")
            );
        };
        check("{}", r#"{"copies":1,"role":"member"}"#);
        check(
            " { \"z\" : 1.50, \"a\":\"\\u0000}\",\"role\":null }\n",
            " { \"z\" : 1.50, \"a\":\"\\u0000}\",\"role\":null ,\"copies\":1}\n",
        );
        check(r#"{"copies":2,"role":"x"}"#, r#"{"copies":2,"role":"x"}"#);
    }
}
