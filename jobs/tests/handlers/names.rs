//! Names of functions and arguments that collide with other names.

use jobs::{Job as _, JobError, job};
use serde_json::json;

use crate::support::{linked, run, run_with, schema};

#[allow(clippy::too_many_arguments)]
#[job(id = "names.arguments", derive(Debug))]
async fn arguments(
    clone: u8,
    #[default(1)] default: u8,
    definition: Option<u8>,
    serialize: Option<u8>,
    payload: u8,
    call: u8,
    context: u8,
    result: u8,
) -> Result<u8, JobError> {
    let sum = clone + default + payload + call + context + result;
    Ok(sum + definition.unwrap_or(0) + serialize.unwrap_or(0))
}

#[test]
fn arguments_may_have_the_names_of_methods() {
    let payload = Arguments::new(1, 2, 3, 4, 5)
        .default(2)
        .definition(3)
        .serialize(4);
    assert_eq!(run(&payload).expect("succeeds"), "24");
}

#[job(id = "names.required-clone", derive(Debug, Clone, Default))]
async fn required_clone(clone: u8, default: u8) -> Result<u8, JobError> {
    Ok(clone + default)
}

#[test]
fn a_required_argument_has_no_setter_that_hides_a_method() {
    let payload = RequiredClone::new(1, 2);
    let copy = payload.clone();
    assert_eq!(run(&copy).expect("succeeds"), "3");
    assert_eq!((payload.clone, payload.default), (1, 2));
    assert_eq!(RequiredClone::default().clone, 0);
}

#[job(id = "names.send", payload = Dispatch)]
async fn send(to: String) -> Result<String, JobError> {
    Ok(to)
}

#[job(id = "names.drop", payload = DropTable)]
async fn drop(name: String) -> Result<String, JobError> {
    Ok(name)
}

#[test]
fn the_key_payload_keeps_the_names_of_the_prelude() {
    assert_eq!(run(&Dispatch::new("a")).expect("succeeds"), "\"a\"");
    assert_eq!(run(&DropTable::new("b")).expect("succeeds"), "\"b\"");
    const fn needs_send<T: Send>() {}
    needs_send::<Dispatch>();
}

#[job(id = "names.unused")]
async fn unused(_self: u8, _crate: u8, _type: u8) -> Result<(), JobError> {
    Ok(())
}

#[test]
fn unused_arguments_may_be_keywords() {
    let json = serde_json::to_value(Unused::new(1, 2, 3)).expect("JSON");
    assert_eq!(json, json!({"_self": 1, "_crate": 2, "type": 3}));
}

#[job(id = "names.alphabets", rename_all = "kebab-case")]
async fn alphabets(übergröße: u8, größe_b: u8) -> Result<u8, JobError> {
    Ok(übergröße + größe_b)
}

#[job(id = "names.alphabets-camel", rename_all = "camelCase")]
async fn alphabets_camel(
    größe_b: u8,
    #[serde(rename = "übergröße")] übergröße: u8,
) -> Result<u8, JobError> {
    Ok(übergröße + größe_b)
}

#[test]
fn names_of_other_alphabets() {
    let json = serde_json::to_value(Alphabets::new(1, 2)).expect("JSON");
    assert_eq!(json, json!({"übergröße": 1, "größe-b": 2}));
    let json = serde_json::to_value(AlphabetsCamel::new(1, 2)).expect("JSON");
    assert_eq!(json, json!({"größeB": 1, "übergröße": 2}));
}

#[job(id = "names.hidden")]
async fn hidden(
    /// Shown.
    #[doc(hidden)]
    to: String,
    #[doc(hidden)] note: Option<String>,
) -> Result<String, JobError> {
    Ok(to + note.as_deref().unwrap_or_default())
}

#[test]
fn an_argument_may_be_hidden_from_the_docs() {
    assert_eq!(
        run(&Hidden::new("a").note("b")).expect("succeeds"),
        "\"ab\""
    );
    assert_eq!(
        schema::<Hidden>()["properties"]["to"]["description"],
        "Shown."
    );
}

/// # Sends a letter
///
/// By post.
#[job(id = "names.title")]
async fn title() -> Result<(), JobError> {
    Ok(())
}

/// #hashtags are no titles.
#[job(id = "names.hash")]
async fn hash() -> Result<(), JobError> {
    Ok(())
}

#[test]
fn a_title_of_the_docs_is_the_label() {
    assert_eq!(linked::<Title>().descriptor().label, "Sends a letter");
    assert_eq!(
        linked::<Hash>().descriptor().label,
        "#hashtags are no titles"
    );
    let title = linked::<Title>();
    assert_eq!(
        title.descriptor().description,
        "# Sends a letter\n\nBy post."
    );
}

/// The longest id.
#[job(
    id = "names.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
)]
async fn longest() -> Result<(), JobError> {
    Ok(())
}

#[test]
fn an_id_has_up_to_128_characters() {
    assert_eq!(Longest::ID.len(), 128);
}

struct Pair(u8);

impl Pair {
    /// `#[default]` names an associated function and a field's method.
    const fn second(&self) -> u8 {
        self.0
    }
}

#[job(id = "names.expressions")]
async fn expressions(
    #[default(Pair(7).second())] method: u8,
    #[default({ let x = 2; x * x })] block: u8,
    #[default(if cfg!(test) { 1 } else { 2 })] branch: u8,
) -> Result<u8, JobError> {
    Ok(method + block + branch)
}

#[test]
fn a_default_is_any_expression() {
    assert_eq!(run_with::<Expressions>([], "{}").expect("succeeds"), "12");
}

#[job(id = "names.boxed")]
async fn boxed(to: String) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    if to.is_empty() {
        return Err("an empty name".into());
    }
    Ok(to)
}

#[job(id = "names.text")]
async fn text_error(to: String) -> Result<String, String> {
    Err(to)
}

#[test]
fn errors_of_the_standard_library_convert() {
    assert_eq!(run(&Boxed::new("a")).expect("succeeds"), "\"a\"");
    assert!(run(&Boxed::new("")).is_err());
    assert_eq!(
        run(&TextError::new("no")).expect_err("fails").to_string(),
        "no"
    );
}

/// A job whose default panics. It is not linked, because it would break the catalogue of every
/// other test.
mod broken {
    use jobs::runtime::Handler;
    use jobs::{Job, JobDefinition, Source};

    fn copies() -> u8 {
        jobs::__private::default_of("copies", || panic!("no copies here"))
    }

    #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
    pub(super) struct Panics {
        #[serde(default = "copies")]
        copies: u8,
    }

    impl Job for Panics {
        const ID: &'static str = "broken.panics";
        type Output = ();
        const DEFINITION: &'static JobDefinition = &JobDefinition::new::<Self>(
            Source {
                module: "handlers",
                line: 3,
            },
            Handler::External,
        );
    }
}

#[test]
fn a_default_that_panics_is_named() {
    use jobs::Job as _;
    let error = jobs::Catalogue::of([broken::Panics::definition()]).expect_err("it panics");
    assert_eq!(
        error.to_string(),
        "the schemas of job `broken.panics` (handlers:3) cannot be made: the default of `copies` \
         panics: no copies here"
    );
}

/// A job of a type that only its module sees.
#[allow(private_interfaces)]
mod private {
    use jobs::{JobError, job};

    #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
    struct Inner(u8);

    #[job(id = "names.private-type")]
    pub(crate) async fn private_type(inner: Inner) -> Result<u8, JobError> {
        Ok(inner.0)
    }
}

#[test]
fn a_public_job_may_have_a_private_type() {
    let result = run_with::<private::PrivateType>([], r#"{"inner": 3}"#);
    assert_eq!(result.expect("succeeds"), "3");
}

#[job(
    id = "names.numbers",
    timeout = "1h30m",
    retries = [1_0, "1m500ms"],
    max_waiting = 10_000,
)]
async fn numbers() -> Result<(), JobError> {
    Ok(())
}

#[test]
fn numbers_may_have_underscores() {
    let job = linked::<Numbers>().descriptor().clone();
    assert_eq!(job.retry_delays_ms, [10_000, 60_500]);
    assert_eq!(job.timeout_ms, Some(5_400_000));
    assert_eq!(job.limits.max_waiting, Some(10_000));
}
