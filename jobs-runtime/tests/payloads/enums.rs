//! Enums of every representation.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::structs::Named;
use crate::table::Row;

/// Declares enums with serde's and schemars' derives.
macro_rules! types {
    ($($item:item)*) => {$(
        #[derive(
            Debug, Clone, PartialEq, PartialOrd, Serialize, Deserialize, JsonSchema,
        )]
        $item
    )*};
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Plain {
    Fast,
    Slow,
}

/// With docs, the schema has an alternative for each variant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Documented {
    /// Costs more.
    Fast,
    /// Costs less.
    Slow,
}

types! {
    pub(crate) enum One { Only }
    #[serde(rename_all = "SCREAMING-KEBAB-CASE")]
    pub(crate) enum Loud { VeryFast, VerySlow }
    pub(crate) enum RenamedVariant { #[serde(rename = "a/b")] A, B }
    #[serde(rename_all = "lowercase")]
    pub(crate) enum AliasedVariant { #[serde(alias = "old", alias = "a")] Fast, Slow }
    #[serde(rename_all = "lowercase")]
    pub(crate) enum AliasedDocumented {
        /// Costs more.
        #[serde(alias = "old")]
        Fast,
        /// Costs less.
        Slow,
    }
    #[serde(rename_all = "lowercase")]
    pub(crate) enum OtherUnit { Fast, #[serde(other)] Unknown }
    #[serde(rename_all = "lowercase")]
    pub(crate) enum External {
        Unit,
        Number(u8),
        Pair(u8, String),
        Named { a: u8, b: Option<String> },
        Inner(Box<External>),
    }
    #[serde(rename_all = "lowercase")]
    pub(crate) enum ExternalAliased { #[serde(alias = "old")] Number(u8), Text(String) }
    #[serde(rename_all = "lowercase", deny_unknown_fields)]
    pub(crate) enum ExternalClosed { Named { a: u8 } }
    #[serde(tag = "kind", rename_all = "lowercase")]
    pub(crate) enum Internal {
        Empty,
        File { path: String },
        Count { n: u8 },
    }
    #[serde(tag = "kind", rename_all = "lowercase")]
    pub(crate) enum InternalAliased {
        #[serde(alias = "old")]
        File { #[serde(alias = "name")] path: String },
        Empty,
    }
    #[serde(tag = "kind", rename_all = "lowercase")]
    pub(crate) enum InternalOther { File { path: String }, #[serde(other)] Unknown }
    #[serde(tag = "kind", rename_all = "lowercase")]
    pub(crate) enum InternalWide { Big { n: u128 }, Float { f: f32 }, Letter { c: char } }
    #[serde(tag = "t", content = "v", rename_all = "lowercase")]
    pub(crate) enum Adjacent { Unit, Number(u8), Pair(u8, u8), Named { a: u8 } }
    #[serde(tag = "t", content = "v", rename_all = "lowercase")]
    pub(crate) enum AdjacentOther { Number(u8), #[serde(other)] Unknown }
    #[serde(untagged)]
    pub(crate) enum Untagged { Number(u8), Flag(bool), Named { name: String }, List(Vec<u8>) }
    #[serde(untagged)]
    pub(crate) enum UntaggedWide { Big(u128), Text(String) }
    #[serde(untagged)]
    pub(crate) enum OneOrMany { One(String), Many(Vec<String>) }
    #[serde(untagged)]
    pub(crate) enum Nothing { Number(u8), Null }
    #[allow(dead_code)]
    pub(crate) enum Skipping { A, #[serde(skip)] B }
    pub(crate) enum Mixed { A(u8), #[serde(untagged)] Other(String) }
    #[serde(try_from = "u8", into = "u8")]
    pub(crate) enum Level { Low, High }
    #[serde(rename_all = "lowercase")]
    pub(crate) enum Generic<T> { Some(T), None }
}

impl TryFrom<u8> for Level {
    type Error = &'static str;

    fn try_from(level: u8) -> Result<Self, &'static str> {
        match level {
            0 => Ok(Self::Low),
            1 => Ok(Self::High),
            _ => Err("there are two levels"),
        }
    }
}

impl From<Level> for u8 {
    fn from(level: Level) -> Self {
        match level {
            Level::Low => 0,
            Level::High => 1,
        }
    }
}

pub(crate) fn rows() -> Vec<Row> {
    let file = Internal::File {
        path: "x".to_owned(),
    };
    vec![
        Row::field(vec![Plain::Fast, Plain::Slow], &[r#"{"fast":null}"#]),
        Row::field(vec![Documented::Fast], &[]),
        Row::field(vec![Some(Plain::Fast), None], &[]),
        Row::field(vec![Some(Documented::Fast), None], &[]),
        Row::field(vec![vec![Documented::Fast]], &[r#"["fast","old"]"#]),
        Row::field(vec![One::Only], &[r#""Only""#]),
        Row::field(vec![Loud::VeryFast, Loud::VerySlow], &[r#""VERY-FAST""#]),
        Row::field(
            vec![RenamedVariant::A, RenamedVariant::B],
            &[r#""a/b""#, r#""A""#],
        ),
        Row::field(
            vec![AliasedVariant::Fast, AliasedVariant::Slow],
            &[r#""OLD""#],
        ),
        Row::field(vec![Some(AliasedVariant::Fast), None], &[]),
        Row::field(
            vec![vec![AliasedVariant::Fast]],
            &[r#"["old","fast","a"]"#, r#"["old","b"]"#],
        ),
        Row::field(vec![AliasedDocumented::Fast, AliasedDocumented::Slow], &[]),
        Row::field(vec![OtherUnit::Fast, OtherUnit::Unknown], &[]),
        Row::field(vec![Some(OtherUnit::Unknown), None], &[]),
        Row::field(
            vec![
                External::Unit,
                External::Number(1),
                External::Pair(1, "x".to_owned()),
                External::Named { a: 1, b: None },
                External::Inner(Box::new(External::Unit)),
            ],
            &[
                r#""unit""#,
                r#"{"unit":null}"#,
                r#"{"number":1}"#,
                r#"{"number":256}"#,
                r#"{"number":1,"unit":null}"#,
                r#"{"pair":[1,"x"]}"#,
                r#"{"pair":[1,"x",2]}"#,
                r#"{"named":{"a":1,"c":1}}"#,
                r#"{"named":{"a":256}}"#,
                r#"{"inner":{"inner":{"number":1}}}"#,
                r#"{"inner":{"inner":{"number":256}}}"#,
            ],
        ),
        Row::whole(
            vec![External::Number(1)],
            &[
                r#"{"number":1}"#,
                r#"{"number":256}"#,
                r#"{"named":{"a":1}}"#,
            ],
        ),
        Row::field(
            vec![
                ExternalAliased::Number(1),
                ExternalAliased::Text("x".to_owned()),
            ],
            &[r#"{"old":1}"#, r#"{"old":256}"#, r#"{"number":1}"#],
        ),
        Row::field(
            vec![ExternalClosed::Named { a: 1 }],
            &[r#"{"named":{"a":1}}"#, r#"{"named":{"a":1,"b":1}}"#],
        ),
        Row::field(
            vec![file.clone(), Internal::Empty, Internal::Count { n: 1 }],
            &[
                r#"{"kind":"file","path":"x"}"#,
                r#"{"kind":"file","path":1}"#,
                r#"{"path":"x","kind":"file","more":1}"#,
                r#"{"kind":"empty"}"#,
                r#"{"kind":"count","n":256}"#,
                r#"{"kind":"count","n":1.0}"#,
                r#"{"kind":"old"}"#,
                r#"{"kind":"file","kind":"empty","path":"x"}"#,
            ],
        ),
        Row::whole(
            vec![file, Internal::Empty],
            &[
                r#"{"kind":"file","path":"x"}"#,
                r#"{"kind":"count","n":256}"#,
                r#"{"kind":"empty"}"#,
            ],
        ),
        Row::field(
            vec![InternalAliased::Empty],
            &[
                r#"{"kind":"old","path":"x"}"#,
                r#"{"kind":"file","name":"x"}"#,
                r#"{"kind":"old","name":"x"}"#,
                r#"{"kind":"old","name":1}"#,
            ],
        ),
        Row::field(
            vec![InternalOther::Unknown],
            &[
                r#"{"kind":"new"}"#,
                r#"{"kind":"new","more":1}"#,
                r#"{"kind":"file","path":"x"}"#,
            ],
        ),
        Row::field(
            vec![
                InternalWide::Float { f: 1.5 },
                InternalWide::Letter { c: 'x' },
            ],
            &[
                r#"{"kind":"big","n":1}"#,
                r#"{"kind":"float","f":1e39}"#,
                r#"{"kind":"letter","c":"xy"}"#,
                r#"{"kind":"letter","c":"x"}"#,
            ],
        ),
        Row::field(
            vec![
                Adjacent::Unit,
                Adjacent::Number(1),
                Adjacent::Pair(1, 2),
                Adjacent::Named { a: 1 },
            ],
            &[
                r#"{"t":"unit"}"#,
                r#"{"t":"unit","v":null}"#,
                r#"{"v":1,"t":"number"}"#,
                r#"{"v":256,"t":"number"}"#,
                r#"{"t":"pair","v":[1,2,3]}"#,
                r#"{"t":"named","v":{"a":256}}"#,
            ],
        ),
        Row::field(
            vec![AdjacentOther::Number(1), AdjacentOther::Unknown],
            &[r#"{"t":"new"}"#],
        ),
        Row::field(
            vec![
                Untagged::Number(1),
                Untagged::Flag(true),
                Untagged::Named {
                    name: "x".to_owned(),
                },
                Untagged::List(vec![1]),
            ],
            &[r#"{"name":1}"#, "[256]"],
        ),
        Row::field(vec![UntaggedWide::Text("x".to_owned())], &[]),
        Row::field(
            vec![OneOrMany::One("x".to_owned()), OneOrMany::Many(vec![])],
            &[],
        ),
        Row::field(vec![Nothing::Number(1), Nothing::Null], &[]),
        Row::field(vec![Skipping::A], &[r#""A""#, r#""B""#]),
        Row::field(
            vec![Mixed::A(1), Mixed::Other("x".to_owned())],
            &[r#"{"A":1}"#, r#"{"A":256}"#],
        ),
        Row::field(vec![Level::Low, Level::High], &["2"]),
        Row::field(
            vec![Generic::Some(1_u8), Generic::None],
            &[r#"{"some":256}"#, r#"{"some":1}"#],
        ),
        Row::field(
            vec![Generic::Some(Named::default())],
            &[r#"{"some":{"a":1}}"#, r#"{"some":{"a":"x"}}"#],
        ),
    ]
}
