//! Reads a payload into a value, and notices keys that are given twice.
//!
//! `serde_json` keeps the last of two equal keys in a `Value`, but a handler's struct refuses
//! them: what passes the service would fail in every attempt.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::violation::push_step;

/// A parsed text.
pub(crate) struct Parsed {
    pub(crate) value: Value,
    /// Pointers to the keys that were given more than once.
    pub(crate) duplicates: Vec<String>,
}

/// Parses a JSON text.
///
/// # Errors
/// No JSON, nested too deeply, or with a number beyond every type.
pub(crate) fn parse(text: &str) -> serde_json::Result<Parsed> {
    let duplicates = RefCell::default();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Node {
        place: None,
        duplicates: &duplicates,
    }
    .deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(Parsed {
        value,
        duplicates: duplicates.into_inner(),
    })
}

/// A value at a place. Places are a list on the stack: they cost nothing until one is written out.
#[derive(Clone, Copy)]
struct Node<'a> {
    place: Option<&'a Place<'a>>,
    duplicates: &'a RefCell<Vec<String>>,
}

struct Place<'a> {
    parent: Option<&'a Place<'a>>,
    step: Step<'a>,
}

enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

impl Place<'_> {
    fn pointer(&self) -> String {
        let mut pointer = self.parent.map(Place::pointer).unwrap_or_default();
        match self.step {
            Step::Key(key) => push_step(&mut pointer, key),
            Step::Index(index) => push_step(&mut pointer, &index.to_string()),
        }
        pointer
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
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
            let place = Place {
                parent: self.place,
                step: Step::Index(array.len()),
            };
            let node = Node {
                place: Some(&place),
                ..self
            };
            match items.next_element_seed(node)? {
                Some(item) => array.push(item),
                None => return Ok(Value::Array(array)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = fields.next_key::<Cow<'de, str>>()? {
            let key = key.into_owned();
            let place = Place {
                parent: self.place,
                step: Step::Key(&key),
            };
            let value = fields.next_value_seed(Node {
                place: Some(&place),
                ..self
            })?;
            if object.contains_key(&key) {
                self.duplicates.borrow_mut().push(place.pointer());
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
    fn reads_what_serde_json_reads() {
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
    fn points_at_keys_given_twice() {
        let parsed = parse(r#"{"a":[{"x/y":1,"x/y":2}],"b":1,"b":2}"#).expect("JSON");
        assert_eq!(parsed.duplicates, ["/a/0/x~1y", "/b"]);
    }

    #[test]
    fn refuses_bombs() {
        for text in ["[".repeat(100_000), "1e400".to_owned(), "{} {}".to_owned()] {
            assert!(parse(&text).is_err());
        }
    }
}
