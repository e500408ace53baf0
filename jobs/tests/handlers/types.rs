//! Types of payload fields and results.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::path::PathBuf;

use jobs::{JobError, job};
use serde_json::{Value, json};

use crate::support::{linked, run, run_with, schema};

#[job(id = "types.of-other-crates")]
async fn of_other_crates(
    at: jiff::Timestamp,
    day: jiff::civil::Date,
    id: uuid::Uuid,
    link: url::Url,
    price: rust_decimal::Decimal,
    address: IpAddr,
    path: PathBuf,
) -> Result<(jiff::Timestamp, rust_decimal::Decimal), JobError> {
    let _ = (day, id, link, address, path);
    Ok((at, price + rust_decimal::Decimal::ONE))
}

#[test]
fn types_of_other_crates_have_formats_in_the_schema() {
    let payload = json!({
        "at": "2026-01-01T00:00:00Z",
        "day": "2026-01-01",
        "id": "0199c0de-0000-7000-8000-000000000001",
        "link": "https://example.org/",
        "price": "0.10",
        "address": "::1",
        "path": "/tmp",
    });
    let result = run_with::<OfOtherCrates>([], &payload.to_string());
    assert_eq!(
        result.expect("succeeds"),
        r#"["2026-01-01T00:00:00Z","1.10"]"#
    );
    let properties = &schema::<OfOtherCrates>()["properties"];
    for (field, format) in [
        ("at", "date-time"),
        ("day", "date"),
        ("id", "uuid"),
        ("link", "uri"),
        ("address", "ip"),
    ] {
        assert_eq!(properties[field]["format"], format, "{field}");
    }
    let job = linked::<OfOtherCrates>();
    let result = &job.descriptor().result_schema;
    assert_eq!(result["prefixItems"][0]["format"], "date-time");
}

#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
struct Page<T> {
    items: Vec<T>,
    next: Option<String>,
}

#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
struct Both<A, B> {
    first: A,
    rest: [B; 2],
}

#[job(id = "types.generics")]
async fn generics(
    page: Page<Both<u8, bool>>,
    #[default(Page { items: vec![1], next: None })] numbers: Page<i64>,
) -> Result<Page<String>, JobError> {
    let texts = page.items.iter().map(|both| format!("{both:?}"));
    Ok(Page {
        items: texts
            .chain(numbers.items.iter().map(i64::to_string))
            .collect(),
        next: page.next,
    })
}

#[test]
fn each_instance_of_a_generic_type_has_a_schema() {
    let page = Page {
        items: vec![Both {
            first: 1,
            rest: [true, false],
        }],
        next: None,
    };
    let result = run(&Generics::new(page)).expect("succeeds");
    assert_eq!(
        result,
        r#"{"items":["Both { first: 1, rest: [true, false] }","1"],"next":null}"#
    );
    let types = schema::<Generics>()["$defs"].clone();
    let names: Vec<&String> = types.as_object().expect("types").keys().collect();
    assert_eq!(names.len(), 3, "one for each instance: {names:?}");
    assert_eq!(
        schema::<Generics>()["properties"]["numbers"]["default"],
        json!({"items": [1], "next": null})
    );
}

#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Format {
    /// For people.
    PlainText,
    Json,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(tag = "kind", rename_all = "camelCase")]
enum Target {
    File { path: String },
    Mail { to: Vec<String> },
}

#[derive(Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(untagged)]
enum Size {
    Number(u32),
    Word(String),
}

#[job(id = "types.enums")]
async fn enums(
    target: Target,
    size: Size,
    #[default(Format::PlainText)] format: Format,
) -> Result<String, JobError> {
    Ok(format!("{target:?} {size:?} {format:?}"))
}

#[test]
fn enums_of_every_representation() {
    let payload = r#"{"target": {"kind": "mail", "to": ["a"]}, "size": "big"}"#;
    assert_eq!(
        run_with::<Enums>([], payload).expect("succeeds"),
        r#""Mail { to: [\"a\"] } Word(\"big\") PlainText""#
    );
    assert_eq!(
        schema::<Enums>()["properties"]["format"]["default"],
        "plain-text"
    );
}

/// The payload is one of several objects.
#[job(id = "types.whole-enum")]
async fn whole_enum(#[payload] target: Target) -> Result<String, JobError> {
    Ok(format!("{target:?}"))
}

#[test]
fn an_enum_as_the_whole_payload() {
    let payload = WholeEnum(Target::File {
        path: "x".to_owned(),
    });
    assert_eq!(
        run(&payload).expect("succeeds"),
        r#""File { path: \"x\" }""#
    );
    assert_eq!(
        schema::<WholeEnum>()["oneOf"].as_array().map(Vec::len),
        Some(2)
    );
}

#[job(id = "types.whole-map")]
async fn whole_map(#[payload] map: BTreeMap<String, u8>) -> Result<usize, JobError> {
    Ok(map.len())
}

#[job(id = "types.collections")]
async fn collections(
    words: HashMap<String, u8>,
    numbers: BTreeMap<u16, Vec<Option<bool>>>,
    anything: Value,
    maybe: Option<Vec<Option<u8>>>,
    #[default(None)] missing: Option<HashMap<String, Value>>,
    pair: (u8, char),
    unit: (),
) -> Result<BTreeMap<u16, usize>, JobError> {
    let _ = (words, anything, maybe, missing, pair, unit);
    Ok(numbers
        .into_iter()
        .map(|(key, list)| (key, list.len()))
        .collect())
}

#[test]
fn maps_and_options() {
    assert_eq!(
        run_with::<WholeMap>([], r#"{"a": 1, "b": 2}"#).expect("succeeds"),
        "2"
    );
    let payload = r#"{"words": {"a": 1}, "numbers": {"7": [true, null]}, "anything": [{}],
        "pair": [1, "x"], "unit": null}"#;
    let result = run_with::<Collections>([], payload);
    assert_eq!(result.expect("succeeds"), r#"{"7":2}"#);
    let required = schema::<Collections>()["required"].clone();
    assert_eq!(
        required,
        json!(["words", "numbers", "anything", "pair", "unit"])
    );
}

#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Sum {
    Number(i64),
    Of(Vec<Sum>),
}

impl Sum {
    fn total(&self) -> i64 {
        match self {
            Self::Number(number) => *number,
            Self::Of(all) => all.iter().map(Self::total).sum(),
        }
    }
}

#[job(id = "types.recursion")]
async fn recursion(sum: Sum, parent: Option<Box<Sum>>) -> Result<i64, JobError> {
    Ok(sum.total() + parent.map_or(0, |parent| parent.total()))
}

#[test]
fn a_type_may_contain_itself() {
    let payload = r#"{"sum": {"of": [{"number": 1}, {"of": [{"number": 2}]}]}}"#;
    assert_eq!(run_with::<Recursion>([], payload).expect("succeeds"), "3");
    assert!(schema::<Recursion>()["$defs"]["Sum"].is_object());
}

#[job(id = "types.raw", rename_all = "camelCase")]
async fn r#type(
    r#in: String,
    #[default("x")] r#where: String,
    #[sensitive] r#ref: Option<u8>,
    #[default(r#const())] r#move: u8,
) -> Result<String, JobError> {
    let r#ref = r#ref.is_some();
    Ok([r#in, r#where, r#ref.to_string(), r#move.to_string()].join(" "))
}

const fn r#const() -> u8 {
    9
}

#[test]
fn raw_identifiers_are_plain_in_json() {
    let payload = Type::new("a").r#where("b").r#move(3);
    assert_eq!(run(&payload).expect("succeeds"), r#""a b false 3""#);
    let json = serde_json::to_value(&payload).expect("json");
    assert_eq!(
        json,
        json!({"in": "a", "where": "b", "ref": null, "move": 3})
    );
    assert_eq!(linked::<Type>().descriptor().sensitive, ["ref"]);
    assert_eq!(schema::<Type>()["properties"]["move"]["default"], 9);
}

/// Has none of the traits that a payload's field needs.
struct Celsius(f64);

/// Serialises and deserialises `Celsius`, for `#[serde(with)]`.
mod celsius {
    use serde::{Deserialize as _, Deserializer, Serializer};

    use super::Celsius;

    pub(super) fn serialize<S: Serializer>(it: &Celsius, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64(it.0)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Celsius, D::Error> {
        f64::deserialize(from).map(Celsius)
    }
}

#[job(id = "types.by-hand")]
async fn by_hand(
    #[serde(with = "celsius")]
    #[schemars(with = "f64", range(max = 100.0))]
    degrees: Celsius,
    #[serde(flatten)] target: Target,
    #[schemars(length(max = 2))] formats: Vec<Format>,
) -> Result<String, JobError> {
    Ok(format!("{} {target:?} {formats:?}", degrees.0))
}

#[test]
fn a_field_may_have_its_own_serialisation_and_schema() {
    let payload = r#"{"degrees": 36.6, "kind": "file", "path": "x", "formats": ["json"]}"#;
    assert_eq!(
        run_with::<ByHand>([], payload).expect("succeeds"),
        r#""36.6 File { path: \"x\" } [Json]""#
    );
    let schema = schema::<ByHand>();
    assert_eq!(schema["title"], "ByHand");
    assert_eq!(schema["properties"]["degrees"]["maximum"], 100.0);
    assert_eq!(schema["properties"]["formats"]["maxItems"], 2);
    assert_eq!(schema["oneOf"].as_array().map(Vec::len), Some(2));
}

/// A type that a macro names by `$crate`.
mod elsewhere {
    #[derive(Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
    pub(crate) struct Tag(pub(crate) u8);
}

macro_rules! tagging {
    ($name:ident, $ty:ty) => {
        #[job(id = "types.of-a-macro", derive(Debug))]
        async fn $name(tag: $crate::types::elsewhere::Tag, other: $ty) -> Result<u8, JobError> {
            Ok(tag.0 + other.map_or(0, |tag| tag.0))
        }
    };
}

tagging!(tag_it, Option<elsewhere::Tag>);

#[test]
fn a_type_may_be_named_by_a_macro() {
    let payload = TagIt::new(elsewhere::Tag(1));
    assert_eq!(run(&payload).expect("succeeds"), "1");
    assert_eq!(schema::<TagIt>()["required"], json!(["tag"]));
    assert!(schema::<TagIt>()["$defs"]["Tag"].is_object());
}

/// A type whose field is the payload that contains it.
#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
struct Branch {
    walk: Option<Box<Walk>>,
}

#[job(id = "types.walk")]
async fn walk(#[default(vec![])] branches: Vec<Branch>) -> Result<usize, JobError> {
    Ok(branches.iter().filter(|it| it.walk.is_some()).count())
}

#[test]
fn a_payload_may_contain_itself_through_another_type_through_another_type() {
    let payload = r#"{"branches": [{"walk": {"branches": []}}]}"#;
    assert_eq!(run_with::<Walk>([], payload).expect("succeeds"), "1");
    assert_eq!(
        schema::<Walk>()["$defs"]["Branch"]["properties"]["walk"]["anyOf"][0]["$ref"],
        "#"
    );
}

#[job(id = "types.not-a-number")]
async fn not_a_number(nan: bool) -> Result<Vec<f64>, JobError> {
    Ok(vec![1.5, if nan { f64::NAN } else { 0.5 }])
}

#[test]
fn a_result_that_its_own_type_cannot_read_is_invalid() {
    assert_eq!(run(&NotANumber::new(false)).expect("succeeds"), "[1.5,0.5]");
    let error = run(&NotANumber::new(true)).expect_err("NaN is no JSON");
    assert_eq!(error.verdict(), jobs::runtime::Verdict::InvalidResult);
    assert_eq!(
        error.to_string(),
        "the type of the result cannot read what it has written: /1: must be a number"
    );
}
