//! Range checks for the number formats of Rust's integer types: `int32`, `uint64`, …
//!
//! In JSON Schema, `3.0` is an integer and integers have no bounds. A handler's `i32` accepts
//! neither `3.0` nor `3000000000`. The check rejects such a payload before it costs an attempt.

use jsonschema::{Keyword, ValidationError};
use serde_json::Value;

/// The schema keyword that [`mark`] adds beside a format and [`NumberFormat`] checks.
pub(crate) const KEYWORD: &str = "x-jobs-number";

/// The range of an integer type. The bounds are `i128`, which contains both `u64` and `i64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NumberFormat {
    min: i128,
    max: i128,
}

impl NumberFormat {
    /// Returns the range of a format that schemars writes; `None` if it is no integer format.
    pub(crate) fn named(format: &str) -> Option<Self> {
        macro_rules! range {
            ($ty:ty) => {
                Some(Self {
                    min: i128::from(<$ty>::MIN),
                    max: i128::from(<$ty>::MAX),
                })
            };
        }
        match format {
            "int8" => range!(i8),
            "int16" => range!(i16),
            "int32" => range!(i32),
            "int64" | "int" => range!(i64),
            "uint8" => range!(u8),
            "uint16" => range!(u16),
            "uint32" => range!(u32),
            "uint64" | "uint" => range!(u64),
            _ => None,
        }
    }

    fn problem(self, instance: &Value) -> Option<String> {
        let Value::Number(number) = instance else {
            // The keyword `type` reports values that are not numbers.
            return None;
        };
        let integer = number
            .as_i64()
            .map(i128::from)
            .or_else(|| number.as_u64().map(i128::from));
        match integer {
            Some(integer) if integer < self.min || integer > self.max => Some(format!(
                "must be a whole number from {} to {}",
                self.min, self.max
            )),
            Some(_) => None,
            None => Some(format!(
                "must be a whole number from {} to {}, written without fraction or exponent",
                self.min, self.max
            )),
        }
    }
}

impl<'i> Keyword<'i> for NumberFormat {
    fn validate(&self, instance: &'i Value) -> Result<(), ValidationError<'i>> {
        match self.problem(instance) {
            Some(problem) => Err(ValidationError::custom(problem)),
            None => Ok(()),
        }
    }

    fn is_valid(&self, instance: &'i Value) -> bool {
        self.problem(instance).is_none()
    }
}

/// Adds [`KEYWORD`] beside every `format` that names an integer type.
pub(crate) fn mark(schema: &mut Value) {
    match schema {
        Value::Object(keywords) => {
            for (keyword, value) in keywords.iter_mut() {
                match keyword.as_str() {
                    // These contain values, which may look like schemas.
                    "const" | "enum" | "default" | "examples" => {}
                    // The keys of these are property names, which may look like keywords.
                    "properties" | "patternProperties" | "$defs" | "definitions"
                    | "dependentSchemas" => {
                        if let Value::Object(named) = value {
                            named.values_mut().for_each(mark);
                        }
                    }
                    _ => mark(value),
                }
            }
            let format = keywords.get("format").and_then(Value::as_str);
            if let Some(format) = format.filter(|format| NumberFormat::named(format).is_some()) {
                let format = Value::String(format.to_owned());
                keywords.insert(KEYWORD.to_owned(), format);
            }
        }
        Value::Array(schemas) => schemas.iter_mut().for_each(mark),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn accepts_the_same_numbers_as_serde() {
        macro_rules! check {
            ($format:literal, $ty:ty) => {
                let format = NumberFormat::named($format).expect("a known format");
                for text in [
                    "0",
                    "-0",
                    "1",
                    "-1",
                    "127",
                    "128",
                    "-128",
                    "-129",
                    "255",
                    "256",
                    "32768",
                    "65536",
                    "2147483648",
                    "-2147483649",
                    "4294967296",
                    "9223372036854775807",
                    "9223372036854775808",
                    "-9223372036854775808",
                    "18446744073709551615",
                    "18446744073709551616",
                    "1.0",
                    "1e3",
                    "0.5",
                ] {
                    let value: Value = serde_json::from_str(text).expect("JSON");
                    assert_eq!(
                        format.problem(&value).is_none(),
                        serde_json::from_str::<$ty>(text).is_ok(),
                        "{text} as {}",
                        $format
                    );
                }
            };
        }
        check!("int8", i8);
        check!("int16", i16);
        check!("int32", i32);
        check!("int64", i64);
        check!("int", isize);
        check!("uint8", u8);
        check!("uint16", u16);
        check!("uint32", u32);
        check!("uint64", u64);
        check!("uint", usize);
    }

    #[test]
    fn marks_only_schemas() {
        let mut schema = json!({
            "properties": {
                "format": {"type": "integer", "format": "uint8"},
                "const": {"items": [{"format": "int32"}]},
            },
            "const": {"format": "int32"},
            "format": "date",
        });
        mark(&mut schema);
        assert_eq!(
            schema,
            json!({
                "properties": {
                    "format": {"type": "integer", "format": "uint8", "x-jobs-number": "uint8"},
                    "const": {"items": [{"format": "int32", "x-jobs-number": "int32"}]},
                },
                "const": {"format": "int32"},
                "format": "date",
            })
        );
    }
}
