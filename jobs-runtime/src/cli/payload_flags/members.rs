//! The members of a payload, each as JSON text: what no flag changes stays as written, and no
//! number is rounded.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use super::fields::Kind;
use crate::cli::failure::Failure;

/// The members of a payload, as written. A name that stands twice is kept twice: the check of the
/// payload refuses it.
#[derive(Debug, Default)]
pub(super) struct Members(Vec<(String, Box<RawValue>)>);

impl Members {
    /// Reads the members of a JSON object.
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        match serde_json::from_str(text) {
            Ok(members) => Ok(members),
            Err(error) if error.is_data() => Err(Failure::usage(
                "the payload is not a JSON object: write `{\"field\": …}`",
            )),
            Err(error) => Err(Failure::usage(format!("the payload is not JSON: {error}"))),
        }
    }

    /// Sets a member to the last of the values of its flag. A list gets all of them at its end.
    pub(super) fn set(&mut self, name: &str, kind: Kind, values: &[&str]) -> Result<(), Failure> {
        let values = values.iter().map(|value| read(kind, value));
        let mut values = values.collect::<Result<Vec<_>, _>>()?;
        let value = match kind {
            Kind::List { .. } => {
                let mut items = self.items(name)?;
                items.append(&mut values);
                Some(raw(&items)?)
            }
            Kind::Text | Kind::Switch | Kind::Json => values.pop(),
        };
        if let Some(value) = value {
            self.0.retain(|(other, _)| other != name);
            self.0.push((name.to_owned(), value));
        }
        Ok(())
    }

    /// The items of a list. A member that is absent or null has none.
    fn items(&self, name: &str) -> Result<Vec<Box<RawValue>>, Failure> {
        let mut members = self.0.iter();
        let Some((_, member)) = members.find(|(other, _)| other == name) else {
            return Ok(Vec::new());
        };
        let items: Option<_> = serde_json::from_str(member.get()).map_err(|_| {
            Failure::usage(format!(
                "`{name}` of the given payload is no list, so no item can be added to it"
            ))
        })?;
        Ok(items.unwrap_or_default())
    }

    /// The payload as JSON text.
    pub(super) fn into_text(self) -> Result<String, Failure> {
        serde_json::to_string(&self).map_err(|error| Failure::because(&error))
    }
}

impl Serialize for Members {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

/// The JSON value that the text of a flag means.
fn read(kind: Kind, text: &str) -> Result<Box<RawValue>, Failure> {
    match kind {
        Kind::Text | Kind::List { text: true } => raw(text),
        Kind::Switch | Kind::Json | Kind::List { text: false } => json(text),
    }
}

/// The text as JSON; as a string if it is not JSON.
fn json(text: &str) -> Result<Box<RawValue>, Failure> {
    // Raw JSON may contain a number out of range or half a surrogate pair. `Value` does not.
    if serde_json::from_str::<Value>(text).is_err() {
        return raw(text);
    }
    serde_json::from_str(text).map_err(|error| Failure::because(&error))
}

fn raw<T: Serialize + ?Sized>(value: &T) -> Result<Box<RawValue>, Failure> {
    to_raw_value(value).map_err(|error| Failure::because(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_is_no_json_is_a_string() {
        let texts = [
            ("12", "12"),
            (" [1, 2] ", "[1, 2]"),
            ("1e999", r#""1e999""#),
            ("ws-1", r#""ws-1""#),
            (r#""\ud800""#, r#""\"\\ud800\"""#),
        ];
        for (text, expected) in texts {
            let value = read(Kind::Json, text).expect("a value");
            assert_eq!(value.get(), expected);
        }
        assert_eq!(read(Kind::Text, "12").expect("a value").get(), r#""12""#);
    }
}
