//! A JSON parser that reports repeated keys.
//!
//! `serde_json` keeps the last of two equal keys in a `Value`, but the payload struct of a handler
//! rejects them. A payload with repeated keys would pass the schema and fail in every attempt.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;
use std::sync::LazyLock;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::violation::push_segment;

/// The key under which `serde_json` hands out a number that has a fraction or is wide, if a crate
/// of the program enables its feature `arbitrary_precision`.
const NUMBER: &str = "$serde_json::private::Number";

/// True if that feature is enabled.
static ARBITRARY_PRECISION: LazyLock<bool> = LazyLock::new(|| {
    let number = "1.50".parse::<Number>();
    number.is_ok_and(|number| number.to_string() == "1.50")
});

/// The value of a JSON text and its repeated keys.
pub(crate) struct ParsedJson {
    pub(crate) value: Value,
    /// Pointers to the keys that were given more than once.
    pub(crate) duplicates: Vec<String>,
}

/// Parses a JSON text.
///
/// # Errors
/// The text is not valid JSON, is nested too deeply, or contains a number beyond every type.
pub(crate) fn parse(text: &str) -> serde_json::Result<ParsedJson> {
    let duplicates = RefCell::default();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = ValueSeed {
        location: None,
        duplicates: &duplicates,
    }
    .deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(ParsedJson {
        value,
        duplicates: duplicates.into_inner(),
    })
}

/// Deserialises the value at a location.
#[derive(Clone, Copy)]
struct ValueSeed<'a> {
    location: Option<&'a Location<'a>>,
    duplicates: &'a RefCell<Vec<String>>,
}

/// The location of a value: a linked list on the stack, so that only repeated keys allocate a
/// pointer.
struct Location<'a> {
    parent: Option<&'a Location<'a>>,
    segment: Segment<'a>,
}

enum Segment<'a> {
    Key(&'a str),
    Index(usize),
}

impl Location<'_> {
    fn pointer(&self) -> String {
        let mut pointer = self.parent.map(Location::pointer).unwrap_or_default();
        match self.segment {
            Segment::Key(key) => push_segment(&mut pointer, key),
            Segment::Index(index) => push_segment(&mut pointer, &index.to_string()),
        }
        pointer
    }
}

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        loop {
            let location = Location {
                parent: self.location,
                segment: Segment::Index(array.len()),
            };
            let seed = ValueSeed {
                location: Some(&location),
                ..self
            };
            match items.next_element_seed(seed)? {
                Some(item) => array.push(item),
                None => return Ok(Value::Array(array)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = fields.next_key::<Cow<'de, str>>()? {
            if key == NUMBER && *ARBITRARY_PRECISION {
                let digits = fields.next_value::<Cow<'de, str>>()?;
                return digits.parse().map(Value::Number).map_err(A::Error::custom);
            }
            let key = key.into_owned();
            let location = Location {
                parent: self.location,
                segment: Segment::Key(&key),
            };
            let value = fields.next_value_seed(ValueSeed {
                location: Some(&location),
                ..self
            })?;
            if object.contains_key(&key) {
                self.duplicates.borrow_mut().push(location.pointer());
            }
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn parses_the_same_values_as_serde_json() {
        for text in [
            r#"{"a":[1,-2,3.5,1e3,18446744073709551615,null,true],"b":{"c":"\u0000é"}}"#,
            "[]",
            "0",
        ] {
            let expected: serde_json::Value = serde_json::from_str(text).expect("JSON");
            let parsed = parse(text).expect("JSON");
            assert_eq!(parsed.value, expected);
            assert!(parsed.duplicates.is_empty());
        }
    }

    #[test]
    fn reports_pointers_to_repeated_keys() {
        let parsed = parse(r#"{"a":[{"x/y":1,"x/y":2}],"b":1,"b":2}"#).expect("JSON");
        assert_eq!(parsed.duplicates, ["/a/0/x~1y", "/b"]);
    }

    #[test]
    fn rejects_deep_nesting_huge_numbers_and_trailing_text() {
        for text in ["[".repeat(100_000), "1e400".to_owned(), "{} {}".to_owned()] {
            assert!(parse(&text).is_err());
        }
    }
}
