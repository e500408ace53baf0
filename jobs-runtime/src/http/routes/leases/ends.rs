//! `POST /leases/{token}/succeed`, `/fail` and `/release`: the end of an attempt.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jobs::ExecutionId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::external::{FailureKind, Retry, WorkerFailure};
use crate::http::ApiState;
use crate::http::request::body::{BodyFields, BodyText, MAX_BODY, reject_violations};
use crate::http::request::path::LeasePath;
use crate::http::response::problem::{Code, Problem};
use crate::http::route_doc::{Answer, Input, RouteDoc};
use crate::store::Role;

const RESULT: Input = Input::value::<Value>("result", "the result; null if it is absent");
const SUCCEED_FIELDS: &[Input] = &[RESULT];

const KIND: Input = Input::value::<Kind>("kind", "the kind of the failure; `failed` if absent");
const MESSAGE: Input = Input::text("message", "the error, for people").required();
const PERMANENT: Input = Input::value::<bool>("permanent", "no further attempt can help");
const RETRY_IN_MS: Input = Input::value::<u64>(
    "retryInMs",
    "the delay before the next attempt, instead of that of the job's retry list",
);
const SNOOZE_MS: Input = Input::value::<u64>(
    "snoozeMs",
    "runs again after this delay without spending an attempt",
);
const RATE_LIMITED_MS: Input = Input::value::<u64>(
    "rateLimitedMs",
    "like `snoozeMs`; also pauses the rate limits of the job",
);
const FAIL_FIELDS: &[Input] = &[
    KIND,
    MESSAGE,
    PERMANENT,
    RETRY_IN_MS,
    SNOOZE_MS,
    RATE_LIMITED_MS,
];

const ENDED: &[Answer] = &[Answer::json::<Ended>(
    StatusCode::OK,
    "the attempt has ended; a repeated request gets the same answer",
)];

pub(in crate::http) const SUCCEED: RouteDoc =
    RouteDoc::new("succeedLease", "ends an attempt with its result", ENDED)
        .body(SUCCEED_FIELDS)
        .role(Role::Worker)
        .problems(&[Code::LeaseLost, Code::InvalidResult]);

pub(in crate::http) const FAIL: RouteDoc =
    RouteDoc::new("failLease", "ends an attempt with an error", ENDED)
        .body(FAIL_FIELDS)
        .role(Role::Worker)
        .problems(&[Code::LeaseLost]);

pub(in crate::http) const RELEASE: RouteDoc = RouteDoc::new(
    "releaseLease",
    "gives an attempt back; it is not counted",
    ENDED,
)
.body(&[])
.role(Role::Worker)
.problems(&[Code::LeaseLost]);

/// An attempt that has ended.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct Ended {
    execution_id: ExecutionId,
}

/// The kind of a failure.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Kind {
    /// The handler returned an error.
    #[default]
    Failed,
    /// The handler crashed.
    Panicked,
    /// The handler stopped because it was asked to, or because the work is no longer wanted.
    Cancelled,
    /// The handler cannot read the payload.
    InvalidPayload,
}

/// The result is checked against the job's result schema. If it is invalid, the lease stays.
pub(in crate::http) async fn succeed(
    State(api): State<ApiState>,
    LeasePath(token): LeasePath,
    BodyText(body): BodyText<MAX_BODY>,
) -> Result<Json<Ended>, Problem> {
    let mut fields = BodyFields::read(&body, String::new(), SUCCEED_FIELDS)?;
    let result = fields.raw(&RESULT).map_or("null", RawValue::get).to_owned();
    reject_violations(&fields.finish())?;
    let execution_id = api.external.succeed(&token, result).await?;
    Ok(Json(Ended { execution_id }))
}

/// The job's retry list decides what follows, unless the failure asks for something else.
pub(in crate::http) async fn fail(
    State(api): State<ApiState>,
    LeasePath(token): LeasePath,
    BodyText(body): BodyText<MAX_BODY>,
) -> Result<Json<Ended>, Problem> {
    let mut fields = BodyFields::read(&body, String::new(), FAIL_FIELDS)?;
    let kinds = "`failed`, `panicked`, `cancelled` or `invalid_payload`";
    let kind: Kind = fields.value(&KIND, kinds).unwrap_or_default();
    let message: Option<String> = fields.value(&MESSAGE, "a string");
    if message.is_none() && !fields.has_violation(MESSAGE.name) {
        fields.add_violation(MESSAGE.name, "is required");
    }
    let retry = retry(&mut fields);
    reject_violations(&fields.finish())?;
    let failure = WorkerFailure {
        kind: match kind {
            Kind::Failed => FailureKind::Failed,
            Kind::Panicked => FailureKind::Panicked,
            Kind::Cancelled => FailureKind::Cancelled,
            Kind::InvalidPayload => FailureKind::InvalidPayload,
        },
        message: message.unwrap_or_default(),
        retry,
    };
    let execution_id = api.external.fail(&token, failure).await?;
    Ok(Json(Ended { execution_id }))
}

/// Reads the follow-up that a failure asks for. At most one is allowed.
fn retry(fields: &mut BodyFields<'_>) -> Option<Retry> {
    let millis = "a whole number of milliseconds";
    let permanent: Option<bool> = fields.value(&PERMANENT, "true or false");
    let mut delay = |field| {
        fields
            .value::<u64>(field, millis)
            .map(Duration::from_millis)
    };
    let asked = [
        permanent.unwrap_or(false).then_some(Retry::Permanent),
        delay(&RETRY_IN_MS).map(Retry::After),
        delay(&SNOOZE_MS).map(Retry::Snooze),
        delay(&RATE_LIMITED_MS).map(Retry::RateLimited),
    ];
    let mut asked = asked.into_iter().flatten();
    let first = asked.next();
    if asked.next().is_some() {
        let message = "cannot be combined: use one of `permanent`, `retryInMs`, `snoozeMs`, \
                       `rateLimitedMs`";
        fields.add_violation(PERMANENT.name, message);
    }
    first
}

/// Another worker gets the execution at once. The attempt does not count.
pub(in crate::http) async fn release(
    State(api): State<ApiState>,
    LeasePath(token): LeasePath,
    BodyText(body): BodyText<MAX_BODY>,
) -> Result<Json<Ended>, Problem> {
    reject_violations(&BodyFields::read(&body, String::new(), &[])?.finish())?;
    let execution_id = api.external.release(&token).await?;
    Ok(Json(Ended { execution_id }))
}
