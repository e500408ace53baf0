//! Stored JSON texts, such as payloads, inside of a line of the archive.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};

/// The only member of the object that stands for a text that is no JSON: a damaged row.
const DAMAGED: &str = "$damaged";

/// A JSON text as the store keeps it.
///
/// It is embedded as it is, so that queries reach into it. Line breaks between its tokens become
/// spaces, because a line of the archive holds one execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JsonText(pub(crate) String);

impl JsonText {
    /// Returns the text as a JSON value on one line.
    pub(crate) fn to_raw(&self) -> Box<RawValue> {
        // Inside of a JSON string, a line break is an escape sequence.
        let text = self.0.replace(['\n', '\r'], " ");
        let is_stand_in = |raw: &RawValue| damaged(raw).is_some();
        match RawValue::from_string(text) {
            Ok(raw) if !is_stand_in(&raw) => raw,
            _ => to_raw_value(&json!({ DAMAGED: self.0 }))
                .unwrap_or_else(|_| RawValue::NULL.to_owned()),
        }
    }
}

impl Serialize for JsonText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_raw().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for JsonText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        match damaged(&raw) {
            Some(text) => Ok(Self(text)),
            None => Ok(Self(raw.get().to_owned())),
        }
    }
}

/// Reads the text of a stand-in; `None` if the value is none.
fn damaged(raw: &RawValue) -> Option<String> {
    let text = raw.get();
    if !text.starts_with("{\"$damaged\":") {
        return None;
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct StandIn {
        #[serde(rename = "$damaged")]
        text: String,
    }
    serde_json::from_str(text).ok().map(|it: StandIn| it.text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_comes_back() {
        for (text, line) in [
            (r#"{"a": 1.50, "b":"x\ny"}"#, r#"{"a": 1.50, "b":"x\ny"}"#),
            ("null", "null"),
            ("{broken", r#"{"$damaged":"{broken"}"#),
            (
                r#"{"$damaged":"x"}"#,
                r#"{"$damaged":"{\"$damaged\":\"x\"}"}"#,
            ),
            ("", r#"{"$damaged":""}"#),
        ] {
            let written = serde_json::to_string(&JsonText(text.to_owned())).expect("JSON");
            assert_eq!(written, line);
            let read: JsonText = serde_json::from_str(&written).expect("it was written so");
            assert_eq!(read.0, text);
        }
        let written = serde_json::to_string(&JsonText("{\n \"a\": 1\r\n}".to_owned()));
        assert_eq!(written.expect("JSON"), "{  \"a\": 1  }");
    }
}
