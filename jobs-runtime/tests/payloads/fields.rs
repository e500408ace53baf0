//! Fields with formats, readers and rules of their own.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::table::Row;

/// Bytes as hexadecimal digits.
mod hex {
    use super::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        to.serialize_str(&text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        let byte = |pair: &[u8]| {
            let pair = std::str::from_utf8(pair).map_err(serde::de::Error::custom)?;
            u8::from_str_radix(pair, 16).map_err(serde::de::Error::custom)
        };
        text.as_bytes().chunks(2).map(byte).collect()
    }
}

/// Reads an option that must be present.
fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u8>, D::Error> {
    Option::deserialize(from)
}

/// Reads `null` as zero.
fn null_as_zero<'de, D: Deserializer<'de>>(from: D) -> Result<u8, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}

/// Reads a number that is given as text as well.
fn lenient<'de, D: Deserializer<'de>>(from: D) -> Result<u8, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum NumberOrText {
        Number(u8),
        Text(String),
    }
    match NumberOrText::deserialize(from)? {
        NumberOrText::Number(number) => Ok(number),
        NumberOrText::Text(text) => text.parse().map_err(serde::de::Error::custom),
    }
}

macro_rules! types {
    ($($item:item)*) => {$(
        #[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
        $item
    )*};
}

types! {
    struct Hex { #[serde(with = "hex")] #[schemars(with = "String")] bytes: Vec<u8>, n: u8 }
    struct HexLast { n: u8, #[serde(with = "hex")] #[schemars(with = "String")] bytes: Vec<u8> }
    struct Present { #[serde(deserialize_with = "present")] a: Option<u8> }
    struct PresentDefault { #[serde(default, deserialize_with = "present")] a: Option<u8> }
    struct NullAsZero { #[serde(deserialize_with = "null_as_zero")] a: u8 }
    struct Lenient { #[serde(deserialize_with = "lenient")] a: u8 }
    struct InRange { #[schemars(range(min = 1, max = 10))] a: u8 }
    struct Short { #[schemars(length(min = 1, max = 2))] a: String }
    struct Pattern { #[schemars(regex(pattern = "^[a-z]+$"))] a: String }
    struct Email { #[schemars(email)] a: String }
    struct Address { #[schemars(url)] a: String }
    struct Few { #[schemars(length(max = 2))] a: Vec<u8> }
    struct Listed { #[schemars(extend("enum" = ["a", "b"]))] a: String }
    struct Wide { a: u128, b: i128, c: f32, d: char }
}

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row::field(
            vec![Hex {
                bytes: vec![255],
                n: 1,
            }],
            &[r#"{"bytes":"ff","n":1}"#, r#"{"bytes":"xx","n":1}"#],
        ),
        Row::field(
            vec![HexLast {
                bytes: vec![255],
                n: 1,
            }],
            &[r#"{"n":1,"bytes":"ff"}"#, r#"{"n":1,"bytes":"xx"}"#],
        ),
        Row::whole(
            vec![Present { a: None }, Present { a: Some(1) }],
            &[r#"{"a":null}"#, "{}"],
        ),
        Row::whole(
            vec![PresentDefault { a: None }],
            &[r#"{"a":null}"#, r#"{"a":1}"#],
        ),
        Row::whole(vec![NullAsZero { a: 1 }], &[r#"{"a":null}"#, r#"{"a":1}"#]),
        Row::whole(
            vec![Lenient { a: 1 }],
            &[r#"{"a":"1"}"#, r#"{"a":"256"}"#, r#"{"a":1}"#],
        ),
        Row::whole(
            vec![InRange { a: 1 }],
            &[r#"{"a":0}"#, r#"{"a":11}"#, r#"{"a":10}"#],
        ),
        Row::whole(
            vec![Short { a: "x".to_owned() }],
            &[r#"{"a":""}"#, r#"{"a":"xyz"}"#],
        ),
        Row::whole(
            vec![Pattern { a: "x".to_owned() }],
            &[r#"{"a":"X"}"#, r#"{"a":"xyz"}"#],
        ),
        Row::whole(
            vec![Email {
                a: "a@example.org".to_owned(),
            }],
            &[r#"{"a":"X"}"#],
        ),
        Row::whole(
            vec![Address {
                a: "https://example.org".to_owned(),
            }],
            &[r#"{"a":"X"}"#],
        ),
        Row::whole(vec![Few { a: vec![1] }], &[r#"{"a":[1,2,3]}"#]),
        Row::whole(vec![Listed { a: "a".to_owned() }], &[r#"{"a":"b"}"#]),
        Row::whole(
            vec![Wide {
                a: u128::MAX,
                b: i128::MIN,
                c: f32::MAX,
                d: 'x',
            }],
            &[
                r#"{"a":1,"b":2,"c":3,"d":"x"}"#,
                r#"{"a":-1,"b":2,"c":3,"d":"x"}"#,
                r#"{"a":1,"b":170141183460469231731687303715884105728,"c":3,"d":"x"}"#,
                r#"{"a":1,"b":2,"c":1e39,"d":"x"}"#,
                r#"{"a":1,"b":2,"c":3,"d":"xy"}"#,
            ],
        ),
    ]
}
