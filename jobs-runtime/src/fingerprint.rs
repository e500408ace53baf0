//! Fingerprints: digests of JSON values that do not depend on formatting or the order of keys.
//!
//! `exact` writes numbers without loss, `sets` sorts the items of sets. The folder imports nothing
//! of the crate, so every module may import it.

mod exact;
mod sets;

use std::fmt::Write as _;

pub use exact::ExactJson;
pub(crate) use sets::{has_sets, sort_sets};

use jobs::JobDescriptor;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The fingerprint of a job. Stores use it to tell publications of one job id apart.
///
/// The source location of the job is left out: a line added above a job does not change it.
///
/// # Errors
/// An error of the JSON serialiser. Descriptors contain no value that causes one.
pub fn job_fingerprint(descriptor: &JobDescriptor) -> serde_json::Result<String> {
    let mut value = serde_json::to_value(descriptor)?;
    if let Value::Object(fields) = &mut value {
        fields.remove("source");
    }
    Ok(fingerprint(&(&value).into()))
}

/// The first 16 bytes of the SHA-256 of the value in canonical form, in hexadecimal.
pub fn fingerprint(value: &ExactJson<'_>) -> String {
    let digest = Sha256::digest(canonical(value).as_bytes());
    digest.iter().take(16).fold(String::new(), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The value as JSON text without whitespace, with the keys of every object in order.
///
/// The keys are sorted here, not by `serde_json`: any crate of a program can enable its
/// `preserve_order` feature.
pub fn canonical(value: &ExactJson<'_>) -> String {
    let mut text = String::new();
    write_exact(value, &mut text);
    text
}

fn write_exact(value: &ExactJson<'_>, text: &mut String) {
    match value {
        ExactJson::Plain(value) => write_canonical(value, text),
        ExactJson::Integer(digits) => text.push_str(digits),
        ExactJson::Array(items) => write_array(items, write_exact, text),
        ExactJson::Object(fields) => {
            write_object(
                fields.iter().map(|(name, value)| (*name, value)),
                write_exact,
                text,
            );
        }
    }
}

fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(name, _)| *name);
            let fields = fields
                .into_iter()
                .map(|(name, value)| (name.as_str(), value));
            write_object(fields, write_canonical, text);
        }
        Value::Array(items) => write_array(items, write_canonical, text),
        scalar => write_scalar(scalar, text),
    }
}

/// Writes the members of an object in the given order.
fn write_object<'n, V>(
    members: impl Iterator<Item = (&'n str, V)>,
    write: impl Fn(V, &mut String),
    text: &mut String,
) {
    text.push('{');
    for (n, (name, value)) in members.enumerate() {
        if n > 0 {
            text.push(',');
        }
        write_scalar(&Value::String(name.to_owned()), text);
        text.push(':');
        write(value, text);
    }
    text.push('}');
}

fn write_array<'i, V: 'i>(
    items: impl IntoIterator<Item = &'i V>,
    write: impl Fn(&'i V, &mut String),
    text: &mut String,
) {
    text.push('[');
    for (n, item) in items.into_iter().enumerate() {
        if n > 0 {
            text.push(',');
        }
        write(item, text);
    }
    text.push(']');
}

fn write_scalar(scalar: &Value, text: &mut String) {
    // Writing to a string cannot fail.
    let _ = match float(scalar) {
        // `2.0` is the same number as `2`, which some languages write for a float.
        Some(whole) if whole.fract() == 0.0 && whole.abs() < EXACT => {
            write!(text, "{:.0}", whole + 0.0)
        }
        Some(float) => write!(text, "{}", Value::from(float)),
        None => write!(text, "{scalar}"),
    };
}

/// The bound below which a float has the digits of every integer: 2^53.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The value of a number with a fraction or an exponent. With `serde_json`'s feature
/// `arbitrary_precision`, which any crate of a program can enable, a number keeps its text.
fn float(scalar: &Value) -> Option<f64> {
    let number = scalar.as_number()?;
    if number.is_i64() || number.is_u64() {
        return None;
    }
    let text = number.to_string();
    let is_float = text.contains(['.', 'e', 'E']) || text == "-0";
    number
        .as_f64()
        .filter(|float| is_float && float.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_keys_does_not_matter() {
        let texts = [
            r#"{"b":[{"y":1,"x":"\u0000"}],"a":null}"#,
            r#"{ "a": null, "b": [ {"x":"\u0000", "y":1} ] }"#,
        ];
        let written = texts.map(|text| {
            let value: Value = serde_json::from_str(text).expect("JSON");
            canonical(&(&value).into())
        });
        assert_eq!(written[0], r#"{"a":null,"b":[{"x":"\u0000","y":1}]}"#);
        assert_eq!(written[0], written[1]);
    }

    #[test]
    fn one_number_has_one_form() {
        for (number, form) in [
            ("2.0", "2"),
            ("-20e1", "-200"),
            ("-0.0", "0"),
            ("0", "0"),
            ("1.50", "1.5"),
            ("9007199254740992.0", "9007199254740992.0"),
        ] {
            let value: Value = serde_json::from_str(number).expect("JSON");
            assert_eq!(canonical(&(&value).into()), form, "{number}");
        }
    }

    #[test]
    fn the_fingerprint_of_a_value_never_changes() {
        // Stores keep fingerprints: a change makes every published job look new.
        assert_eq!(
            fingerprint(&(&serde_json::json!({"b": 1, "a": [true, "x"]})).into()),
            "f15ef113d6e0c876b9ea9e90ebc36ad3"
        );
    }
}
