//! Structs with every attribute of serde that changes their JSON, as fields and as whole payloads.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::enums::{Adjacent, External, Internal, Plain, Untagged};
use crate::table::Row;

/// Declares types with serde's and schemars' derives.
macro_rules! types {
    ($($item:item)*) => {$(
        #[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
        $item
    )*};
}

types! {
    pub(crate) struct Unit;
    pub(crate) struct NewtypeNumber(u8);
    pub(crate) struct NewtypeText(String);
    pub(crate) struct Pair(u8, String);
    pub(crate) struct Empty {}
    pub(crate) struct Point { x: f64, y: f64 }
    #[derive(Default, PartialEq, PartialOrd)]
    pub(crate) struct Named { a: u8, b: Option<String> }
    pub(crate) struct Nested { named: Named, list: Vec<Named> }
    #[serde(rename_all = "camelCase")]
    pub(crate) struct Camel { first_name: String, is_new: bool }
    #[serde(rename_all = "kebab-case")]
    pub(crate) struct Kebab { first_name: String }
    pub(crate) struct Renamed { #[serde(rename = "a/b~c")] a: u8 }
    #[serde(deny_unknown_fields)]
    pub(crate) struct Closed { a: u8, b: Option<u8> }
    pub(crate) struct Defaulted { a: u8, #[serde(default)] b: String }
    pub(crate) struct DefaultedBy { #[serde(default = "seven")] a: u8, b: Option<u8> }
    pub(crate) struct Aliased { #[serde(alias = "old", alias = "older")] a: u8 }
    pub(crate) struct AliasedDefault { #[serde(default = "seven", alias = "old")] a: u8 }
    pub(crate) struct AliasedOption { #[serde(alias = "old")] a: Option<u8>, b: Option<u8> }
    #[serde(deny_unknown_fields)]
    pub(crate) struct AliasedClosed { #[serde(alias = "old")] a: u8 }
    pub(crate) struct Sparse {
        #[serde(skip_serializing_if = "Option::is_none")]
        a: Option<u8>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        b: Vec<u8>,
    }
    #[allow(dead_code)]
    pub(crate) struct Skipping { a: u8, #[serde(skip)] b: u8 }
    #[serde(transparent)]
    pub(crate) struct Transparent { inner: Named }
    #[serde(transparent)]
    pub(crate) struct TransparentNumber { inner: u16 }
    pub(crate) struct FlatStruct { c: u8, #[serde(flatten)] named: Named }
    pub(crate) struct FlatOption { c: u8, #[serde(flatten)] named: Option<Named> }
    pub(crate) struct FlatMap { c: u8, #[serde(flatten)] rest: BTreeMap<String, Value> }
    pub(crate) struct FlatNumbers { c: u8, #[serde(flatten)] rest: BTreeMap<String, u8> }
    pub(crate) struct FlatInternal { c: u8, #[serde(flatten)] kind: Internal }
    pub(crate) struct FlatAdjacent { c: u8, #[serde(flatten)] kind: Adjacent }
    pub(crate) struct FlatExternal { c: u8, #[serde(flatten)] kind: External }
    pub(crate) struct FlatUntagged { c: u8, #[serde(flatten)] kind: Untagged }
    pub(crate) struct FlatTwice { #[serde(flatten)] one: FlatStruct, #[serde(flatten)] two: Point }
    pub(crate) struct Recursive { a: u8, next: Option<Box<Recursive>> }
    pub(crate) struct Tree { a: u8, #[serde(default)] children: Vec<Tree> }
    pub(crate) struct Generic<T> { item: T, items: Vec<T> }
    pub(crate) struct Phantom { a: u8, mark: PhantomData<u8> }
    pub(crate) struct Enums { kind: Internal, plain: Plain, any: Untagged }
    #[serde(try_from = "u8", into = "u8")]
    pub(crate) struct Percent(u8);
    #[serde(try_from = "RawSpan", into = "RawSpan")]
    pub(crate) struct Span { from: u8, to: u8 }
    pub(crate) struct RawSpan { from: u8, to: u8 }
    #[serde(from = "String", into = "String")]
    pub(crate) struct Lower(String);
    pub(crate) struct Checked { percent: Percent, last: Percent }
}

impl Default for Container {
    fn default() -> Self {
        Self {
            a: 7,
            b: "b".to_owned(),
        }
    }
}

/// All fields have defaults.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Container {
    a: u8,
    b: String,
}

fn seven() -> u8 {
    7
}

impl TryFrom<u8> for Percent {
    type Error = String;

    fn try_from(value: u8) -> Result<Self, String> {
        if value <= 100 {
            Ok(Self(value))
        } else {
            Err(format!("{value} is more than 100 percent"))
        }
    }
}

impl From<Percent> for u8 {
    fn from(percent: Percent) -> Self {
        percent.0
    }
}

impl TryFrom<RawSpan> for Span {
    type Error = &'static str;

    fn try_from(raw: RawSpan) -> Result<Self, &'static str> {
        if raw.from <= raw.to {
            Ok(Self {
                from: raw.from,
                to: raw.to,
            })
        } else {
            Err("the span ends before it begins")
        }
    }
}

impl From<Span> for RawSpan {
    fn from(span: Span) -> Self {
        Self {
            from: span.from,
            to: span.to,
        }
    }
}

impl From<String> for Lower {
    fn from(text: String) -> Self {
        Self(text.to_lowercase())
    }
}

impl From<Lower> for String {
    fn from(lower: Lower) -> Self {
        lower.0
    }
}

fn named() -> Named {
    Named {
        a: 1,
        b: Some("x".to_owned()),
    }
}

pub(crate) fn rows() -> Vec<Row> {
    let point = Point { x: 1.5, y: -0.0 };
    let flat = FlatStruct {
        c: 1,
        named: named(),
    };
    let internal = Internal::File {
        path: "x".to_owned(),
    };
    vec![
        Row::field(vec![Unit], &[]),
        Row::field(vec![NewtypeNumber(1)], &[]),
        Row::field(vec![NewtypeText("x".to_owned())], &[]),
        Row::field(vec![Pair(1, "x".to_owned())], &[]),
        Row::field(vec![Empty {}], &[]),
        Row::field(
            vec![point.clone()],
            &[r#"{"x":1,"y":2}"#, r#"{"x":1e39,"y":"2"}"#],
        ),
        Row::field(
            vec![named()],
            &[r#"{"a":1}"#, r#"{"a":1,"b":null}"#, r#"[1,"x"]"#],
        ),
        Row::field(
            vec![Nested {
                named: named(),
                list: vec![named()],
            }],
            &[
                r#"{"named":{"a":1},"list":[{"a":1},{"a":256}]}"#,
                r#"{"named":{"a":1},"list":[{"a":1}]}"#,
                r#"{"named":{"a":1,"a":2},"list":[]}"#,
            ],
        ),
        Row::whole(
            vec![named()],
            &[r#"{"a":1,"b":"x"}"#, r#"{"a":"1"}"#, r#"[1,"x"]"#],
        ),
        Row::field(
            vec![Camel {
                first_name: "x".to_owned(),
                is_new: true,
            }],
            &[
                r#"{"firstName":"x","isNew":true}"#,
                r#"{"first_name":"x","is_new":true}"#,
            ],
        ),
        Row::field(
            vec![Kebab {
                first_name: "x".to_owned(),
            }],
            &[r#"{"first-name":"x"}"#],
        ),
        Row::field(
            vec![Renamed { a: 1 }],
            &[r#"{"a/b~c":1}"#, r#"{"a/b~c":256}"#],
        ),
        Row::field(vec![Closed { a: 1, b: None }], &[r#"{"a":1,"c":1}"#]),
        Row::whole(
            vec![Closed { a: 1, b: Some(1) }],
            &[r#"{"a":1,"c":1}"#, r#"{"a":1,"b":2}"#],
        ),
        Row::field(
            vec![Defaulted {
                a: 1,
                b: "x".to_owned(),
            }],
            &[r#"{"a":1,"b":null}"#],
        ),
        Row::whole(
            vec![Defaulted {
                a: 1,
                b: String::new(),
            }],
            &[r#"{"a":1,"b":"x"}"#, r#"{"a":1}"#, r#"{"b":"x"}"#],
        ),
        Row::whole(vec![DefaultedBy { a: 1, b: None }], &[r#"{"a":256}"#]),
        Row::field(
            vec![Container {
                a: 1,
                b: "x".to_owned(),
            }],
            &[r#"{"b":"x"}"#],
        ),
        Row::whole(
            vec![Container {
                a: 1,
                b: "x".to_owned(),
            }],
            &[r#"{"b":"x"}"#, r#"{"b":1}"#],
        ),
        Row::field(
            vec![Aliased { a: 1 }],
            &[
                r#"{"old":1}"#,
                r#"{"older":1,"x":2}"#,
                r#"{"old":1,"a":2}"#,
                r#"{"old":256}"#,
                r#"{"old":1,"older":2}"#,
            ],
        ),
        Row::whole(
            vec![Aliased { a: 1 }],
            &[r#"{"old":1}"#, r#"{"old":1,"a":2}"#],
        ),
        Row::field(vec![AliasedDefault { a: 1 }], &[r#"{"old":1}"#]),
        Row::whole(
            vec![AliasedDefault { a: 1 }],
            &[
                r#"{"old":1}"#,
                r#"{"old":1,"a":2}"#,
                r#"{"old":"x"}"#,
                r#"{"old":1,"extra":{"deep":[1]}}"#,
            ],
        ),
        Row::whole(
            vec![AliasedOption {
                a: Some(1),
                b: None,
            }],
            &[r#"{"old":1}"#, r#"{"old":null,"b":2}"#],
        ),
        Row::whole(
            vec![AliasedClosed { a: 1 }],
            &[r#"{"old":1}"#, r#"{"old":1,"b":1}"#],
        ),
        Row::field(vec![Sparse { a: None, b: vec![] }], &[r#"{"b":[1]}"#]),
        Row::whole(
            vec![
                Sparse { a: None, b: vec![] },
                Sparse {
                    a: Some(1),
                    b: vec![1],
                },
            ],
            &[r#"{"a":1,"b":[256]}"#],
        ),
        Row::field(vec![Skipping { a: 1, b: 0 }], &[r#"{"a":1,"b":"x"}"#]),
        Row::field(vec![Transparent { inner: named() }], &[]),
        Row::field(vec![TransparentNumber { inner: 1 }], &[]),
        Row::field(
            vec![flat.clone()],
            &[r#"{"c":1,"a":1}"#, r#"{"c":1,"a":"x"}"#, r#"{"c":1}"#],
        ),
        Row::whole(
            vec![flat.clone()],
            &[r#"{"c":1,"a":1}"#, r#"{"c":1,"a":256}"#, r#"{"c":1}"#],
        ),
        Row::field(
            vec![FlatOption {
                c: 1,
                named: Some(named()),
            }],
            &[r#"{"c":1}"#, r#"{"c":1,"a":1}"#, r#"{"c":1,"a":256}"#],
        ),
        Row::field(
            vec![FlatMap {
                c: 1,
                rest: BTreeMap::new(),
            }],
            &[r#"{"c":1,"d":[1.5]}"#, r#"{"c":256}"#],
        ),
        Row::whole(
            vec![FlatMap {
                c: 1,
                rest: BTreeMap::from([("d".to_owned(), Value::Null)]),
            }],
            &[r#"{"c":1,"d":[1.5]}"#, r#"{"c":1,"d":{},"d":1}"#],
        ),
        Row::field(
            vec![FlatNumbers {
                c: 1,
                rest: BTreeMap::from([("d".to_owned(), 1)]),
            }],
            &[
                r#"{"c":1,"d":256}"#,
                r#"{"c":1,"d":1}"#,
                r#"{"c":1,"d":"x"}"#,
            ],
        ),
        Row::field(
            vec![FlatInternal {
                c: 1,
                kind: internal.clone(),
            }],
            &[
                r#"{"c":1,"kind":"file","path":"x"}"#,
                r#"{"c":1,"kind":"file"}"#,
                r#"{"c":1,"kind":"count","n":256}"#,
                r#"{"c":1,"kind":"count","n":1}"#,
            ],
        ),
        Row::whole(
            vec![FlatAdjacent {
                c: 1,
                kind: Adjacent::Number(1),
            }],
            &[
                r#"{"c":1,"t":"number","v":1}"#,
                r#"{"c":1,"t":"number","v":256}"#,
            ],
        ),
        Row::field(
            vec![FlatExternal {
                c: 1,
                kind: External::Number(1),
            }],
            &[
                r#"{"c":1,"number":1}"#,
                r#"{"c":1,"number":256}"#,
                r#"{"c":1}"#,
            ],
        ),
        Row::field(
            vec![FlatUntagged {
                c: 1,
                kind: Untagged::Named {
                    name: "x".to_owned(),
                },
            }],
            &[r#"{"c":1,"name":"x"}"#, r#"{"c":1,"name":1}"#],
        ),
        Row::whole(
            vec![FlatTwice {
                one: flat,
                two: point,
            }],
            &[r#"{"c":1,"a":1,"x":1,"y":1}"#, r#"{"c":1,"a":1,"x":1}"#],
        ),
        Row::field(
            vec![Recursive {
                a: 1,
                next: Some(Box::new(Recursive { a: 2, next: None })),
            }],
            &[r#"{"a":1,"next":{"a":2,"next":{"a":256}}}"#],
        ),
        Row::field(
            vec![Tree {
                a: 1,
                children: vec![],
            }],
            &[
                r#"{"a":1,"children":[{"a":2}]}"#,
                r#"{"a":1,"children":[{}]}"#,
            ],
        ),
        Row::field(
            vec![Generic {
                item: 1_u8,
                items: vec![],
            }],
            &[r#"{"item":1,"items":[256]}"#],
        ),
        Row::field(
            vec![Generic {
                item: named(),
                items: vec![named()],
            }],
            &[r#"{"item":{"a":1},"items":[]}"#],
        ),
        Row::field(
            vec![Phantom {
                a: 1,
                mark: PhantomData,
            }],
            &[r#"{"a":1,"mark":null}"#],
        ),
        Row::field(
            vec![Enums {
                kind: internal,
                plain: Plain::Fast,
                any: Untagged::Number(1),
            }],
            &[r#"{"kind":{"kind":"file","path":"x"},"plain":"fast","any":256}"#],
        ),
        Row::field(vec![Percent(100)], &["101", "100"]),
        Row::field(vec![Some(Percent(100)), None], &["101"]),
        Row::field(vec![vec![Percent(1)]], &["[1,101]"]),
        Row::field(
            vec![Span { from: 1, to: 2 }],
            &[r#"{"from":1,"to":2}"#, r#"{"from":2,"to":1}"#],
        ),
        Row::whole(vec![Span { from: 1, to: 2 }], &[r#"{"from":2,"to":1}"#]),
        Row::field(vec![Lower("x".to_owned())], &[]),
        Row::field(
            vec![Checked {
                percent: Percent(1),
                last: Percent(2),
            }],
            &[r#"{"percent":101,"last":1}"#, r#"{"percent":1,"last":101}"#],
        ),
    ]
}
