//! JSON values whose integers keep every digit.
//!
//! A `serde_json::Value` holds an integer beyond 64 bits as a float. Neighbours become equal: two
//! accounts of type `u128` would have the same key. Keys and digests derive from [`ExactJson`],
//! which takes such integers from the text.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

/// A JSON value. Integers beyond 64 bits have the text that they were written with.
#[derive(Clone, Debug, PartialEq)]
pub enum ExactJson<'v> {
    /// A value without such integers.
    Plain(&'v Value),
    /// Such an integer.
    Integer(&'v str),
    /// An array that contains such an integer.
    Array(Vec<ExactJson<'v>>),
    /// An object that contains such an integer.
    Object(BTreeMap<&'v str, ExactJson<'v>>),
}

impl<'v> ExactJson<'v> {
    /// The exact form of `value`, which was parsed from `text`.
    pub fn new(value: &'v Value, text: &'v str) -> Self {
        if has_wide_number(value) {
            Self::of_wide(value, text).unwrap_or(Self::Plain(value))
        } else {
            Self::Plain(value)
        }
    }

    /// Takes the digits of wide integers from the text. `None` if the text is that of another
    /// value.
    fn of_wide(value: &'v Value, text: &'v str) -> Option<Self> {
        Some(match value {
            Value::Object(fields) => {
                let texts: BTreeMap<String, &RawValue> = serde_json::from_str(text).ok()?;
                let field = |(name, value): (&'v String, &'v Value)| {
                    Some((name.as_str(), Self::new(value, texts.get(name)?.get())))
                };
                // A default that the text lacks is no wide integer.
                Self::Object(fields.iter().map(field).collect::<Option<_>>()?)
            }
            Value::Array(items) => {
                let texts: Vec<&RawValue> = serde_json::from_str(text).ok()?;
                let items = items.iter().zip(texts);
                let items = items.map(|(item, text)| Self::new(item, text.get()));
                Self::Array(items.collect())
            }
            // A number with a fraction or an exponent is a float in every program.
            _ if text.contains(['.', 'e', 'E']) => Self::Plain(value),
            _ => Self::Integer(text),
        })
    }

    /// The member of an object.
    pub fn get(&self, name: &str) -> Option<Self> {
        match self {
            Self::Plain(value) => value.get(name).map(Self::Plain),
            Self::Object(fields) => fields.get(name).cloned(),
            Self::Integer(_) | Self::Array(_) => None,
        }
    }

    /// The members of an object by their names; `None` for another value.
    pub fn members(&self) -> Option<BTreeMap<&'v str, Self>> {
        match self {
            Self::Plain(Value::Object(fields)) => {
                let fields = fields.iter();
                let fields = fields.map(|(name, value)| (name.as_str(), Self::Plain(value)));
                Some(fields.collect())
            }
            Self::Object(fields) => Some(fields.clone()),
            _ => None,
        }
    }

    /// True for `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Plain(Value::Null))
    }
}

impl<'v> From<&'v Value> for ExactJson<'v> {
    fn from(value: &'v Value) -> Self {
        Self::Plain(value)
    }
}

/// True if the value contains a number that may have been an integer beyond 64 bits.
fn has_wide_number(value: &Value) -> bool {
    match value {
        Value::Number(number) => {
            number.is_f64()
                && number
                    .as_f64()
                    .is_some_and(|float| float.abs() >= 2_f64.powi(63))
        }
        Value::Array(items) => items.iter().any(has_wide_number),
        Value::Object(fields) => fields.values().any(has_wide_number),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{canonical, fingerprint};
    use super::*;

    /// The canonical form of a text, and its fingerprint.
    fn forms(text: &str) -> (String, String) {
        let value: Value = serde_json::from_str(text).expect("JSON");
        let exact = ExactJson::new(&value, text);
        (canonical(&exact), fingerprint(&exact))
    }

    #[test]
    fn integers_beyond_64_bits_keep_their_digits() {
        for text in [
            "18446744073709551616",
            "-9223372036854775809",
            r#"{"a":[{"b":340282366920938463463374607431768211455},1],"c":2}"#,
        ] {
            assert_eq!(forms(text).0, text);
        }
        let [one, other] = ["18446744073709551616", "18446744073709551617"].map(forms);
        assert_ne!(one.1, other.1);
    }

    #[test]
    fn other_values_have_the_form_of_their_value() {
        for text in [
            r#"{"b":1.0,"a":[18446744073709551615,-9223372036854775808,1e30,1E2]}"#,
            r#"{"a":"18446744073709551616"}"#,
            "[]",
        ] {
            let value: Value = serde_json::from_str(text).expect("JSON");
            assert_eq!(forms(text).0, canonical(&(&value).into()), "{text}");
        }
    }
}
