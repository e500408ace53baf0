//! Optional arguments: a job gets a new one, and its callers and stored payloads stay valid.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jobs::{JobError, job};
use serde_json::json;

use crate::support::{linked, run, run_with, schema};

/// The job as its first callers know it.
mod before {
    use jobs::{JobError, job};

    #[job(id = "evolution.letter-before")]
    pub(super) async fn letter(to: String) -> Result<String, JobError> {
        Ok(to)
    }
}

/// The same job with three optional arguments more.
mod after {
    use jobs::{JobError, job};

    #[job(
        id = "evolution.letter-after",
        derive(Debug, Clone, PartialEq, Default)
    )]
    pub(super) async fn letter(
        reply_to: Option<String>,
        to: String,
        #[default(1)] copies: u8,
        #[serde(default)] tags: Vec<String>,
    ) -> Result<String, JobError> {
        Ok(format!("{to} {copies} {reply_to:?} {tags:?}"))
    }
}

/// The same job with another name for its argument, and a conversion of the older payloads.
mod renamed {
    use jobs::{JobError, job};
    use serde_json::Value;

    #[job(id = "evolution.letter-renamed", upcast = from_to)]
    pub(super) async fn letter(recipient: String, account: u128) -> Result<String, JobError> {
        Ok(format!("{recipient} {account}"))
    }

    fn from_to(mut payload: Value) -> Result<Value, JobError> {
        let fields = payload.as_object_mut().ok_or("the payload is no object")?;
        if let Some(to) = fields.remove("to") {
            fields.insert("recipient".to_owned(), to);
            fields.insert("account".to_owned(), 0.into());
        }
        if fields.contains_key("broken") {
            return Err(JobError::snooze(std::time::Duration::from_secs(1)));
        }
        Ok(payload)
    }
}

#[test]
fn an_older_payload_is_converted_before_it_is_read() {
    let stored = serde_json::to_string(&before::Letter::new("a")).expect("JSON");
    let result = run_with::<renamed::Letter>([], &stored).expect("succeeds");
    assert_eq!(result, "\"a 0\"");
    assert!(linked::<renamed::Letter>().descriptor().upcasts);
    assert!(!linked::<before::Letter>().descriptor().upcasts);
}

#[test]
fn a_payload_of_today_is_read_as_it_is() {
    let payload = renamed::Letter::new("a", u128::MAX);
    let result = run(&payload).expect("succeeds");
    assert_eq!(result, format!("\"a {}\"", u128::MAX));
}

#[test]
fn what_an_upcast_cannot_convert_is_an_invalid_payload() {
    for (stored, reason) in [
        (r#"{"broken":1}"#, "upcast: snoozed"),
        (r#"{"recipient":"a"}"#, "missing field `account`"),
    ] {
        let error = run_with::<renamed::Letter>([], stored).expect_err("unreadable");
        assert_eq!(error.verdict(), jobs::runtime::Verdict::InvalidPayload);
        assert!(error.to_string().contains(reason), "{error}");
    }
}

#[test]
fn a_new_optional_argument_changes_no_call_of_new() {
    assert_eq!(run(&before::Letter::new("a")).expect("succeeds"), "\"a\"");
    let result = run(&after::Letter::new("a")).expect("succeeds");
    assert_eq!(result, "\"a 1 None []\"");
}

#[test]
fn a_new_optional_argument_keeps_stored_payloads() {
    let stored = serde_json::to_string(&before::Letter::new("a")).expect("JSON");
    let result = run_with::<after::Letter>([], &stored).expect("succeeds");
    assert_eq!(result, "\"a 1 None []\"");
}

#[test]
fn new_and_the_schema_require_the_same_fields() {
    assert_eq!(schema::<after::Letter>()["required"], json!(["to"]));
    assert_eq!(
        schema::<after::Letter>()["properties"]["tags"]["default"],
        json!([])
    );
}

#[test]
fn the_setter_of_an_option_takes_a_value_or_an_option() {
    let letter = |reply_to: Option<&str>| after::Letter {
        reply_to: reply_to.map(str::to_owned),
        to: "a".to_owned(),
        copies: 1,
        tags: vec![],
    };
    let new = || after::Letter::new("a");
    assert_eq!(new().reply_to("b"), letter(Some("b")));
    assert_eq!(new().reply_to("b".to_owned()), letter(Some("b")));
    assert_eq!(new().reply_to(Some("b".to_owned())), letter(Some("b")));
    assert_eq!(new().reply_to("b").reply_to(None), letter(None));
}

#[test]
fn a_field_with_serdes_default_has_a_setter() {
    let tags = after::Letter::new("a").tags(vec!["x".to_owned()]).tags;
    assert_eq!(tags, ["x"]);
}

#[test]
fn derived_default_uses_the_defaults_of_the_arguments() {
    let empty = after::Letter::default();
    assert_eq!((empty.to.as_str(), empty.copies), ("", 1));
    assert_eq!(empty.reply_to, None);
    assert!(empty.tags.is_empty());
}

#[job(id = "evolution.paths")]
async fn paths(
    folder: Option<PathBuf>,
    number: Option<u64>,
    nested: Option<Option<bool>>,
    pairs: Option<BTreeMap<String, u8>>,
) -> Result<String, JobError> {
    Ok(format!("{folder:?} {number:?} {nested:?} {pairs:?}"))
}

#[test]
fn options_of_every_type_infer() {
    let paths = Paths::new()
        .folder("/tmp")
        .number(7)
        .nested(Some(true))
        .pairs(BTreeMap::new());
    assert_eq!(paths.folder.as_deref(), Some(std::path::Path::new("/tmp")));
    assert_eq!((paths.number, paths.nested), (Some(7), Some(Some(true))));
    assert_eq!(paths.pairs, Some(BTreeMap::new()));
}

#[test]
fn a_job_of_options_needs_nothing() {
    let result = run_with::<Paths>([], "{}").expect("succeeds");
    assert_eq!(result, "\"None None None None\"");
    assert_eq!(run(&Paths::new()).expect("succeeds"), result);
    assert!(schema::<Paths>().get("required").is_none());
}

fn three() -> u8 {
    3
}

const FOUR: u8 = 4;

#[job(id = "evolution.functions", derive(Default))]
async fn functions(
    #[serde(default = "three")] copies: u8,
    #[default(FOUR)] pages: u8,
    #[default(-5)] offset: i32,
    #[default(vec![1])] list: Vec<u8>,
) -> Result<String, JobError> {
    Ok(format!("{copies} {pages} {offset} {list:?}"))
}

#[test]
fn serdes_default_function_is_the_value_in_new() {
    assert_eq!(Functions::new().copies, 3);
    assert_eq!(Functions::default().copies, 3);
    assert_eq!(Functions::new().copies(9).copies, 9);
}

#[test]
fn a_default_is_a_constant_or_a_negative_number_or_a_call() {
    let result = run_with::<Functions>([], "{}").expect("succeeds");
    assert_eq!(result, "\"3 4 -5 [1]\"");
    assert_eq!(run(&Functions::new()).expect("succeeds"), result);
    let properties = &schema::<Functions>()["properties"];
    assert_eq!(properties["offset"]["default"], -5);
    assert_eq!(properties["copies"]["default"], 3);
}

/// Reads an option that must be present.
fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<u8>, D::Error> {
    serde::Deserialize::deserialize(from)
}

#[job(id = "evolution.present")]
async fn present_option(
    #[serde(deserialize_with = "present")] value: Option<u8>,
) -> Result<Option<u8>, JobError> {
    Ok(value)
}

#[test]
fn an_option_with_its_own_reader_is_required() {
    assert_eq!(run(&PresentOption::new(None)).expect("succeeds"), "null");
    assert!(run_with::<PresentOption>([], "{}").is_err());
}

#[job(id = "evolution.sparse", derive(Debug))]
async fn sparse(
    #[serde(skip_serializing_if = "Option::is_none")] note: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")] tags: Vec<u8>,
) -> Result<usize, JobError> {
    Ok(note.map_or(0, |note| note.len()) + tags.len())
}

#[test]
fn an_optional_field_may_be_skipped() {
    let json = serde_json::to_string(&Sparse::new()).expect("JSON");
    assert_eq!(json, "{}");
    assert_eq!(run(&Sparse::new()).expect("succeeds"), "0");
    assert_eq!(
        run(&Sparse::new().note("abc").tags(vec![1])).expect("succeeds"),
        "4"
    );
}

#[job(id = "evolution.renamed", rename_all = "camelCase")]
async fn renamed(
    #[serde(alias = "old_note", alias = "remark")] new_note: Option<String>,
    #[serde(rename(serialize = "-x", deserialize = "-x"))] dash: u8,
) -> Result<String, JobError> {
    Ok(format!("{new_note:?} {dash}"))
}

#[test]
fn an_option_keeps_its_former_names() {
    for name in ["newNote", "old_note", "remark"] {
        let payload = json!({name: "a", "-x": 1}).to_string();
        let result = run_with::<Renamed>([], &payload).expect(name);
        assert_eq!(result, r#""Some(\"a\") 1""#, "{name}");
    }
}

#[test]
fn a_name_in_json_may_begin_with_a_dash() {
    let json = serde_json::to_value(Renamed::new(2)).expect("JSON");
    assert_eq!(json, json!({"newNote": null, "-x": 2}));
}

#[job(id = "evolution.flat")]
async fn flat(
    name: String,
    #[serde(flatten)] more: BTreeMap<String, u8>,
) -> Result<usize, JobError> {
    Ok(name.len() + more.len())
}

#[test]
fn a_flattened_map_holds_the_other_members() {
    let result = run_with::<Flat>([], r#"{"name": "a", "b": 1, "c": 2}"#);
    assert_eq!(result.expect("succeeds"), "3");
    assert_eq!(
        run(&Flat::new("a", BTreeMap::new())).expect("succeeds"),
        "1"
    );
}

#[job(id = "evolution.text-default")]
async fn text_default(
    #[default("nothing")] note: Option<String>,
    #[default("/tmp")] folder: PathBuf,
) -> Result<String, JobError> {
    Ok(format!("{note:?} {folder:?}"))
}

#[test]
fn a_text_is_the_default_of_an_optional_text() {
    assert_eq!(TextDefault::new().note.as_deref(), Some("nothing"));
    let result = run_with::<TextDefault>([], r#"{"note": null}"#).expect("succeeds");
    assert_eq!(result, r#""None \"/tmp\"""#);
}

macro_rules! with_type {
    ($name:ident, $ty:ty) => {
        #[job(id = "evolution.of-a-macro")]
        async fn $name(first: u8, second: $ty) -> Result<bool, JobError> {
            Ok(first == 1 && second.is_none())
        }
    };
}

with_type!(of_a_macro, Option<u8>);

#[test]
fn an_option_out_of_a_macro_is_optional() {
    assert_eq!(run(&OfAMacro::new(1)).expect("succeeds"), "true");
    assert_eq!(run(&OfAMacro::new(1).second(2)).expect("succeeds"), "false");
}

#[job(id = "evolution.required-null")]
async fn required_null(#[default(Some(1))] copies: Option<u8>) -> Result<Option<u8>, JobError> {
    Ok(copies)
}

#[test]
fn a_default_and_null_are_two_values_of_an_option() {
    assert_eq!(run(&RequiredNull::new()).expect("succeeds"), "1");
    assert_eq!(
        run(&RequiredNull::new().copies(None)).expect("succeeds"),
        "null"
    );
    assert_eq!(run_with::<RequiredNull>([], "{}").expect("succeeds"), "1");
}
