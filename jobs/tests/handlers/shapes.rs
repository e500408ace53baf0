//! Function signatures of handlers.

use jobs::runtime::Handler;
use jobs::{HandlerKind, Job, JobContext, JobError, job};

use crate::support::{linked, run, run_with};

#[job(id = "shapes.nothing")]
async fn nothing() -> Result<(), JobError> {
    Ok(())
}

#[test]
fn a_job_without_arguments_takes_an_empty_object() {
    assert_eq!(run(&Nothing::new()).expect("succeeds"), "null");
    assert_eq!(run_with::<Nothing>([], "{}").expect("succeeds"), "null");
    assert!(run_with::<Nothing>([], "[1]").is_err());
    assert_eq!(serde_json::to_string(&Nothing {}).expect("json"), "{}");
}

#[job(id = "shapes.context-only")]
async fn context_only(ctx: &JobContext) -> Result<u32, JobError> {
    Ok(ctx.attempt())
}

#[test]
fn the_context_needs_no_resource() {
    assert_eq!(run(&ContextOnly::new()).expect("succeeds"), "1");
}

#[job(id = "shapes.blocking")]
fn blocking(text: String) -> Result<usize, JobError> {
    Ok(text.into_bytes().len())
}

#[test]
fn a_plain_function_is_a_blocking_handler() {
    assert!(matches!(
        linked::<Blocking>().handler(),
        Handler::Blocking(_)
    ));
    assert_eq!(run(&Blocking::new("four")).expect("succeeds"), "4");
    assert_eq!(blocking("callable".to_owned()).ok(), Some(8));
}

#[job(id = "shapes.external")]
async fn external(size: u8) -> Result<String, JobError>;

#[job(id = "shapes.external-blocking")]
fn external_plain() -> Result<(), JobError>;

#[test]
fn a_job_without_a_body_is_external() {
    for job in [linked::<External>(), linked::<ExternalPlain>()] {
        assert!(matches!(job.handler(), Handler::External));
        assert_eq!(job.descriptor().handler, HandlerKind::External);
    }
    assert_eq!(External::new(3).size, 3);
}

type Context = JobContext;
type Answer<T> = Result<T, std::num::ParseIntError>;

#[job(id = "shapes.aliases")]
async fn aliases(_: &Context, text: String) -> Answer<i64> {
    text.parse()
}

#[test]
fn the_context_and_the_result_may_be_type_aliases() {
    assert_eq!(run(&Aliases::new("-7")).expect("succeeds"), "-7");
    let error = run(&Aliases::new("seven")).expect_err("fails");
    assert!(error.is_retryable());
}

struct OwnError;

impl From<OwnError> for JobError {
    fn from(_: OwnError) -> Self {
        Self::permanent("own")
    }
}

#[job(id = "shapes.own-error", payload = FailsItsOwnWay)]
async fn own_error(_ctx: &JobContext, fail: bool) -> Result<(), OwnError> {
    if fail { Err(OwnError) } else { Ok(()) }
}

#[test]
fn an_error_type_with_its_own_conversion_decides_the_follow_up() {
    assert!(
        !run(&FailsItsOwnWay::new(true))
            .expect_err("fails")
            .is_retryable()
    );
    assert!(run(&FailsItsOwnWay::new(false)).is_ok());
}

#[job(id = "shapes.patterns")]
async fn patterns(
    _: &JobContext,
    mut total: i64,
    _dry_run: bool,
    r#type: String,
) -> Result<i64, JobError> {
    total += i64::try_from(r#type.len())?;
    Ok(total)
}

#[test]
fn arguments_may_be_mutable_unused_or_raw() {
    let payload = Patterns::new(3, true, "ab");
    assert_eq!(run(&payload).expect("succeeds"), "5");
    let json = serde_json::to_value(&payload).expect("json");
    assert_eq!(
        json,
        serde_json::json!({"total": 3, "dry_run": true, "type": "ab"})
    );
}

#[job(id = "shapes.raw")]
async fn r#match(text: String) -> Result<String, JobError> {
    Ok(text)
}

#[test]
fn a_function_name_may_be_raw() {
    assert_eq!(run(&Match::new("x")).expect("succeeds"), "\"x\"");
}

// Arguments and functions with names that the expansion uses itself.
#[job(id = "shapes.call")]
async fn call(
    call: String,
    context: String,
    payload: String,
    result: String,
) -> Result<String, JobError> {
    Ok(call + &context + &payload + &result)
}

#[job(id = "shapes.payload-named")]
async fn payload(self_: u8) -> Result<u8, JobError> {
    Ok(self_)
}

#[test]
fn names_of_the_expansion_can_be_used_by_the_application() {
    assert_eq!(
        run(&Call::new("a", "b", "c", "d")).expect("succeeds"),
        "\"abcd\""
    );
    assert_eq!(run(&Payload::new(4)).expect("succeeds"), "4");
}

#[job(id = "shapes.unreadable")]
async fn unreadable(number: u8) -> Result<u8, JobError> {
    Ok(number)
}

#[test]
fn an_unreadable_payload_has_a_verdict_of_its_own() {
    let error = run_with::<Unreadable>([], r#"{"number": "one"}"#).expect_err("fails");
    assert_eq!(error.verdict(), jobs::runtime::Verdict::InvalidPayload);
}

#[test]
fn the_definition_of_a_payload_equals_the_linked_one() {
    let catalogue = jobs::Catalogue::of([Nothing::definition()]).expect("one job");
    let job = catalogue.get(Nothing::ID).expect("that one");
    assert_eq!(job.descriptor(), linked::<Nothing>().descriptor());
}
